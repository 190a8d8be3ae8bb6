// The rows as they are loaded and stored.

#include "sqlite/spec_format.hpp"
#include "sqlite/state.hpp"

#include <algorithm>
#include <cassert>

namespace spider::inline v1::detail {

namespace {

constexpr std::size_t kBodyInsideMax = 256;            // bytes of a specification in its job's row
constexpr std::size_t kBodyBytesKept = 256ULL << 20U;  // packed

/// What was accepted once is not refused because limits are smaller today.
auto no_limits() -> StorageLimits {
  StorageLimits limits;
  limits.tasks_per_job_max = limits.nodes_per_job_max = limits.edges_per_job_max = UINT32_MAX;
  limits.payload_bytes_max = SIZE_MAX;
  return limits;
}

auto or_forever(const Rows& rows, int column) -> TimePoint {
  return rows.is_null(column) ? kForever : rows.get<TimePoint>(column);
}

}  // namespace

auto SqliteState::read_job(const Rows& rows, JobRow& job) -> void {
  job.id = rows.get<JobId>(0);
  job.group = rows.get<ResourceGroupId>(1);
  job.queue = rows.get<QueueId>(2);
  job.priority = rows.get<PriorityClass>(3);
  job.state = {rows.get<JobState>(4), rows.get<JobState>(5)};
  job.created_at = rows.get<TimePoint>(6);
  job.not_before = rows.get<TimePoint>(7);
  job.begin_at = rows.get<TimePoint>(8);
  job.deadline = or_forever(rows, 9);
  job.ended_at = or_forever(rows, 10);
  job.ended_position = rows.get<std::uint64_t>(11);
  if (!rows.is_null(12)) job.stopped_at = rows.get<TimePoint>(12);
  job.shape = {rows.get<bool>(13), rows.get<bool>(14)};
  job.nodes_left = rows.get<std::uint32_t>(15);
  job.lane = rows.get<int>(16);
  job.turn = rows.get<std::uint64_t>(17);
  for (int state = 0; state < static_cast<int>(kTaskStates); ++state) {
    job.counts[static_cast<std::size_t>(state)] = rows.get<std::uint32_t>(18 + state);
  }
  job.unique_key = rows.text(25);
  job.reason = rows.text(26);
  job.submitters = rows.get<std::uint32_t>(27);
}

auto SqliteState::touch(JobRow& job) -> void {
  if (!std::exchange(job.dirty, true)) dirty_jobs_.push_back(job.id);
}

auto SqliteState::find_job(JobId id) -> JobRow* {
  auto found = jobs_.find(id);
  if (found == jobs_.end()) {
    Rows rows{*file_, "SELECT * FROM job WHERE id = ?", id};
    if (!rows.next()) return nullptr;
    found = jobs_.try_emplace(id).first;
    read_job(rows, found->second);
    find_turn(found->second);
  }
  return &found->second;
}

/// Whether the job still has the turn that its row names, and its head.
auto SqliteState::find_turn(JobRow& job) -> void {
  if (job.turn == 0) return;
  Rows rows{*file_,
            "SELECT position, first, count FROM job_turn WHERE lane = ? AND queue = ? AND priority = ? AND "
            "resource_group = ? AND turn = ?",
            job.lane,
            job.queue,
            job.priority,
            job.group,
            job.turn};
  if (rows.next()) {
    job.head = {rows.get<std::int64_t>(0), rows.get<std::uint32_t>(1), rows.get<std::uint32_t>(2)};
  } else {
    job.turn = 0;
  }
}

/// A job that begins: its row, as it is by then, is written once.
auto SqliteState::insert_job(JobRow& job, const JobBody& body) -> void {
  constexpr const char* kInsert =
      "INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 9223372036854775807), NULL, 0, NULL, "
      "?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, nullif(?, x''), '', 1, nullif(?, x''))";
  const bool inside = body.packed.size() <= kBodyInsideMax;
  file_->run(kInsert, job.id, job.group, job.queue, job.priority, job.state.to, job.state.ends_as,
             job.created_at, job.not_before, job.begin_at, job.deadline, job.shape.has_commit,
             job.shape.has_cleanup, job.nodes_left, job.lane, job.turn, job.counts[0], job.counts[1],
             Blob{job.unique_key}, Blob{inside ? body.packed : std::string_view{}});
  if (!inside) file_->run("INSERT INTO job_spec VALUES (?, ?)", job.id, Blob{body.packed});
  job.dirty = false;
  newest_job_ = {job.id, job.turn};
}

auto SqliteState::body_of(JobId id) -> BodyPtr {
  if (const auto found = bodies_.find(id); found != bodies_.end()) return found->second;
  Rows rows{*file_,
            "SELECT coalesce(body, (SELECT body FROM job_spec WHERE job = ?1)) FROM job WHERE id = ?1", id};
  if (!rows.next() || rows.is_null(0)) throw SqlFailure{SQLITE_CORRUPT, "a job without a specification"};
  auto body = std::make_shared<JobBody>();
  const auto packed = rows.text(0);
  auto spec = unpack_job(packed);
  if (!spec) throw SqlFailure{SQLITE_CORRUPT, "a job's specification does not decode"};
  auto graph = life_cycle::compile(*spec, no_limits());
  if (!graph) throw SqlFailure{SQLITE_CORRUPT, "a job's specification is not valid"};
  body->spec = std::make_shared<const JobSpec>(std::move(*spec));
  body->graph = std::move(graph).value();
  if (bodies_bytes_ > kBodyBytesKept) bodies_.clear(), bodies_bytes_ = 0;
  bodies_bytes_ += packed.size() + 512;
  bodies_.emplace(id, body);
  return body;
}

auto SqliteState::find_scheduler(SchedulerId id) -> SchedulerRow* {
  if (const auto found = schedulers_.find(id); found != schedulers_.end()) return &found->second;
  Rows rows{*file_, "SELECT session, registered, left, incarnation, lease_until FROM scheduler WHERE id = ?",
            id};
  if (!rows.next()) return nullptr;
  auto& row = schedulers_[id];
  row.id = id;
  row.session = rows.get<SessionId>(0);
  row.registered = rows.get<SessionId>(1);
  row.left = rows.get<bool>(2);
  row.incarnation = rows.get<std::uint64_t>(3);
  row.lease_until = rows.get<TimePoint>(4);
  return &row;
}

auto SqliteState::manager_row(ManagerId id) -> ManagerRow* {
  if (const auto found = managers_.find(id); found != managers_.end()) return &found->second;
  Rows rows{*file_, "SELECT lease_until, running FROM manager WHERE id = ?", id};
  if (!rows.next()) return nullptr;
  auto& row = managers_[id];
  row = {id, rows.get<TimePoint>(0), rows.get<std::uint32_t>(1), false};
  return &row;
}

auto SqliteState::load_node(const JobRow& job, const JobBody& body, std::uint32_t node) -> NodeRow {
  Rows rows{*file_, "SELECT parents_left, tasks_left, ready_at FROM node WHERE job = ? AND node = ?", job.id,
            node};
  if (!rows.next()) return {body.graph.parents(node), body.graph.task_count(node), job.begin_at};
  return {rows.get<std::uint32_t>(0), rows.get<std::uint32_t>(1), rows.get<TimePoint>(2)};
}

auto SqliteState::store_node(JobId job, std::uint32_t node, const NodeRow& row) -> void {
  file_->run("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?, ?)", job, node, row.parents_left,
             row.tasks_left, row.ready_at);
}

auto SqliteState::kept_task(TaskRef task) -> KeptTask* {
  const auto job = jobs_.find(task.job);
  if (job == jobs_.end()) return nullptr;
  const auto found = job->second.kept.find(task.task.bits());
  return found == job->second.kept.end() ? nullptr : &found->second;
}

auto SqliteState::forget_tasks(JobId job) -> void {
  if (const auto kept = jobs_.find(job); kept != jobs_.end()) kept->second.kept.clear();
}

auto SqliteState::stored_task(JobId job, TaskId task) -> std::optional<TaskRow> {
  if (const auto* kept = kept_task({job, task})) return kept->row;
  Rows rows{*file_, "SELECT * FROM task WHERE job = ? AND bits = ?", job, task.bits()};
  if (!rows.next()) return std::nullopt;
  TaskRow row;
  row.id = task;
  row.state = rows.get<TaskState>(2);
  row.attempts = rows.get<std::uint32_t>(3);
  row.deferrals = rows.get<std::uint32_t>(4);
  row.deliveries = rows.get<std::uint32_t>(5);
  row.ready_at = rows.get<TimePoint>(6);
  row.started_at = rows.get<TimePoint>(7);
  row.ended_at = rows.get<TimePoint>(8);
  row.manager = rows.get<ManagerId>(9);
  row.epoch = rows.get<std::uint64_t>(10);
  row.session = rows.get<SessionId>(11);
  row.lease = rows.get<std::uint64_t>(12);
  row.delayed = rows.get<bool>(13);
  row.finished = rows.get<InstanceId>(14);
  row.finished_epoch = rows.get<std::uint64_t>(15);
  row.finished_kind = rows.get<std::uint32_t>(16);
  row.dead_lettered = rows.get<bool>(17);
  return row;
}

auto SqliteState::derived_task(const JobRow& job, const JobBody& body, TaskId task) -> TaskRow {
  TaskRow row;
  row.id = task;
  if (task.kind() == TaskKind::regular) {
    const auto index = body.graph.node_of(task.index());
    const bool root = body.graph.parents(index) == 0;  // ready since the job began, whatever is stored
    const auto node = root ? NodeRow{0, 0, job.begin_at} : load_node(job, body, index);
    if (node.parents_left == 0) {
      row.state = TaskState::ready;
      row.ready_at = node.ready_at;
    }
  }
  if (job.stopped_at) {
    row.state = TaskState::cancelled;
    row.ended_at = *job.stopped_at;
  }
  return row;
}

auto SqliteState::load_task(const JobRow& job, const JobBody& body, TaskId task) -> TaskRow {
  auto stored = job.may_have_task_rows ? stored_task(job.id, task) : std::nullopt;
  return stored ? *std::move(stored) : derived_task(job, body, task);
}

auto SqliteState::store_task(JobId job, const TaskRow& row) -> void {
  if (const auto found = jobs_.find(job); found != jobs_.end()) {
    found->second.may_have_task_rows = true;
    auto& kept = found->second.kept;
    if (has_ended(row.state)) {
      kept.erase(row.id.bits());
    } else {
      kept[row.id.bits()].row = row;
    }
  }
  file_->run("INSERT OR REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", job,
             row.id.bits(), row.state, row.attempts, row.deferrals, row.deliveries, row.ready_at,
             row.started_at, row.ended_at, row.manager, row.epoch, row.session, row.lease, row.delayed,
             row.finished, row.finished_epoch, row.finished_kind, row.dead_lettered);
}

auto SqliteState::error_of(JobId job, TaskId task) -> std::string {
  Rows rows{*file_, "SELECT error FROM failure WHERE job = ? AND bits = ?", job, task.bits()};
  return rows.next() ? rows.text(0) : std::string{};
}

auto SqliteState::output_of(JobId job, TaskId task) -> Bytes {
  Rows rows{*file_, "SELECT body FROM output WHERE job = ? AND bits = ?", job, task.bits()};
  return rows.next() ? rows.text(0) : Bytes{};
}

auto SqliteState::store_output(JobId job, TaskId task, const Bytes& output) -> void {
  file_->run("INSERT OR REPLACE INTO output VALUES (?, ?, ?)", job, task.bits(), Blob{output});
}

auto SqliteState::store_error(JobId job, TaskId task, const std::string& error) -> void {
  file_->run("INSERT OR REPLACE INTO failure VALUES (?, ?, ?)", job, task.bits(), error);
}

/// The only way in which a task's state changes. The row is the caller's to store.
auto SqliteState::move_task(JobRow& job, TaskRow& row, TaskState to) -> void {
  assert(can_move(row.state, to));
  touch(job);
  if (row.id.kind() == TaskKind::regular) {
    --job.counts[static_cast<std::size_t>(row.state)];
    ++job.counts[static_cast<std::size_t>(to)];
  }
  row.state = to;
}

}  // namespace spider::inline v1::detail
