#pragma once

/// What a durable storage already holds of a run that was begun before, and the monitor's picture of it.

#include "cli/run/monitor.hpp"
#include "cli/run/run_key.hpp"
#include "spider/storage.hpp"

#include <functional>
#include <vector>

namespace spider::cli {

struct RunHistory {
  RunHistory() = default;

  std::vector<JobId> jobs;  ///< by number in the run; 0 = not submitted yet
  std::size_t submitted = 0;
  std::vector<bool> has_ended;  ///< by number
  std::size_t ended = 0;        ///< how many of them
  TimePoint begun = kForever;   ///< the first submit
  TimePoint latest{};           ///< the last thing that happened
  ManagerId manager;            ///< the greatest that has run a task
};

/// Job `number` of the run as it was submitted.
using SpecOfJob = std::function<Result<JobSpec>(std::size_t number)>;

/// Reads the jobs and tasks of the run, and tells the monitor of their submits, starts and ends, in the order
/// in which they happened. Of a task's several attempts the history has the last; one that was never finished
/// is left out: it will start again. Errors: `SqliteErrc::foreign_file` when there is any job that is not of
/// the run; those of `spec_of` and of the storage.
[[nodiscard]] auto read_run_history(Storage& storage, RunKey key, std::size_t jobs, SpecOfJob spec_of,
                                    Monitor& monitor) -> Async<RunHistory>;

}  // namespace spider::cli
