#include "spider/storage/memory.hpp"

#include "storage/memory_state.hpp"

#include <algorithm>
#include <utility>

namespace spider {
inline namespace v1 {

namespace detail {

MemoryState::MemoryState(StorageLimits storage_limits, Clock& storage_clock)
    : limits{std::move(storage_limits)},
      clock{storage_clock},
      arrivals{WaitingLine::make(clock), WaitingLine::make(clock), WaitingLine::make(clock)},
      endings{WaitingLine::make(clock)},
      timers_line{WaitingLine::make(clock)} {}

MemoryState::Locked::~Locked() {
  const auto ended = std::exchange(state_.ended_any_, false);
  const auto earlier = std::exchange(state_.earlier_timer_, false);
  std::vector<std::shared_ptr<WaitingLine>> lines;
  lines.swap(state_.ended_lines_);
  std::vector<std::shared_ptr<WaitingLine>> woken;
  const auto arrived = state_.find_woken(woken);
  lock_.unlock();
  for (std::size_t lane = 0; lane < kTaskKinds; ++lane) {
    if (arrived[lane]) state_.arrivals[lane]->notify_all();
  }
  for (const auto& line : woken) line->notify_all();
  if (ended) state_.endings->notify_all();
  if (earlier) state_.timers_line->notify_all();
  for (const auto& line : lines) line->notify_all();
}

}  // namespace detail

namespace {

using detail::MemoryState;
using StatePtr = std::shared_ptr<MemoryState>;
using Locked = MemoryState::Locked;

constexpr std::size_t kItemsPerSection = 1024;  // of one critical section

/// Keeps the session of a waiting poll alive. Holds the state, because a frame may be destroyed after
/// the storage, and after its clock, when its execution context shuts down.
class PollUnderWay {
 public:
  PollUnderWay(StatePtr state, SchedulerId scheduler) : state_{std::move(state)}, scheduler_{scheduler} {
    const Locked locked{*state_};
    state_->poll_begins(scheduler_);
  }
  PollUnderWay(const PollUnderWay&) = delete;
  auto operator=(const PollUnderWay&) -> PollUnderWay& = delete;
  ~PollUnderWay() {
    if (suspended_) {
      state_->abandon_poll(scheduler_);
    } else {
      const Locked locked{*state_};
      state_->poll_ends(scheduler_);
    }
  }
  auto suspended(bool is_suspended) -> void { suspended_ = is_suspended; }

 private:
  StatePtr state_;
  SchedulerId scheduler_;
  bool suspended_ = false;
};

/// Where a poll waits that asks for some slots only, from before its first look to its end.
class SlotWatch {
 public:
  SlotWatch(StatePtr state, TaskKind kind, const PollRequest& request)
      : state_{std::move(state)}, kind_{kind}, scheduler_{request.scheduler} {
    const Locked locked{*state_};
    line_ = state_->watch_slots(kind_, scheduler_, request.slots);
  }
  SlotWatch(const SlotWatch&) = delete;
  auto operator=(const SlotWatch&) -> SlotWatch& = delete;
  ~SlotWatch() {
    if (line_) state_->unwatch_slots(kind_, scheduler_);
  }
  /// Null for a scheduler that is not known.
  [[nodiscard]] auto line() const -> const std::shared_ptr<detail::WaitingLine>& { return line_; }

 private:
  StatePtr state_;
  TaskKind kind_;
  SchedulerId scheduler_;
  std::shared_ptr<detail::WaitingLine> line_;
};

auto poll_once(MemoryState& state, TaskKind kind, const PollRequest& request) -> Result<detail::Polled> {
  const Locked locked{state};
  return state.poll(kind, request);
}

auto poll_lane(StatePtr state, TaskKind kind, PollRequest request) -> Async<InboundBatch> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  auto line = state->arrivals[static_cast<std::size_t>(kind)];
  std::optional<SlotWatch> watch;
  if (request.slots && request.wait > Duration::zero()) watch.emplace(state, kind, request);
  if (watch && watch->line()) line = watch->line();
  detail::LookAgain again;
  const auto until = saturating_add(state->clock.now(), std::max(request.wait, Duration::zero()));
  std::optional<PollUnderWay> waiting;
  while (true) {
    const auto ticket = line->ticket();
    auto polled = poll_once(*state, kind, request);
    if (!polled) co_return std::move(polled).error();
    auto& batch = polled.value().batch;
    const bool done = !batch.entries.empty() || batch.session != request.session;
    if (done || state->clock.now() >= until) co_return std::move(batch);
    if (!waiting) waiting.emplace(state, request.scheduler);
    waiting->suspended(true);
    const auto next = again.at(polled.value(), state->clock.now());
    const auto woken = co_await line->wait(ticket, std::min(until, next));
    waiting->suspended(false);
    if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
  }
}

auto submit_one(MemoryState& state, const JobSpec& spec) -> Result<std::unique_ptr<detail::Job>> {
  SPIDER_TRY(auto graph, life_cycle::compile(spec, state.limits));
  return MemoryState::make_job(spec, std::move(graph));
}

class MemoryStorage final : public Storage {
 public:
  MemoryStorage(StorageLimits limits, Clock& clock)
      : state_{std::make_shared<MemoryState>(std::move(limits), clock)} {}

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    const Locked locked{*state_};
    co_return state_->register_scheduler(info.member);
  }
  auto unregister_scheduler(Registration registration) -> Async<void> override {
    const Locked locked{*state_};
    co_return state_->unregister_scheduler(registration);
  }
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll_lane(state_, TaskKind::regular, std::move(request));
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll_lane(state_, TaskKind::commit, std::move(request));
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll_lane(state_, TaskKind::cleanup, std::move(request));
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    return wait_for_ended(state_, cursor, wait);
  }
  auto job_state(JobId job) -> Async<JobState> override {
    const Locked locked{*state_};
    co_return state_->job_state(job);
  }

  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override {
    if (jobs.size() > state_->limits.jobs_per_submit_max) {
      co_return Error{Errc::limit_exceeded, "submit: more jobs than jobs_per_submit_max"};
    }
    std::vector<Result<Submitted>> answers;
    answers.reserve(jobs.size());
    for (std::size_t first = 0; first < jobs.size(); first += kItemsPerSection) {
      submit_section(jobs.subspan(first, std::min(kItemsPerSection, jobs.size() - first)), answers);
    }
    co_return answers;
  }
  auto cancel(JobId job) -> Async<JobState> override {
    const Locked locked{*state_};
    co_return state_->cancel(job);
  }
  auto view(JobId job) -> Async<JobView> override {
    const Locked locked{*state_};
    co_return state_->view(job);
  }
  auto view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> override {
    const Locked locked{*state_};
    co_return state_->view_tasks(job, page);
  }
  auto explain(TaskRef task) -> Async<TaskExplanation> override {
    const Locked locked{*state_};
    co_return state_->explain(task);
  }
  auto list(JobFilter filter) -> Async<std::vector<JobView>> override {
    std::vector<JobView> views;
    auto after = filter.after;
    do {
      const Locked locked{*state_};
      after = state_->list(filter, after, views);
    } while (after);
    co_return views;
  }
  auto wait(JobId job, Duration timeout) -> Async<JobState> override {
    return wait_for_job(state_, job, timeout);
  }
  auto outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> override {
    const Locked locked{*state_};
    co_return state_->outputs(job, page);
  }
  auto retry(JobId job) -> Async<void> override {
    const Locked locked{*state_};
    co_return state_->retry(job);
  }
  auto pause(PauseTarget target) -> Async<void> override {
    const Locked locked{*state_};
    co_return state_->pause(target, true);
  }
  auto resume(PauseTarget target) -> Async<void> override {
    const Locked locked{*state_};
    co_return state_->pause(target, false);
  }
  auto has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> override {
    const Locked locked{*state_};
    co_return state_->has_pending(resource_group, key);
  }

