#pragma once

/// What can be said about a workload without running it. Of a graph, nodes are tasks, or task arrays
/// counted once; tasks are counted singly. Over several jobs, counts are sums, and levels, widths,
/// degrees and the critical path are those of the job where they are largest.

#include "cli/workload/workload.hpp"
#include "spider/error.hpp"

#include <cstdint>

namespace spider::cli {

struct WorkloadMetrics {
  std::uint64_t jobs = 0;
  std::uint64_t single_node_jobs = 0;
  std::uint64_t groups = 0;  ///< resource groups

  std::uint64_t nodes = 0;
  std::uint64_t tasks = 0;
  std::uint64_t tasks_per_node_max = 0;
  std::uint64_t edges = 0;  ///< between nodes
  std::uint64_t roots = 0;
  std::uint64_t leaves = 0;
  std::uint64_t components = 0;  ///< weakly connected
  std::uint64_t levels = 0;      ///< nodes on the longest path, counting nodes
  std::uint64_t width =
      0;  ///< nodes on the largest level; a node's level is its longest distance from a root
  std::uint64_t parents_max = 0;
  std::uint64_t children_max = 0;
  std::uint64_t zero_time_nodes = 0;
  /// Most tasks running at once, all jobs together, when each job starts on arrival and each task as
  /// soon as its parents ended; ends before starts on ties.
  std::uint64_t asap_peak = 0;

  Duration last_arrival{};         ///< since the first
  Duration critical_path{};        ///< of the job with the longest
  Duration run_time_max{};         ///< of a task
  Duration run_time_median{};      ///< of nodes: element n/2 of n sorted ones, counted from 0
  double critical_path_sum_s = 0;  ///< over all jobs
  double node_seconds = 0;         ///< run times, each node once
  double work_seconds = 0;         ///< run times, each task once
  double group_share_max = 0;      ///< of the work, of the resource group with the most; 0 without work
};

/// O(nodes · log nodes + edges). Errors: `invalid_time` if the last end of an unlimited machine lies
/// over 292 years after the first arrival.
[[nodiscard]] auto measure(const Workload& workload) -> Result<WorkloadMetrics>;

}  // namespace spider::cli
