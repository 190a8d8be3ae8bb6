// Starts, finishes and renewals: where stale writers are fenced.

#include "sqlite/state.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

namespace {

auto clamped(std::uint32_t count) -> std::uint32_t { return std::min<std::uint32_t>(count, UINT16_MAX); }

auto read_instance(const Rows& rows, TaskRef task) -> InstanceRow {
  InstanceRow row;
  row.instance = {rows.get<InstanceId>(0), rows.get<std::uint64_t>(1), task};
  row.manager = rows.get<ManagerId>(2);
  row.attempt = rows.get<std::uint32_t>(3);
  if (!rows.is_null(4)) row.deadline = rows.get<TimePoint>(4);
  return row;
}

}  // namespace

auto SqliteState::find_instance(const TaskInstance& instance) -> std::optional<InstanceRow> {
  if (const auto* kept = kept_task(instance.task)) {
    if (kept->instance && kept->instance->instance == instance) return kept->instance;
  }
  Rows rows{*file_,
            "SELECT id, epoch, manager, attempt, deadline FROM instance WHERE job = ? AND bits = ? AND "
            "id = ? AND epoch = ?",
            instance.task.job,
            instance.task.task.bits(),
            instance.id,
            instance.epoch};
  if (!rows.next()) return std::nullopt;
  return read_instance(rows, instance.task);
}

auto SqliteState::find_repeated(const TaskAssignment& assignment, ManagerId manager)
    -> std::optional<InstanceRow> {
  if (!assignment.id) return std::nullopt;
  Rows rows{*file_,
            "SELECT id, epoch, manager, attempt, deadline FROM instance WHERE job = ? AND bits = ? AND "
            "manager = ? AND assignment = ? AND scheduler = ? AND session = ? ORDER BY id DESC LIMIT 1",
            assignment.job,
            assignment.task.bits(),
            manager,
            assignment.id,
            assignment.scheduler,
            assignment.session};
  if (!rows.next()) return std::nullopt;
  return read_instance(rows, assignment.ref());
}

auto SqliteState::count_instances(TaskRef task) -> std::uint32_t {
  Rows rows{*file_, "SELECT count(*) FROM instance WHERE job = ? AND bits = ?", task.job, task.task.bits()};
  return rows.next() ? rows.get<std::uint32_t>(0) : 0;
}

auto SqliteState::start(const TaskAssignment& assignment, ManagerId manager) -> Result<StartedTask> {
  auto* scheduler = find_scheduler(assignment.scheduler);
  if (scheduler == nullptr) return Errc::unknown_scheduler;
  auto* job = find_job(assignment.job);
  if (job == nullptr) return Errc::unknown_job;
  const auto body = body_of(assignment.job);
  if (!body->has(assignment.task)) return Errc::unknown_task;
  auto task = load_task(*job, *body, assignment.task);
  const auto repeated = task.epoch > 0 ? find_repeated(assignment, manager) : std::nullopt;
  if (repeated) return started(body, *repeated, task.deferrals);
  SPIDER_TRY(admit(assignment, *scheduler, *job, *body, task));
  if (task.session) task = load_task(*job, *body, assignment.task);  // a lapse may have requeued it

  if (task.state == TaskState::ready) move_task(*job, task, TaskState::running);
  drop_lease(task);
  task.delayed = false;
  task.attempts = clamped(task.attempts + 1);
  task.started_at = now_;
  task.manager = manager;
  const auto instance = add_instance(assignment, manager, body->task(assignment.task), task);
  store_task(job->id, task);
  if (auto* kept = kept_task(assignment.ref())) kept->instance = instance;
  if (const auto move = life_cycle::after_start(job->state.to)) move_job(*job, *body, *move);
  auto answer = started(body, instance, task.deferrals);
  const auto work = work_name_of(job->id, *body, assignment.task);
  if (!work.empty()) start_work(work, assignment.ref(), answer);
  return answer;
}

auto SqliteState::admit(const TaskAssignment& assignment, SchedulerRow& scheduler, const JobRow& job,
                        const JobBody& body, const TaskRow& task) -> Result<void> {
  if (has_lapsed(scheduler)) supersede(scheduler);
  if (!scheduler.session || scheduler.session != assignment.session) return Errc::stale_session;
  const bool running = task.state == TaskState::running;
  const auto work = work_name_of(job.id, body, assignment.task);
  return life_cycle::check_start(
      {.job = job.state.to,
       .kind = assignment.task.kind(),
       .task = task.state,
       .due = task.ready_at <= now_,
       .equivalent_runs = !work.empty() && !work_of(work).may_start(assignment.ref()),
       .instances = running ? count_instances(assignment.ref()) : 0,
       .instances_max = body.task(assignment.task).instances_max});
}

