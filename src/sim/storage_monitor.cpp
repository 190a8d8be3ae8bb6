#include "sim/storage_monitor.hpp"

#include <algorithm>

namespace spider::inline v1::sim {

namespace {

auto number(TaskId task) -> std::uint64_t { return task.bits(); }

}  // namespace

auto StorageMonitor::registered(SchedulerId scheduler, SessionId session) -> void {
  context_.note(Note::registered, scheduler.value, session.value);
  if (session <= last_session_) {
    context_.complain("I3", "session " + std::to_string(session.value) + " was drawn after session " +
                                std::to_string(last_session_.value));
  }
  last_session_ = std::max(last_session_, session);
  live_[scheduler] = {session, saturating_add(context_.storage_clock.now(), limits_.session_lease)};
}

auto StorageMonitor::unregistered(SchedulerId scheduler, SessionId session) -> void {
  context_.note(Note::unregistered, scheduler.value, session.value);
  if (live_[scheduler].id == session) live_[scheduler] = {SessionId{session.value + 1}, {}};  // none is live
}

auto StorageMonitor::polled(TaskKind lane, SchedulerId scheduler, const SlotFilter* slots,
                            const InboundBatch& batch) -> void {
  context_.note(Note::polled, static_cast<std::uint64_t>(lane), batch.session.value, batch.entries.size());
  auto& live = live_[scheduler];
  live.id = std::max(live.id, batch.session);
  live.until = saturating_add(context_.storage_clock.now(), limits_.session_lease);
  last_session_ = std::max(last_session_, batch.session);
  for (const auto& entry : batch.entries) {
    context_.note(Note::offered, entry.job.value, number(entry.task));
    if (entry.task.kind() != lane) {
      context_.complain("T12", to_text(entry.ref()) + " was offered in another lane than its own");
    }
    const auto [job, task] = find(entry.ref());
    if (job == nullptr || task == nullptr) {
      context_.complain("T12", to_text(entry.ref()) + " was offered and does not exist");
      continue;
    }
    if (groups_[job->spec.resource_group].paused) {
      context_.complain("T12", to_text(entry.ref()) + " was offered while its resource group was paused");
    }
    check_order(*job, entry.ref(), *task);
    check_wait(*job, entry, *task);
    check_lease(scheduler, batch.session, slots, entry, *task);
  }
}

/// I11. What was leased before is offered anew when that lease ends, whenever that is; and who has a coalesce
/// key may have waited for its equivalent.
auto StorageMonitor::check_wait(const Job& job, const InboundEntry& entry, const Task& task) -> void {
  if (task.leased_to || key_of(job, entry.ref())) return;
  const auto resumed_at = groups_[job.spec.resource_group].resumed_at;
  polls_.offered(entry, std::max({entry.ready_at, job.submitted_at, task.changed_at, resumed_at}));
}

/// I13: nobody else's lease holds. R4, R5: it is in the share that was asked for, and due for it.
auto StorageMonitor::check_lease(SchedulerId scheduler, SessionId session, const SlotFilter* slots,
                                 const InboundEntry& entry, Task& task) -> void {
  const auto now = context_.storage_clock.now();
  const auto& job = jobs_.at(entry.job);
  if (task.leased_to != scheduler && is_leased(job, entry.ref(), task)) {
    context_.complain("I13", to_text(entry.ref()) + " was offered while the lease of another scheduler held");
  }
  task.leased_to = scheduler;
  task.leased_under = session;
  task.starts_before = starts_;
  const auto from = slots == nullptr ? TimePoint{} : slots->offered_from(entry.ref(), entry.ready_at);
  if (from == kForever) {
    context_.complain("R4", to_text(entry.ref()) + " was offered to who had not asked for its slot");
  } else if (from > now) {
    context_.complain("R5", to_text(entry.ref()) + " was offered before its owner had its time");
  }
}

/// Unless it was folded into a run meanwhile: when that fails it is offered anew.
auto StorageMonitor::is_leased(const Job& job, TaskRef ref, const Task& task) -> bool {
  const auto& holder = live_[task.leased_to];
  if (!task.leased_to || holder.id != task.leased_under) return false;
  const auto* run = run_of(job, ref);
  return context_.storage_clock.now() < holder.until &&
         (run == nullptr || run->started <= task.starts_before);
}

auto StorageMonitor::live_session(SchedulerId scheduler) const -> SessionId {
  const auto found = live_.find(scheduler);
  return found == live_.end() ? SessionId{} : found->second.id;
}

auto StorageMonitor::find(TaskRef ref) -> std::pair<Job*, Task*> {
  const auto found = jobs_.find(ref.job);
  if (found == jobs_.end()) return {nullptr, nullptr};
  auto& job = found->second;
  switch (ref.task.kind()) {
    case TaskKind::commit: return {&job, job.spec.commit ? &job.tasks[job.regular] : nullptr};
    case TaskKind::cleanup: return {&job, job.spec.cleanup ? &job.tasks[job.regular + 1] : nullptr};
    case TaskKind::regular: break;
  }
  return {&job, ref.task.index() < job.regular ? &job.tasks[ref.task.index()] : nullptr};
}

auto StorageMonitor::node_of(const Job& job, std::uint32_t index) -> std::uint32_t {
  const auto after = std::ranges::upper_bound(job.nodes, index, {}, &Node::first);
  return static_cast<std::uint32_t>(after - job.nodes.begin()) - 1;
}

/// I4: only after all that comes before it has succeeded. I2: not after its own end.
auto StorageMonitor::check_order(const Job& job, TaskRef ref, const Task& task) -> void {
  const auto kind = ref.task.kind();
  bool in_order = true;
  if (kind == TaskKind::regular) {
    in_order = job.nodes[node_of(job, ref.task.index())].parents_left == 0;
  } else if (kind == TaskKind::commit) {
    in_order = may_have_succeeded(ref.job, job) == job.regular;
  }
  if (!in_order) context_.complain("I4", to_text(ref) + " before all its parents have succeeded");
  if (task.succeeded || task.failed) context_.complain("I2", to_text(ref) + " again after its end");
}

/// What ran with success, and what an equivalent run has done or may have done (coalescing).
auto StorageMonitor::may_have_succeeded(JobId id, const Job& job) const -> std::uint32_t {
  auto succeeded = job.succeeded;
  for (std::uint32_t index = 0; index < job.regular; ++index) {
    const auto& task = job.tasks[index];
    if (!task.succeeded && !task.failed && witness_.was_done({id, TaskId{index}})) ++succeeded;
  }
  return succeeded;
}

auto StorageMonitor::started(const TaskAssignment& assignment, ManagerId manager, SessionId live,
                             const Result<StartedTask>& answer) -> void {
  const auto ref = assignment.ref();
  context_.note(Note::started, ref.job.value, number(ref.task), manager.value,
                answer ? answer.value().instance.id.value : 0, outcome_of(answer));
  if (!answer) return;
  const auto [job, task] = find(ref);
  if (job == nullptr || task == nullptr) return context_.complain("I4", to_text(ref) + " does not exist");
  const auto& started = answer.value();
  for (const auto& earlier : task->instances) {
    if (earlier.id != started.instance.id) continue;
    if (earlier.manager != manager || earlier.assignment != assignment.id || earlier.finished) {
      context_.complain("I5", to_text(ref) + ": one instance was given out twice");
    }
    return;  // the repetition of a call whose answer was lost
  }
  ++starts_;
  folded_ += started.folded;
  if (assignment.session < live) {
    context_.complain("I3", to_text(ref) + " was started under session " +
                                std::to_string(assignment.session.value) + " although " +
                                std::to_string(live.value) + " is live");
  }
  check_order(*job, ref, *task);
  if (job->over && ref.task.kind() != TaskKind::cleanup) {
    context_.complain("I2", to_text(ref) + " was started after the end of its job");
  }
  check_owner(*job, ref, *task, started);
  check_alone(*job, ref);
  task->leased_to = {};
  task->changed_at = context_.storage_clock.now();
  witness_.started(ref);
  task->instances.push_back({.id = started.instance.id,
                             .epoch = started.instance.epoch,
                             .manager = manager,
                             .assignment = assignment.id,
                             .started = starts_,
                             .deadline = started.deadline});
}

/// I5, I13: an owner before it has ended, or its manager has not renewed for the length of a lease.
auto StorageMonitor::check_owner(const Job& job, TaskRef ref, const Task& task, const StartedTask& started)
    -> void {
  if (task.instances.empty()) return;
  const auto& before = task.instances.back();
  if (started.instance.epoch <= before.epoch) {
    context_.complain("I5", to_text(ref) + ": the epoch went from " + std::to_string(before.epoch) + " to " +
                                std::to_string(started.instance.epoch));
  }
  const auto index = ref.task.kind() == TaskKind::regular ? node_of(job, ref.task.index()) : 0;
  const auto many = ref.task.kind() == TaskKind::regular && job.spec.tasks[index].instances_max > 1;
  if (!many && owns(before)) {
    context_.complain("I13", to_text(ref) + " was given to a second owner while the first one's lease held");
  }
}

auto StorageMonitor::owns(const Instance& instance) -> bool {
  if (instance.finished || instance.lost) return false;
  const auto now = context_.storage_clock.now();
  const auto& lease = leases_[instance.manager];
  return now < lease.until && instance.started > lease.starts_before && now < instance.deadline;
}

/// Nobody tells the monitor that the last attempt of a task is spent, or that the job's deadline has passed.
auto StorageMonitor::may_be_over(const Job& job) -> bool {
  if (job.over || context_.storage_clock.now() >= job.spec.deadline) return true;
  for (std::uint32_t index = 0; index < job.regular; ++index) {
    const auto& task = job.tasks[index];
    const auto attempts = job.spec.tasks[node_of(job, index)].retry.attempts_max;
    const auto spent = task.instances.size() >= attempts && !owns(task.instances.back());
    if (spent && !task.succeeded) return true;
  }
  return false;
}

auto StorageMonitor::key_of(const Job& job, TaskRef ref) -> const CoalesceKey* {
  if (ref.task.kind() != TaskKind::regular) return nullptr;
  const auto& key = job.spec.tasks[node_of(job, ref.task.index())].coalesce;
  return key ? &*key : nullptr;
}

auto StorageMonitor::run_of(const Job& job, TaskRef ref) -> Run* {
  const auto* key = key_of(job, ref);
  return key != nullptr ? &runs_[job.spec.resource_group + '\n' + canonical(*key)] : nullptr;
}

/// Q5: of one coalesce key, one task runs at a time.
auto StorageMonitor::check_alone(const Job& job, TaskRef ref) -> void {
  auto* run = run_of(job, ref);
  if (run == nullptr) return;
  const auto [other, task] = run->task == ref ? std::pair<Job*, Task*>{} : find(run->task);
  if (task != nullptr && owns(task->instances.back()) && !may_be_over(*other)) {
    context_.complain("Q5",
                      to_text(ref) + " was started while its equivalent " + to_text(run->task) + " runs");
  }
  *run = {ref, starts_};
}

auto StorageMonitor::finished(const FinishRequest& request, const Result<void>& answer) -> void {
  const auto ref = request.instance.task;
  context_.note(Note::finished, ref.job.value, number(ref.task), request.instance.id.value,
                static_cast<std::uint64_t>(request.kind), outcome_of(answer));
  if (!answer) return;
  const auto [job, task] = find(ref);
  if (job == nullptr || task == nullptr) return context_.complain("I5", to_text(ref) + " does not exist");
  const auto found = std::ranges::find(task->instances, request.instance.id, &Instance::id);
  if (found == task->instances.end() || found->epoch != request.instance.epoch) {
    return context_.complain("I5", to_text(ref) + ": an instance ended that was never started");
  }
  if (found->finished) {
    if (found->kind != request.kind)
      context_.complain("I2", to_text(ref) + ": one instance ended in two ways");
    return;
  }
  const auto index = ref.task.kind() == TaskKind::regular ? node_of(*job, ref.task.index()) : 0;
  const auto many = ref.task.kind() == TaskKind::regular && job->spec.tasks[index].instances_max > 1;
  if (found->lost) context_.complain("I5", to_text(ref) + ": the result of a lost instance was accepted");
  if (!many && found + 1 != task->instances.end()) {
    context_.complain("I5", to_text(ref) + ": the result of an instance that was replaced was accepted");
  }
  if (job->over && ref.task.kind() != TaskKind::cleanup) {
    context_.complain("I2", to_text(ref) + ": a result was accepted after the end of its job");
  }
  found->finished = true;
  found->kind = request.kind;
  task->changed_at = context_.storage_clock.now();
  end_task(*job, ref, *task, request.kind, request.kind == FinishRequest::Kind::failed && !request.retry);
}

auto StorageMonitor::end_task(Job& job, TaskRef ref, Task& task, FinishRequest::Kind kind, bool last)
    -> void {
  if (kind != FinishRequest::Kind::succeeded && !last) return;
  if (task.succeeded || task.failed) context_.complain("I2", to_text(ref) + " ended twice");
  task.succeeded = kind == FinishRequest::Kind::succeeded;
  task.failed = !task.succeeded;
  if (task.failed) job.failed = true;
  if (task.failed && ref.task.kind() == TaskKind::regular) job.over = true;
  if (ref.task.kind() != TaskKind::regular || !task.succeeded) return;
  ++job.succeeded;
  witness_.succeeded(ref);
  auto& node = job.nodes[node_of(job, ref.task.index())];
  if (--node.tasks_left > 0) return;
  for (const auto child : node.children) --job.nodes[child].parents_left;
}

auto StorageMonitor::renewed(ManagerId manager, const Result<Renewal>& answer) -> void {
  context_.note(Note::renewed, manager.value, answer ? answer.value().lost.size() : 0, outcome_of(answer));
  if (!answer) return;
  auto& lease = leases_[manager];
  const auto now = context_.storage_clock.now();
  if (now >= lease.until) lease.starts_before = starts_;
  lease.until = saturating_add(now, limits_.manager_lease);
  for (const auto& lost : answer.value().lost) {
    const auto [job, task] = find(lost.task);
    if (task == nullptr) continue;
    const auto found = std::ranges::find(task->instances, lost.id, &Instance::id);
    if (found == task->instances.end()) {
      context_.complain("I5", to_text(lost.task) + ": an instance was lost that was never started");
    } else if (found->finished) {
      context_.complain("I5", to_text(lost.task) + ": an instance was said to be lost after its end");
    } else {
      found->lost = true;
      task->changed_at = now;
    }
  }
}

}  // namespace spider::inline v1::sim
