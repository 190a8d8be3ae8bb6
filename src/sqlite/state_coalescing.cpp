// Equivalent work: what `EquivalentWork` decides is carried out, and its states are kept, here.

#include "sqlite/state.hpp"

namespace spider::inline v1::detail {

namespace {

using life_cycle::EquivalentWork;

auto find_key(const JobBody& body, TaskId task) -> const CoalesceKey* {
  if (task.kind() != TaskKind::regular) return nullptr;
  const auto& key = body.task(task).coalesce;
  return key ? &*key : nullptr;
}

auto named(const JobBody& body, TaskId task) -> std::string {
  return life_cycle::work_name(body.spec->resource_group, *find_key(body, task));
}

}  // namespace

auto SqliteState::held_task(const JobRow& job, const JobBody& body, TaskId task) -> EquivalentWork::Task {
  const auto node = body.graph.node_of(task.index());
  return {.ref = {job.id, task},
          .queue = job.queue,
          .priority = job.priority,
          .not_before = job.not_before,
          .deadline = job.deadline,
          .has_dependents = !body.graph.children(node).empty(),
          .joinable = life_cycle::may_join(*body.spec) == FoldOutcome::folded};
}

/// As it is kept over transactions, or read from the file.
auto SqliteState::work_of(const std::string& name) -> EquivalentWork& {
  const auto [found, added] = works_.try_emplace(name);
  if (!added) return found->second;
  struct Kept {
    TaskRef ref;
    EquivalentWork::State state;
    TimePoint ready_at;
  };
  std::vector<Kept> kept;
  {
    Rows rows{*file_, "SELECT job, bits, state, ready_at FROM equivalent WHERE work = ?", Blob{name}};
    while (rows.next()) {
      kept.push_back({{rows.get<JobId>(0), task_of(rows.get<std::uint32_t>(1))},
                      rows.get<EquivalentWork::State>(2),
                      rows.get<TimePoint>(3)});
    }
  }
  for (const auto& one : kept) {
    const auto* job = find_job(one.ref.job);
    if (job == nullptr) throw SqlFailure{SQLITE_CORRUPT, "equivalent work of a job that is not there"};
    auto task = held_task(*job, *body_of(job->id), one.ref.task);
    task.state = one.state;
    task.ready_at = one.ready_at;
    found->second.add(task);
  }
  return found->second;
}

/// Empty unless the task has a key, and has not ended.
auto SqliteState::work_name_of(JobId job, const JobBody& body, TaskId task) -> std::string {
  if (find_key(body, task) == nullptr) return {};
  auto name = named(body, task);
  return work_of(name).holds({job, task}) ? name : std::string{};
}

/// Ready and due, but equivalent work is offered or runs.
auto SqliteState::is_kept_back(const JobRow& job, const JobBody& body, TaskId task) -> bool {
  const auto name = work_name_of(job.id, body, task);
  return !name.empty() && work_of(name).task({job.id, task}).state == EquivalentWork::State::kept_back;
}

auto SqliteState::keep(const std::string& name, TaskRef task) -> void {
  const auto& work = work_of(name);
  if (!work.holds(task)) {
    file_->run("DELETE FROM equivalent WHERE work = ? AND job = ? AND bits = ?", Blob{name}, task.job,
               task.task.bits());
    return;
  }
  const auto& held = work.task(task);
  file_->run("INSERT OR REPLACE INTO equivalent VALUES (?, ?, ?, ?, ?)", Blob{name}, task.job,
             task.task.bits(), held.state, held.ready_at);
}

/// Holds the job's tasks that have a key, and have not ended.
auto SqliteState::hold_work(const JobRow& job, const JobBody& body) -> void {
  for (std::uint32_t node = 0; node < body.graph.nodes(); ++node) {
    const TaskId task{body.graph.first_task(node)};
    if (!body.spec->tasks[node].coalesce || has_ended(load_task(job, body, task).state)) continue;
    const auto name = named(body, task);
    file_->run("DELETE FROM folded_into WHERE job = ? AND bits = ?", job.id, task.bits());
    work_of(name).add(held_task(job, body, task));
    keep(name, {job.id, task});
  }
}

auto SqliteState::join_queued(const JobRow& made, const JobBody& body) -> Submitted {
  Submitted answer;
  answer.fold = life_cycle::may_join(*body.spec);
  if (answer.fold != FoldOutcome::folded) return answer;
  const auto name = named(body, TaskId{0});
  const auto found = work_of(name).find(made.queue, *body.spec, now_);
  if (work_of(name).empty()) works_.erase(name);
  answer.fold = found.outcome;
  if (found.outcome != FoldOutcome::folded) return answer;
  auto& job = *find_job(found.task.job);
  touch(job);
  ++job.submitters;
  if (made.priority < job.priority) promote(job, found.task.task, made.priority);
  answer.job = job.id;
  answer.existing = true;
  return answer;
}

auto SqliteState::promote(JobRow& job, TaskId task, PriorityClass priority) -> void {
  drop_ready(job);  // its only task is offered again
  withdraw(job);
  touch(job);
  job.priority = priority;
  const auto name = named(*body_of(job.id), task);
  EquivalentWork::Steps steps;
  work_of(name).promote({job.id, task}, priority, steps);
  carry_out(name, steps, {}, {});
}

auto SqliteState::ready_work(const std::string& name, TaskRef task, TimePoint at) -> void {
  EquivalentWork::Steps steps;
  work_of(name).ready(task, at, now_, steps);
  carry_out(name, steps, {}, {});
}

auto SqliteState::due_work(const std::string& name, TaskRef task) -> void {
  EquivalentWork::Steps steps;
  work_of(name).due(task, steps);
  keep(name, task);
  carry_out(name, steps, {}, {});
}

auto SqliteState::start_work(const std::string& name, TaskRef task, StartedTask& answer) -> void {
  EquivalentWork::Steps steps;
  answer.fold = work_of(name).start(task, steps);
  answer.folded = life_cycle::folded_in(steps);
  keep(name, task);
  carry_out(name, steps, task, {});
}

/// The task has ended: others follow it, or take its place. Its job may be gone by now.
auto SqliteState::end_work(const std::string& name, TaskRef task, bool succeeded, const Bytes& output)
    -> void {
  EquivalentWork::Steps steps;
  work_of(name).end(task, succeeded, now_, steps);
  keep(name, task);
  carry_out(name, steps, task, output);
  if (work_of(name).empty()) works_.erase(name);
}

/// Of a job that is stopped: tasks that waited for their parents have no row that is cancelled.
auto SqliteState::end_work_without_rows(const JobRow& job) -> void {
  const auto body = body_of(job.id);
  for (std::uint32_t node = 0; node < body->graph.nodes(); ++node) {
    const TaskId task{body->graph.first_task(node)};
    const auto work = work_name_of(job.id, *body, task);
    if (!work.empty() && !stored_task(job.id, task)) end_work(work, {job.id, task}, false, {});
  }
}

auto SqliteState::carry_out(const std::string& name, const EquivalentWork::Steps& steps, TaskRef leader,
                            const Bytes& output) -> void {
  using Kind = EquivalentWork::Step::Kind;
  for (const auto& step : steps) {
    keep(name, step.task);
    auto& job = *find_job(step.task.job);
    const auto body = body_of(job.id);
    auto task = load_task(job, *body, step.task.task);
    drop_lease(task);
    switch (step.kind) {
      case Kind::queue: queue_again(job, task, step.ready_at); break;
      case Kind::offer:
        store_task(job.id, task);
        offer_now(job, task.id.bits(), 1);
        break;
      case Kind::keep_back: store_task(job.id, task); break;
      case Kind::fold: fold(job, *body, task, leader); break;
      case Kind::succeed:
        if (!output.empty()) store_output(job.id, task.id, output);
        end_task_run(job, *body, task, {.to = TaskState::succeeded});
        break;
    }
  }
}

auto SqliteState::queue_again(JobRow& job, TaskRow& task, TimePoint at) -> void {
  if (task.state == TaskState::folded) {
    move_task(job, task, TaskState::ready);
    file_->run("DELETE FROM folded_into WHERE job = ? AND bits = ?", job.id, task.id.bits());
  }
  task.ready_at = at;
  store_task(job.id, task);
  if (at > now_) delay(job, task.id, 1, at);
}

auto SqliteState::fold(JobRow& job, const JobBody& body, TaskRow& task, TaskRef leader) -> void {
  if (task.delayed) {
    file_->run("DELETE FROM delayed WHERE lane = 0 AND at = ? AND job = ? AND first = ? AND count = 1",
               task.ready_at, job.id, task.id.bits());
    task.delayed = false;
  }
  move_task(job, task, TaskState::folded);
  store_task(job.id, task);
  file_->run("INSERT OR REPLACE INTO folded_into VALUES (?, ?, ?, ?)", job.id, task.id.bits(), leader.job,
             leader.task.bits());
  if (const auto move = life_cycle::after_start(job.state.to)) move_job(job, body, *move);
}

auto SqliteState::folded_into(TaskRef task) -> TaskRef {
  Rows rows{*file_, "SELECT run_job, run_bits FROM folded_into WHERE job = ? AND bits = ?", task.job,
            task.task.bits()};
  if (!rows.next()) return {};
  return {rows.get<JobId>(0), task_of(rows.get<std::uint32_t>(1))};
}

auto SqliteState::has_pending(const std::string& group, const CoalesceKey& key) -> Result<bool> {
  SPIDER_TRY(check_key(key));
  Rows rows{*file_, "SELECT 1 FROM equivalent WHERE work = ? LIMIT 1",
            Blob{life_cycle::work_name(group, key)}};
  return rows.next();
}

}  // namespace spider::inline v1::detail
