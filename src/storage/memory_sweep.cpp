// Leases and deadlines that have passed.

#include "storage/memory_state.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

auto MemoryState::set_timer(const Timer& timer) -> void {
  if (timer.at == kForever) return;
  const auto added = timers_.insert(timer);
  if (added.first == timers_.begin()) earlier_timer_ = true;
}

auto MemoryState::sweep(std::size_t limit) -> SweepReport {
  SweepReport report;
  while (report.swept < limit && !timers_.empty() && timers_.begin()->at <= now_) {
    const auto timer = *timers_.begin();
    timers_.erase(timers_.begin());
    if (act_on(timer)) ++report.swept;
  }
  if (!timers_.empty()) report.next = timers_.begin()->at;
  return report;
}

/// Whether there was anything to do: a lease may have been renewed since its timer was set. It then waits
/// for its turn, so that what has lapsed is acted on in the order of time.
auto MemoryState::act_on(const Timer& timer) -> bool {
  switch (timer.kind) {
    case Timer::Kind::session: return look_at_session(schedulers_[timer.id - 1], timer.at);
    case Timer::Kind::manager: return look_at_manager(ManagerId{timer.id}, timer.at);
    case Timer::Kind::attempt: overrun(static_cast<std::uint32_t>(timer.id)); return true;
    case Timer::Kind::job: return pass_deadline(JobId{timer.id});
  }
  return false;
}

auto MemoryState::look_at_session(SchedulerRecord& scheduler, TimePoint at) -> bool {
  scheduler.watched = false;
  if (!scheduler.session || scheduler.polls > 0) return false;
  if (scheduler.lease_until <= at) {
    supersede(scheduler);
    return true;
  }
  scheduler.watched = true;
  set_timer({.at = scheduler.lease_until, .kind = Timer::Kind::session, .id = scheduler.id.value});
  return false;
}

auto MemoryState::look_at_manager(ManagerId id, TimePoint at) -> bool {
  auto& manager = instances_.managers[id];
  if (manager.lease_until > at) {
    set_timer({.at = manager.lease_until, .kind = Timer::Kind::manager, .id = id.value});
    return false;
  }
  const bool ran = manager.running > 0;
  while (manager.running > 0) {
    const auto position = manager.first - 1;
    const auto ref = instances_.at(position).instance.task;
    auto& job = *jobs_.find(ref.job);
    const auto verdict = verdict_on(job, ref.task, life_cycle::AttemptEnd::lapsed, {});
    job.errors[ref.task.bits()] = "the lease of its execution manager ended";
    drop_instance(job.record(ref.task), position);
    apply(job, ref.task, life_cycle::AttemptEnd::lapsed, verdict);
  }
  instances_.managers.erase(id);
  return ran;
}

auto MemoryState::overrun(std::uint32_t position) -> void {
  const auto ref = instances_.at(position).instance.task;
  auto& job = *jobs_.find(ref.job);
  const auto verdict = verdict_on(job, ref.task, life_cycle::AttemptEnd::overran, {});
  job.errors[ref.task.bits()] = "deadline exceeded";
  lose_instance(job.record(ref.task), position);
  apply(job, ref.task, life_cycle::AttemptEnd::overran, verdict);
}

auto MemoryState::pass_deadline(JobId id) -> bool {
  auto* job = jobs_.find(id);
  if (job == nullptr) return false;
  const auto move = life_cycle::after_deadline(job->state.to, job->shape());
  if (!move) return false;
  job->reason = "the job's deadline has passed";
  move_job(*job, *move);
  return true;
}

}  // namespace spider::inline v1::detail