  auto start(std::span<const TaskAssignment> assignments, ManagerId manager)
      -> Async<std::vector<Result<StartedTask>>> override {
    if (!manager) co_return Error{Errc::invalid_argument, "start: manager 0"};
    std::vector<Result<StartedTask>> answers;
    answers.reserve(assignments.size());
    for (std::size_t next = 0; next < assignments.size();) {
      const Locked locked{*state_};
      const auto end = std::min(assignments.size(), next + kItemsPerSection);
      for (; next < end; ++next) answers.push_back(state_->start(assignments[next], manager));
    }
    co_return answers;
  }
  auto parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> override {
    const Locked locked{*state_};
    co_return state_->parent_outputs(instance);
  }
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override {
    std::vector<Result<void>> answers;
    answers.reserve(requests.size());
    for (std::size_t next = 0; next < requests.size();) {
      const Locked locked{*state_};
      const auto end = std::min(requests.size(), next + kItemsPerSection);
      for (; next < end; ++next) answers.push_back(state_->finish(requests[next]));
    }
    co_return answers;
  }
  auto renew(ManagerId manager) -> Async<Renewal> override {
    const Locked locked{*state_};
    co_return state_->renew(manager);
  }

  auto sweep(std::size_t limit) -> Async<SweepReport> override {
    const Locked locked{*state_};
    co_return state_->sweep(limit);
  }
  auto limits() const -> const StorageLimits& override { return state_->limits; }
  auto run() -> Async<void> override { return sweep_when_due(state_); }

