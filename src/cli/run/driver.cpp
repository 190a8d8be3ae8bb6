#include "cli/run/driver.hpp"

#include "cli/report/run_recorder.hpp"
#include "cli/run/lag_meter.hpp"
#include "cli/run/members.hpp"
#include "cli/run/replayed_job.hpp"
#include "cli/run/run_history.hpp"
#include "cli/run/run_key.hpp"
#include "cli/run/run_observer.hpp"
#include "cli/storage_option.hpp"
#include "cli/workload/metrics.hpp"
#include "spider/pull/memory_directory.hpp"
#include "spider/scheduler.hpp"
#include "spider/storage/memory.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/storage/sqlite_member_directory.hpp"
#include "spider/system_clock.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <limits>
#include <optional>
#include <utility>

namespace spider::cli {

namespace {

/// How long to wait for the next end of a job before looking again.
constexpr Duration kLookAgain = std::chrono::hours{1};

struct Arrival {
  Duration at{};
  std::size_t number = 0;  // among those of all workloads: simultaneous ones keep their order
  const WorkloadJob* job = nullptr;
};

class Run {
 public:
  Run(const std::vector<Workload>& workloads, const RunOptions& options)
      : workloads_{workloads}, options_{options}, monitor_{options.workers}, key_{workloads, options} {
    for (const auto& workload : workloads) {
      for (const auto& job : workload.jobs) arrivals_.push_back({job.arrival, arrivals_.size(), &job});
    }
    std::ranges::sort(arrivals_, {}, [](const Arrival& arrival) {
      return std::pair{arrival.at, arrival.number};
    });
  }

  auto execute() -> Result<RunReport>;

 private:
  auto recall() -> Async<void>;
  auto read_back() -> Async<void>;
  auto replay() -> Async<void>;
  auto submit_all() -> Async<void>;
  auto watch_ends() -> Async<void>;
  auto submit(std::vector<JobSpec> jobs, std::size_t first) -> Async<void>;
  auto count_ends() -> Async<void>;
  auto watch_signals() -> void;
  auto look_for_signals() -> void;
  [[nodiscard]] auto spec_of(std::size_t number) const -> Result<JobSpec>;
  [[nodiscard]] auto file_options() const -> SqliteStorageOptions;
  [[nodiscard]] auto open_storage() -> Result<std::unique_ptr<Storage>>;
  [[nodiscard]] auto open_directory() -> Result<std::shared_ptr<MemberDirectory>>;
  [[nodiscard]] auto start_members() -> Result<void>;
  [[nodiscard]] auto is_complete() const -> bool { return history_.ended == arrivals_.size(); }
  template <class T>
  auto block(Async<T> work) -> Result<T> {
    return virtual_clock_ ? block_on(*virtual_clock_, std::move(work)) : block_on(context_, std::move(work));
  }
  auto end_record() -> void;
  [[nodiscard]] auto report() -> Result<RunReport>;

