#include "cli/workload/graph.hpp"

#include "cli/workload/text.hpp"

#include <algorithm>

namespace spider::cli {
namespace {

// Every task that the sort left over has a parent that was left over too: walking from parent to
// parent must come back to where it was, and from there on round it is a cycle.
auto describe_cycle(const WorkloadJob& job, const std::vector<std::uint32_t>& open_parents) -> std::string {
  const auto left_over = [&](std::uint32_t task) { return open_parents[task] != 0; };
  const auto parent_of = [&](std::uint32_t task) {
    const auto& parents = job.tasks[task].parents;
    return *std::find_if(parents.begin(), parents.end(), left_over);
  };
  std::uint32_t task = 0;
  while (!left_over(task)) ++task;
  for (std::size_t step = 0; step < job.tasks.size(); ++step) task = parent_of(task);

  constexpr int kNamesMax = 8;
  std::string text = in_quotes(job.tasks[task].name);
  auto ancestor = parent_of(task);
  for (int names = 1; ancestor != task && names < kNamesMax; ++names, ancestor = parent_of(ancestor)) {
    text += " after " + in_quotes(job.tasks[ancestor].name);
  }
  return text + (ancestor == task ? " after " : " after … after ") + in_quotes(job.tasks[task].name);
}

}  // namespace

ChildrenLists::ChildrenLists(const WorkloadJob& job) : begins_(job.tasks.size() + 1) {
  for (const auto& task : job.tasks) {
    for (const auto parent : task.parents) ++begins_[parent + 1];
  }
  for (std::size_t i = 1; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
  children_.resize(begins_.back());
  auto ends = begins_;
  for (std::uint32_t child = 0; child < job.tasks.size(); ++child) {
    for (const auto parent : job.tasks[child].parents) children_[ends[parent]++] = child;
  }
}

auto topological_order(const WorkloadJob& job, const ChildrenLists& children)
    -> Result<std::vector<std::uint32_t>> {
  std::vector<std::uint32_t> open_parents(job.tasks.size());
  std::vector<std::uint32_t> order;
  order.reserve(job.tasks.size());
  for (std::uint32_t task = 0; task < job.tasks.size(); ++task) {
    open_parents[task] = static_cast<std::uint32_t>(job.tasks[task].parents.size());
    if (open_parents[task] == 0) order.push_back(task);
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const auto child : children[order[next]]) {
      if (--open_parents[child] == 0) order.push_back(child);
    }
  }
  if (order.size() == job.tasks.size()) return order;
  return Error{Errc::cyclic_graph, "job " + in_quotes(job.name) + ": " + describe_cycle(job, open_parents)};
}

auto check_graph(const WorkloadJob& job, const WorkloadLimits& limits) -> Result<void> {
  if (job.tasks.empty()) return Error{Errc::empty_graph, "job " + in_quotes(job.name) + " has no task"};
  std::uint64_t tasks = 0;
  for (const auto& task : job.tasks) tasks += task.count;
  if (tasks > limits.tasks_per_job_max) {
    return Error{Errc::limit_exceeded, "job " + in_quotes(job.name) + " has " + std::to_string(tasks) +
                                           " tasks, at most " + std::to_string(limits.tasks_per_job_max) +
                                           " are allowed"};
  }
  SPIDER_TRY(topological_order(job, ChildrenLists{job}));
  return success();
}

}  // namespace spider::cli
