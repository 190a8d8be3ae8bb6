// Why a task is not running.

#include "sqlite/state.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

namespace {

constexpr int kRowsPerLook = 65'536;

}  // namespace

auto SqliteState::explain(TaskRef ref) -> Result<TaskExplanation> {
  flush();
  auto* job = find_job(ref.job);
  if (job == nullptr) return Errc::unknown_job;
  const auto body = body_of(ref.job);
  if (!body->has(ref.task)) return Errc::unknown_task;
  const auto task = load_task(*job, *body, ref.task);
  TaskExplanation explained;
  explained.task = ref;
  explained.state = task.state;
  explained.job_state = job->state.to;
  {
    Rows rows{*file_,
              "SELECT resource_group.name, resource_group.paused, queue.name, queue.paused FROM "
              "resource_group, queue WHERE resource_group.id = ? AND queue.id = ?",
              job->group, job->queue};
    if (rows.next()) {
      explained.resource_group = rows.text(0);
      explained.group_paused = rows.get<bool>(1);
      explained.queue = rows.text(2);
      explained.queue_paused = rows.get<bool>(3);
    }
  }
  explained.priority = job->priority;
  explained.attempts = task.attempts;
  explained.deferrals = task.deferrals;
  explained.deliveries = task.deliveries;
  if (task.state == TaskState::running || has_ended(task.state)) explained.manager = task.manager;
  if (task.state == TaskState::pending) find_unfinished(*body, ref, explained);
  if (task.state == TaskState::running) explained.since = task.started_at;
  if (has_ended(task.state)) explained.since = task.ended_at;
  if (task.id.kind() == TaskKind::regular && body->task(task.id).coalesce) {
    explained.folded_into = folded_into(ref);
    explained.kept_back = is_kept_back(*job, *body, ref.task);
  }
  if (task.state == TaskState::ready) explain_ready(*job, task, explained);
  explained.standing = life_cycle::standing(explained);
  return explained;
}

auto SqliteState::find_unfinished(const JobBody& body, TaskRef ref, TaskExplanation& explained) -> void {
  if (ref.task.kind() == TaskKind::cleanup) return;
  if (ref.task.kind() == TaskKind::commit) {
    return add_unfinished(ref.job, 0, body.graph.tasks(), explained);
  }
  auto parents = body.task(ref.task).parents;
  std::ranges::sort(parents);
  for (const auto parent : parents) {
    add_unfinished(ref.job, body.graph.first_task(parent), body.graph.task_count(parent), explained);
  }
}

/// The tasks that are missing among those that have ended: a row exists for each of these.
auto SqliteState::add_unfinished(JobId job, std::uint32_t first, std::uint32_t count,
                                 TaskExplanation& explained) -> void {
  Rows ended{*file_,
             "SELECT bits FROM task WHERE job = ? AND bits >= ? AND bits < ? AND state BETWEEN 3 AND 5 ORDER "
             "BY bits "
             "LIMIT ?",
             job,
             first,
             first + count,
             kRowsPerLook};
  auto next = first;
  int looked = 0;
  while (next < first + count && !explained.waits_for_more) {
    const auto has_row = ended.next();
    const auto end = has_row ? ended.get<std::uint32_t>(0) : first + count;
    if (!has_row && looked == kRowsPerLook) {
      explained.waits_for_more = true;
      return;
    }
    for (; next < end && !explained.waits_for_more; ++next) {
      if (explained.waits_for.size() == TaskExplanation::kWaitsForMax) {
        explained.waits_for_more = true;
      } else {
        explained.waits_for.emplace_back(next);
      }
    }
    next = end + 1;
    ++looked;
  }
}

auto SqliteState::explain_ready(const JobRow& job, const TaskRow& task, TaskExplanation& explained) -> void {
  explained.since = task.ready_at;
  if (task.ready_at > now_) explained.until = task.ready_at;
  if (explained.kept_back) return;
  if (!task.session) {
    explained.place = place_of(job, task.id);
    return;
  }
  Rows rows{*file_, "SELECT id FROM scheduler WHERE session = ?", task.session};
  if (rows.next()) explained.scheduler = rows.get<SchedulerId>(0);
}

/// By the order of offers within the group: one task of each job in turn.
auto SqliteState::place_of(const JobRow& job, TaskId task) -> std::optional<QueuePlace> {
  if (job.turn == 0) return std::nullopt;
  std::uint64_t rank = 0;
  auto found = false;
  const auto look_in = [&](std::uint32_t first, std::uint32_t count) {
    const auto offset = task.bits() - first;  // wraps around below the range
    found = offset < count;
    rank += found ? offset + std::uint64_t{1} : count;
  };
  look_in(job.head.first, job.head.count);
  {
    Rows rows{*file_, "SELECT first, count FROM ready WHERE job = ? ORDER BY position LIMIT ?", job.id,
              kRowsPerLook};
    while (!found && rows.next()) look_in(rows.get<std::uint32_t>(0), rows.get<std::uint32_t>(1));
  }
  if (!found) return std::nullopt;
  QueuePlace place;
  place.in_group = rank;
  Rows others{
      *file_,
      "SELECT turn, count + (SELECT total(count) FROM ready WHERE ready.job = job_turn.job) FROM job_turn "
      "WHERE lane = ? AND queue = ? AND priority = ? AND resource_group = ? LIMIT ?",
      job.lane,
      job.queue,
      job.priority,
      job.group,
      kRowsPerLook};
  int looked = 0;
  while (others.next()) {
    if (++looked == kRowsPerLook) return std::nullopt;
    const auto turn = others.get<std::uint64_t>(0);
    if (turn == job.turn) continue;
    place.in_group += std::min(others.get<std::uint64_t>(1), turn < job.turn ? rank : rank - 1);
  }
  return place;
}

}  // namespace spider::inline v1::detail
