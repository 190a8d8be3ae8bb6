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
#include <string>
#include <vector>

namespace spider::cli {

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
  std::size_t workers = 4;  ///< task slots; ≥ 1
  TimeMode time = TimeMode::virtual_time;
  bool exec = false;  ///< tasks are real processes, in real time
  double speed = 1;   ///< real time only: run times and arrivals are divided by it; > 0
  std::uint64_t seed = 1;
  std::function<void(const RunProgress&)> on_progress;  ///< a few times per second of wall time
};

/// One job of a workload as the framework takes it. Errors: `invalid_argument` for a task without a
/// command when they are to be executed.
[[nodiscard]] auto to_job_spec(const WorkloadJob& job, const RunOptions& options) -> Result<JobSpec>;

/// Runs all jobs of all workloads to their end. Errors: `unknown_policy`, `invalid_argument` (workers,
/// speed), and what the storage or the core end with.
[[nodiscard]] auto run_workloads(const std::vector<Workload>& workloads, const RunOptions& options)
    -> Result<RunReport>;

}  // namespace spider::cli
