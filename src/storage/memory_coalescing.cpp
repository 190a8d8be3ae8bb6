// Equivalent work: what `EquivalentWork` decides is carried out here.

#include "storage/memory_state.hpp"

namespace spider::inline v1::detail {

/// Null unless the task has a key, and has not ended.
auto MemoryState::find_work(const Job& job, TaskId task) -> life_cycle::EquivalentWork* {
  const auto* keyed = job.find_key(task);
  const auto work = keyed == nullptr ? works_.end() : works_.find(keyed->work);
  return work == works_.end() || !work->second.holds({job.id, task}) ? nullptr : &work->second;
}

/// Holds the job's pending tasks that have a key.
auto MemoryState::hold_work(Job& job) -> void {
  for (std::uint32_t node = 0; node < job.keys.size(); ++node) {
    const TaskId task{job.graph.first_task(node)};
    if (!job.keys[node] || job.record(task).state != TaskState::pending) continue;
    job.folded_into.erase(task.bits());
    works_[job.keys[node]->work].add({.ref = {job.id, task},
                                      .queue = job.queue,
                                      .priority = job.priority,
                                      .not_before = job.spec->not_before,
                                      .deadline = job.deadline,
                                      .has_dependents = !job.graph.children(node).empty(),
                                      .joinable = life_cycle::may_join(*job.spec) == FoldOutcome::folded});
  }
}

auto MemoryState::join_queued(const Job& made) -> Submitted {
  Submitted answer;
  answer.fold = life_cycle::may_join(*made.spec);
  if (answer.fold != FoldOutcome::folded) return answer;
  answer.fold = FoldOutcome::key_differs;
  const auto work = works_.find(made.keys.front()->work);
  if (work == works_.end()) return answer;
  const auto found = work->second.find(made.queue, *made.spec, now_);
  answer.fold = found.outcome;
  if (found.outcome != FoldOutcome::folded) return answer;
  auto& job = *jobs_.find(found.task.job);
  ++job.submitters;
  if (made.priority < job.priority) promote(job, found.task.task, made.priority);
  answer.job = job.id;
  answer.existing = true;
  return answer;
}

auto MemoryState::promote(Job& job, TaskId task, PriorityClass priority) -> void {
  Lane::withdraw(job);
  job.priority = priority;
  life_cycle::EquivalentWork::Steps steps;
  find_work(job, task)->promote({job.id, task}, priority, steps);
  carry_out(steps, {}, {});
}

/// The task has ended: others follow it, or take its place. The job may be gone by now.
auto MemoryState::end_work(const std::string& key, TaskRef task, bool succeeded, const Bytes& output)
    -> void {
  life_cycle::EquivalentWork::Steps steps;
  works_.at(key).end(task, succeeded, now_, steps);
  carry_out(steps, task, output);
  const auto left = works_.find(key);
  if (left != works_.end() && left->second.empty()) works_.erase(left);
}

auto MemoryState::carry_out(const life_cycle::EquivalentWork::Steps& steps, TaskRef leader,
                            const Bytes& output) -> void {
  using Kind = life_cycle::EquivalentWork::Step::Kind;
  for (const auto& step : steps) {
    auto& job = *jobs_.find(step.task.job);
    const auto task = step.task.task;
    auto& record = job.record(task);
    record.session = TaskRecord::kNone;
    switch (step.kind) {
      case Kind::queue:
        if (record.state == TaskState::folded) {
          job.move_task(task, record, TaskState::ready);
          job.folded_into.erase(task.bits());
        }
        record.ready_at = step.ready_at;
        record.kept_back = step.ready_at <= now_;
        if (!record.kept_back) delay(job, task, 1, step.ready_at);
        break;
      case Kind::offer:
        record.kept_back = false;
        offer_now(job, task.bits(), 1);
        break;
      case Kind::keep_back: record.kept_back = true; break;
      case Kind::fold: fold(job, task, leader); break;
      case Kind::succeed:
        job.store_output(task, output);
        end_task_run(job, task, {.to = TaskState::succeeded});
        break;
    }
  }
}

auto MemoryState::fold(Job& job, TaskId task, TaskRef leader) -> void {
  auto& record = job.record(task);
  drop_delay(job, task, record);
  record.kept_back = false;
  job.move_task(task, record, TaskState::folded);
  job.folded_into[task.bits()] = leader;
  if (const auto move = life_cycle::after_start(job.state.to)) move_job(job, *move);
}

auto MemoryState::has_pending(const std::string& group, const CoalesceKey& key) -> Result<bool> {
  SPIDER_TRY(check_key(key));
  return works_.contains(life_cycle::work_name(group, key));
}

}  // namespace spider::inline v1::detail