auto SqliteState::add_instance(const TaskAssignment& assignment, ManagerId manager, const TaskSpec& spec,
                               TaskRow& task) -> InstanceRow {
  InstanceRow row;
  row.instance = {InstanceId{++counters_.instance}, ++task.epoch, assignment.ref()};
  row.manager = manager;
  row.attempt = task.attempts;
  if (spec.timeout > Duration::zero()) row.deadline = saturating_add(now_, spec.timeout);
  file_->run("INSERT INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 9223372036854775807))",
             assignment.job, assignment.task.bits(), row.instance.id, row.instance.epoch, manager,
             assignment.id, assignment.scheduler, assignment.session, row.attempt, row.deadline);
  set_timer(row.deadline);

  auto* runs = manager_row(manager);
  if (runs == nullptr) {
    runs = &managers_[manager];
    runs->id = manager;
  }
  if (++runs->running == 1) runs->lease_until = saturating_add(now_, limits.manager_lease);
  runs->dirty = true;
  set_timer(runs->lease_until);
  return row;
}

auto SqliteState::started(const BodyPtr& body, const InstanceRow& running, std::uint32_t deferrals) const
    -> StartedTask {
  const auto task = running.instance.task.task;
  StartedTask started;
  started.instance = running.instance;
  started.spec = std::shared_ptr<const TaskSpec>{body->spec, &body->task(task)};
  if (task.kind() == TaskKind::regular) {
    started.element = task.index() - body->graph.first_task(body->graph.node_of(task.index()));
  }
  started.attempt = running.attempt;
  started.deferrals = deferrals;
  started.deadline = running.deadline;
  return started;
}

auto SqliteState::drop_instance(const InstanceRow& gone) -> void {
  const auto& task = gone.instance.task;
  file_->run("DELETE FROM instance WHERE job = ? AND bits = ? AND id = ?", task.job, task.task.bits(),
             gone.instance.id);
  auto* kept = kept_task(task);
  if (kept != nullptr && kept->instance && kept->instance->instance == gone.instance) kept->instance.reset();
  auto* manager = manager_row(gone.manager);
  if (manager == nullptr) return;
  --manager->running;
  manager->dirty = true;
}

/// Its manager learns of it at its next renewal.
auto SqliteState::lose_instance(const InstanceRow& gone) -> void {
  const auto& task = gone.instance.task;
  file_->run("INSERT INTO lost VALUES (?, ?, ?, ?, ?, ?)", gone.manager, ++counters_.turn, task.job,
             task.task.bits(), gone.instance.id, gone.instance.epoch);
  drop_instance(gone);
}

auto SqliteState::lose_instances(TaskRef task) -> void {
  std::vector<InstanceRow> running;
  {
    Rows rows{*file_,
              "SELECT id, epoch, manager, attempt, deadline FROM instance WHERE job = ? AND bits = ? "
              "ORDER BY id DESC",
              task.job, task.task.bits()};
    while (rows.next()) running.push_back(read_instance(rows, task));
  }
  for (const auto& gone : running) lose_instance(gone);
}

auto SqliteState::finish(const FinishRequest& request) -> Result<void> {
  const auto& instance = request.instance;
  const auto ref = instance.task;
  const auto running = instance.id ? find_instance(instance) : std::nullopt;
  auto task = stored_task(ref.job, ref.task);
  if (!running || !task) {
    if (!task || !instance.id || task->finished != instance.id || task->finished_epoch != instance.epoch ||
        task->finished_kind != static_cast<std::uint32_t>(request.kind)) {
      return Errc::stale_instance;
    }
    return success();
  }
  SPIDER_TRY(life_cycle::check_finish(request, limits));

  task->finished = instance.id;
  task->finished_epoch = instance.epoch;
  task->finished_kind = static_cast<std::uint32_t>(request.kind);
  if (request.kind == FinishRequest::Kind::failed) {
    store_error(ref.job, ref.task, request.reason);
  } else if (request.kind == FinishRequest::Kind::succeeded && !request.output.empty() &&
             ref.task.kind() == TaskKind::regular) {
    store_output(ref.job, ref.task, request.output);
  }
  drop_instance(*running);
  apply(*find_job(ref.job), *body_of(ref.job), *task, life_cycle::attempt_end(request), request.delay);
  return success();
}

