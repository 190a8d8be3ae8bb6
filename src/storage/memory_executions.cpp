// Starts, finishes and renewals: where stale writers are fenced.

#include "storage/memory_state.hpp"

#include <algorithm>
#include <cassert>

namespace spider::inline v1::detail {

namespace {

constexpr std::uint32_t kCountMax = UINT16_MAX;

auto clamped(std::uint32_t count) -> std::uint16_t {
  return static_cast<std::uint16_t>(std::min(count, kCountMax));
}

}  // namespace

auto MemoryState::start(const TaskAssignment& assignment, ManagerId manager) -> Result<StartedTask> {
  auto* scheduler = find_scheduler(assignment.scheduler);
  if (scheduler == nullptr) return Errc::unknown_scheduler;
  auto* job = jobs_.find(assignment.job);
  if (job == nullptr) return Errc::unknown_job;
  auto* record = job->find(assignment.task);
  if (record == nullptr) return Errc::unknown_task;
  if (const auto repeated = find_repeated(*record, assignment, manager))
    return started(*job, *record, *repeated);
  SPIDER_TRY(admit(assignment, *scheduler, *job, *record));

  if (record->state == TaskState::ready) job->move_task(assignment.task, *record, TaskState::running);
  record->session = TaskRecord::kNone;
  record->delayed = false;
  record->kept_back = false;
  record->attempts = clamped(record->attempts + 1U);
  record->started_at = now_;
  record->manager = manager;
  const auto position = add_instance(assignment, manager, *job, *record);
  if (const auto move = life_cycle::after_start(job->state.to)) move_job(*job, *move);
  auto answer = started(*job, *record, position);
  if (auto* work = find_work(*job, assignment.task)) {
    life_cycle::EquivalentWork::Steps steps;
    answer.fold = work->start(assignment.ref(), steps);
    answer.folded = life_cycle::folded_in(steps);
    carry_out(steps, assignment.ref(), {});
  }
  return answer;
}

auto MemoryState::find_repeated(const TaskRecord& record, const TaskAssignment& assignment, ManagerId manager)
    -> std::optional<std::uint32_t> {
  if (!assignment.id) return std::nullopt;
  for (auto link = record.instance; link != 0; link = instances_.at(link - 1).older) {
    const auto& running = instances_.at(link - 1);
    if (running.manager == manager && running.assignment == assignment.id &&
        running.scheduler == assignment.scheduler && running.session == assignment.session) {
      return link - 1;
    }
  }
  return std::nullopt;
}

auto MemoryState::admit(const TaskAssignment& assignment, SchedulerRecord& scheduler, const Job& job,
                        const TaskRecord& record) -> Result<void> {
  if (has_lapsed(scheduler)) supersede(scheduler);
  if (!scheduler.session || scheduler.session != assignment.session) return Errc::stale_session;
  const auto* work = find_work(job, assignment.task);
  return life_cycle::check_start({.job = job.state.to,
                                  .kind = assignment.task.kind(),
                                  .task = record.state,
                                  .due = record.ready_at <= now_,
                                  .equivalent_runs = work != nullptr && !work->may_start(assignment.ref()),
                                  .instances = instances_.count(record),
                                  .instances_max = job.task_spec(assignment.task).instances_max});
}

auto MemoryState::add_instance(const TaskAssignment& assignment, ManagerId manager, Job& job,
                               TaskRecord& record) -> std::uint32_t {
  const auto timeout = job.task_spec(assignment.task).timeout;
  InstanceRecord instance;
  instance.instance.task = assignment.ref();
  instance.manager = manager;
  instance.assignment = assignment.id;
  instance.scheduler = assignment.scheduler;
  instance.session = assignment.session;
  instance.attempt = record.attempts;
  if (timeout > Duration::zero()) instance.deadline = saturating_add(now_, timeout);
  const auto position = instances_.add(instance, record);

  if (instance.deadline != kForever) {
    set_timer({.at = instance.deadline,
               .kind = Timer::Kind::attempt,
               .instance = instances_.at(position).instance.id,
               .id = position});
  }
  auto& runs = instances_.managers[manager];
  if (runs.running == 1) runs.lease_until = saturating_add(now_, limits.manager_lease);
  if (!std::exchange(runs.watched, true)) {
    set_timer({.at = runs.lease_until, .kind = Timer::Kind::manager, .id = manager.value});
  }
  return position;
}

auto MemoryState::started(const Job& job, const TaskRecord& record, std::uint32_t position) const
    -> StartedTask {
  const auto& running = instances_.at(position);
  const auto task = running.instance.task.task;
  StartedTask started;
  started.instance = running.instance;
  started.spec = std::shared_ptr<const TaskSpec>{job.spec, &job.task_spec(task)};
  if (task.kind() == TaskKind::regular) {
    started.element = task.index() - job.graph.first_task(job.node_of(task.index()));
  }
  started.attempt = running.attempt;
  started.deferrals = record.deferrals;
  started.deadline = running.deadline;
  return started;
}

auto MemoryState::drop_instance(TaskRecord& record, std::uint32_t position) -> void {
  const auto& gone = instances_.at(position);
  if (gone.deadline != kForever) {
    timers_.erase(
        {.at = gone.deadline, .kind = Timer::Kind::attempt, .instance = gone.instance.id, .id = position});
  }
  instances_.remove(position, record);
}

/// Its manager learns of it at its next renewal.
auto MemoryState::lose_instance(TaskRecord& record, std::uint32_t position) -> void {
  const auto& gone = instances_.at(position);
  auto& lost = instances_.managers[gone.manager].lost;
  if (lost.size() < limits.poll_items_max) lost.push_back(gone.instance);
  drop_instance(record, position);
}

auto MemoryState::lose_instances(TaskRecord& record) -> void {
  while (record.instance != TaskRecord::kNone) lose_instance(record, record.instance - 1);
}

auto MemoryState::find_instance(const TaskInstance& instance) -> std::optional<std::uint32_t> {
  auto* job = jobs_.find(instance.task.job);
  const auto* record = job == nullptr ? nullptr : job->find(instance.task.task);
  if (record == nullptr) return std::nullopt;
  for (auto link = record->instance; link != 0; link = instances_.at(link - 1).older) {
    if (instances_.at(link - 1).instance == instance) return link - 1;
  }
  return std::nullopt;
}

auto MemoryState::finish(const FinishRequest& request) -> Result<void> {
  const auto& instance = request.instance;
  const auto position = find_instance(instance);
  if (!position) {
    auto* job = jobs_.find(instance.task.job);
    const auto* record = job == nullptr ? nullptr : job->find(instance.task.task);
    if (record == nullptr || !instance.id || record->finished != instance.id ||
        record->finished_epoch != instance.epoch ||
        record->finished_kind != static_cast<std::uint8_t>(request.kind)) {
      return Errc::stale_instance;
    }
    return success();
  }
  SPIDER_TRY(life_cycle::check_finish(request, limits));

  const auto task = instance.task.task;
  auto& job = *jobs_.find(instance.task.job);
  auto& record = job.record(task);
  record.finished = instance.id;
  record.finished_epoch = static_cast<std::uint32_t>(instance.epoch);
  record.finished_kind = static_cast<std::uint8_t>(request.kind) & 7U;
  if (request.kind == FinishRequest::Kind::succeeded) {
    job.store_output(task, request.output);
  } else if (request.kind == FinishRequest::Kind::failed) {
    job.errors[task.bits()] = request.reason;
  }
  const auto how = life_cycle::attempt_end(request);
  const auto verdict = verdict_on(job, task, how, request.delay);
  drop_instance(record, *position);
  apply(job, task, how, verdict);
  return success();
}

auto MemoryState::verdict_on(Job& job, TaskId task, life_cycle::AttemptEnd how, Duration delay)
    -> life_cycle::TaskVerdict {
  const auto& record = job.record(task);
  return life_cycle::after_attempt(
      how, {.attempts = record.attempts, .deferrals = record.deferrals, .now = now_, .delay = delay},
      job.task_spec(task).retry, limits);
}

// While other instances of the task run, one that did not succeed decides nothing, unless its handler
// has said never.
auto MemoryState::apply(Job& job, TaskId task, life_cycle::AttemptEnd how,
                        const life_cycle::TaskVerdict& verdict) -> void {
  auto& record = job.record(task);
  record.attempts = clamped(verdict.attempts);
  record.deferrals = clamped(verdict.deferrals);
  const bool others = record.instance != TaskRecord::kNone;
  if (others && verdict.to != TaskState::succeeded && how != life_cycle::AttemptEnd::refused) return;
  if (verdict.to != TaskState::ready) return end_task_run(job, task, verdict);
  record.ready_at = verdict.ready_at;
  job.move_task(task, record, TaskState::ready);
  offer(job, task, 1, verdict.ready_at);
}

auto MemoryState::end_task_run(Job& job, TaskId task, const life_cycle::TaskVerdict& verdict) -> void {
  auto& record = job.record(task);
  const TaskRef ref{job.id, task};
  const auto key = find_work(job, task) == nullptr ? std::string{} : job.find_key(task)->work;
  const auto output = key.empty() ? Bytes{} : job.output(task);
  lose_instances(record);
  job.move_task(task, record, verdict.to);
  record.ended_at = now_;
  record.dead_lettered = verdict.dead_lettered;
  if (verdict.to == TaskState::failed && task.kind() != TaskKind::cleanup) {
    job.reason =
        "task " + to_string(task) + " (" + job.task_spec(task).handler + "): " + job.errors[task.bits()];
  }
  if (verdict.to == TaskState::succeeded && task.kind() == TaskKind::regular) {
    ready_nodes_.clear();
    job.progress.succeeded(job.graph, job.node_of(task.index()), ready_nodes_);
    for (const auto node : ready_nodes_) ready_node(job, node, now_);
  }
  const auto move =
      life_cycle::after_task(job.state, task.kind(), verdict.to, job.progress.complete(), job.shape());
  if (move) move_job(job, *move);
  if (!key.empty()) end_work(key, ref, verdict.to == TaskState::succeeded, output);
}

auto MemoryState::renew(ManagerId manager) -> Result<Renewal> {
  const auto found = instances_.managers.find(manager);
  if (found == instances_.managers.end()) return Errc::unknown_manager;
  auto& runs = found->second;
  if (runs.running == 0 && runs.lost.empty()) return Errc::unknown_manager;
  runs.lease_until = saturating_add(now_, limits.manager_lease);
  Renewal renewal;
  renewal.lease = limits.manager_lease;
  renewal.lost.swap(runs.lost);
  return renewal;
}

auto MemoryState::parent_outputs(const TaskInstance& instance) -> Result<std::vector<std::vector<Bytes>>> {
  if (!find_instance(instance)) return Errc::stale_instance;
  const auto& job = *jobs_.find(instance.task.job);
  std::vector<std::vector<Bytes>> all;
  for (const auto parent : job.task_spec(instance.task.task).parents) {
    if (job.outputs.empty() || job.outputs[parent].empty()) {
      all.emplace_back(job.graph.task_count(parent));
    } else {
      all.push_back(job.outputs[parent]);
    }
  }
  return all;
}

}  // namespace spider::inline v1::detail
