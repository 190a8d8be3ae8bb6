#include "spider/storage/life_cycle.hpp"

#include "storage/validation.hpp"

#include <algorithm>
#include <numeric>

namespace spider::inline v1::life_cycle {

namespace {

/// A node on a cycle, given the nodes that Kahn's algorithm could not reach: each of them has a
/// parent among them, so a walk along such parents runs into itself.
auto node_on_cycle(const JobSpec& job, const std::vector<std::uint32_t>& parents_left) -> std::uint32_t {
  const auto stuck = std::ranges::find_if(parents_left, [](auto left) { return left > 0; });
  auto node = static_cast<std::uint32_t>(stuck - parents_left.begin());
  std::vector<bool> seen(job.tasks.size());
  while (!seen[node]) {
    seen[node] = true;
    node =
        *std::ranges::find_if(job.tasks[node].parents, [&](auto parent) { return parents_left[parent] > 0; });
  }
  return node;
}

/// Kahn's algorithm (1962).
auto check_acyclic(const JobSpec& job, const JobGraph& graph) -> Result<void> {
  std::vector<std::uint32_t> parents_left(graph.nodes());
  for (std::uint32_t node = 0; node < graph.nodes(); ++node) parents_left[node] = graph.parents(node);
  auto reached = GraphProgress::roots(graph);
  for (std::size_t next = 0; next < reached.size(); ++next) {
    for (const auto child : graph.children(reached[next])) {
      if (--parents_left[child] == 0) reached.push_back(child);
    }
  }
  if (reached.size() == graph.nodes()) return success();
  return Error{Errc::cyclic_graph,
               describe_node(job, node_on_cycle(job, parents_left)) + " depends on itself"};
}

}  // namespace

auto JobGraph::node_of(std::uint32_t task_index) const -> std::uint32_t {
  if (tasks() == nodes()) return task_index;
  if (nodes() == 1) return 0;
  const auto after = std::ranges::upper_bound(first_, task_index);
  return static_cast<std::uint32_t>(after - first_.begin()) - 1;
}

auto JobGraph::children(std::uint32_t node) const -> std::span<const std::uint32_t> {
  return std::span{children_}.subspan(child_begin_[node], child_begin_[node + 1] - child_begin_[node]);
}

auto compile(const JobSpec& job, const StorageLimits& limits) -> Result<JobGraph> {
  SPIDER_TRY(check_values(job, limits));
  const auto nodes = job.tasks.size();
  JobGraph graph;
  graph.first_.assign(nodes + 1, 0);
  graph.parents_.assign(nodes, 0);
  graph.child_begin_.assign(nodes + 1, 0);
  for (std::size_t node = 0; node < nodes; ++node) {
    const auto& task = job.tasks[node];
    graph.first_[node + 1] = graph.first_[node] + task.count;
    graph.parents_[node] = static_cast<std::uint32_t>(task.parents.size());
    for (const auto parent : task.parents) ++graph.child_begin_[parent + 1];
  }
  std::partial_sum(graph.child_begin_.begin(), graph.child_begin_.end(), graph.child_begin_.begin());
  graph.children_.resize(graph.child_begin_.back());
  auto fill = graph.child_begin_;
  for (std::size_t node = 0; node < nodes; ++node) {
    for (const auto parent : job.tasks[node].parents) {
      graph.children_[fill[parent]++] = static_cast<std::uint32_t>(node);
    }
  }
  SPIDER_TRY(check_acyclic(job, graph));
  return graph;
}

GraphProgress::GraphProgress(const JobGraph& graph) : left_(graph.nodes()), unfinished_nodes_{graph.nodes()} {
  for (std::uint32_t node = 0; node < graph.nodes(); ++node) {
    left_[node] = {graph.parents(node), graph.task_count(node)};
  }
}

auto GraphProgress::roots(const JobGraph& graph) -> std::vector<std::uint32_t> {
  std::vector<std::uint32_t> roots;
  for (std::uint32_t node = 0; node < graph.nodes(); ++node) {
    if (graph.parents(node) == 0) roots.push_back(node);
  }
  return roots;
}

auto GraphProgress::succeeded(const JobGraph& graph, std::uint32_t node, std::vector<std::uint32_t>& ready)
    -> void {
  if (--left_[node].tasks > 0) return;
  --unfinished_nodes_;
  for (const auto child : graph.children(node)) {
    if (--left_[child].parents == 0) ready.push_back(child);
  }
}

}  // namespace spider::inline v1::life_cycle
