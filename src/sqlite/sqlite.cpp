#include "spider/storage/sqlite.hpp"

#include "sqlite/schema.hpp"
#include "sqlite/spec_format.hpp"
#include "sqlite/writer.hpp"

#include <algorithm>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

using detail::ask;
using detail::JobBody;
using detail::JobWait;
using detail::SqliteState;
using detail::Writer;
using WriterPtr = std::shared_ptr<Writer>;
using WaitPtr = std::shared_ptr<JobWait>;

constexpr std::size_t kSweptPerStep = 1024;

/// Keeps the session of a waiting poll alive. Its frame may be destroyed after the storage's clock, when
/// its execution context shuts down: so the time of the last look is kept here.
class PollUnderWay {
 public:
  PollUnderWay(WriterPtr writer, SchedulerId scheduler, TimePoint now)
      : sleeper_{writer}, writer_{std::move(writer)}, scheduler_{scheduler}, looked_at_{now} {
    writer_->state().own_sessions.begin_poll(scheduler_);
  }
  PollUnderWay(const PollUnderWay&) = delete;
  auto operator=(const PollUnderWay&) -> PollUnderWay& = delete;
  ~PollUnderWay() {
    auto& state = writer_->state();
    state.own_sessions.end_poll(scheduler_, saturating_add(looked_at_, state.limits.session_lease));
  }
  auto looked(TimePoint now) -> void { looked_at_ = now; }

 private:
  Writer::Sleeper sleeper_;
  WriterPtr writer_;
  SchedulerId scheduler_;
  TimePoint looked_at_;
};

// Plain functions that build the request: its closure must not stand in one expression with a `co_await`.
auto poll_once(WriterPtr writer, TaskKind kind, std::shared_ptr<const PollRequest> request)
    -> Async<detail::Polled> {
  return ask<detail::Polled>(std::move(writer),
                             [kind, request](SqliteState& state) { return state.poll(kind, *request); });
}
auto look_at_ended(WriterPtr writer, EndedCursor cursor) -> Async<EndedBatch> {
  return ask<EndedBatch>(std::move(writer),
                         [cursor](SqliteState& state) { return state.ended_after(cursor); });
}
auto find_wait(WriterPtr writer, JobId job) -> Async<WaitPtr> {
  return ask<WaitPtr>(std::move(writer), [job](SqliteState& state) { return state.wait_for(job); });
}
auto sweep_some(WriterPtr writer, std::size_t limit) -> Async<SweepReport> {
  return ask<SweepReport>(std::move(writer), [limit](SqliteState& state) { return state.sweep(limit); });
}

auto poll_lane(WriterPtr writer, TaskKind kind, PollRequest asked) -> Async<InboundBatch> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  auto& state = writer->state();
  const auto request = std::make_shared<const PollRequest>(std::move(asked));
  const auto& line = state.arrivals[static_cast<std::size_t>(kind)];
  const auto until = saturating_add(state.clock.now(), std::max(request->wait, Duration::zero()));
  std::optional<PollUnderWay> waiting;
  detail::LookAgain again;
  while (true) {
    const auto ticket = line->ticket();
    auto polled = co_await poll_once(writer, kind, request);
    if (!polled) co_return std::move(polled).error();
    auto& batch = polled.value().batch;
    const auto now = state.clock.now();
    if (waiting) waiting->looked(now);
    const bool done = !batch.entries.empty() || batch.session != request->session;
    if (done || now >= until) co_return std::move(batch);
    if (!waiting) waiting.emplace(writer, request->scheduler, now);
    const auto renewal = saturating_add(now, state.limits.session_lease / 4);
    const auto next = again.at(polled.value(), now);
    const auto woken = co_await line->wait(ticket, std::min(std::min(until, renewal), next));
    if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
  }
}

auto wait_for_ended(WriterPtr writer, EndedCursor cursor, Duration wait) -> Async<EndedBatch> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  auto& state = writer->state();
  const auto until = saturating_add(state.clock.now(), std::max(wait, Duration::zero()));
  std::optional<Writer::Sleeper> sleeper;
  while (true) {
    const auto ticket = state.endings->ticket();
    auto batch = co_await look_at_ended(writer, cursor);
    if (!batch) co_return batch;
    const auto& found = batch.value();
    if (!found.jobs.empty() || found.gap || state.clock.now() >= until) co_return batch;
    cursor = found.cursor;
    if (!sleeper) sleeper.emplace(writer);
    const auto woken = co_await state.endings->wait(ticket, until);
    if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
  }
}

