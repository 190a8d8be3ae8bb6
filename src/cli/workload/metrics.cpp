#include "cli/workload/metrics.hpp"

#include "cli/workload/graph.hpp"
#include "cli/workload/text.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace spider::cli {
namespace {

__extension__ using WideNanoseconds = __int128;  // 10^7 nodes · 2^30 tasks · 2^63 ns fit

auto wide_seconds(WideNanoseconds time) -> double { return static_cast<double>(time) / 1e9; }

/// Disjoint sets with path halving (Tarjan and van Leeuwen 1984).
auto count_components(const WorkloadJob& job) -> std::uint64_t {
  std::vector<std::uint32_t> leader(job.tasks.size());
  std::iota(leader.begin(), leader.end(), 0U);
  const auto find = [&](std::uint32_t task) {
    while (leader[task] != task) task = leader[task] = leader[leader[task]];
    return task;
  };
  std::uint64_t components = job.tasks.size();
  for (std::uint32_t child = 0; child < job.tasks.size(); ++child) {
    for (const auto parent : job.tasks[child].parents) {
      const auto left = find(child);
      const auto right = find(parent);
      if (left == right) continue;
      leader[std::max(left, right)] = std::min(left, right);
      --components;
    }
  }
  return components;
}

/// So many tasks more (or fewer) run from then on.
struct Step {
  Duration at;
  std::int64_t change;
};

class Measurement {
 public:
  auto add(const WorkloadJob& job) -> Result<void>;
  [[nodiscard]] auto finish() && -> WorkloadMetrics;

 private:
  void count_nodes(const WorkloadJob& job);
  void count_shape(const WorkloadJob& job, const ChildrenLists& children,
                   const std::vector<std::uint32_t>& order);
  auto run_unlimited(const WorkloadJob& job, const std::vector<std::uint32_t>& order) -> Result<void>;

  WorkloadMetrics metrics_;
  WideNanoseconds node_time_ = 0;
  WideNanoseconds work_ = 0;
  WideNanoseconds critical_path_sum_ = 0;
  std::vector<Duration> run_times_;
  std::vector<Step> steps_;
  std::unordered_map<std::string_view, WideNanoseconds> work_of_group_;
};

void Measurement::count_nodes(const WorkloadJob& job) {
  auto& group_work = work_of_group_[job.group];
  for (const auto& task : job.tasks) {
    metrics_.tasks += task.count;
    metrics_.edges += task.parents.size();
    metrics_.roots += task.parents.empty() ? 1 : 0;
    metrics_.zero_time_nodes += task.run_time == Duration::zero() ? 1 : 0;
    metrics_.tasks_per_node_max = std::max<std::uint64_t>(metrics_.tasks_per_node_max, task.count);
    metrics_.parents_max = std::max<std::uint64_t>(metrics_.parents_max, task.parents.size());
    const auto work = WideNanoseconds{task.run_time.count()} * task.count;
    node_time_ += task.run_time.count();
    work_ += work;
    group_work += work;
    run_times_.push_back(task.run_time);
  }
}

void Measurement::count_shape(const WorkloadJob& job, const ChildrenLists& children,
                              const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> level(job.tasks.size());
  std::vector<std::uint64_t> width;
  for (const auto task : order) {
    for (const auto parent : job.tasks[task].parents) level[task] = std::max(level[task], level[parent] + 1);
    if (level[task] >= width.size()) width.resize(level[task] + 1);
    ++width[level[task]];
    metrics_.leaves += children[task].empty() ? 1 : 0;
    metrics_.children_max = std::max<std::uint64_t>(metrics_.children_max, children[task].size());
  }
  metrics_.levels = std::max<std::uint64_t>(metrics_.levels, width.size());
  metrics_.width = std::max(metrics_.width, *std::max_element(width.begin(), width.end()));
}

auto Measurement::run_unlimited(const WorkloadJob& job, const std::vector<std::uint32_t>& order)
    -> Result<void> {
  std::vector<Duration> ends(job.tasks.size());
  Duration path{};
  for (const auto position : order) {
    const auto& task = job.tasks[position];
    Duration start{};
    for (const auto parent : task.parents) start = std::max(start, ends[parent]);
    if (start > Duration::max() - job.arrival - task.run_time) {
      return Error{Errc::invalid_time,
                   "job " + in_quotes(job.name) + " ends over 292 years after the first arrival"};
    }
    ends[position] = start + task.run_time;
    path = std::max(path, ends[position]);
    if (task.run_time == Duration::zero()) continue;
    steps_.push_back({job.arrival + start, task.count});
    steps_.push_back({job.arrival + ends[position], -std::int64_t{task.count}});
  }
  metrics_.critical_path = std::max(metrics_.critical_path, path);
  critical_path_sum_ += path.count();
  return success();
}

auto Measurement::add(const WorkloadJob& job) -> Result<void> {
  const ChildrenLists children{job};
  SPIDER_TRY(const auto order, topological_order(job, children));
  ++metrics_.jobs;
  metrics_.single_node_jobs += job.tasks.size() == 1 ? 1 : 0;
  metrics_.nodes += job.tasks.size();
  metrics_.components += count_components(job);
  metrics_.last_arrival = std::max(metrics_.last_arrival, job.arrival);
  count_nodes(job);
  count_shape(job, children, order);
  return run_unlimited(job, order);
}

auto Measurement::finish() && -> WorkloadMetrics {
  std::sort(steps_.begin(), steps_.end(), [](const Step& left, const Step& right) {
    return left.at != right.at ? left.at < right.at : left.change < right.change;
  });
  std::int64_t running = 0;
  for (const auto& step : steps_) {
    running += step.change;
    metrics_.asap_peak = std::max(metrics_.asap_peak, static_cast<std::uint64_t>(running));
  }
  if (!run_times_.empty()) {
    const auto middle = run_times_.begin() + static_cast<std::ptrdiff_t>(run_times_.size() / 2);
    std::nth_element(run_times_.begin(), middle, run_times_.end());
    metrics_.run_time_median = *middle;
    metrics_.run_time_max = *std::max_element(middle, run_times_.end());
  }
  metrics_.groups = work_of_group_.size();
  for (const auto& [group, work] : work_of_group_) {
    if (work_ == 0) break;
    metrics_.group_share_max = std::max(metrics_.group_share_max, wide_seconds(work) / wide_seconds(work_));
  }
  metrics_.critical_path_sum_s = wide_seconds(critical_path_sum_);
  metrics_.node_seconds = wide_seconds(node_time_);
  metrics_.work_seconds = wide_seconds(work_);
  return metrics_;
}

}  // namespace

auto measure(const Workload& workload) -> Result<WorkloadMetrics> {
  Measurement measurement;
  for (const auto& job : workload.jobs) {
    const auto added = measurement.add(job);
    if (!added) return located(added.error(), workload.name);
  }
  return std::move(measurement).finish();
}

}  // namespace spider::cli