// While other instances of the task run, one that did not succeed decides nothing, unless its handler
// has said never.
auto SqliteState::apply(JobRow& job, const JobBody& body, TaskRow& task, life_cycle::AttemptEnd how,
                        Duration delay) -> void {
  const auto verdict = life_cycle::after_attempt(
      how, {.attempts = task.attempts, .deferrals = task.deferrals, .now = now_, .delay = delay},
      body.task(task.id).retry, limits);
  task.attempts = clamped(verdict.attempts);
  task.deferrals = clamped(verdict.deferrals);
  const bool decides = verdict.to == TaskState::succeeded || how == life_cycle::AttemptEnd::refused;
  if (!decides && count_instances({job.id, task.id}) > 0) return store_task(job.id, task);
  if (verdict.to != TaskState::ready) return end_task_run(job, body, task, verdict);
  task.ready_at = verdict.ready_at;
  move_task(job, task, TaskState::ready);
  store_task(job.id, task);
  offer(job, task.id, 1, verdict.ready_at);
}

auto SqliteState::end_task_run(JobRow& job, const JobBody& body, TaskRow& task,
                               const life_cycle::TaskVerdict& verdict) -> void {
  const TaskRef ref{job.id, task.id};
  const auto work = work_name_of(job.id, body, task.id);
  if (body.task(task.id).instances_max > 1) lose_instances(ref);
  move_task(job, task, verdict.to);
  task.ended_at = now_;
  task.dead_lettered = verdict.dead_lettered;
  store_task(job.id, task);
  const auto kind = task.id.kind();
  if (verdict.to == TaskState::failed && kind != TaskKind::cleanup) {
    job.reason =
        "task " + to_string(task.id) + " (" + body.task(task.id).handler + "): " + error_of(job.id, task.id);
  }
  if (verdict.to == TaskState::succeeded && kind == TaskKind::regular) {
    for (const auto node : count_down(job, body, body.graph.node_of(task.id.index()))) {
      ready_node(job, body, node, now_, true);
    }
  }
  const auto move = life_cycle::after_task(job.state, kind, verdict.to, job.complete(), job.shape);
  touch(job);
  const auto output = work.empty() ? Bytes{} : output_of(ref.job, ref.task);
  if (move) move_job(job, body, *move);
  if (!work.empty()) end_work(work, ref, verdict.to == TaskState::succeeded, output);
}

/// One more task of the node has succeeded: the nodes that are ready by that.
auto SqliteState::count_down(JobRow& job, const JobBody& body, std::uint32_t node)
    -> std::vector<std::uint32_t> {
  if (body.graph.task_count(node) > 1) {
    auto row = load_node(job, body, node);
    --row.tasks_left;
    store_node(job.id, node, row);
    if (row.tasks_left > 0) return {};
  }
  touch(job);
  --job.nodes_left;
  std::vector<std::uint32_t> ready;
  for (const auto child : body.graph.children(node)) {
    auto row = load_node(job, body, child);
    if (--row.parents_left == 0) {
      row.ready_at = now_;
      ready.push_back(child);
    }
    store_node(job.id, child, row);
  }
  return ready;
}

auto SqliteState::renew(ManagerId manager) -> Result<Renewal> {
  auto* runs = manager_row(manager);
  if (runs == nullptr) return Errc::unknown_manager;
  Renewal renewal;
  {
    Rows rows{*file_, "SELECT job, bits, instance, epoch FROM lost WHERE manager = ? ORDER BY number LIMIT ?",
              manager, limits.poll_items_max};
    while (rows.next()) {
      const TaskRef task{rows.get<JobId>(0), task_of(rows.get<std::uint32_t>(1))};
      renewal.lost.push_back({rows.get<InstanceId>(2), rows.get<std::uint64_t>(3), task});
    }
  }
  if (runs->running == 0 && renewal.lost.empty()) return Errc::unknown_manager;
  if (!renewal.lost.empty()) file_->run("DELETE FROM lost WHERE manager = ?", manager);
  runs->lease_until = saturating_add(now_, limits.manager_lease);
  runs->dirty = true;
  renewal.lease = limits.manager_lease;
  return renewal;
}

auto SqliteState::parent_outputs(const TaskInstance& instance) -> Result<std::vector<std::vector<Bytes>>> {
  if (!find_instance(instance)) return Errc::stale_instance;
  const auto body = body_of(instance.task.job);
  std::vector<std::vector<Bytes>> all;
  for (const auto parent : body->task(instance.task.task).parents) {
    const auto first = body->graph.first_task(parent);
    auto& outputs = all.emplace_back(body->graph.task_count(parent));
    Rows rows{*file_, "SELECT bits, body FROM output WHERE job = ? AND bits BETWEEN ? AND ?",
              instance.task.job, first, first + body->graph.task_count(parent) - 1};
    while (rows.next()) outputs[rows.get<std::uint32_t>(0) - first] = rows.text(1);
  }
  return all;
}

}  // namespace spider::inline v1::detail