 private:
  // Jobs are checked and built without the lock.
  auto submit_section(std::span<const JobSpec> jobs, std::vector<Result<Submitted>>& answers) -> void {
    std::vector<Result<std::unique_ptr<detail::Job>>> made;
    made.reserve(jobs.size());
    for (const auto& spec : jobs) made.push_back(submit_one(*state_, spec));
    const Locked locked{*state_};
    for (auto& job : made) {
      if (job) {
        answers.push_back(state_->submit(std::move(job).value()));
      } else {
        answers.emplace_back(std::move(job).error());
      }
    }
  }

  static auto wait_for_ended(StatePtr state, EndedCursor cursor, Duration wait) -> Async<EndedBatch> {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    const auto until = saturating_add(state->clock.now(), std::max(wait, Duration::zero()));
    while (true) {
      const auto ticket = state->endings->ticket();
      auto batch = look_at_ended(*state, cursor);
      if (!batch.jobs.empty() || batch.gap || state->clock.now() >= until) co_return batch;
      cursor = batch.cursor;
      const auto woken = co_await state->endings->wait(ticket, until);
      if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
    }
  }
  static auto look_at_ended(MemoryState& state, EndedCursor cursor) -> EndedBatch {
    const Locked locked{state};
    return state.ended_after(cursor);
  }

  static auto wait_for_job(StatePtr state, JobId job, Duration timeout) -> Async<JobState> {
    const auto until = saturating_add(state->clock.now(), std::max(timeout, Duration::zero()));
    auto found = look_up(*state, job);
    if (!found) co_return std::move(found).error();
    const auto wait = std::move(found).value();
    while (true) {
      const auto ticket = wait->line ? wait->line->ticket() : 0;
      const auto ended = look_at(*state, *wait);
      if (ended) co_return *ended;
      const auto woken = co_await wait->line->wait(ticket, until);
      if (!woken) co_return woken.error();
    }
  }
  static auto look_up(MemoryState& state, JobId job) -> Result<std::shared_ptr<detail::JobWait>> {
    const Locked locked{state};
    return state.wait_for(job);
  }
  static auto look_at(MemoryState& state, const detail::JobWait& wait) -> std::optional<JobState> {
    const Locked locked{state};
    return wait.ended;
  }

  static auto sweep_when_due(StatePtr state) -> Async<void> {
    while (true) {
      const auto ticket = state->timers_line->ticket();
      const auto report = sweep_some(*state);
      const auto woken = co_await state->timers_line->wait(ticket, report.next);
      if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
    }
  }
  static auto sweep_some(MemoryState& state) -> SweepReport {
    const Locked locked{state};
    return state.sweep(kItemsPerSection);
  }

  StatePtr state_;
};

}  // namespace

auto make_memory_storage(MemoryStorageOptions options, Clock& clock) -> Result<std::unique_ptr<Storage>> {
  SPIDER_TRY(life_cycle::check_limits(options.limits));
  options.limits.adapter = "memory";
  options.limits.durable = false;
  return std::unique_ptr<Storage>{std::make_unique<MemoryStorage>(std::move(options.limits), clock)};
}

}  // namespace v1
}  // namespace spider
