#include "spider/scheduler.hpp"

#include "beside.hpp"
#include "scheduler_explain.hpp"
#include "scheduler_tap.hpp"
#include "spider/dispatch_channel.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"
#include "spider/policies/registry.hpp"
#include "spider/storage/memory.hpp"
#include "spider/system_clock.hpp"
#include "spider/virtual_clock.hpp"
#include "strand_part.hpp"
#include "waiting.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace spider {
inline namespace v1 {

class Scheduler::Impl final : public std::enable_shared_from_this<Impl> {
 public:
  Impl(const asio::any_io_executor& executor, SchedulerOptions options)
      : executor_{executor},
        clock_{options.clock ? std::move(options.clock) : std::make_shared<SystemClock>(executor)},
        tap_{std::move(options.observer)},
        storage_{std::move(options.storage)},
        pull_{std::move(options.pull)},
        core_{std::move(options.core)},
        handlers_{options.handlers},
        changed_{detail::WaitingLine::make(*clock_)},
        core_part_{executor},
        storage_part_{executor},
        pull_part_{executor},
        manager_part_{executor} {
    const auto made = make_parts(options);
    if (!made) failure_ = made.error();
    stopping_ = !made;
  }

  auto start() -> void;
  auto ask_to_stop() -> void;
  auto stop(StopMode mode, Duration timeout) -> Async<StopReport>;

  /// What a call answers when the scheduler does not take it.
  [[nodiscard]] auto refusal() const -> std::optional<Error> {
    const std::scoped_lock lock{mutex_};
    if (failure_) return failure_;
    if (stopping_) return Error{Errc::closed, "the scheduler was stopped"};
    return std::nullopt;
  }

  /// Runs `work`, which may suspend for long, until it ends or the scheduler stops.
  template <class T>
  auto until_stopped(Async<T> work) -> Async<T>;

  [[nodiscard]] auto storage() -> Storage& { return *storage_; }

  auto explain(TaskRef task) -> Async<TaskExplanation> {
    return detail::explain_task(storage_.get(), policy_core_.get(), service_.get(), task);
  }
  auto add_keys(std::vector<JobSpec>& jobs) const -> void {
    for (auto& job : jobs) handlers_.add_keys(job);
  }
  auto observe_submitted(const std::vector<JobSpec>& jobs, const std::vector<Result<Submitted>>& answers)
      -> void {
    tap_.submitted(jobs, answers, clock_->now());
  }

 private:
  auto make_parts(SchedulerOptions& options) -> Result<void>;
  auto run_core() -> Async<void> {
    StorageClient& polled = pull_ ? static_cast<StorageClient&>(*pull_) : *storage_;
    CoreContext context{polled, *channel_.sink, *handed_back_, *clock_, tap_};
    co_return co_await core_->run(context);
  }
  auto core_ended(const Result<void>& end) -> void;
  auto part_ended() -> void;
  auto wait_for_parts(TimePoint deadline) -> Async<void>;
  auto wake_waits() -> void;

  asio::any_io_executor executor_;
  std::shared_ptr<Clock> clock_;
  detail::SchedulerTap tap_;
  std::shared_ptr<Storage> storage_;
  std::shared_ptr<ShardedStorageClient> pull_;
  std::unique_ptr<HandedBackQueue> handed_back_;
  DispatchChannel channel_;
  std::unique_ptr<DispatchService> service_;
  std::shared_ptr<SchedulerCore> core_;
  std::shared_ptr<PolicyCore> policy_core_;  // the same, if it is one
  Handlers handlers_;
  std::unique_ptr<LocalExecutionManager> manager_;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
  bool stopping_ = false;
  std::size_t parts_running_ = 0;
  std::shared_ptr<detail::WaitingLine> changed_;                         // a part has ended
  std::map<std::uint64_t, std::shared_ptr<detail::WaitingLine>> waits_;  // in the order of their calls
  std::uint64_t next_wait_ = 0;
  detail::StrandPart core_part_;
  detail::StrandPart storage_part_;
  detail::StrandPart pull_part_;
  detail::StrandPart manager_part_;
};

auto Scheduler::Impl::make_parts(SchedulerOptions& options) -> Result<void> {
  if (!storage_) {
    SPIDER_TRY(auto memory, make_memory_storage({}, *clock_));
    storage_ = std::move(memory);
  }
  if (options.manager.heartbeat_interval >=
      std::min(options.service.cutoff, options.service.assignment_lease)) {
    return Error{
        Errc::invalid_argument,
        "manager.heartbeat_interval must be shorter than service.cutoff and service.assignment_lease"};
  }
  if (!core_) {
    SPIDER_TRY(auto policy, make_policy(options.policy));
    SPIDER_TRY(auto core, make_policy_core(std::move(policy), options.core_options));
    core_ = std::move(core);
  }
  DispatchChannelOptions channel{.capacity = options.dispatch_capacity};
  if (channel.capacity == 0) channel.capacity = std::max<std::size_t>(64, 2 * options.manager.slots);
  // One decision for many, and while it is made there is enough for every slot.
  const auto left = std::clamp(options.manager.slots, channel.capacity / 4, channel.capacity * 3 / 4);
  channel.resume_slots = channel.capacity - left;
  SPIDER_TRY(channel_, make_dispatch_channel(channel, *clock_));
  handed_back_ = std::make_unique<HandedBackQueue>(*clock_);
  SPIDER_TRY(service_,
             make_dispatch_service(options.service, *channel_.source, *handed_back_, *clock_, tap_));
  policy_core_ = std::dynamic_pointer_cast<PolicyCore>(core_);
  tap_.connect(service_.get(), policy_core_.get());
  if (const auto simulated = std::dynamic_pointer_cast<VirtualClock>(clock_);
      simulated && !options.manager.hold_clock) {
    options.manager.hold_clock = [simulated] {
      return std::make_shared<VirtualClock::Hold>(simulated->hold());
    };
  }
  const LocalExecutionManager::Parts parts{*service_, *storage_, *clock_, tap_};
  SPIDER_TRY(manager_, LocalExecutionManager::make(executor_, parts, std::move(options.handlers),
                                                   std::move(options.manager)));
  return success();
}

auto Scheduler::Impl::start() -> void {
  if (stopping_) return;
  parts_running_ = pull_ ? 4 : 3;
  const auto self = shared_from_this();
  core_part_.start(run_core(), [self](Result<void> end) {
    self->core_ended(end);
    self->part_ended();
  });
  const auto ended = [self](Result<void>) { self->part_ended(); };
  storage_part_.start(storage_->run(), ended);
  manager_part_.start(manager_->run(), ended);
  if (pull_) pull_part_.start(pull_->run(), ended);
}

/// A core that ends although nobody asked it to takes the rest with it.
auto Scheduler::Impl::core_ended(const Result<void>& end) -> void {
  {
    const std::scoped_lock lock{mutex_};
    if (stopping_) return;
    failure_ = end ? Error{Errc::internal, "the core ended without a reason"} : end.error();
  }
  ask_to_stop();
}

auto Scheduler::Impl::part_ended() -> void {
  {
    const std::scoped_lock lock{mutex_};
    --parts_running_;
  }
  changed_->notify_all();
}

auto Scheduler::Impl::ask_to_stop() -> void {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  wake_waits();
  const auto self = shared_from_this();
  for (auto* part : {&manager_part_, &core_part_, &storage_part_, &pull_part_}) part->stop(self);
}

auto Scheduler::Impl::wake_waits() -> void {
  const std::scoped_lock lock{mutex_};
  for (const auto& [number, line] : waits_) line->notify_all();
}

auto Scheduler::Impl::stop(StopMode mode, Duration timeout) -> Async<StopReport> {
  const auto self = shared_from_this();
  const auto deadline = saturating_add(clock_->now(), timeout);
  StopReport report;
  const auto never_ran = [&] {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
    return manager_ == nullptr;
  }();
  wake_waits();
  if (!never_ran) {
    if (pull_) static_cast<void>(co_await pull_->leave());  // first: others take its share while it drains
    SPIDER_CO_TRY(report, co_await manager_->stop(mode, timeout));
    ask_to_stop();
    SPIDER_CO_TRY(co_await wait_for_parts(deadline));
    channel_.sink->close();
  }
  const std::scoped_lock lock{mutex_};
  if (failure_) co_return *failure_;
  co_return report;
}

auto Scheduler::Impl::wait_for_parts(TimePoint deadline) -> Async<void> {
  while (true) {
    const auto ticket = changed_->ticket();
    const auto running = [this] {
      const std::scoped_lock lock{mutex_};
      return parts_running_;
    }();
    if (running == 0) co_return success();
    const auto woken = co_await changed_->wait(ticket, deadline);
    if (!woken && woken.error() == Errc::timed_out) co_return success();
    if (!woken) co_return woken.error();
  }
}

template <class T>
auto Scheduler::Impl::until_stopped(Async<T> work) -> Async<T> {
  const auto self = shared_from_this();
  const auto beside = std::make_shared<detail::Beside<T>>(executor_, *clock_);
  beside->part.start(std::move(work), [beside, self](Result<T> end) { beside->finish(std::move(end)); });
  const auto number = [&] {
    const std::scoped_lock lock{mutex_};
    waits_.emplace(++next_wait_, beside->line);
    return next_wait_;
  }();
  std::optional<Result<T>> answer;
  auto ended = false;
  while (!answer) {
    const auto ticket = beside->line->ticket();
    if (auto why = refusal()) answer = std::move(*why);
    if (auto end = beside->take_end()) {
      answer = std::move(end);
      ended = true;
    }
    if (answer) break;
    const auto woken = co_await beside->line->wait(ticket, kForever);
    if (!woken) answer = woken.error();
  }
  {
    const std::scoped_lock lock{mutex_};
    waits_.erase(number);
  }
  if (!ended) beside->part.stop(beside);  // mostly it has, and who stops it wakes another thread
  co_return std::move(*answer);
}

Scheduler::Scheduler(asio::any_io_executor executor, SchedulerOptions options)
    : impl_{std::make_shared<Impl>(executor, std::move(options))} {
  impl_->start();
}

Scheduler::~Scheduler() { impl_->ask_to_stop(); }

auto Scheduler::storage() -> Storage& { return impl_->storage(); }

namespace {

/// Everything below holds the scheduler's insides by value: the face may go while a call runs.
template <class Impl>
auto submit_all_to(std::shared_ptr<Impl> impl, std::vector<JobSpec> jobs)
    -> Async<std::vector<Result<Submitted>>> {
  if (const auto why = impl->refusal()) co_return *why;
  impl->add_keys(jobs);
  auto answers = co_await impl->storage().submit(jobs);
  if (answers) impl->observe_submitted(jobs, answers.value());
  co_return answers;
}

template <class Impl>
auto submit_to(std::shared_ptr<Impl> impl, JobSpec job) -> Async<JobId> {
  std::vector<JobSpec> jobs;
  jobs.push_back(std::move(job));
  SPIDER_CO_TRY(const auto answers, co_await submit_all_to(std::move(impl), std::move(jobs)));
  if (!answers.front()) co_return answers.front().error();
  co_return answers.front().value().job;
}

template <class Impl>
auto wait_in(std::shared_ptr<Impl> impl, JobId job, Duration timeout) -> Async<JobState> {
  if (const auto why = impl->refusal()) co_return *why;
  auto ended = co_await impl->until_stopped(impl->storage().wait(job, timeout));
  co_return ended;
}

template <class Impl>
auto outputs_of(std::shared_ptr<Impl> impl, JobId job) -> Async<std::map<std::uint32_t, Bytes>> {
  SPIDER_CO_TRY(const auto view, co_await impl->storage().view(job));
  std::uint32_t tasks = 0;
  for (const auto count : view.tasks) tasks += count;
  std::map<std::uint32_t, Bytes> outputs;
  const auto step = impl->storage().limits().page_items_max;
  for (std::uint32_t first = 0; first < tasks; first += std::min(step, tasks - first)) {
    const Page page{.first = first, .max = step};
    SPIDER_CO_TRY(auto some, co_await impl->storage().outputs(job, page));
    for (auto& one : some) outputs.emplace(one.task.index(), std::move(one.output));
  }
  co_return outputs;
}

template <class Impl>
auto submit_and_wait_in(std::shared_ptr<Impl> impl, JobSpec job) -> Async<JobResult> {
  SPIDER_CO_TRY(const auto id, co_await submit_to(impl, std::move(job)));
  SPIDER_CO_TRY(const auto state, co_await wait_in(impl, id, Duration::max()));
  if (state != JobState::succeeded) {
    SPIDER_CO_TRY(auto view, co_await impl->storage().view(id));
    const auto code = state == JobState::failed ? Errc::job_failed : Errc::job_cancelled;
    co_return Error{code,
                    "job " + std::to_string(id.value) + (view.reason.empty() ? "" : ": " + view.reason)};
  }
  SPIDER_CO_TRY(auto outputs, co_await outputs_of(impl, id));
  co_return JobResult{id, state, std::move(outputs)};
}

template <class Impl>
auto place_in(std::shared_ptr<Impl> impl, TaskRef task) -> Async<std::optional<QueuePlace>> {
  SPIDER_CO_TRY(const auto explained, co_await impl->explain(task));
  co_return explained.place;
}

template <class T>
auto refused(Error why) -> Async<T> {
  co_return why;
}

template <class Impl, class T>
auto guarded(std::shared_ptr<Impl> impl, Async<T> work) -> Async<T> {
  if (const auto why = impl->refusal()) co_return *why;
  auto end = co_await std::move(work);
  co_return end;
}

}  // namespace

auto Scheduler::submit(JobSpec job) -> Async<JobId> { return submit_to(impl_, std::move(job)); }

auto Scheduler::submit(const JobBuilder& job) -> Async<JobId> {
  return job.error() ? refused<JobId>(*job.error()) : submit_to(impl_, job.spec());
}

auto Scheduler::submit_all(std::vector<JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> {
  return submit_all_to(impl_, std::move(jobs));
}

auto Scheduler::wait(JobId job, Duration timeout) -> Async<JobState> { return wait_in(impl_, job, timeout); }

auto Scheduler::submit_and_wait(JobSpec job) -> Async<JobResult> {
  return submit_and_wait_in(impl_, std::move(job));
}

auto Scheduler::submit_and_wait(const JobBuilder& job) -> Async<JobResult> {
  return job.error() ? refused<JobResult>(*job.error()) : submit_and_wait_in(impl_, job.spec());
}

auto Scheduler::cancel(JobId job) -> Async<JobState> { return guarded(impl_, impl_->storage().cancel(job)); }

auto Scheduler::view(JobId job) -> Async<JobView> { return guarded(impl_, impl_->storage().view(job)); }

auto Scheduler::explain(TaskRef task) -> Async<TaskExplanation> {
  return guarded(impl_, impl_->explain(task));
}

auto Scheduler::place(TaskRef task) -> Async<std::optional<QueuePlace>> {
  return guarded(impl_, place_in(impl_, task));
}

auto Scheduler::pause(PauseTarget target) -> Async<void> {
  return guarded(impl_, impl_->storage().pause(std::move(target)));
}

auto Scheduler::resume(PauseTarget target) -> Async<void> {
  return guarded(impl_, impl_->storage().resume(std::move(target)));
}

auto Scheduler::stop(StopMode mode, Duration timeout) -> Async<StopReport> {
  return impl_->stop(mode, timeout);
}

}  // namespace v1
}  // namespace spider