  const std::vector<Workload>& workloads_;
  const RunOptions& options_;
  std::string path_;  // of a durable storage's file
  asio::io_context context_{1};
  // In virtual time signals have a context of their own, which is polled now and then: with a reactor in the
  // run's context nearly every handler there would cost a system call.
  asio::io_context beside_{1};
  std::optional<asio::signal_set> signals_;
  asio::cancellation_signal stop_watching_;
  bool interrupted_ = false;
  std::shared_ptr<VirtualClock> virtual_clock_;
  std::shared_ptr<Clock> clock_;
  Monitor monitor_;
  std::shared_ptr<RunObserver> observer_ = std::make_shared<RunObserver>(monitor_, options_);
  std::shared_ptr<LagFigures> lag_ = std::make_shared<LagFigures>();
  std::shared_ptr<Storage> storage_;
  TakeoverMeter takeovers_;
  Members members_{context_, options_};
  std::vector<Arrival> arrivals_;
  RunKey key_;
  RunHistory history_;
  EndedCursor ended_;
  std::array<std::uint64_t, kTaskStates> tasks_{};
};

auto Run::file_options() const -> SqliteStorageOptions {
  SqliteStorageOptions file{path_};
  if (!virtual_clock_) return file;
  file.synchronous = SqliteStorageOptions::Synchronous::normal;
  file.hold = [clock = virtual_clock_] { return std::make_shared<VirtualClock::Hold>(clock->hold()); };
  return file;
}

auto Run::open_storage() -> Result<std::unique_ptr<Storage>> {
  const auto lease = member_times(options_).lease;
  StorageLimits limits;
  limits.ended_jobs_max = std::max(limits.ended_jobs_max, arrivals_.size());
  limits.manager_lease = lease;
  if (path_.empty() || virtual_clock_ || has_members(options_)) limits.session_lease = lease;
  if (path_.empty()) {
    MemoryStorageOptions memory;
    memory.limits = limits;
    return make_memory_storage(std::move(memory), *clock_);
  }
  auto sqlite = file_options();
  sqlite.limits = limits;
  sqlite.ended_jobs_kept = Duration::max();
  return open_sqlite_storage(std::move(sqlite), *clock_);
}

auto Run::open_directory() -> Result<std::shared_ptr<MemberDirectory>> {
  if (!has_members(options_)) return std::shared_ptr<MemberDirectory>{};
  std::unique_ptr<MemberDirectory> directory;
  if (path_.empty()) {
    SPIDER_TRY(directory, make_memory_directory(member_limits(options_), *clock_));
  } else {
    SqliteMemberDirectoryOptions sqlite;
    sqlite.file = file_options();
    sqlite.limits = member_limits(options_);
    SPIDER_TRY(directory, open_sqlite_member_directory(std::move(sqlite), *clock_));
  }
  return std::shared_ptr<MemberDirectory>{std::move(directory)};
}

auto Run::start_members() -> Result<void> {
  MemberParts parts{storage_, nullptr, clock_, observer_, lag_};
  parts.monitor = &monitor_;
  parts.takeovers = &takeovers_;
  SPIDER_TRY(parts.directory, open_directory());
  // Nobody's whose lease still runs; where others may begin at this moment, drawn at random.
  const ManagerId first{options_.member.empty() ? history_.manager.value + 1 : 0};
  if (options_.recorder) {
    options_.recorder->begin({observer_, &monitor_, first, history_.submitted > 0});
    parts.observer = options_.recorder;
  }
  return members_.start(parts, first);
}

auto Run::execute() -> Result<RunReport> {
  if (options_.workers == 0) return Error{Errc::invalid_argument, "workers: at least 1"};
  if (!(options_.speed > 0) || !std::isfinite(options_.speed)) {
    return Error{Errc::invalid_argument, "speed: a positive number"};
  }
  if (options_.exec && options_.time != TimeMode::real_time) {
    return Error{Errc::invalid_argument, "--exec needs --time real"};
  }
  SPIDER_TRY(check_members(options_));
  SPIDER_TRY(path_, sqlite_path(options_.storage));
  const auto begin = WallClock::now();
  if (options_.time == TimeMode::virtual_time) {
    clock_ = virtual_clock_ = std::make_shared<VirtualClock>(context_);
  } else {
    clock_ = std::make_shared<SystemClock>(context_.get_executor());
  }
  SPIDER_TRY(storage_, open_storage());
  watch_signals();
  SPIDER_TRY(block(recall()));
  if (virtual_clock_) virtual_clock_->run_until(history_.latest);
  if (!is_complete()) {
    SPIDER_TRY(start_members());
    const auto done = block(replay());
    SPIDER_TRY(block(members_.stop()));
    if (!done) return done.error();
  }
  if (options_.recorder) end_record();
  if (!options_.member.empty()) {
    SPIDER_TRY(block(read_back()));
  }
  SPIDER_TRY(block(count_ends()));
  SPIDER_TRY(auto result, report());
  result.wall_s = std::chrono::duration<double>(WallClock::now() - begin).count();
  return result;
}

/// Once: a second signal ends the process at once.
auto Run::watch_signals() -> void {
  signals_.emplace(virtual_clock_ ? beside_ : context_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) signals_->add(signal);
  signals_->async_wait([this](const boost::system::error_code& fault, int /*signal*/) {
    if (fault) return;
    signals_->clear();
    interrupted_ = true;
    asio::post(context_, [this] { stop_watching_.emit(asio::cancellation_type::terminal); });
  });
  if (virtual_clock_) observer_->now_and_then = [this] { look_for_signals(); };
}

auto Run::look_for_signals() -> void {
  beside_.restart();
  beside_.poll();
}

/// What the storage holds of this run already. The place in the log of ended jobs is taken first: what ends
/// in between is seen twice rather than never.
auto Run::recall() -> Async<void> {
  SPIDER_CO_TRY(const auto present, co_await storage_->poll_ended(ended_, Duration::zero()));
  ended_ = present.cursor;
  if (path_.empty()) {
    history_.jobs.resize(arrivals_.size());
    history_.has_ended.resize(arrivals_.size());
    co_return success();
  }
  const SpecOfJob spec = [this](std::size_t number) { return spec_of(number); };
  auto reading = read_run_history(*storage_, key_, arrivals_.size(), spec, monitor_);
  SPIDER_CO_TRY(history_, co_await std::move(reading));
  co_return success();
}

/// What all processes did: the monitor has seen only a part of it.
auto Run::read_back() -> Async<void> {
  monitor_ = Monitor{options_.workers};
  const SpecOfJob spec = [this](std::size_t number) { return spec_of(number); };
  auto reading = read_run_history(*storage_, key_, arrivals_.size(), spec, monitor_);
  SPIDER_CO_TRY(history_, co_await std::move(reading));
  monitor_.close(clock_->now());
  co_return success();
}

auto Run::replay() -> Async<void> {
  SPIDER_CO_TRY(co_await members_.meet());
  look_for_signals();
  if (interrupted_) co_return Errc::cancelled;
  members_.arm_kill();
  const auto executor = co_await asio::this_coro::executor;
  std::optional<Result<void>> submitted;
  asio::cancellation_signal stop_submitting;
  asio::co_spawn(
      executor, rooted(submit_all()),
      asio::bind_cancellation_slot(stop_submitting.slot(), [&](std::exception_ptr, Result<void> end) {
        if (!end) stop_watching_.emit(asio::cancellation_type::terminal);
        submitted = std::move(end);
      }));
  auto watching = asio::co_spawn(executor, rooted(watch_ends()),
                                 asio::bind_cancellation_slot(stop_watching_.slot(), asio::use_awaitable));
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
  co_return success();
}

auto Run::spec_of(std::size_t number) const -> Result<JobSpec> {
  SPIDER_TRY(auto spec, to_job_spec(*arrivals_[number].job, options_));
  spec.unique_key = key_.of(number);
  return spec;
}

/// All jobs that arrive at one instant go in together, a thousand at most. What is there already is left
/// out; times are counted from the first submit ever.
auto Run::submit_all() -> Async<void> {
  constexpr std::size_t kBatch = 1'000;
  const auto start =
      history_.submitted > 0 ? history_.begun - scaled(arrivals_[0].at, options_.speed) : clock_->now();
  for (std::size_t next = 0; next < arrivals_.size();) {
    const auto at = arrivals_[next].at;
    const auto first = next;
    std::vector<JobSpec> batch;
    for (; next < arrivals_.size() && arrivals_[next].at == at && batch.size() < kBatch; ++next) {
      if (history_.jobs[next]) break;
      SPIDER_CO_TRY(auto spec, spec_of(next));
      batch.push_back(std::move(spec));
    }
    if (batch.empty()) {
      ++next;
      continue;
    }
    SPIDER_CO_TRY(co_await clock_->sleep_until(saturating_add(start, scaled(at, options_.speed))));
    SPIDER_CO_TRY(co_await submit(std::move(batch), first));
  }
  co_return success();
}

auto Run::submit(std::vector<JobSpec> jobs, std::size_t first) -> Async<void> {
  SPIDER_CO_TRY(const auto answers, co_await members_.first().submit_all(std::move(jobs)));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i]) co_return answers[i].error();
    history_.jobs[first + i] = answers[i].value().job;
  }
  co_return success();
}

