// What applications do to jobs, and how jobs move and end.

#include "storage/memory_state.hpp"

#include <algorithm>
#include <cassert>

namespace spider::inline v1::detail {

namespace {

auto key_of(const JobSpec& spec) -> std::string { return spec.resource_group + '\n' + spec.unique_key; }

/// A failed or cancelled task may run again, with all attempts unspent; a cleanup in any case.
auto reset(Job& job, TaskId task, TaskRecord& record) -> void {
  if (task.kind() == TaskKind::cleanup) {
    record.state = TaskState::pending;
  } else if (record.state == TaskState::failed || record.state == TaskState::cancelled) {
    job.move_task(task, record, TaskState::pending);
  } else {
    return;
  }
  record.attempts = 0;
  record.deferrals = 0;
  record.dead_lettered = false;
}

}  // namespace

auto MemoryState::make_job(const JobSpec& spec, life_cycle::JobGraph graph) -> std::unique_ptr<Job> {
  auto job = std::make_unique<Job>();
  job->spec = std::make_shared<const JobSpec>(spec);
  job->graph = std::move(graph);
  job->progress = life_cycle::GraphProgress{job->graph};
  job->tasks.resize(job->graph.tasks());
  if (spec.commit) job->commit = std::make_unique<TaskRecord>();
  if (spec.cleanup) job->cleanup = std::make_unique<TaskRecord>();
  job->counts[static_cast<std::size_t>(TaskState::pending)] = job->graph.tasks();
  job->deadline = spec.deadline;
  job->priority = spec.priority;
  for (std::uint32_t node = 0; node < spec.tasks.size(); ++node) {
    const auto& key = spec.tasks[node].coalesce;
    if (!key) continue;
    job->keys.resize(spec.tasks.size());
    job->keys[node] = Keyed{life_cycle::work_name(spec.resource_group, *key), key_number(canonical(*key))};
  }
  return job;
}

auto MemoryState::intern_group(const std::string& name) -> Result<ResourceGroupId> {
  const auto number = group_names_.intern(name, limits.groups_max);
  if (!number) return Error{Errc::limit_exceeded, "resource group '" + name + "': more than groups_max"};
  if (*number > groups_.size()) {
    auto& group = groups_.emplace_back();
    group.id = ResourceGroupId{*number};
  }
  return ResourceGroupId{*number};
}

auto MemoryState::intern_queue(const std::string& name) -> Result<QueueId> {
  const auto number = queue_names_.intern(name, limits.queues_max);
  if (!number) return Error{Errc::limit_exceeded, "queue '" + name + "': more than queues_max"};
  return *number;
}

auto MemoryState::submit(std::unique_ptr<Job> made) -> Result<Submitted> {
  const auto& spec = *made->spec;
  if (!spec.unique_key.empty()) {
    const auto taken = unique_keys_.find(key_of(spec));
    if (taken != unique_keys_.end()) return Submitted{taken->second, true};
  }
  SPIDER_TRY(made->group, intern_group(spec.resource_group));
  SPIDER_TRY(made->queue, intern_queue(spec.queue));
  auto answer = join_queued(*made);
  if (answer.existing) return answer;
  made->id = JobId{++last_job_};
  made->created_at = now_;
  auto& job = jobs_.insert(std::move(made));
  if (!spec.unique_key.empty()) unique_keys_.emplace(key_of(spec), job.id);
  hold_work(job);
  begin_job(job);
  answer.job = job.id;
  return answer;
}

/// Makes ready what has no unfinished parents, now or when the job may begin.
auto MemoryState::begin_job(Job& job) -> void {
  const auto at = std::max(now_, job.spec->not_before);
  if (job.deadline != kForever) {
    set_timer({.at = job.deadline, .kind = Timer::Kind::job, .id = job.id.value});
  }
  for (std::uint32_t node = 0; node < job.graph.nodes(); ++node) {
    if (job.progress.is_ready(node)) ready_node(job, node, at);
  }
  if (const auto move = life_cycle::at_begin(job.progress.complete(), job.shape())) move_job(job, *move);
}

auto MemoryState::move_job(Job& job, life_cycle::JobMove move) -> void {
  assert(can_move(job.state.to, move.to));
  job.state = move;
  switch (move.to) {
    case JobState::ready:
    case JobState::running: return;
    case JobState::commit_ready: {
      const auto at = std::max(now_, job.spec->not_before);
      // What was folded while it was offered may still stand there, and keep the job in its lane.
      Lane::withdraw(job);
      job.ready.clear();
      job.move_task(TaskId::commit(), *job.commit, TaskState::ready);
      job.commit->ready_at = at;
      return offer(job, TaskId::commit(), 1, at);
    }
    case JobState::cleanup_ready:
      cancel_unfinished(job);
      job.move_task(TaskId::cleanup(), *job.cleanup, TaskState::ready);
      job.cleanup->ready_at = now_;
      return offer(job, TaskId::cleanup(), 1, now_);
    case JobState::succeeded:
    case JobState::failed:
    case JobState::cancelled:
      cancel_unfinished(job);
      if (job.cleanup) cancel_task(job, TaskId::cleanup());
      return end_job(job);
  }
}

auto MemoryState::cancel_unfinished(Job& job) -> void {
  const auto left = job.counts[static_cast<std::size_t>(TaskState::pending)] +
                    job.counts[static_cast<std::size_t>(TaskState::ready)] +
                    job.counts[static_cast<std::size_t>(TaskState::running)] +
                    job.counts[static_cast<std::size_t>(TaskState::folded)];
  if (left > 0) {
    for (std::uint32_t index = 0; index < job.tasks.size(); ++index) cancel_task(job, TaskId{index});
  }
  if (job.commit) cancel_task(job, TaskId::commit());
  Lane::withdraw(job);
  job.ready.clear();
}

auto MemoryState::cancel_task(Job& job, TaskId task) -> void {
  auto& record = job.record(task);
  if (has_ended(record.state)) return;
  lose_instances(record);
  drop_delay(job, task, record);
  record.kept_back = false;
  record.session = TaskRecord::kNone;
  record.ended_at = now_;
  job.move_task(task, record, TaskState::cancelled);
  if (const auto* keyed = job.find_key(task)) end_work(keyed->work, {job.id, task}, false, {});
}

auto MemoryState::end_job(Job& job) -> void {
  job.ended_at = now_;
  job.ended_position = ended_first_ + ended_.size();
  ended_.push_back(job.id);
  ended_any_ = true;
  if (job.wait) {
    job.wait->ended = job.state.to;
    ended_lines_.push_back(job.wait->line);
    job.wait.reset();
  }
  if (job.deadline != kForever) {
    timers_.erase({.at = job.deadline, .kind = Timer::Kind::job, .id = job.id.value});
  }
  drop_oldest_ended();
}

auto MemoryState::drop_oldest_ended() -> void {
  while (ended_.size() > limits.ended_jobs_max) {
    const auto oldest = ended_.front();
    ended_.pop_front();
    ++ended_first_;
    if (!oldest) continue;
    const auto& spec = *jobs_.find(oldest)->spec;
    if (!spec.unique_key.empty()) unique_keys_.erase(key_of(spec));
    jobs_.erase(oldest);
  }
}

auto MemoryState::cancel(JobId id) -> Result<JobState> {
  auto* job = jobs_.find(id);
  if (job == nullptr) return Errc::unknown_job;
  if (const auto move = life_cycle::after_cancel(job->state.to, job->shape())) {
    if (job->submitters > 1) {
      --job->submitters;
      return job->state.to;
    }
    job->reason = "cancelled";
    move_job(*job, *move);
  }
  return job->state.to;
}

auto MemoryState::retry(JobId id) -> Result<void> {
  auto* job = jobs_.find(id);
  if (job == nullptr) return Errc::unknown_job;
  if (job->state.to != JobState::failed) return Errc::job_not_running;
  ended_[job->ended_position - ended_first_] = JobId{};
  job->ended_position = 0;
  job->ended_at = kForever;
  job->reason.clear();
  if (job->deadline <= now_) job->deadline = kForever;
  for (std::uint32_t index = 0; index < job->tasks.size(); ++index) {
    reset(*job, TaskId{index}, job->tasks[index]);
  }
  if (job->commit) reset(*job, TaskId::commit(), *job->commit);
  if (job->cleanup) reset(*job, TaskId::cleanup(), *job->cleanup);
  move_job(*job, {JobState::ready});
  hold_work(*job);
  begin_job(*job);
  return success();
}

auto MemoryState::pause(const PauseTarget& target, bool paused) -> Result<void> {
  if (!is_valid_name(target.name))
    return Error{Errc::invalid_name, "pause: '" + target.name.substr(0, 128) + '\''};
  if (target.kind == PauseTarget::Kind::queue) {
    SPIDER_TRY(const auto queue, intern_queue(target.name));
    for (auto& lane : lanes_) lane.pause_queue(queue, paused);
    if (queue >= paused_queues_.size()) paused_queues_.resize(queue + std::size_t{1});
    paused_queues_[queue] = paused;
  } else {
    SPIDER_TRY(const auto id, intern_group(target.name));
    auto& group = groups_[id.value - 1];
    group.paused = paused;
    Lane::pause_group(group);
  }
  if (!paused) all_arrived();
  return success();
}

auto MemoryState::ended_after(EndedCursor cursor) -> EndedBatch {
  const auto end = ended_first_ + ended_.size();
  EndedBatch batch;
  auto position = cursor.position == 0 ? end : cursor.position;
  batch.gap = position < ended_first_ || position > end;
  position = std::clamp(position, ended_first_, end);
  for (; position < end && batch.jobs.size() < limits.poll_items_max; ++position) {
    if (const auto job = ended_[position - ended_first_]) batch.jobs.push_back(job);
  }
  batch.cursor.position = position;
  return batch;
}

auto MemoryState::wait_for(JobId id) -> Result<std::shared_ptr<JobWait>> {
  auto* job = jobs_.find(id);
  if (job == nullptr) return Errc::unknown_job;
  if (has_ended(job->state.to)) return std::make_shared<JobWait>(JobWait{nullptr, job->state.to});
  if (!job->wait) job->wait = std::make_shared<JobWait>(JobWait{WaitingLine::make(clock), std::nullopt});
  return job->wait;
}

}  // namespace spider::inline v1::detail
