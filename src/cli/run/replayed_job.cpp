#include "cli/run/replayed_job.hpp"

#include "cli/run/exec_handler.hpp"

#include <utility>

namespace spider::cli {

namespace {

/// A lapsed lease spends an attempt, and a run may be killed often.
constexpr std::uint32_t kAttemptsMax = 1'000;

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

/// The handler of every executed task. A command that failed is not repeated.
class Execute {
 public:
  explicit Execute(Monitor& monitor) : monitor_{monitor} {}
  auto operator()(ProcessCommand command) const -> Async<Answer<std::string>> {
    const Occupation occupation{monitor_};
    auto output = co_await execute_command(std::move(command));
    if (!output) co_return Retry::never(std::move(output).error());
    co_return std::move(output).value();
  }

 private:
  Monitor& monitor_;
};

}  // namespace

auto scaled(Duration duration, double speed) -> Duration {
  return speed == 1 ? duration : from_seconds(to_seconds(duration) / speed);
}

auto to_job_spec(const WorkloadJob& job, const RunOptions& options) -> Result<JobSpec> {
  JobSpec spec;
  spec.resource_group = job.group;
  spec.priority = job.priority;
  spec.tasks.reserve(job.tasks.size());
  for (const auto& task : job.tasks) {
    auto& made = spec.tasks.emplace_back();
    made.count = task.count;
    made.parents = task.parents;
    made.retry.attempts_max = kAttemptsMax;
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

auto add_replay_handlers(Handlers& handlers, std::shared_ptr<Clock> clock, Monitor& monitor) -> void {
  handlers.add("take-time", TakeTime{std::move(clock), monitor});
  handlers.add("execute", Execute{monitor});
}

}  // namespace spider::cli