auto Run::watch_ends() -> Async<void> {
  while (!is_complete()) {
    SPIDER_CO_TRY(const auto batch, co_await storage_->poll_ended(ended_, kLookAgain));
    ended_ = batch.cursor;
    for (const auto job : batch.jobs) {
      SPIDER_CO_TRY(const auto view, co_await storage_->view(job));
      const auto number = key_.number(view.unique_key);
      const auto ours = number && *number < arrivals_.size();
      if (!ours || history_.has_ended[*number]) continue;  // somebody else's, or seen in the history
      history_.has_ended[*number] = true;
      ++history_.ended;
      monitor_.ended(job, view.state, clock_->now());
    }
  }
  co_return success();
}

auto Run::count_ends() -> Async<void> {
  for (const auto job : history_.jobs) {
    SPIDER_CO_TRY(const auto view, co_await storage_->view(job));
    for (std::size_t state = 0; state < kTaskStates; ++state) tasks_[state] += view.tasks[state];
  }
  co_return success();
}

auto Run::end_record() -> void {
  RunRecorder::Ending ending;
  for (std::size_t i = 0; i < arrivals_.size(); ++i) {
    ending.jobs.push_back({history_.jobs[i], arrivals_[i].job});
  }
  ending.first_submit = monitor_.first_submit();
  ending.now = clock_->now();
  ending.lost_at = takeovers_.first_lost();
  options_.recorder->end(std::move(ending));
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
  for (auto& group : result.groups) {
    for (auto& wait : group.waits_ns) wait = scaled(Duration{wait}, 1 / options_.speed).count();
  }
  result.wait = wait_of_all(result.groups);
  result.lag = *lag_;
  if (has_members(options_)) result.members = members_.figures();
  if (options_.kill_member) {
    const auto bound =
        to_seconds(member_times(options_).lease + RetryPolicy{}.backoff_first) * options_.speed;
    result.takeover = {takeovers_.lost_count(), to_seconds(takeovers_.longest()) * options_.speed, bound};
  }
  result.assignments = observer_->assignments;
  result.rescheduled = observer_->rescheduled;
  result.stale_dropped = observer_->stale_dropped;
  result.folded = observer_->folded;
  result.peak_rss_bytes = peak_rss_bytes();
  result.violations = monitor_.violations();
  result.complaints = monitor_.complaints();
  return result;
}

}  // namespace

auto run_workloads(const std::vector<Workload>& workloads, const RunOptions& options) -> Result<RunReport> {
  return Run{workloads, options}.execute();
}

}  // namespace spider::cli
