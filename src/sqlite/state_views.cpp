// What applications may look at.

#include "sqlite/state.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

auto SqliteState::view_of(const JobRow& job) -> JobView {
  JobView view;
  view.id = job.id;
  view.state = job.state.to;
  {
    Rows rows{*file_,
              "SELECT resource_group.name, queue.name FROM resource_group, queue WHERE "
              "resource_group.id = ? AND queue.id = ?",
              job.group, job.queue};
    if (rows.next()) {
      view.resource_group = rows.text(0);
      view.queue = rows.text(1);
    }
  }
  view.priority = job.priority;
  view.unique_key = job.unique_key;
  view.submitters = job.submitters;
  view.created_at = job.created_at;
  view.ended_at = job.ended_at;
  view.tasks = job.counts;
  view.reason = job.reason;
  return view;
}

auto SqliteState::view_of(const JobBody& body, JobId job, const TaskRow& task) -> TaskView {
  const auto& spec = body.task(task.id);
  TaskView view;
  view.id = task.id;
  view.state = task.state;
  view.handler = spec.handler;
  view.name = spec.name;
  view.attempts = task.attempts;
  view.deferrals = task.deferrals;
  if (task.ready_at != TimePoint{} || task.state == TaskState::ready) view.ready_at = task.ready_at;
  if (task.epoch > 0) view.started_at = task.started_at;
  if (has_ended(task.state)) view.ended_at = task.ended_at;
  view.manager = task.manager;
  view.dead_lettered = task.dead_lettered;
  view.error = error_of(job, task.id);
  if (spec.coalesce) view.folded_into = folded_into({job, task.id});
  return view;
}

auto SqliteState::job_state(JobId id) -> Result<JobState> {
  const auto* job = find_job(id);
  if (job == nullptr) return Errc::unknown_job;
  return job->state.to;
}

auto SqliteState::view(JobId id) -> Result<JobView> {
  const auto* job = find_job(id);
  if (job == nullptr) return Errc::unknown_job;
  return view_of(*job);
}

auto SqliteState::view_tasks(JobId id, Page page) -> Result<std::vector<TaskView>> {
  const auto* job = find_job(id);
  if (job == nullptr) return Errc::unknown_job;
  const auto body = body_of(id);
  const auto [first, end, last] = life_cycle::range_of(page, body->graph.tasks(), limits);
  std::vector<TaskView> views;
  const auto add = [&](TaskId task) { views.push_back(view_of(*body, id, load_task(*job, *body, task))); };
  for (auto index = first; index < end; ++index) add(TaskId{index});
  if (last && job->shape.has_commit) add(TaskId::commit());
  if (last && job->shape.has_cleanup) add(TaskId::cleanup());
  return views;
}

auto SqliteState::outputs(JobId id, Page page) -> Result<std::vector<TaskOutput>> {
  if (find_job(id) == nullptr) return Errc::unknown_job;
  const auto range = life_cycle::range_of(page, body_of(id)->graph.tasks(), limits);
  std::vector<TaskOutput> outputs;
  Rows rows{*file_, "SELECT bits, body FROM output WHERE job = ? AND bits >= ? AND bits < ? ORDER BY bits",
            id, range.first, range.end};
  while (rows.next()) outputs.emplace_back(TaskId{rows.get<std::uint32_t>(0)}, rows.text(1));
  return outputs;
}

auto SqliteState::list(const JobFilter& filter) -> Result<std::vector<JobView>> {
  flush();
  const auto max = std::min<std::size_t>(filter.max, limits.page_items_max);
  const auto group = filter.resource_group.empty()
                         ? 0
                         : find_name("SELECT id FROM resource_group WHERE name = ?", filter.resource_group);
  const auto queue =
      filter.queue.empty() ? 0 : find_name("SELECT id FROM queue WHERE name = ?", filter.queue);
  std::vector<JobView> views;
  if ((group == 0 && !filter.resource_group.empty()) || (queue == 0 && !filter.queue.empty())) return views;
  const auto state = filter.state ? static_cast<int>(*filter.state) : -1;
  const auto after = std::min<std::uint64_t>(filter.after.value, INT64_MAX);
  Rows rows{*file_,
            "SELECT * FROM job WHERE id > ?1 AND (?2 = 0 OR resource_group = ?2) AND (?3 = 0 OR queue = ?3) "
            "AND (?4 = -1 OR state = ?4) ORDER BY id LIMIT ?5",
            after,
            group,
            queue,
            state,
            max};
  while (rows.next()) {
    JobRow job;
    read_job(rows, job);
    views.push_back(view_of(job));
  }
  return views;
}

}  // namespace spider::inline v1::detail