// What ends in this process is told by the wait itself; after a commit of another one the job is asked.
auto wait_for_job(WriterPtr writer, JobId job, Duration timeout) -> Async<JobState> {
  auto& clock = writer->state().clock;
  const auto until = saturating_add(clock.now(), std::max(timeout, Duration::zero()));
  const Writer::Sleeper sleeper{writer};
  auto found = co_await find_wait(writer, job);
  while (found) {
    const auto wait = found.value();
    const auto ticket = wait->line ? wait->line->ticket() : 0;
    const auto ended = wait->ended.load();
    if (ended != JobWait::kNotEnded) co_return static_cast<JobState>(ended);
    const auto woken = co_await wait->line->wait(ticket, until);
    if (!woken) co_return woken.error();
    if (wait->ended.load() == JobWait::kNotEnded) found = co_await find_wait(writer, job);
  }
  co_return std::move(found).error();
}

auto sweep_when_due(WriterPtr writer) -> Async<void> {
  auto& state = writer->state();
  const Writer::Sleeper sleeper{writer};
  while (true) {
    const auto ticket = state.timers_line->ticket();
    const auto report = co_await sweep_some(writer, kSweptPerStep);
    const auto unavailable = saturating_add(state.clock.now(), std::chrono::seconds{1});
    const auto next = report ? report.value().next : unavailable;
    const auto woken = co_await state.timers_line->wait(ticket, next);
    if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
  }
}

/// Checked and packed on the caller's thread.
auto prepare(const JobSpec& spec, const StorageLimits& limits) -> Result<std::shared_ptr<JobBody>> {
  SPIDER_TRY(auto graph, life_cycle::compile(spec, limits));
  auto body = std::make_shared<JobBody>();
  body->spec = std::make_shared<const JobSpec>(spec);
  body->graph = std::move(graph);
  body->packed = detail::pack(spec);
  return body;
}

