// Sessions and their leases.

#include "sqlite/state.hpp"

#include <algorithm>
#include <ranges>
#include <sstream>
#include <utility>

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

auto SqliteState::insert_lease(OfferPoll& poll) -> void {
  std::string tasks;
  for (const auto& [job, task] : poll.leased) {
    if (!tasks.empty()) tasks += ' ';
    tasks += std::to_string(job.value) + ':' + std::to_string(task.bits());
  }
  const auto session = poll.scheduler.session;
  file_->run("INSERT INTO lease VALUES (?, ?, ?, ?)", session, poll.lease, poll.leased.size(), tasks);
  leases_[{session, poll.lease}].unstarted = static_cast<std::uint32_t>(poll.leased.size());
  poll.leased.clear();
}

auto SqliteState::lease_row(const LeaseKey& key) -> LeaseRow& {
  const auto [found, added] = leases_.try_emplace(key);
  if (added) {
    Rows rows{*file_, "SELECT unstarted FROM lease WHERE session = ? AND number = ?", key.first, key.second};
    if (!rows.next()) throw SqlFailure{SQLITE_CORRUPT, "a leased task without a lease"};
    found->second.unstarted = rows.get<std::uint32_t>(0);
  }
  return found->second;
}

/// The row is the caller's to store.
auto SqliteState::drop_lease(TaskRow& task) -> void {
  if (!task.session) return;
  const LeaseKey key{task.session, task.lease};
  auto& lease = lease_row(key);
  --lease.unstarted;
  if (!std::exchange(lease.dirty, true)) dirty_leases_.push_back(key);
  task.session = {};
  task.lease = 0;
}

auto SqliteState::flush_leases() -> void {
  for (const auto& key : dirty_leases_) {
    const auto found = leases_.find(key);
    if (found == leases_.end() || !std::exchange(found->second.dirty, false)) continue;
    const auto left = found->second.unstarted;
    if (left > 0) {
      file_->run("UPDATE lease SET unstarted = ? WHERE session = ? AND number = ?", left, key.first,
                 key.second);
    } else {
      file_->run("DELETE FROM lease WHERE session = ? AND number = ?", key.first, key.second);
      leases_.erase(found);
    }
  }
  dirty_leases_.clear();
}

/// Those that the session still holds, in the order in which it polled them.
auto SqliteState::leased_tasks(SessionId session) -> std::vector<TaskRef> {
  std::vector<std::pair<std::uint64_t, TaskRef>> polled;
  {
    Rows rows{*file_, "SELECT number, tasks FROM lease WHERE session = ? ORDER BY number", session};
    while (rows.next()) {
      std::istringstream tasks{rows.text(1)};
      std::uint64_t job = 0;
      std::uint32_t bits = 0;
      for (char colon = 0; tasks >> job >> colon >> bits;) {
        polled.push_back({rows.get<std::uint64_t>(0), {JobId{job}, task_of(bits)}});
      }
    }
  }
  std::vector<TaskRef> leased;
  for (const auto& [number, ref] : polled) {
    const auto task = stored_task(ref.job, ref.task);
    if (task && task->session == session && task->lease == number) leased.push_back(ref);
  }
  return leased;
}

auto SqliteState::requeue(SessionId session) -> void {
  const auto leased = leased_tasks(session);
  for (const auto& ref : std::views::reverse(leased)) {
    auto* job = find_job(ref.job);
    auto task = stored_task(ref.job, ref.task);
    if (job == nullptr || !task) continue;
    task->session = {};
    task->lease = 0;
    store_task(ref.job, *task);
    push_front(*job, ref.task.bits());
  }
  for (const auto& ref : leased) {
    if (auto* job = find_job(ref.job)) join(*job, static_cast<int>(ref.task.kind()));
  }
  file_->run("DELETE FROM lease WHERE session = ?", session);
  std::erase_if(leases_, [&](const auto& lease) { return lease.first.first == session; });
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
