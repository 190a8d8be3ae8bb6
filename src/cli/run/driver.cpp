#include "cli/run/driver.hpp"

#include "cli/run/exec_handler.hpp"
#include "cli/run/lag_meter.hpp"
#include "cli/run/monitored_storage.hpp"
#include "cli/workload/metrics.hpp"
#include "spider/scheduler.hpp"
#include "spider/storage/memory.hpp"
#include "spider/system_clock.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace spider::cli {

namespace {

using WallClock = std::chrono::steady_clock;

/// Lives while a handler occupies a worker.
class Occupation {
 public:
  explicit Occupation(Monitor& monitor) : monitor_{monitor} { monitor_.occupied(); }
  Occupation(const Occupation&) = delete;
  auto operator=(const Occupation&) -> Occupation& = delete;
  ~Occupation() { monitor_.vacated(); }

 private:
  Monitor& monitor_;
};

/// The handler of every replayed task: takes its run time, in nanoseconds, and does nothing with it.
class TakeTime {
 public:
  TakeTime(std::shared_ptr<Clock> clock, Monitor& monitor) : clock_{std::move(clock)}, monitor_{monitor} {}
  auto operator()(std::int64_t nanoseconds) const -> Async<void> {
    const Occupation occupation{monitor_};
    co_return co_await clock_->sleep_until(saturating_add(clock_->now(), Duration{nanoseconds}));
  }

 private:
  std::shared_ptr<Clock> clock_;
  Monitor& monitor_;
};

/// The handler of every executed task.
class Execute {
 public:
  explicit Execute(Monitor& monitor) : monitor_{monitor} {}
  auto operator()(ProcessCommand command) const -> Async<std::string> {
    const Occupation occupation{monitor_};
    co_return co_await execute_command(std::move(command));
  }

 private:
  Monitor& monitor_;
};

/// Counts what the core says, and calls for progress now and then.
class RunObserver final : public Observer {
 public:
  RunObserver(const Monitor& monitor, const RunOptions& options) : monitor_{monitor}, options_{options} {}

  auto observe(const Event& event) noexcept -> void override {
    if (event.kind == EventKind::dispatched) {
      ++assignments;
      if (options_.on_progress && assignments % 256 == 0) progress();
    }
    if (event.kind == EventKind::assignment_expired) ++rescheduled;
    if (event.kind == EventKind::manager_lost) rescheduled += event.count;
  }

  auto progress() noexcept -> void {
    const auto now = WallClock::now();
    if (now - last_ < std::chrono::milliseconds{200}) return;
    last_ = now;
    options_.on_progress({.tasks = monitor_.tasks_submitted(),
                          .ended = monitor_.tasks_ended(),
                          .running = monitor_.running(),
                          .queued = monitor_.waiting(),
                          .elapsed_s = std::chrono::duration<double>(now - begin_).count()});
  }

  std::uint64_t assignments = 0;
  std::uint64_t rescheduled = 0;

 private:
  const Monitor& monitor_;
  const RunOptions& options_;
  WallClock::time_point begin_ = WallClock::now();
  WallClock::time_point last_ = begin_;
};

/// Waits that only keep leases alive are long: nobody crashes here, and in virtual time every wake-up
/// of an idle log costs.
constexpr Duration kHousekeeping = std::chrono::hours{1};

auto scaled(Duration duration, double speed) -> Duration {
  return speed == 1 ? duration : from_seconds(to_seconds(duration) / speed);
}

struct Arrival {
  Duration at{};
  std::size_t number = 0;  // among those of all workloads: simultaneous ones keep their order
  const WorkloadJob* job = nullptr;
};

class Run {
 public:
  Run(const std::vector<Workload>& workloads, const RunOptions& options)
      : workloads_{workloads}, options_{options}, monitor_{options.workers} {
    for (const auto& workload : workloads) {
      for (const auto& job : workload.jobs) arrivals_.push_back({job.arrival, arrivals_.size(), &job});
    }
    std::ranges::sort(arrivals_, {}, [](const Arrival& arrival) {
      return std::pair{arrival.at, arrival.number};
    });
  }

  auto execute() -> Result<RunReport>;

 private:
  auto replay() -> Async<void>;
  auto submit_all() -> Async<void>;
  auto watch_ends() -> Async<void>;
  auto submit(std::vector<JobSpec> jobs) -> Async<void>;
  auto count_ends() -> Async<void>;
  [[nodiscard]] auto scheduler_options() -> Result<SchedulerOptions>;
  template <class T>
  auto block(Async<T> work) -> Result<T> {
    return virtual_clock_ ? block_on(*virtual_clock_, std::move(work)) : block_on(context_, std::move(work));
  }
  [[nodiscard]] auto report() -> Result<RunReport>;

