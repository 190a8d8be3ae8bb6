// Why a task is not running.

#include "storage/memory_state.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

namespace {

constexpr std::size_t kTasksPerLook = 65'536;
constexpr std::size_t kJobsPerLook = 65'536;

/// Notes unfinished tasks, until there are enough or it has looked at enough.
class UnfinishedTasks {
 public:
  explicit UnfinishedTasks(TaskExplanation& explained) : explained_{explained} {}

  auto add(const Job& job, std::uint32_t first, std::uint32_t count) -> void {
    for (auto index = first; index < first + count && !explained_.waits_for_more; ++index) {
      if (++looked_ > kTasksPerLook) explained_.waits_for_more = true;
      if (has_ended(job.tasks[index].state)) continue;
      if (explained_.waits_for.size() == TaskExplanation::kWaitsForMax) {
        explained_.waits_for_more = true;
      } else {
        explained_.waits_for.emplace_back(index);
      }
    }
  }

 private:
  TaskExplanation& explained_;
  std::size_t looked_ = 0;
};

auto find_unfinished(const Job& job, TaskId task, TaskExplanation& explained) -> void {
  UnfinishedTasks unfinished{explained};
  if (task.kind() == TaskKind::cleanup) return;
  if (task.kind() == TaskKind::commit) return unfinished.add(job, 0, job.graph.tasks());
  auto parents = job.task_spec(task).parents;
  std::ranges::sort(parents);
  for (const auto parent : parents) {
    unfinished.add(job, job.graph.first_task(parent), job.graph.task_count(parent));
  }
}

/// By the order of offers within the group: one task of each job in turn.
auto place_of(const Job& job, TaskId task) -> std::optional<QueuePlace> {
  const auto rank = job.ready.rank_of(task.bits());
  if (job.backlog == nullptr || !rank) return std::nullopt;
  QueuePlace place;
  place.in_group = *rank;
  auto later = false;  // those behind the job in the rotation
  std::size_t looked = 0;
  for (const auto& other : job.backlog->jobs) {
    if (++looked > kJobsPerLook) return std::nullopt;
    if (&other == &job) {
      later = true;
    } else {
      place.in_group += std::min(other.ready.size(), later ? *rank - 1 : *rank);
    }
  }
  return place;
}

}  // namespace

auto MemoryState::explain(TaskRef ref) -> Result<TaskExplanation> {
  auto* job = jobs_.find(ref.job);
  if (job == nullptr) return Errc::unknown_job;
  const auto* record = job->find(ref.task);
  if (record == nullptr) return Errc::unknown_task;
  TaskExplanation explained;
  explained.task = ref;
  explained.state = record->state;
  explained.job_state = job->state.to;
  explained.resource_group = job->spec->resource_group;
  explained.queue = job->spec->queue;
  explained.priority = job->priority;
  explained.group_paused = groups_[job->group.value - 1].paused;
  explained.queue_paused = job->queue < paused_queues_.size() && paused_queues_[job->queue];
  explained.attempts = record->attempts;
  explained.deferrals = record->deferrals;
  explained.deliveries = record->deliveries;
  if (record->state == TaskState::running || has_ended(record->state)) explained.manager = record->manager;
  if (record->state == TaskState::pending) find_unfinished(*job, ref.task, explained);
  if (record->state == TaskState::running) explained.since = record->started_at;
  if (has_ended(record->state)) explained.since = record->ended_at;
  if (const auto run = job->folded_into.find(ref.task.bits()); run != job->folded_into.end()) {
    explained.folded_into = run->second;
  }
  if (record->state == TaskState::ready) explain_ready(*job, *record, explained);
  explained.standing = life_cycle::standing(explained);
  return explained;
}

auto MemoryState::explain_ready(const Job& job, const TaskRecord& record, TaskExplanation& explained)
    -> void {
  explained.since = record.ready_at;
  if (record.ready_at > now_) explained.until = record.ready_at;
  explained.kept_back = record.kept_back;
  if (record.kept_back) return;
  if (record.session == TaskRecord::kNone) {
    explained.place = place_of(job, explained.task.task);
    return;
  }
  for (const auto& scheduler : schedulers_) {
    if (scheduler.session.value == record.session) explained.scheduler = scheduler.id;
  }
}

}  // namespace spider::inline v1::detail
