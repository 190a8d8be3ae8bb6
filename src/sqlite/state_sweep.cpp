// Leases and deadlines that have passed, and ended jobs that have been kept long enough.

#include "sqlite/state.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

namespace {
enum Kind : int { kSession, kManager, kAttempt, kJob };
}

auto SqliteState::set_timer(TimePoint at) -> void {
  if (at >= known_timer_) return;
  known_timer_ = at;
  earlier_timer_ = true;
}

auto SqliteState::next_timer() -> Due {
  flush();
  Due next;
  const auto consider = [&](TimePoint at, int kind, std::uint64_t id) {
    if (at < next.at) next = {at, kind, id};
  };
  {
    Rows rows{*file_, "SELECT id FROM scheduler WHERE session <> 0"};
    while (rows.next()) {
      const auto id = rows.get<SchedulerId>(0);
      consider(lease_of(*find_scheduler(id)), kSession, id.value);
    }
  }
  {
    Rows rows{*file_, "SELECT lease_until, id FROM manager ORDER BY lease_until, id LIMIT 1"};
    if (rows.next()) consider(rows.get<TimePoint>(0), kManager, rows.get<std::uint64_t>(1));
  }
  {
    Rows rows{*file_,
              "SELECT deadline, id FROM instance WHERE deadline IS NOT NULL ORDER BY deadline, id LIMIT 1"};
    if (rows.next()) consider(rows.get<TimePoint>(0), kAttempt, rows.get<std::uint64_t>(1));
  }
  {
    Rows rows{*file_, "SELECT at, job FROM job_deadline ORDER BY at, job LIMIT 1"};
    if (rows.next()) consider(rows.get<TimePoint>(0), kJob, rows.get<std::uint64_t>(1));
  }
  return next;
}

auto SqliteState::sweep(std::size_t limit) -> Result<SweepReport> {
  SweepReport report;
  auto due = next_timer();
  for (; report.swept < limit && due.at <= now_; due = next_timer()) {
    if (act_on(due)) ++report.swept;
  }
  report.next = std::min(due.at, remove_old_jobs(report.removed));
  known_timer_ = report.next;
  earlier_timer_ = false;
  return report;
}

/// Whether there was anything to do.
auto SqliteState::act_on(const Due& due) -> bool {
  switch (due.kind) {
    case kSession: supersede(*find_scheduler(SchedulerId{due.id})); return true;
    case kManager: return lapse_manager(ManagerId{due.id});
    case kAttempt: overrun(InstanceId{due.id}); return true;
    default: return pass_deadline(JobId{due.id});
  }
}

auto SqliteState::lapse_manager(ManagerId id) -> bool {
  std::vector<std::pair<InstanceId, TaskRef>> running;
  {
    Rows rows{*file_, "SELECT id, job, bits FROM instance WHERE manager = ? ORDER BY id", id};
    while (rows.next()) {
      running.push_back({rows.get<InstanceId>(0), {rows.get<JobId>(1), task_of(rows.get<std::uint32_t>(2))}});
    }
  }
  for (const auto& [instance, ref] : running) {
    Rows rows{*file_, "SELECT epoch FROM instance WHERE job = ? AND bits = ? AND id = ?", ref.job,
              ref.task.bits(), instance};
    if (!rows.next()) continue;  // lost by what an earlier one led to
    InstanceRow gone;
    gone.instance = {instance, rows.get<std::uint64_t>(0), ref};
    gone.manager = id;
    store_error(ref.job, ref.task, "the lease of its execution manager ended");
    drop_instance(gone);
    auto task = stored_task(ref.job, ref.task);
    apply(*find_job(ref.job), *body_of(ref.job), *task, life_cycle::AttemptEnd::lapsed, {});
  }
  managers_.erase(id);
  file_->run("DELETE FROM manager WHERE id = ?", id);
  file_->run("DELETE FROM lost WHERE manager = ?", id);
  return !running.empty();
}

auto SqliteState::overrun(InstanceId id) -> void {
  InstanceRow gone;
  {
    Rows rows{*file_,
              "SELECT job, bits, epoch, manager FROM instance WHERE deadline IS NOT NULL AND deadline <= ? "
              "AND id = ?",
              now_, id};
    if (!rows.next()) return;
    const TaskRef ref{rows.get<JobId>(0), task_of(rows.get<std::uint32_t>(1))};
    gone.instance = {id, rows.get<std::uint64_t>(2), ref};
    gone.manager = rows.get<ManagerId>(3);
  }
  const auto ref = gone.instance.task;
  store_error(ref.job, ref.task, "deadline exceeded");
  lose_instance(gone);
  auto task = stored_task(ref.job, ref.task);
  apply(*find_job(ref.job), *body_of(ref.job), *task, life_cycle::AttemptEnd::overran, {});
}

auto SqliteState::pass_deadline(JobId id) -> bool {
  file_->run("DELETE FROM job_deadline WHERE at <= ? AND job = ?", now_, id);
  auto* job = find_job(id);
  if (job == nullptr) return false;
  const auto move = life_cycle::after_deadline(job->state.to, job->shape);
  if (!move) return false;
  job->reason = "the job's deadline has passed";
  move_job(*job, *body_of(id), *move);
  return true;
}

/// A bounded step; returns when the next job will have been kept long enough.
auto SqliteState::remove_old_jobs(std::size_t& removed) -> TimePoint {
  for (std::size_t step = 0; step < options.removal_step; ++step) {
    const auto oldest = oldest_ended();
    if (!oldest) return kForever;
    if (oldest->second) {
      const auto until = saturating_add(find_job(oldest->second)->ended_at, options.ended_jobs_kept);
      if (until > now_) return until;
      remove_job(oldest->second);
      ++removed;
    }
    file_->run("DELETE FROM ended WHERE position = ?", oldest->first);
  }
  return now_;
}

}  // namespace spider::inline v1::detail
