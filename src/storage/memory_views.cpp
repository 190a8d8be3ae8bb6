// What applications may look at.

#include "storage/memory_state.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

namespace {

constexpr std::size_t kJobsPerPage = 4096;

auto view_of(const Job& job) -> JobView {
  JobView view;
  view.id = job.id;
  view.state = job.state.to;
  view.resource_group = job.spec->resource_group;
  view.queue = job.spec->queue;
  view.priority = job.priority;
  view.unique_key = job.spec->unique_key;
  view.submitters = job.submitters;
  view.created_at = job.created_at;
  view.ended_at = job.ended_at;
  view.tasks = job.counts;
  view.reason = job.reason;
  return view;
}

auto view_of(const Job& job, TaskId task, const TaskRecord& record) -> TaskView {
  const auto& spec = job.task_spec(task);
  TaskView view;
  view.id = task;
  view.state = record.state;
  view.handler = spec.handler;
  view.name = spec.name;
  view.attempts = record.attempts;
  view.deferrals = record.deferrals;
  if (record.ready_at != TimePoint{} || record.state == TaskState::ready) view.ready_at = record.ready_at;
  if (record.epoch > 0) view.started_at = record.started_at;
  if (has_ended(record.state)) view.ended_at = record.ended_at;
  view.manager = record.manager;
  view.dead_lettered = record.dead_lettered;
  if (const auto run = job.folded_into.find(task.bits()); run != job.folded_into.end()) {
    view.folded_into = run->second;
  }
  if (const auto error = job.errors.find(task.bits()); error != job.errors.end()) view.error = error->second;
  return view;
}

auto matches(const JobFilter& filter, const Job& job) -> bool {
  if (filter.state && *filter.state != job.state.to) return false;
  if (!filter.resource_group.empty() && filter.resource_group != job.spec->resource_group) return false;
  return filter.queue.empty() || filter.queue == job.spec->queue;
}

}  // namespace

auto MemoryState::job_state(JobId id) -> Result<JobState> {
  const auto* job = jobs_.find(id);
  if (job == nullptr) return Errc::unknown_job;
  return job->state.to;
}

auto MemoryState::view(JobId id) -> Result<JobView> {
  const auto* job = jobs_.find(id);
  if (job == nullptr) return Errc::unknown_job;
  return view_of(*job);
}

auto MemoryState::view_tasks(JobId id, Page page) -> Result<std::vector<TaskView>> {
  const auto* job = jobs_.find(id);
  if (job == nullptr) return Errc::unknown_job;
  const auto [first, end, last] = life_cycle::range_of(page, job->graph.tasks(), limits);
  std::vector<TaskView> views;
  for (auto index = first; index < end; ++index) {
    views.push_back(view_of(*job, TaskId{index}, job->tasks[index]));
  }
  if (last && job->commit) views.push_back(view_of(*job, TaskId::commit(), *job->commit));
  if (last && job->cleanup) views.push_back(view_of(*job, TaskId::cleanup(), *job->cleanup));
  return views;
}

auto MemoryState::outputs(JobId id, Page page) -> Result<std::vector<TaskOutput>> {
  const auto* job = jobs_.find(id);
  if (job == nullptr) return Errc::unknown_job;
  const auto range = life_cycle::range_of(page, job->graph.tasks(), limits);
  std::vector<TaskOutput> outputs;
  if (job->outputs.empty()) return outputs;
  for (auto index = range.first; index < range.end; ++index) {
    const auto node = job->node_of(index);
    if (job->outputs[node].empty()) continue;
    const auto& output = job->outputs[node][index - job->graph.first_task(node)];
    if (!output.empty()) outputs.emplace_back(TaskId{index}, output);
  }
  return outputs;
}

auto MemoryState::list(const JobFilter& filter, JobId after, std::vector<JobView>& out) -> JobId {
  const auto max = std::min<std::size_t>(filter.max, limits.page_items_max);
  for (std::size_t looked = 0; looked < kJobsPerPage; ++looked) {
    const auto* job = out.size() < max ? jobs_.after(after) : nullptr;
    if (job == nullptr) return JobId{};
    if (matches(filter, *job)) out.push_back(view_of(*job));
    after = job->id;
  }
  return after;
}

}  // namespace spider::inline v1::detail
