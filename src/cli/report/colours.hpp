#pragma once

/// Which colour a task has on a page: that of its group, or of its kind where all are of one group. Pure.

#include "cli/report/run_recorder.hpp"
#include "cli/run/monitor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace spider::cli {

/// The kind of work, as well as the workload says it: its category, its program, or its name up to a number.
[[nodiscard]] auto kind_of(const WorkloadTask& task) -> std::string;

/// The most frequent names have a colour each, in that order; the others one together, the last.
class Colours {
 public:
  /// `jobs` and `groups` of one run.
  Colours(const std::vector<RecordedJob>& jobs, const std::vector<GroupFigures>& groups);

  /// What is known of a task instance; both null for one of no job of the run.
  struct Found {
    const WorkloadJob* job = nullptr;
    const WorkloadTask* task = nullptr;
    std::uint32_t colour = 0;
  };
  [[nodiscard]] auto find(JobId job, TaskId task) const -> Found;
  [[nodiscard]] auto of_group(const std::string& group) const -> std::uint32_t;

  [[nodiscard]] auto names() const noexcept -> const std::vector<std::string>& { return names_; }
  [[nodiscard]] auto others() const noexcept -> std::uint32_t {
    return static_cast<std::uint32_t>(names_.size());
  }
  [[nodiscard]] auto by_group() const noexcept -> bool { return by_group_; }

 private:
  struct Job {
    JobId id;
    const WorkloadJob* job = nullptr;
    std::vector<std::uint32_t> firsts;  // the first index of each node; none where every node is one task
  };

  [[nodiscard]] static auto node_of(const Job& job, std::uint32_t index) -> const WorkloadTask*;
  [[nodiscard]] auto of_name(const std::string& name) const -> std::uint32_t;

  bool by_group_;
  std::vector<Job> jobs_;  // by id
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> colours_;
};

}  // namespace spider::cli
