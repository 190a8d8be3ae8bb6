#pragma once

/// What the readers of workloads promise of whatever they are given (cli/workload/workload.hpp).

#include "cli/workload/metrics.hpp"
#include "cli/workload/workload.hpp"
#include "fuzz/fuzz_target.hpp"
#include "spider/types.hpp"

#include <set>
#include <vector>

namespace spider::fuzz {

inline constexpr const char* kFile = "input.file";

/// Small enough that an input near the limits is cheap.
inline auto small_limits(std::size_t nodes_max = 300) -> cli::WorkloadLimits {
  cli::WorkloadLimits limits;
  limits.json_depth_max = 16;
  limits.nodes_max = nodes_max;
  limits.tasks_per_job_max = 100'000;
  return limits;
}

/// Takes away, again and again, the tasks without parents left: nothing remains without a cycle.
inline auto is_acyclic(const cli::WorkloadJob& job) -> bool {
  std::vector<bool> done(job.tasks.size());
  std::size_t left = job.tasks.size();
  for (bool moved = true; moved && left > 0;) {
    moved = false;
    for (std::size_t i = 0; i < job.tasks.size(); ++i) {
      const auto& parents = job.tasks[i].parents;
      if (done[i] || !std::ranges::all_of(parents, [&](auto parent) { return done[parent]; })) continue;
      done[i] = moved = true;
      --left;
    }
  }
  return left == 0;
}

inline auto require_job(const cli::WorkloadJob& job, const cli::WorkloadLimits& limits) -> void {
  require(!job.tasks.empty(), "a job has a task");
  require(is_valid_name(job.group), "a resource group is a valid name");
  require(job.arrival >= Duration::zero(), "no job arrives before the first");
  std::set<std::string_view> names;
  std::uint64_t tasks = 0;
  for (const auto& task : job.tasks) {
    require(names.insert(task.name).second, "the name of a task is unique within its job");
    require(task.run_time >= Duration::zero(), "a run time is not negative");
    require(task.count >= 1, "an array has a task");
    tasks += task.count;
    require(std::set(task.parents.begin(), task.parents.end()).size() == task.parents.size(),
            "parents are distinct");
    for (const auto parent : task.parents) require(parent < job.tasks.size(), "a parent is a task");
    for (const auto child : task.children_order) require(child < job.tasks.size(), "a child is a task");
    require(!task.command || !task.command->program.empty(), "a command has a program");
  }
  require(tasks <= limits.tasks_per_job_max, "tasks_per_job_max holds");
  require(is_acyclic(job), "a job's graph has no cycle");
}

inline auto require_workload(const Result<cli::Workload>& read, std::initializer_list<Errc> documented,
                             const cli::WorkloadLimits& limits = small_limits()) -> void {
  if (!read) {
    require(read.error().detail.starts_with(kFile), "a refusal names the file");
    return require_documented(read.error(), documented);
  }
  const auto& workload = read.value();
  require(!workload.jobs.empty() || !workload.skipped.empty(), "a workload has a job, or says why not");
  std::size_t nodes = 0;
  for (const auto& job : workload.jobs) {
    require_job(job, limits);
    nodes += job.tasks.size();
  }
  require(nodes <= limits.nodes_max, "nodes_max holds");
  if (const auto metrics = cli::measure(workload); !metrics) {
    require_documented(metrics.error(), {Errc::invalid_time});
  } else {
    require(metrics.value().nodes == nodes, "metrics count every node");
  }
}

}  // namespace spider::fuzz