  const std::vector<Workload>& workloads_;
  const RunOptions& options_;
  asio::io_context context_{1};
  std::shared_ptr<VirtualClock> virtual_clock_;
  std::shared_ptr<Clock> clock_;
  Monitor monitor_;
  std::shared_ptr<RunObserver> observer_ = std::make_shared<RunObserver>(monitor_, options_);
  std::shared_ptr<LagFigures> lag_ = std::make_shared<LagFigures>();
  std::shared_ptr<Storage> storage_;
  std::optional<Scheduler> scheduler_;
  std::vector<Arrival> arrivals_;
  std::vector<JobId> jobs_;
  EndedCursor ended_;
  std::array<std::uint64_t, kTaskStates> tasks_{};
};

auto Run::scheduler_options() -> Result<SchedulerOptions> {
  if (options_.time == TimeMode::virtual_time) {
    clock_ = virtual_clock_ = std::make_shared<VirtualClock>(context_);
  } else {
    clock_ = std::make_shared<SystemClock>(context_.get_executor());
  }
  MemoryStorageOptions memory;
  memory.limits.ended_jobs_max = std::max(memory.limits.ended_jobs_max, arrivals_.size());
  memory.limits.session_lease = memory.limits.manager_lease = 4 * kHousekeeping;
  SPIDER_TRY(auto inner, make_memory_storage(std::move(memory), *clock_));
  storage_ = std::make_shared<MonitoredStorage>(std::move(inner), monitor_, *clock_);

  SchedulerOptions options;
  options.handlers.add("take-time", TakeTime{clock_, monitor_});
  options.handlers.add("execute", Execute{monitor_});
  options.storage = storage_;
  SPIDER_TRY(const auto policy, options_.registry.make(options_.policy));
  PolicyCoreOptions core;
  core.poll_wait = kHousekeeping;
  core.seed = options_.seed;
  SPIDER_TRY(options.core, make_policy_core(with_lag_meter(policy(), lag_), core));
  options.service.cutoff = options.service.assignment_lease = 4 * kHousekeeping;
  options.manager.slots = options_.workers;
  options.manager.heartbeat_interval = kHousekeeping;
  options.manager.poll_wait = kHousekeeping;
  options.manager.id = ManagerId{1};
  options.dispatch_capacity = options_.workers;  // decisions are made as late as may be
  options.clock = clock_;
  options.observer = observer_;
  return options;
}

auto Run::execute() -> Result<RunReport> {
  if (options_.workers == 0) return Error{Errc::invalid_argument, "workers: at least 1"};
  if (!(options_.speed > 0) || !std::isfinite(options_.speed)) {
    return Error{Errc::invalid_argument, "speed: a positive number"};
  }
  if (options_.exec && options_.time != TimeMode::real_time) {
    return Error{Errc::invalid_argument, "--exec needs --time real"};
  }
  const auto begin = WallClock::now();
  SPIDER_TRY(auto settings, scheduler_options());
  scheduler_.emplace(context_.get_executor(), std::move(settings));
  const auto done = block(replay());
  const auto stopped = block(scheduler_->stop(StopMode::cancel, std::chrono::seconds{10}));
  if (!stopped) return stopped.error();
  if (!done) return done.error();
  SPIDER_TRY(auto result, report());
  result.wall_s = std::chrono::duration<double>(WallClock::now() - begin).count();
  return result;
}

auto Run::replay() -> Async<void> {
  auto& storage = scheduler_->storage();
  SPIDER_CO_TRY(const auto present, co_await storage.poll_ended(ended_, Duration::zero()));
  ended_ = present.cursor;
  const auto executor = co_await asio::this_coro::executor;
  std::optional<Result<void>> submitted;
  asio::cancellation_signal stop_submitting;
  asio::cancellation_signal stop_watching;
  asio::co_spawn(
      executor, rooted(submit_all()),
      asio::bind_cancellation_slot(stop_submitting.slot(), [&](std::exception_ptr, Result<void> end) {
        if (!end) stop_watching.emit(asio::cancellation_type::terminal);
        submitted = std::move(end);
      }));
  auto watching = asio::co_spawn(executor, rooted(watch_ends()),
                                 asio::bind_cancellation_slot(stop_watching.slot(), asio::use_awaitable));
  const auto watched = co_await std::move(watching);
  stop_submitting.emit(asio::cancellation_type::terminal);
  // The submitter refers to this frame: it is joined, also when this coroutine is asked to stop.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!submitted) {
    static_cast<void>(co_await clock_->sleep_until(clock_->now() + std::chrono::milliseconds{1}));
  }
  if (!*submitted && submitted->error() != Errc::cancelled) co_return submitted->error();
  if (!watched) co_return watched.error();
  monitor_.close(clock_->now());
  co_return co_await count_ends();
}