class SqliteStorage final : public Storage {
 public:
  explicit SqliteStorage(WriterPtr writer) : writer_{std::move(writer)} {}
  ~SqliteStorage() override { writer_->stop(); }

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override {
    return call<Registration>(
        [member = std::move(info.member)](SqliteState& state) { return state.register_scheduler(member); });
  }
  auto unregister_scheduler(Registration registration) -> Async<void> override {
    return call<void>(
        [registration](SqliteState& state) { return state.unregister_scheduler(registration); });
  }
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll_lane(writer_, TaskKind::regular, std::move(request));
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll_lane(writer_, TaskKind::commit, std::move(request));
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll_lane(writer_, TaskKind::cleanup, std::move(request));
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    return wait_for_ended(writer_, cursor, wait);
  }
  auto job_state(JobId job) -> Async<JobState> override {
    return call<JobState>([job](SqliteState& state) { return state.job_state(job); });
  }

  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override {
    if (jobs.size() > limits().jobs_per_submit_max) return refused_submit();
    std::vector<Result<std::shared_ptr<JobBody>>> made;
    made.reserve(jobs.size());
    for (const auto& spec : jobs) made.push_back(prepare(spec, limits()));
    return call<std::vector<Result<Submitted>>>([made = std::move(made)](SqliteState& state) {
      std::vector<Result<Submitted>> answers;
      answers.reserve(made.size());
      for (const auto& job : made) {
        if (job) {
          answers.push_back(state.submit(job.value()));
        } else {
          answers.emplace_back(Error{job.error()});
        }
      }
      return Result<std::vector<Result<Submitted>>>{std::move(answers)};
    });
  }
  auto cancel(JobId job) -> Async<JobState> override {
    return call<JobState>([job](SqliteState& state) { return state.cancel(job); });
  }
  auto view(JobId job) -> Async<JobView> override {
    return call<JobView>([job](SqliteState& state) { return state.view(job); });
  }
  auto view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> override {
    return call<std::vector<TaskView>>(
        [job, page](SqliteState& state) { return state.view_tasks(job, page); });
  }
  auto explain(TaskRef task) -> Async<TaskExplanation> override {
    return call<TaskExplanation>([task](SqliteState& state) { return state.explain(task); });
  }
  auto list(JobFilter filter) -> Async<std::vector<JobView>> override {
    return call<std::vector<JobView>>(
        [filter = std::move(filter)](SqliteState& state) { return state.list(filter); });
  }
  auto wait(JobId job, Duration timeout) -> Async<JobState> override {
    return wait_for_job(writer_, job, timeout);
  }
  auto outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> override {
    return call<std::vector<TaskOutput>>(
        [job, page](SqliteState& state) { return state.outputs(job, page); });
  }
  auto retry(JobId job) -> Async<void> override {
    return call<void>([job](SqliteState& state) { return state.retry(job); });
  }
  auto pause(PauseTarget target) -> Async<void> override {
    return call<void>([target = std::move(target)](SqliteState& state) { return state.pause(target, true); });
  }
  auto resume(PauseTarget target) -> Async<void> override {
    return call<void>(
        [target = std::move(target)](SqliteState& state) { return state.pause(target, false); });
  }
  auto has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> override {
    return call<bool>([group = std::move(resource_group), key = std::move(key)](SqliteState& state) {
      return state.has_pending(group, key);
    });
  }

  auto start(std::span<const TaskAssignment> assignments, ManagerId manager)
      -> Async<std::vector<Result<StartedTask>>> override {
    using Answers = std::vector<Result<StartedTask>>;
    std::vector<TaskAssignment> asked{assignments.begin(), assignments.end()};
    return call<Answers>([asked = std::move(asked), manager](SqliteState& state) -> Result<Answers> {
      if (!manager) return Error{Errc::invalid_argument, "start: manager 0"};
      Answers answers;
      answers.reserve(asked.size());
      for (const auto& assignment : asked) answers.push_back(state.start(assignment, manager));
      return answers;
    });
  }
  auto parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> override {
    return call<std::vector<std::vector<Bytes>>>(
        [instance](SqliteState& state) { return state.parent_outputs(instance); });
  }
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override {
    using Answers = std::vector<Result<void>>;
    std::vector<FinishRequest> asked{requests.begin(), requests.end()};
    return call<Answers>([asked = std::move(asked)](SqliteState& state) -> Result<Answers> {
      Answers answers;
      answers.reserve(asked.size());
      for (const auto& request : asked) answers.push_back(state.finish(request));
      return answers;
    });
  }
  auto renew(ManagerId manager) -> Async<Renewal> override {
    return call<Renewal>([manager](SqliteState& state) { return state.renew(manager); });
  }

  auto sweep(std::size_t limit) -> Async<SweepReport> override { return sweep_some(writer_, limit); }
  auto limits() const -> const StorageLimits& override { return writer_->state().limits; }
  auto run() -> Async<void> override { return sweep_when_due(writer_); }

 private:
  template <class T, class F>
  auto call(F work) -> Async<T> {
    return ask<T>(writer_, std::move(work));
  }
  static auto refused_submit() -> Async<std::vector<Result<Submitted>>> {
    co_return Error{Errc::limit_exceeded, "submit: more jobs than jobs_per_submit_max"};
  }

  WriterPtr writer_;
};

}  // namespace

auto open_sqlite_storage(SqliteStorageOptions options, Clock& clock) -> Result<std::unique_ptr<Storage>> {
  SPIDER_TRY(life_cycle::check_limits(options.limits));
  if (options.removal_step == 0) return Error{Errc::invalid_argument, "removal_step is 0"};
  if (options.ended_jobs_kept < Duration::zero())
    return Error{Errc::invalid_argument, "ended_jobs_kept is negative"};
  SPIDER_TRY(auto file, detail::open_file(options));
  options.limits.adapter = "sqlite";
  options.limits.durable = true;
  auto state = std::make_unique<SqliteState>(std::move(file), options, clock);
  auto writer = std::make_shared<Writer>(std::move(state));
  writer->start();
  return std::unique_ptr<Storage>{std::make_unique<SqliteStorage>(std::move(writer))};
}

}  // namespace v1
}  // namespace spider
