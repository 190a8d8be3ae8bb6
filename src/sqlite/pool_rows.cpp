#include "sqlite/pool_rows.hpp"

#include "worker_pool_checks.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

namespace {

constexpr int kPoolVersion = 1;

// An idle worker has a turn, drawn from one counter when it came home; the latest is claimed first.
// In `worker_actor` a slot is the hash of an actor: so their number has a bound.
constexpr const char* kPoolTables = R"sql(
CREATE TABLE IF NOT EXISTS worker_counter(
  version INTEGER, added INTEGER, removed INTEGER, epoch INTEGER, turn INTEGER, cursor INTEGER);
INSERT INTO worker_counter SELECT 1, 0, 0, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM worker_counter);
CREATE TABLE IF NOT EXISTS worker_pool(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS worker(
  id INTEGER PRIMARY KEY, pool INTEGER NOT NULL, state INTEGER NOT NULL, epoch INTEGER NOT NULL,
  owner INTEGER NOT NULL, lease_until INTEGER NOT NULL, turn INTEGER);
CREATE INDEX IF NOT EXISTS worker_idle ON worker(pool, turn) WHERE turn IS NOT NULL;
CREATE TABLE IF NOT EXISTS worker_actor(
  pool INTEGER, slot INTEGER, actor INTEGER NOT NULL, worker INTEGER NOT NULL,
  PRIMARY KEY(pool, slot)) WITHOUT ROWID;
)sql";

}  // namespace

auto PoolRows::set_up(Connection& file) -> Result<void> {
  file.execute("BEGIN IMMEDIATE");
  file.execute(kPoolTables);
  int version = 0;
  {
    Rows rows{file, "SELECT version FROM worker_counter"};
    if (rows.next()) version = rows.get<int>(0);
  }
  file.execute("COMMIT");
  if (version > kPoolVersion) return Error{make_error_code(SqliteErrc::newer_schema), "worker pool"};
  if (version < 1) return Error{make_error_code(SqliteErrc::corrupt), "worker pool: no version"};
  return success();
}

auto PoolRows::number(const char* query) -> std::uint64_t {
  Rows rows{file_, query};
  return rows.next() ? rows.get<std::uint64_t>(0) : 0;
}

// --- Workers come and go ---------------------------------------------------------------------------

auto PoolRows::find_pool(const std::string& name) -> std::optional<std::int64_t> {
  Rows rows{file_, "SELECT id FROM worker_pool WHERE name = ?", name};
  if (!rows.next()) return std::nullopt;
  return rows.get<std::int64_t>(0);
}

auto PoolRows::enter_pool(const std::string& name) -> Result<std::int64_t> {
  if (const auto known = find_pool(name)) return *known;
  if (number("SELECT count(*) FROM worker_pool") >= options_.limits.pools_max)
    return Error{Errc::limit_exceeded, "pools_max"};
  file_.run("INSERT INTO worker_pool(name) VALUES (?)", name);
  return sqlite3_last_insert_rowid(file_.handle());
}

auto PoolRows::name_of(std::int64_t pool) -> std::string {
  Rows rows{file_, "SELECT name FROM worker_pool WHERE id = ?", pool};
  return rows.next() ? rows.text(0) : std::string{};
}

auto PoolRows::read(const Rows& rows) -> Row {
  return {rows.get<WorkerId>(0),      rows.get<std::int64_t>(1), rows.get<State>(2),
          rows.get<std::uint64_t>(3), rows.get<ClaimantId>(4),   rows.get<TimePoint>(5)};
}

auto PoolRows::find(WorkerId worker) -> std::optional<Row> {
  Rows rows{file_, "SELECT id, pool, state, epoch, owner, lease_until FROM worker WHERE id = ?", worker};
  if (!rows.next()) return std::nullopt;
  return read(rows);
}

// Epochs of a worker that returns go on above those of its earlier lives.
auto PoolRows::add(const WorkerInfo& info) -> Result<void> {
  SPIDER_TRY(check_worker(info));
  if (find(info.worker)) return Error{Errc::duplicate_name, "worker " + std::to_string(info.worker.value)};
  if (number("SELECT added - removed FROM worker_counter") >= options_.limits.workers_max)
    return Error{Errc::limit_exceeded, "workers_max"};
  SPIDER_TRY(const auto pool, enter_pool(info.pool));
  file_.run("UPDATE worker_counter SET added = added + 1, epoch = epoch + 1, turn = turn + 1");
  file_.run("INSERT INTO worker SELECT ?, ?, 0, epoch, 0, 0, turn FROM worker_counter", info.worker, pool);
  return success();
}

auto PoolRows::strike(const Row& row) -> void {
  file_.run("DELETE FROM worker WHERE id = ?", row.worker);
  file_.run("UPDATE worker_counter SET removed = removed + 1, epoch = max(epoch, ?)", row.epoch);
}

auto PoolRows::remove(WorkerId worker) -> Result<void> {
  const auto row = find(worker);
  if (!row || row->state == State::dead)
    return Error{WorkerPoolErrc::unknown_worker, std::to_string(worker.value)};
  if (row->state == State::claimed) {
    file_.run("UPDATE worker SET state = ? WHERE id = ?", State::dead, worker);
  } else {
    strike(*row);
  }
  return success();
}

// --- Claims ----------------------------------------------------------------------------------------

auto PoolRows::last_of(std::int64_t pool, ActorId actor) -> std::optional<Row> {
  if (!actor) return std::nullopt;
  Rows rows{file_,
            "SELECT w.id, w.pool, w.state, w.epoch, w.owner, w.lease_until FROM worker_actor a "
            "JOIN worker w ON w.id = a.worker WHERE a.pool = ? AND a.slot = ? AND a.actor = ? "
            "AND w.pool = a.pool AND w.state = 0",
            pool, actor_slot(actor), actor};
  if (!rows.next()) return std::nullopt;
  return read(rows);
}