/// All jobs that arrive at one instant go in together, a thousand at most.
auto Run::submit_all() -> Async<void> {
  constexpr std::size_t kBatch = 1'000;
  const auto start = clock_->now();
  for (std::size_t next = 0; next < arrivals_.size();) {
    const auto at = arrivals_[next].at;
    SPIDER_CO_TRY(co_await clock_->sleep_until(saturating_add(start, scaled(at, options_.speed))));
    std::vector<JobSpec> batch;
    for (; next < arrivals_.size() && arrivals_[next].at == at && batch.size() < kBatch; ++next) {
      SPIDER_CO_TRY(auto spec, to_job_spec(*arrivals_[next].job, options_));
      batch.push_back(std::move(spec));
    }
    SPIDER_CO_TRY(co_await submit(std::move(batch)));
  }
  co_return success();
}

auto Run::submit(std::vector<JobSpec> jobs) -> Async<void> {
  SPIDER_CO_TRY(const auto answers, co_await scheduler_->submit_all(std::move(jobs)));
  for (const auto& answer : answers) {
    if (!answer) co_return answer.error();
    jobs_.push_back(answer.value().job);
  }
  co_return success();
}

auto Run::watch_ends() -> Async<void> {
  auto& storage = scheduler_->storage();
  std::size_t ended = 0;
  while (ended < arrivals_.size()) {
    SPIDER_CO_TRY(const auto batch, co_await storage.poll_ended(ended_, kHousekeeping));
    ended_ = batch.cursor;
    ended += batch.jobs.size();
    for (const auto job : batch.jobs) {
      SPIDER_CO_TRY(const auto state, co_await storage.job_state(job));
      monitor_.ended(job, state, clock_->now());
    }
  }
  co_return success();
}

auto Run::count_ends() -> Async<void> {
  for (const auto job : jobs_) {
    SPIDER_CO_TRY(const auto view, co_await scheduler_->view(job));
    for (std::size_t state = 0; state < kTaskStates; ++state) tasks_[state] += view.tasks[state];
  }
  co_return success();
}

auto Run::report() -> Result<RunReport> {
  RunReport result;
  for (const auto& workload : workloads_) {
    SPIDER_TRY(const auto metrics, measure(workload));
    result.jobs += metrics.jobs;
    result.tasks += metrics.tasks;
    result.edges += metrics.edges;
    result.width = std::max(result.width, metrics.width);
    result.critical_path_s = std::max(result.critical_path_s, to_seconds(metrics.critical_path));
    result.work_s += metrics.work_seconds;
    for (const auto& skipped : workload.skipped) result.records_skipped += skipped.count;
  }
  const auto of = [&](TaskState state) { return tasks_[static_cast<std::size_t>(state)]; };
  result.succeeded = of(TaskState::succeeded);
  result.failed = of(TaskState::failed);
  result.cancelled = of(TaskState::cancelled);
  result.workers = options_.workers;
  result.policy = options_.policy;
  result.makespan_s = to_seconds(monitor_.last_end() - monitor_.first_submit()) * options_.speed;
  // What a real process takes is known only now.
  result.lower_bound_s =
      options_.exec ? monitor_.busy_s() / static_cast<double>(options_.workers)
                    : std::max(result.critical_path_s, result.work_s / static_cast<double>(options_.workers));
  const auto offered = static_cast<double>(options_.workers) * result.makespan_s / options_.speed;
  result.utilization = offered > 0 ? monitor_.busy_s() / offered : 0;
  result.groups = monitor_.groups();
  std::vector<std::int64_t> waits;
  for (const auto& group : result.groups)
    waits.insert(waits.end(), group.waits_ns.begin(), group.waits_ns.end());
  result.wait = wait_figures(waits);
  result.lag = *lag_;
  result.assignments = observer_->assignments;
  result.rescheduled = observer_->rescheduled;
  result.peak_rss_bytes = peak_rss_bytes();
  result.violations = monitor_.violations();
  result.complaints = monitor_.complaints();
  return result;
}

}  // namespace

auto to_job_spec(const WorkloadJob& job, const RunOptions& options) -> Result<JobSpec> {
  JobSpec spec;
  spec.resource_group = job.group;
  spec.priority = job.priority;
  spec.tasks.reserve(job.tasks.size());
  for (const auto& task : job.tasks) {
    auto& made = spec.tasks.emplace_back();
    made.count = task.count;
    made.parents = task.parents;
    made.retry.attempts_max = 1;
    made.estimate = scaled(task.run_time, options.speed);
    if (!options.exec) {
      made.handler = "take-time";
      made.input = Codec<std::int64_t>::encode(made.estimate.count());
    } else if (task.command) {
      made.handler = "execute";
      made.input = Codec<ProcessCommand>::encode(*task.command);
    } else {
      return Error{Errc::invalid_argument,
                   "--exec: task " + task.name + " of " + job.name + " has no command"};
    }
  }
  return spec;
}

auto run_workloads(const std::vector<Workload>& workloads, const RunOptions& options) -> Result<RunReport> {
  return Run{workloads, options}.execute();
}

}  // namespace spider::cli
