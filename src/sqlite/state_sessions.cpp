// Sessions and their leases.

#include "sqlite/state.hpp"

#include <algorithm>
#include <ranges>

namespace spider::inline v1::detail {

auto OwnSessions::begin_poll(SchedulerId scheduler) -> void {
  const std::scoped_lock lock{mutex_};
  ++sessions_[scheduler].polls;
}
auto OwnSessions::end_poll(SchedulerId scheduler, TimePoint lease_until) -> void {
  const std::scoped_lock lock{mutex_};
  auto& own = sessions_[scheduler];
  --own.polls;
  own.lease_until = lease_until;
}
auto OwnSessions::renew(SchedulerId scheduler, SessionId session, TimePoint lease_until) -> void {
  const std::scoped_lock lock{mutex_};
  auto& own = sessions_[scheduler];
  own.session = session;
  own.lease_until = lease_until;
}
auto OwnSessions::forget(SchedulerId scheduler) -> void {
  const std::scoped_lock lock{mutex_};
  sessions_[scheduler].session = {};
}
auto OwnSessions::lease(SchedulerId scheduler, SessionId session) const -> std::optional<TimePoint> {
  const std::scoped_lock lock{mutex_};
  const auto found = sessions_.find(scheduler);
  if (found == sessions_.end() || found->second.session != session) return std::nullopt;
  return found->second.polls > 0 ? kForever : found->second.lease_until;
}

auto SqliteState::register_scheduler(const std::string& member) -> Result<Registration> {
  if (!is_valid_name(member)) return Error{Errc::invalid_name, "member '" + member.substr(0, 128) + '\''};
  SchedulerId id{find_name("SELECT id FROM scheduler WHERE member = ?", member)};
  if (!id) {
    file_->run("INSERT INTO scheduler VALUES (NULL, ?, 0, 0, 0, 0, 0)", member);
    id = SchedulerId{static_cast<std::uint64_t>(sqlite3_last_insert_rowid(file_->handle()))};
  }
  auto& scheduler = *find_scheduler(id);
  supersede(scheduler);
  scheduler.session = SessionId{++counters_.session};
  scheduler.registered = scheduler.session;
  scheduler.left = false;
  ++scheduler.incarnation;
  scheduler.lease_until = {};
  renew_session(scheduler);
  return Registration{id, scheduler.session, scheduler.incarnation};
}

auto SqliteState::unregister_scheduler(const Registration& registration) -> Result<void> {
  auto* scheduler = find_scheduler(registration.scheduler);
  if (scheduler == nullptr) return Errc::unknown_scheduler;
  if (scheduler->left && scheduler->registered <= registration.session) return success();
  if (scheduler->session != registration.session) return Errc::stale_session;
  supersede(*scheduler);
  scheduler->left = true;
  return success();
}

// What it holds is offered again, before what waits; its own polls wake up and see.
auto SqliteState::supersede(SchedulerRow& scheduler) -> void {
  if (!scheduler.session) return;
  scheduler.dirty = true;
  requeue(std::exchange(scheduler.session, {}));
  own_sessions.forget(scheduler.id);
  std::erase_if(searches_, [&](const auto& search) { return search.first.first == scheduler.id; });
  arrived_.fill(true);
}

auto SqliteState::requeue(SessionId session) -> void {
  std::vector<TaskRef> leased;
  {
    Rows rows{*file_, "SELECT job, bits FROM lease WHERE session = ? ORDER BY number", session};
    while (rows.next()) leased.push_back({rows.get<JobId>(0), task_of(rows.get<std::uint32_t>(1))});
  }
  for (const auto& ref : std::views::reverse(leased)) {
    file_->run("UPDATE task SET session = 0, lease = 0 WHERE job = ? AND bits = ?", ref.job, ref.task.bits());
    push_front(ref.job, ref.task.bits());
  }
  for (const auto& ref : leased) {
    if (auto* job = find_job(ref.job)) join(*job, static_cast<int>(ref.task.kind()));
  }
  file_->run("DELETE FROM lease WHERE session = ?", session);
}

auto SqliteState::lease_of(const SchedulerRow& scheduler) const -> TimePoint {
  return own_sessions.lease(scheduler.id, scheduler.session).value_or(scheduler.lease_until);
}

auto SqliteState::has_lapsed(const SchedulerRow& scheduler) const -> bool {
  return scheduler.session && now_ >= lease_of(scheduler);
}

// This process keeps the exact end of the lease. What others see is stored a quarter longer, so that it
// need not be written at each poll.
auto SqliteState::renew_session(SchedulerRow& scheduler) -> void {
  const auto until = saturating_add(now_, limits.session_lease);
  own_sessions.renew(scheduler.id, scheduler.session, until);
  set_timer(until);
  if (scheduler.lease_until >= until) return;
  scheduler.lease_until = saturating_add(until, limits.session_lease / 4);
  scheduler.dirty = true;
}

// A session that lapsed is replaced without asking; one that was superseded by a registration is not.
auto SqliteState::session_of_poll(SchedulerRow& scheduler, SessionId asked) -> Result<void> {
  if (scheduler.left || asked < scheduler.registered || asked.value > counters_.session)
    return Errc::stale_session;
  if (has_lapsed(scheduler)) supersede(scheduler);
  if (!scheduler.session) {
    scheduler.session = SessionId{++counters_.session};
    scheduler.dirty = true;
  }
  if (asked > scheduler.session) return Errc::stale_session;
  renew_session(scheduler);
  return success();
}

}  // namespace spider::inline v1::detail