auto PoolRows::any_idle(std::int64_t pool) -> std::optional<Row> {
  Rows rows{file_,
            "SELECT id, pool, state, epoch, owner, lease_until FROM worker "
            "WHERE pool = ? AND turn IS NOT NULL ORDER BY turn DESC LIMIT 1",
            pool};
  if (!rows.next()) return std::nullopt;
  return read(rows);
}

auto PoolRows::claim(const ClaimRequest& request) -> Result<std::optional<Claim>> {
  const auto pool = find_pool(request.pool);
  if (!pool) return Error{WorkerPoolErrc::unknown_pool, request.pool};
  auto row = last_of(*pool, request.actor);
  if (!row) row = any_idle(*pool);
  if (!row) return std::nullopt;
  const auto until = saturating_add(now_, request.lease);
  const Claim claim{row->worker, request.owner, row->epoch + 1, request.lease, until, 0};
  file_.run("UPDATE worker SET state = ?, epoch = ?, owner = ?, lease_until = ?, turn = NULL WHERE id = ?",
            State::claimed, claim.epoch, claim.owner, until, claim.worker);
  if (request.actor) {
    file_.run("INSERT OR REPLACE INTO worker_actor VALUES (?, ?, ?, ?)", *pool, actor_slot(request.actor),
              request.actor, claim.worker);
  }
  return claim;
}

auto PoolRows::held_by(const Claim& claim) -> Result<Row> {
  const auto row = find(claim.worker);
  if (!row) return Error{WorkerPoolErrc::unknown_worker, std::to_string(claim.worker.value)};
  if (row->epoch > claim.epoch) return Error{WorkerPoolErrc::stale_claim};
  if (row->epoch < claim.epoch || row->owner != claim.owner) return Error{WorkerPoolErrc::foreign_claim};
  return *row;
}

auto PoolRows::bring_home(const Row& row, std::uint64_t epoch) -> void {
  file_.run("UPDATE worker_counter SET turn = turn + 1");
  file_.run("UPDATE worker SET state = ?, epoch = ?, turn = (SELECT turn FROM worker_counter) WHERE id = ?",
            State::idle, epoch, row.worker);
}

auto PoolRows::release(const Claim& claim) -> Result<std::string> {
  SPIDER_TRY(const auto row, held_by(claim));
  if (row.state == State::idle) return std::string{};
  if (row.state == State::dead) {
    strike(row);
    return std::string{};
  }
  bring_home(row, row.epoch);
  return name_of(row.pool);
}

auto PoolRows::renew(const Claim& claim) -> Result<void> {
  SPIDER_TRY(check_lease(claim.lease, options_.limits));
  SPIDER_TRY(const auto row, held_by(claim));
  if (row.state == State::idle) return Error{WorkerPoolErrc::stale_claim};
  file_.run("UPDATE worker SET lease_until = ? WHERE id = ?", saturating_add(now_, claim.lease), row.worker);
  return success();
}

// --- The sweeper -----------------------------------------------------------------------------------

auto PoolRows::sweep_one(const Row& row, TimePoint now, Swept& swept) -> void {
  auto& report = swept.report;
  ++report.looked;
  if (row.state == State::idle || row.lease_until > now) return;
  report.oldest = std::max(report.oldest, now - row.lease_until);
  if (row.state == State::dead) {
    strike(row);
    ++report.removed;
    return;
  }
  bring_home(row, row.epoch + 1);
  ++report.reclaimed;
  auto name = name_of(row.pool);
  if (std::ranges::find(swept.pools, name) == swept.pools.end()) swept.pools.push_back(std::move(name));
}

auto PoolRows::sweep(TimePoint now, std::size_t limit) -> Result<Swept> {
  if (limit == 0) return Error{Errc::invalid_argument, "sweep: limit 0"};
  limit = std::min(limit, options_.limits.workers_max);
  const auto cursor = number("SELECT cursor FROM worker_counter");
  const auto look = [&](const char* query, std::size_t most) {
    std::vector<Row> found;
    Rows rows{file_, query, cursor, most};
    while (rows.next()) found.push_back(read(rows));
    return found;
  };
  auto due =
      look("SELECT id, pool, state, epoch, owner, lease_until FROM worker WHERE id > ? ORDER BY id LIMIT ?",
           limit);
  if (due.size() < limit) {  // around the end
    const auto more = look(
        "SELECT id, pool, state, epoch, owner, lease_until FROM worker WHERE id <= ? ORDER BY id LIMIT ?",
        limit - due.size());
    due.insert(due.end(), more.begin(), more.end());
  }
  Swept swept;
  for (const auto& row : due) sweep_one(row, now, swept);
  if (!due.empty()) file_.run("UPDATE worker_counter SET cursor = ?", due.back().worker);
  return swept;
}

auto PoolRows::count() -> Result<WorkerCounts> {
  WorkerCounts counts;
  counts.added = number("SELECT added FROM worker_counter");
  counts.removed = number("SELECT removed FROM worker_counter");
  Rows rows{file_, "SELECT state, count(*) FROM worker GROUP BY state"};
  while (rows.next()) {
    const auto workers = rows.get<std::uint64_t>(1);
    switch (rows.get<State>(0)) {
      case State::idle: counts.idle = workers; break;
      case State::claimed: counts.claimed = workers; break;
      case State::dead: counts.dead = workers; break;
    }
  }
  return counts;
}

}  // namespace spider::inline v1::detail
