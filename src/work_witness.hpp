#pragma once

/// An independent witness of coalescing: whether the work of a task that never ran was done by an
/// equivalent one. Shares no code with the storages that it watches. One thread.

#include "spider/job.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace spider::inline v1::detail {

/// Jobs without coalesce keys leave no trace in it.
class WorkWitness {
 public:
  /// Call once for each job, in the order of all that happens.
  auto submitted(JobId job, const JobSpec& spec) -> void;
  auto started(TaskRef task) -> void;
  /// The run that was started last has succeeded.
  auto succeeded(TaskRef task) -> void;

  /// Whether a run of an equivalent task, or of itself, began after its submit and has succeeded.
  [[nodiscard]] auto was_done(TaskRef task) const -> bool;

 private:
  struct Job {
    std::uint64_t number = 0;                              // of its submit among all events
    std::unordered_map<std::uint32_t, std::string> works;  // resource group and key, by task index
  };
  [[nodiscard]] auto work_of(TaskRef task) const -> const std::string*;

  std::unordered_map<JobId, Job> jobs_;
  std::unordered_map<TaskRef, std::uint64_t> began_;
  std::unordered_map<std::string, std::uint64_t> done_;  // when the last good run began
  std::uint64_t events_ = 0;
};

}  // namespace spider::inline v1::detail
