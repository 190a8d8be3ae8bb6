#pragma once

/// Runs workloads through the whole framework: submits each job at its arrival, lets every task take
/// its run time, and measures.

#include "cli/run/report.hpp"
#include "cli/workload/workload.hpp"
#include "spider/error.hpp"
#include "spider/job.hpp"
#include "spider/policies/registry.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider::cli {

class RunRecorder;

enum class TimeMode : std::uint8_t {
  virtual_time,  ///< hours of log in seconds, and the same order of events every time
  real_time,     ///< tasks sleep
};

struct RunProgress {
  std::uint64_t tasks = 0;
  std::uint64_t ended = 0;
  std::uint64_t running = 0;
  std::uint64_t queued = 0;
  double elapsed_s = 0;  ///< wall time
};

struct RunOptions {
  std::string policy = "fair-share";
  PolicyRegistry registry;  ///< what `policy` may name
  /// "memory:", or "sqlite:PATH": then a run that was interrupted or killed goes on where it was when it is
  /// run again with the same workloads and options.
  std::string storage = "memory:";
  std::size_t workers = 4;     ///< task slots in all; ≥ 1
  std::size_t schedulers = 1;  ///< members, which share work and workers; 1 … 64, at most `workers`
  /// The last member is killed so much later, by the run's clock: nothing that it does counts from then on.
  std::optional<Duration> kill_member;
  /// Not empty: other processes may run the same workloads and options on the same file, each under a name of
  /// its own, and share the work. Real time on a durable storage only. Figures are then of all of them, as
  /// the storage tells them at the end; utilization is by this one's workers.
  std::string member;
  bool shed = false;  ///< members take less while the machine is busy; real time only
  TimeMode time = TimeMode::virtual_time;
  bool exec = false;  ///< tasks are real processes, in real time
  double speed = 1;   ///< real time only: run times and arrivals are divided by it; > 0
  std::uint64_t seed = 1;
  /// Real time on a durable storage: how long after a kill the tasks that ran are run again; > 0.
  Duration manager_lease = std::chrono::seconds{10};
  std::function<void(const RunProgress&)> on_progress;  ///< a few times per second of wall time
  std::shared_ptr<RunRecorder> recorder;                ///< hears of everything that runs; may be null
};

/// Runs all jobs of all workloads to their end, or what is left of them where the storage holds a part
/// of this very run. Then figures are of the whole run, the time in between included; `assignments`,
/// `rescheduled` and wall time are of the last part only.
/// A command that outlived the run that started it is not stopped: it may run beside its repetition.
/// SIGINT, SIGTERM and SIGHUP end it in an orderly way: what runs is stopped and given back.
/// Errors: `unknown_policy`, `invalid_argument` (workers, schedulers, speed, storage); `cancelled` by a
/// signal; `SqliteErrc`, among them `foreign_file` when the file holds anything else than this run; what the
/// storage or the core end with.
[[nodiscard]] auto run_workloads(const std::vector<Workload>& workloads, const RunOptions& options)
    -> Result<RunReport>;

}  // namespace spider::cli
