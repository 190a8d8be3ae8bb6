// The transaction: what is kept over it, and what is written at its end.

#include "sqlite/state.hpp"

#include <algorithm>
#include <utility>

namespace spider::inline v1::detail {

namespace {
constexpr std::size_t kRowsKept = 100'000;  // of jobs, between transactions
}

SqliteState::SqliteState(std::unique_ptr<Connection> file, const SqliteStorageOptions& with,
                         Clock& storage_clock)
    : options{with},
      limits{options.limits},
      clock{storage_clock},
      arrivals{WaitingLine::make(clock), WaitingLine::make(clock), WaitingLine::make(clock)},
      endings{WaitingLine::make(clock)},
      timers_line{WaitingLine::make(clock)},
      file_{std::move(file)} {}

auto SqliteState::begin() -> void {
  file_->run("BEGIN IMMEDIATE");
  Rows version{*file_, "PRAGMA data_version"};
  if (!version.next()) file_->fail(SQLITE_INTERNAL);
  const auto seen = version.get<std::int64_t>(0);
  if (seen == data_version_ && jobs_.size() < kRowsKept && works_.size() < kRowsKept) return;
  data_version_ = seen;
  forget_rows();
  read_counters();
}

auto SqliteState::read_counters() -> void {
  Rows rows{*file_, "SELECT job, session, instance, turn, ended FROM counter"};
  if (!rows.next()) file_->fail(SQLITE_CORRUPT);
  using Number = std::uint64_t;
  stored_counters_ = {rows.get<Number>(0), rows.get<Number>(1), rows.get<Number>(2), rows.get<Number>(3),
                      rows.get<Number>(4)};
  Rows newest{*file_, "SELECT id, turn FROM job ORDER BY id DESC LIMIT 1"};
  newest_job_ = newest.next() ? JobTurn{newest.get<JobId>(0), newest.get<Number>(1)} : JobTurn{};
  counters_ = found_counters();
}

/// As whoever opens the file finds them.
auto SqliteState::found_counters() const -> Counters {
  auto found = stored_counters_;
  found.job = std::max(found.job, newest_job_.id.value);
  found.turn = std::max(found.turn, newest_job_.turn);
  return found;
}

auto SqliteState::commit() -> void {
  flush();
  if (counters_ != found_counters()) {
    file_->run("UPDATE counter SET job = ?, session = ?, instance = ?, turn = ?, ended = ?", counters_.job,
               counters_.session, counters_.instance, counters_.turn, counters_.ended);
    stored_counters_ = counters_;
  }
  file_->run("COMMIT");
}

auto SqliteState::rollback() noexcept -> void {
  if (sqlite3_get_autocommit(file_->handle()) == 0) {
    sqlite3_exec(file_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  forget_rows();
  groups_.clear();
  queues_.clear();
  oldest_ended_ = 0;
  bodies_.clear();  // an id that was not stored may be drawn again
  bodies_bytes_ = 0;
  data_version_ = -1;
  arrived_.fill(false);
  ended_jobs_.clear();
  earlier_timer_ = false;
  known_timer_ = TimePoint::min();
}

auto SqliteState::notify() -> void {
  for (std::size_t lane = 0; lane < kTaskKinds; ++lane) {
    if (std::exchange(arrived_[lane], false)) arrivals[lane]->notify_all();
  }
  if (!ended_jobs_.empty()) endings->notify_all();
  for (const auto& [id, state] : ended_jobs_) {
    const auto found = waits_.find(id);
    if (found == waits_.end()) continue;
    if (const auto wait = found->second.lock()) {
      wait->ended = static_cast<int>(state);
      wait->line->notify_all();
    }
    waits_.erase(found);
  }
  ended_jobs_.clear();
  if (std::exchange(earlier_timer_, false)) timers_line->notify_all();
}

auto SqliteState::peek() -> void {
  Rows version{*file_, "PRAGMA data_version"};
  if (!version.next()) return;
  const auto seen = version.get<std::int64_t>(0);
  if (std::exchange(peeked_version_, seen) == seen) return;
  for (const auto& line : arrivals) line->notify_all();
  endings->notify_all();
  timers_line->notify_all();
  std::erase_if(waits_, [](const auto& held) { return held.second.expired(); });
  for (const auto& [id, held] : waits_) {
    if (const auto wait = held.lock()) wait->line->notify_all();
  }
}

auto SqliteState::forget_rows() -> void {
  jobs_.clear();
  dirty_jobs_.clear();
  schedulers_.clear();
  managers_.clear();
  backlogs_.clear();
  leases_.clear();
  dirty_leases_.clear();
  works_.clear();
}

auto SqliteState::flush() -> void {
  for (const auto id : dirty_jobs_) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || !std::exchange(found->second.dirty, false)) continue;
    const auto& job = found->second;
    if (id == newest_job_.id) newest_job_.turn = job.turn;
    const auto time = [](TimePoint at) { return at.time_since_epoch().count(); };
    file_->run(
        "UPDATE job SET state = ?, ends_as = ?, begin_at = ?, deadline = nullif(?, 9223372036854775807), "
        "ended_at = nullif(?, 9223372036854775807), ended_position = ?, "
        "stopped_at = nullif(?, 9223372036854775807), nodes_left = ?, lane = ?, turn = ?, pending = ?, "
        "ready = ?, running = ?, succeeded = ?, failed = ?, cancelled = ?, folded = ?, reason = ?, "
        "priority = ?, submitters = ? WHERE id = ?",
        job.state.to, job.state.ends_as, job.begin_at, time(job.deadline), time(job.ended_at),
        job.ended_position, time(job.stopped_at.value_or(kForever)), job.nodes_left, job.lane, job.turn,
        job.counts[0], job.counts[1], job.counts[2], job.counts[3], job.counts[4], job.counts[5],
        job.counts[6], job.reason, job.priority, job.submitters, job.id);
  }
  dirty_jobs_.clear();
  for (auto& [id, row] : schedulers_) {
    if (!std::exchange(row.dirty, false)) continue;
    file_->run(
        "UPDATE scheduler SET session = ?, registered = ?, left = ?, incarnation = ?, lease_until = ? "
        "WHERE id = ?",
        row.session, row.registered, row.left, row.incarnation, row.lease_until, id);
  }
  for (auto& [id, row] : managers_) {
    if (!std::exchange(row.dirty, false)) continue;
    file_->run("INSERT OR REPLACE INTO manager VALUES (?, ?, ?)", id, row.lease_until, row.running);
  }
  flush_leases();
}

}  // namespace spider::inline v1::detail
