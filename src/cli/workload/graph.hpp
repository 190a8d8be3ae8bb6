#pragma once

/// The graph of one job, as index arithmetic: children lists, topological order, validation.
/// Linear in nodes and edges, without recursion: a chain of a million tasks is no deeper than one.

#include "cli/workload/workload.hpp"
#include "spider/error.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace spider::cli {

/// For each task its children, in the order of the tasks, in two flat arrays.
class ChildrenLists {
 public:
  explicit ChildrenLists(const WorkloadJob& job);

  [[nodiscard]] auto operator[](std::uint32_t task) const -> std::span<const std::uint32_t> {
    return std::span{children_}.subspan(begins_[task], begins_[task + 1] - begins_[task]);
  }

 private:
  std::vector<std::size_t> begins_;
  std::vector<std::uint32_t> children_;
};

/// All tasks, each after its parents: Kahn's algorithm (1962), roots in the order of the tasks.
/// Errors: `cyclic_graph`; the detail names the tasks of one cycle.
[[nodiscard]] auto topological_order(const WorkloadJob& job, const ChildrenLists& children)
    -> Result<std::vector<std::uint32_t>>;

/// What a reader asks before it hands a job out, parents being valid positions already.
/// Errors: `empty_graph`, `limit_exceeded`, `cyclic_graph`; the detail names the job or the tasks.
[[nodiscard]] auto check_graph(const WorkloadJob& job, const WorkloadLimits& limits) -> Result<void>;

}  // namespace spider::cli
