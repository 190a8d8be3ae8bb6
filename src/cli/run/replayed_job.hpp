#pragma once

/// A workload's job as the framework takes it, and the handlers that run its tasks.

#include "cli/run/driver.hpp"
#include "cli/run/monitor.hpp"
#include "cli/workload/workload.hpp"
#include "spider/clock.hpp"
#include "spider/handlers.hpp"

#include <memory>

namespace spider::cli {

/// `duration` as it is at this speed.
[[nodiscard]] auto scaled(Duration duration, double speed) -> Duration;

/// Errors: `invalid_argument` for a task without a command when they are to be executed.
[[nodiscard]] auto to_job_spec(const WorkloadJob& job, const RunOptions& options) -> Result<JobSpec>;

/// What the tasks of `to_job_spec` name. The monitor outlives every handler.
auto add_replay_handlers(Handlers& handlers, std::shared_ptr<Clock> clock, Monitor& monitor) -> void;

}  // namespace spider::cli
