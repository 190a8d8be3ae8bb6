// What applications do to jobs, and how jobs move and end.

#include "sqlite/state.hpp"

#include <algorithm>
#include <cassert>

namespace spider::inline v1::detail {

namespace {
constexpr std::size_t kNamesKept = 10'000;  // of groups, and of queues
}

auto SqliteState::find_name(const char* select, const std::string& name) -> std::uint64_t {
  Rows rows{*file_, select, name};
  return rows.next() ? rows.get<std::uint64_t>(0) : 0;
}

auto SqliteState::known_name(NumbersByName& known, const char* select, const std::string& name)
    -> std::uint64_t {
  if (const auto found = known.find(name); found != known.end()) return found->second;
  const auto number = find_name(select, name);
  if (known.size() >= kNamesKept) known.clear();
  if (number != 0) known.emplace(name, number);
  return number;
}

auto SqliteState::intern_group(const std::string& name) -> Result<ResourceGroupId> {
  if (const auto known = known_name(groups_, "SELECT id FROM resource_group WHERE name = ?", name))
    return ResourceGroupId{known};
  {
    Rows rows{*file_, "SELECT max(id) FROM resource_group"};
    if (rows.next() && rows.get<std::uint64_t>(0) >= limits.groups_max) {
      return Error{Errc::limit_exceeded, "resource group '" + name + "': more than groups_max"};
    }
  }
  file_->run("INSERT INTO resource_group VALUES (NULL, ?, 0)", name);
  return ResourceGroupId{static_cast<std::uint64_t>(sqlite3_last_insert_rowid(file_->handle()))};
}

auto SqliteState::intern_queue(const std::string& name) -> Result<QueueId> {
  if (const auto known = known_name(queues_, "SELECT id FROM queue WHERE name = ?", name))
    return static_cast<QueueId>(known);
  {
    Rows rows{*file_, "SELECT max(id) FROM queue"};
    if (rows.next() && rows.get<std::uint64_t>(0) >= limits.queues_max) {
      return Error{Errc::limit_exceeded, "queue '" + name + "': more than queues_max"};
    }
  }
  file_->run("INSERT INTO queue VALUES (NULL, ?, 0)", name);
  return static_cast<QueueId>(sqlite3_last_insert_rowid(file_->handle()));
}

auto SqliteState::submit(std::shared_ptr<JobBody> body) -> Result<Submitted> {
  const auto& spec = *body->spec;
  if (!spec.unique_key.empty()) {
    Rows rows{*file_,
              "SELECT job.id FROM job, resource_group WHERE resource_group.name = ? AND "
              "job.resource_group = resource_group.id AND unique_key = ?",
              spec.resource_group, Blob{spec.unique_key}};
    if (rows.next()) return Submitted{rows.get<JobId>(0), true};
  }
  JobRow made;
  SPIDER_TRY(made.group, intern_group(spec.resource_group));
  SPIDER_TRY(made.queue, intern_queue(spec.queue));
  made.priority = spec.priority;
  auto answer = join_queued(made, *body);
  if (answer.existing) return answer;
  made.id = JobId{++counters_.job};
  made.created_at = now_;
  made.not_before = spec.not_before;
  made.begin_at = std::max(now_, spec.not_before);
  made.deadline = spec.deadline;
  made.shape = {spec.commit.has_value(), spec.cleanup.has_value()};
  made.nodes_left = body->graph.nodes();
  made.counts[static_cast<std::size_t>(TaskState::pending)] = body->graph.tasks();
  made.unique_key = spec.unique_key;
  made.may_have_task_rows = false;
  made.may_have_ready_rows = false;
  made.may_be_delayed = false;
  answer.job = made.id;
  auto& job = jobs_.insert_or_assign(answer.job, std::move(made)).first->second;
  bodies_.insert_or_assign(answer.job, body);
  bodies_bytes_ += body->packed.size() + 512;
  hold_work(job, *body);
  begin_job(job, *body, false);
  insert_job(job, *body);
  body->packed = {};
  return answer;
}

/// Makes ready what has no unfinished parents, now or when the job may begin.
auto SqliteState::begin_job(JobRow& job, const JobBody& body, bool may_have_rows) -> void {
  touch(job);
  job.begin_at = std::max(now_, job.not_before);
  if (job.deadline != kForever) {
    set_timer(job.deadline);
    file_->run("INSERT OR IGNORE INTO job_deadline VALUES (?, ?)", job.deadline, job.id);
  }
  if (may_have_rows) {
    file_->run("UPDATE node SET ready_at = ? WHERE job = ? AND parents_left = 0", job.begin_at, job.id);
  }
  for (std::uint32_t node = 0; node < body.graph.nodes(); ++node) {
    const auto left = may_have_rows ? load_node(job, body, node).parents_left : body.graph.parents(node);
    if (left == 0) ready_node(job, body, node, job.begin_at, may_have_rows);
  }
  if (const auto move = life_cycle::at_begin(job.complete(), job.shape)) move_job(job, body, *move);
}

auto SqliteState::make_ready(JobRow& job, const JobBody& body, TaskId task, TimePoint at) -> void {
  auto row = load_task(job, body, task);
  move_task(job, row, TaskState::ready);
  row.ready_at = at;
  store_task(job.id, row);
  offer(job, task, 1, at);
}

auto SqliteState::move_job(JobRow& job, const JobBody& body, life_cycle::JobMove move) -> void {
  assert(can_move(job.state.to, move.to));
  touch(job);
  job.state = move;
  if (job.deadline != kForever && move.to >= JobState::cleanup_ready) {
    file_->run("DELETE FROM job_deadline WHERE at = ? AND job = ?", job.deadline, job.id);
  }
  switch (move.to) {
    case JobState::ready:
    case JobState::running: return;
    case JobState::commit_ready:
      // What was folded while it was offered may still stand there, and keep the job in its lane.
      drop_ready(job);
      withdraw(job);
      return make_ready(job, body, TaskId::commit(), std::max(now_, job.not_before));
    case JobState::cleanup_ready: {
      cancel_unfinished(job);
      job.stopped_at.reset();  // of the cleanup task, which is not
      make_ready(job, body, TaskId::cleanup(), now_);
      job.stopped_at = now_;
      return;
    }
    case JobState::succeeded:
    case JobState::failed:
    case JobState::cancelled:
      cancel_unfinished(job);
      if (job.shape.has_cleanup) cancel_stored(job, TaskId::cleanup());
      return end_job(job);
  }
}

// Tasks without a row need none to be cancelled: it follows from `stopped_at`.
auto SqliteState::cancel_unfinished(JobRow& job) -> void {
  using Count = std::uint32_t;
  const auto count = [&](TaskState state) -> Count& { return job.counts[static_cast<std::size_t>(state)]; };
  const Count left = count(TaskState::pending) + count(TaskState::ready) + count(TaskState::running) +
                     count(TaskState::folded);
  touch(job);
  if (left > 0) {
    cancel_rows(job);
    end_work_without_rows(job);
    cancel_rows(job);  // those that an end has made of its equivalents
  }
  count(TaskState::cancelled) += count(TaskState::pending) + count(TaskState::ready);
  count(TaskState::pending) = count(TaskState::ready) = 0;
  if (job.shape.has_commit) cancel_stored(job, TaskId::commit());
  if (!job.stopped_at) job.stopped_at = now_;
  drop_ready(job);
  withdraw(job);
  if (job.may_be_delayed) file_->run("DELETE FROM delayed WHERE job = ?", job.id);
}

auto SqliteState::cancel_rows(JobRow& job) -> void {
  std::vector<std::uint32_t> stored;
  {
    constexpr const char* kUnfinished =
        "SELECT bits FROM task WHERE job = ? AND bits < 1073741824 AND (state < 3 OR state = 6) ORDER BY "
        "bits";
    Rows rows{*file_, kUnfinished, job.id};
    while (rows.next()) stored.push_back(rows.get<std::uint32_t>(0));
  }
  for (const auto bits : stored) cancel_stored(job, TaskId{bits});
}

auto SqliteState::cancel_stored(JobRow& job, TaskId task) -> void {
  auto row = stored_task(job.id, task);
  if (!row || has_ended(row->state)) return;
  cancel_task(job, *row);
}

auto SqliteState::cancel_task(JobRow& job, TaskRow& row) -> void {
  lose_instances({job.id, row.id});
  drop_lease(row);
  row.delayed = false;
  row.ended_at = now_;
  move_task(job, row, TaskState::cancelled);
  store_task(job.id, row);
  if (const auto work = work_name_of(job.id, *body_of(job.id), row.id); !work.empty()) {
    end_work(work, {job.id, row.id}, false, {});
  }
}

auto SqliteState::end_job(JobRow& job) -> void {
  job.ended_at = now_;
  job.ended_position = ++counters_.ended;
  file_->run("INSERT INTO ended VALUES (?, ?)", job.ended_position, job.id);
  ended_jobs_.emplace_back(job.id, job.state.to);
  drop_oldest_ended();
}

auto SqliteState::oldest_ended() -> std::optional<std::pair<std::uint64_t, JobId>> {
  Rows rows{*file_, "SELECT position, job FROM ended WHERE position > 0 ORDER BY position LIMIT 1"};
  if (!rows.next()) return std::nullopt;
  return std::pair{rows.get<std::uint64_t>(0), rows.get<JobId>(1)};
}

auto SqliteState::drop_oldest_ended() -> void {
  if (oldest_ended_ != 0 && counters_.ended - oldest_ended_ < limits.ended_jobs_max) return;
  while (const auto oldest = oldest_ended()) {
    oldest_ended_ = oldest->first;
    if (counters_.ended - oldest->first < limits.ended_jobs_max) return;
    file_->run("DELETE FROM ended WHERE position = ?", oldest->first);
    if (oldest->second) remove_job(oldest->second);
  }
}

auto SqliteState::remove_job(JobId id) -> void {
  file_->run("DELETE FROM job WHERE id = ?", id);
  file_->run("DELETE FROM job_spec WHERE job = ?", id);
  file_->run("DELETE FROM node WHERE job = ?", id);
  file_->run("DELETE FROM task WHERE job = ?", id);
  file_->run("DELETE FROM output WHERE job = ?", id);
  file_->run("DELETE FROM failure WHERE job = ?", id);
  file_->run("DELETE FROM folded_into WHERE job = ?", id);
  jobs_.erase(id);
  bodies_.erase(id);
  if (id == newest_job_.id) newest_job_ = {};
}

auto SqliteState::cancel(JobId id) -> Result<JobState> {
  auto* job = find_job(id);
  if (job == nullptr) return Errc::unknown_job;
  if (const auto move = life_cycle::after_cancel(job->state.to, job->shape)) {
    if (job->submitters > 1) {
      touch(*job);
      --job->submitters;
      return job->state.to;
    }
    job->reason = "cancelled";
    move_job(*job, *body_of(id), *move);
  }
  return job->state.to;
}

auto SqliteState::retry(JobId id) -> Result<void> {
  auto* job = find_job(id);
  if (job == nullptr) return Errc::unknown_job;
  if (job->state.to != JobState::failed) return Errc::job_not_running;
  file_->run("UPDATE ended SET job = 0 WHERE position = ?", job->ended_position);
  touch(*job);
  job->ended_position = 0;
  job->ended_at = kForever;
  job->stopped_at.reset();
  job->reason.clear();
  if (job->deadline <= now_) job->deadline = kForever;
  constexpr const char* kReset =
      "UPDATE task SET state = 0, attempts = 0, deferrals = 0, dead_lettered = 0 WHERE job = ? AND "
      "(state IN (4, 5) OR bits = 2147483648)";
  forget_tasks(id);
  file_->run(kReset, id);
  auto& counts = job->counts;
  auto& pending = counts[static_cast<std::size_t>(TaskState::pending)];
  pending += std::exchange(counts[static_cast<std::size_t>(TaskState::failed)], 0);
  pending += std::exchange(counts[static_cast<std::size_t>(TaskState::cancelled)], 0);
  const auto body = body_of(id);
  move_job(*job, *body, {JobState::ready});
  hold_work(*job, *body);
  begin_job(*job, *body, true);
  return success();
}

auto SqliteState::pause(const PauseTarget& target, bool paused) -> Result<void> {
  if (!is_valid_name(target.name))
    return Error{Errc::invalid_name, "pause: '" + target.name.substr(0, 128) + '\''};
  if (!paused) arrived_.fill(true);
  if (target.kind == PauseTarget::Kind::queue) {
    SPIDER_TRY(const auto queue, intern_queue(target.name));
    file_->run("UPDATE queue SET paused = ? WHERE id = ?", paused, queue);
    return success();
  }
  SPIDER_TRY(const auto group, intern_group(target.name));
  file_->run("UPDATE resource_group SET paused = ? WHERE id = ?", paused, group);
  std::vector<BacklogKey> backlogs;
  {
    Rows rows{*file_, "SELECT lane, queue, priority, turn FROM backlog WHERE resource_group = ?", group};
    while (rows.next()) {
      const BacklogKey key{rows.get<int>(0), rows.get<QueueId>(1), rows.get<PriorityClass>(2), group};
      if (paused != rows.is_null(3)) backlogs.push_back(key);
    }
  }
  for (const auto& key : backlogs) set_turn(key, !paused);
  return success();
}

auto SqliteState::ended_after(EndedCursor cursor) -> Result<EndedBatch> {
  const auto oldest = oldest_ended();
  const auto end = counters_.ended + 1;
  const auto first = oldest ? oldest->first : end;
  EndedBatch batch;
  auto position = cursor.position == 0 ? end : cursor.position;
  batch.gap = position < first || position > end;
  position = std::clamp(position, first, end);
  Rows rows{*file_, "SELECT position, job FROM ended WHERE position >= ? ORDER BY position", position};
  while (batch.jobs.size() < limits.poll_items_max && rows.next()) {
    position = rows.get<std::uint64_t>(0) + 1;
    if (const auto job = rows.get<JobId>(1)) batch.jobs.push_back(job);
  }
  batch.cursor.position = position;
  return batch;
}

auto SqliteState::wait_for(JobId id) -> Result<std::shared_ptr<JobWait>> {
  auto* job = find_job(id);
  if (job == nullptr) return Errc::unknown_job;
  if (has_ended(job->state.to)) {
    auto ended = std::make_shared<JobWait>(nullptr);
    ended->ended = static_cast<int>(job->state.to);
    return ended;
  }
  auto wait = waits_[id].lock();
  if (!wait) {
    wait = std::make_shared<JobWait>(WaitingLine::make(clock));
    waits_[id] = wait;
  }
  return wait;
}

}  // namespace spider::inline v1::detail
