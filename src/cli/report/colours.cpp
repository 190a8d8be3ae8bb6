#include "cli/report/colours.hpp"

#include "cli/report/page.hpp"

#include <algorithm>
#include <utility>

namespace spider::cli {

auto kind_of(const WorkloadTask& task) -> std::string {
  if (!task.category.empty() && task.category != task.name) return task.category;
  if (task.command) return task.command->program.substr(task.command->program.rfind('/') + 1);
  auto name = task.name.substr(0, task.name.find_first_of("0123456789"));
  while (!name.empty() && (name.back() == '_' || name.back() == '-' || name.back() == '.')) name.pop_back();
  return name.empty() ? task.name : name;
}

Colours::Colours(const std::vector<RecordedJob>& jobs, const std::vector<GroupFigures>& groups)
    : by_group_{groups.size() > 1} {
  for (const auto& job : jobs) {
    auto& known = jobs_.emplace_back(Job{job.id, job.job, {}});
    const auto is_array = [](const WorkloadTask& task) { return task.count > 1; };
    if (std::ranges::none_of(job.job->tasks, is_array)) continue;
    std::uint32_t first = 0;
    for (const auto& task : job.job->tasks) {
      known.firsts.push_back(first);
      first += task.count;
    }
  }
  std::ranges::sort(jobs_, {}, &Job::id);
  std::unordered_map<std::string, std::uint64_t> tasks;
  if (by_group_) {
    for (const auto& group : groups) tasks[group.name] += group.tasks;
  } else {
    for (const auto& job : jobs_) {
      for (const auto& task : job.job->tasks) tasks[kind_of(task)] += task.count;
    }
  }
  std::vector<std::pair<std::uint64_t, std::string>> ranks;
  for (const auto& [name, count] : tasks) ranks.emplace_back(count, name);
  std::ranges::sort(ranks, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  if (ranks.size() > kPageColours) ranks.resize(kPageColours);
  for (auto& [count, name] : ranks) {
    colours_.emplace(name, others());
    names_.push_back(std::move(name));
  }
}

auto Colours::of_name(const std::string& name) const -> std::uint32_t {
  const auto found = colours_.find(name);
  return found == colours_.end() ? others() : found->second;
}

auto Colours::of_group(const std::string& group) const -> std::uint32_t {
  return by_group_ ? of_name(group) : others();
}

auto Colours::node_of(const Job& job, std::uint32_t index) -> const WorkloadTask* {
  auto node = std::size_t{index};
  if (!job.firsts.empty()) {
    node = static_cast<std::size_t>(std::ranges::upper_bound(job.firsts, index) - job.firsts.begin()) - 1;
  }
  return node < job.job->tasks.size() ? &job.job->tasks[node] : nullptr;
}

auto Colours::find(JobId job, TaskId task) const -> Found {
  const auto found = std::ranges::lower_bound(jobs_, job, {}, &Job::id);
  if (found == jobs_.end() || found->id != job) return {nullptr, nullptr, others()};
  const auto* node = node_of(*found, task.index());
  if (node == nullptr) return {found->job, nullptr, others()};
  return {found->job, node, of_name(by_group_ ? found->job->group : kind_of(*node))};
}

}  // namespace spider::cli
