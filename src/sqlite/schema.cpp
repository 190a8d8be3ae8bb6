#include "sqlite/schema.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

namespace spider {
inline namespace v1 {

namespace {

class SqliteCategory final : public std::error_category {
 public:
  [[nodiscard]] auto name() const noexcept -> const char* override { return "spider.sqlite"; }
  [[nodiscard]] auto message(int code) const -> std::string override {
    switch (static_cast<SqliteErrc>(code)) {
      case SqliteErrc::missing_folder: return "the folder of the file does not exist";
      case SqliteErrc::symbolic_link: return "the path is a symbolic link";
      case SqliteErrc::not_a_file: return "the path is not a regular file";
      case SqliteErrc::read_only: return "the file cannot be written";
      case SqliteErrc::truncated: return "the file is truncated";
      case SqliteErrc::corrupt: return "the file is corrupt, or no database";
      case SqliteErrc::foreign_file: return "the file is the database of another application";
      case SqliteErrc::newer_schema: return "the file was written by a newer version";
      case SqliteErrc::busy: return "the file is in use by another process";
      case SqliteErrc::io_error: return "the file could not be opened, read or written";
    }
    return "unknown error";
  }
};

}  // namespace

auto sqlite_error_category() noexcept -> const std::error_category& {
  static const SqliteCategory category;
  return category;
}
auto make_error_code(SqliteErrc code) noexcept -> std::error_code {
  return {static_cast<int>(code), sqlite_error_category()};
}

}  // namespace v1
}  // namespace spider

namespace spider::inline v1::detail {

namespace {

// Times are nanoseconds since the epoch. In `task`, a row exists once the task was polled or started; until
// then its state follows from its node, and from its job when that was stopped. In `node`, a row exists
// once it differs from the job's specification. `turn`s are drawn from one counter: the smallest is next.
constexpr const char* kTables = R"sql(
CREATE TABLE counter(job INTEGER, session INTEGER, instance INTEGER, turn INTEGER, ended INTEGER);
INSERT INTO counter VALUES (0, 0, 0, 0, 0);
CREATE TABLE resource_group(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL);
CREATE TABLE queue(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL);
CREATE TABLE job(
  id INTEGER PRIMARY KEY, resource_group INTEGER NOT NULL, queue INTEGER NOT NULL, priority INTEGER NOT NULL,
  state INTEGER NOT NULL, ends_as INTEGER NOT NULL, created_at INTEGER NOT NULL, not_before INTEGER NOT NULL,
  begin_at INTEGER NOT NULL, deadline INTEGER, ended_at INTEGER, ended_position INTEGER NOT NULL,
  stopped_at INTEGER, has_commit INTEGER NOT NULL, has_cleanup INTEGER NOT NULL, nodes_left INTEGER NOT NULL,
  lane INTEGER NOT NULL, turn INTEGER NOT NULL, pending INTEGER NOT NULL, ready INTEGER NOT NULL,
  running INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL,
  folded INTEGER NOT NULL, unique_key BLOB, reason TEXT NOT NULL);
CREATE UNIQUE INDEX job_key ON job(resource_group, unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX job_deadline ON job(deadline) WHERE deadline IS NOT NULL AND state < 3;
CREATE TABLE job_spec(job INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE node(
  job INTEGER, node INTEGER, parents_left INTEGER NOT NULL, tasks_left INTEGER NOT NULL,
  ready_at INTEGER NOT NULL, PRIMARY KEY(job, node)) WITHOUT ROWID;
CREATE TABLE task(
  job INTEGER, bits INTEGER, state INTEGER NOT NULL, attempts INTEGER NOT NULL, deferrals INTEGER NOT NULL,
  deliveries INTEGER NOT NULL, ready_at INTEGER NOT NULL, started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL, manager INTEGER NOT NULL, epoch INTEGER NOT NULL, session INTEGER NOT NULL,
  lease INTEGER NOT NULL, delayed INTEGER NOT NULL, finished INTEGER NOT NULL,
  finished_epoch INTEGER NOT NULL, finished_kind INTEGER NOT NULL, dead_lettered INTEGER NOT NULL,
  PRIMARY KEY(job, bits)) WITHOUT ROWID;
CREATE TABLE output(job INTEGER, bits INTEGER, body BLOB NOT NULL, PRIMARY KEY(job, bits)) WITHOUT ROWID;
CREATE TABLE failure(job INTEGER, bits INTEGER, error TEXT NOT NULL, PRIMARY KEY(job, bits)) WITHOUT ROWID;
CREATE TABLE ended(position INTEGER PRIMARY KEY, job INTEGER NOT NULL);
CREATE TABLE ready(
  job INTEGER, position INTEGER, first INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(job, position)) WITHOUT ROWID;
CREATE TABLE delayed(
  lane INTEGER, at INTEGER, job INTEGER, first INTEGER, count INTEGER,
  PRIMARY KEY(lane, at, job, first, count)) WITHOUT ROWID;
CREATE INDEX delayed_job ON delayed(job);
CREATE TABLE job_turn(
  lane INTEGER, queue INTEGER, priority INTEGER, resource_group INTEGER, turn INTEGER, job INTEGER NOT NULL,
  PRIMARY KEY(lane, queue, priority, resource_group, turn)) WITHOUT ROWID;
CREATE TABLE backlog(
  lane INTEGER, queue INTEGER, priority INTEGER, resource_group INTEGER, turn INTEGER,
  PRIMARY KEY(lane, queue, priority, resource_group)) WITHOUT ROWID;
CREATE INDEX backlog_turn ON backlog(lane, queue, priority, turn) WHERE turn IS NOT NULL;
CREATE INDEX backlog_group ON backlog(resource_group);
CREATE TABLE class_share(
  lane INTEGER, queue INTEGER, urgent_offers INTEGER NOT NULL, lower_served INTEGER NOT NULL,
  PRIMARY KEY(lane, queue)) WITHOUT ROWID;
CREATE TABLE scheduler(
  id INTEGER PRIMARY KEY, member TEXT NOT NULL UNIQUE, session INTEGER NOT NULL, registered INTEGER NOT NULL,
  left INTEGER NOT NULL, incarnation INTEGER NOT NULL, lease_until INTEGER NOT NULL);
CREATE TABLE lease(
  session INTEGER, number INTEGER, job INTEGER NOT NULL, bits INTEGER NOT NULL,
  PRIMARY KEY(session, number)) WITHOUT ROWID;
CREATE TABLE instance(
  job INTEGER, bits INTEGER, id INTEGER, epoch INTEGER NOT NULL, manager INTEGER NOT NULL,
  assignment INTEGER NOT NULL, scheduler INTEGER NOT NULL, session INTEGER NOT NULL,
  attempt INTEGER NOT NULL, deadline INTEGER, PRIMARY KEY(job, bits, id)) WITHOUT ROWID;
CREATE INDEX instance_manager ON instance(manager, id);
CREATE INDEX instance_deadline ON instance(deadline, id) WHERE deadline IS NOT NULL;
CREATE TABLE manager(id INTEGER PRIMARY KEY, lease_until INTEGER NOT NULL, running INTEGER NOT NULL);
CREATE TABLE lost(
  manager INTEGER, number INTEGER, job INTEGER NOT NULL, bits INTEGER NOT NULL, instance INTEGER NOT NULL,
  epoch INTEGER NOT NULL, PRIMARY KEY(manager, number)) WITHOUT ROWID;
)sql";

/// From version 1 to 2: coalescing. `equivalent` holds the unfinished tasks with a key, by
/// life_cycle::work_name.
constexpr const char* kCoalescing = R"sql(
ALTER TABLE job ADD COLUMN submitters INTEGER NOT NULL DEFAULT 1;
CREATE TABLE equivalent(
  work BLOB, job INTEGER, bits INTEGER, state INTEGER NOT NULL, ready_at INTEGER NOT NULL,
  PRIMARY KEY(work, job, bits)) WITHOUT ROWID;
CREATE TABLE folded_into(
  job INTEGER, bits INTEGER, run_job INTEGER NOT NULL, run_bits INTEGER NOT NULL,
  PRIMARY KEY(job, bits)) WITHOUT ROWID;
)sql";

/// From version 1 to 2, too: ranges of ready tasks stood close together; now each has as many positions to
/// itself as it has tasks, which are fewer than 2^24.
constexpr const char* kPositions = "UPDATE ready SET position = position * 16777216";

/// From version 2 to 3: what was written for each task and need not be. A job's first range of ready tasks is
/// beside its turn, and `ready` holds the others (`count` 0: all of them); the specification of a small job
/// is in its row; a lease is of up to 32 tasks, as "job:task job:task"; and only jobs with a deadline pay for
/// one.
constexpr const char* kFewerWrites = R"sql(
DROP INDEX instance_manager;
DROP INDEX job_deadline;
CREATE TABLE job_deadline(at INTEGER, job INTEGER, PRIMARY KEY(at, job)) WITHOUT ROWID;
INSERT INTO job_deadline SELECT deadline, id FROM job WHERE deadline IS NOT NULL AND state < 3;
ALTER TABLE job ADD COLUMN body BLOB;
ALTER TABLE job_turn ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_turn ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_turn ADD COLUMN count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lease RENAME TO lease_of_one;
CREATE TABLE lease(
  session INTEGER, number INTEGER, unstarted INTEGER NOT NULL, tasks TEXT NOT NULL,
  PRIMARY KEY(session, number)) WITHOUT ROWID;
INSERT INTO lease SELECT session, number, 1, job || ':' || bits FROM lease_of_one;
DROP TABLE lease_of_one;
)sql";

constexpr char kMagic[16] = "SQLite format 3";

auto refuse(SqliteErrc code, std::string what) -> Error {
  return Error{make_error_code(code), std::move(what)};
}

auto errc_of(int code) -> SqliteErrc {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return SqliteErrc::corrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM: return SqliteErrc::read_only;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return SqliteErrc::busy;
    default: return SqliteErrc::io_error;
  }
}

/// Creates the file, so that its mode is ours, or looks at the one that is there.
auto prepare_path(const std::string& path) -> Result<void> {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto folder = fs::path{path}.parent_path();
  if (!folder.empty() && !fs::is_directory(folder, ignored))
    return refuse(SqliteErrc::missing_folder, folder.string());
  if (fs::is_symlink(fs::symlink_status(path, ignored))) return refuse(SqliteErrc::symbolic_link, path);
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
    return refuse(SqliteErrc::not_a_file, path);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file >= 0) {
    ::close(file);
    return success();
  }
  if (errno == ELOOP) return refuse(SqliteErrc::symbolic_link, path);
  const bool forbidden = errno == EACCES || errno == EROFS || errno == EPERM;
  return refuse(forbidden ? SqliteErrc::read_only : SqliteErrc::io_error, path);
}

/// The header counts pages as of the last checkpoint. While there is a log, the file may be behind it.
auto check_length(const std::string& path) -> Result<void> {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto size = fs::file_size(path, ignored);
  const auto log = fs::file_size(path + "-wal", ignored);
  if (size == 0 || (log > 0 && log != static_cast<std::uintmax_t>(-1))) return success();
  std::array<unsigned char, 100> header{};
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const auto got = file < 0 ? -1 : ::pread(file, header.data(), header.size(), 0);
  if (file >= 0) ::close(file);
  if (got < 0) return refuse(SqliteErrc::io_error, path);
  const auto magic = std::min(static_cast<std::size_t>(got), sizeof kMagic);
  if (!std::equal(kMagic, kMagic + magic, header.begin())) return refuse(SqliteErrc::corrupt, path);
  if (got < static_cast<ssize_t>(header.size())) return refuse(SqliteErrc::truncated, path);
  const auto big_endian = [&](std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8U | header[at + i];
    return value;
  };
  const auto page = big_endian(16, 2) == 1 ? 65'536 : big_endian(16, 2);
  if (page * big_endian(28, 4) > size) return refuse(SqliteErrc::truncated, path);
  return success();
}

auto number(Connection& file, const char* pragma) -> std::int64_t {
  Rows rows{file, pragma};
  return rows.next() ? rows.get<std::int64_t>(0) : 0;
}

auto check_contents(Connection& file, const SqliteStorageOptions& options) -> Result<void> {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(options.path, ignored);
  if (number(file, "PRAGMA application_id") != kApplicationId)
    return refuse(SqliteErrc::foreign_file, options.path);
  const auto version = number(file, "PRAGMA user_version");
  if (version > kSchemaVersion) return refuse(SqliteErrc::newer_schema, options.path);
  if (version < 1) return refuse(SqliteErrc::corrupt, options.path + ": no schema version");
  if (size > options.verify_bytes_max) return success();
  Rows rows{file, "PRAGMA quick_check(1)"};
  const auto verdict = rows.next() ? rows.text(0) : std::string{};
  if (verdict != "ok") return refuse(SqliteErrc::corrupt, options.path + ": " + verdict);
  return success();
}

auto is_empty(Connection& file) -> bool {
  return number(file, "PRAGMA schema_version") == 0 && number(file, "PRAGMA application_id") == 0;
}

/// In a transaction, so that of two processes that create the same file one does it.
auto create_tables(Connection& file) -> void {
  file.execute("BEGIN IMMEDIATE");
  if (is_empty(file)) {
    file.execute(kTables);
    file.execute(kCoalescing);
    file.execute(kFewerWrites);
    file.execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
    file.execute(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
  }
  file.execute("COMMIT");
}

/// In a transaction, as above.
auto upgrade_tables(Connection& file) -> void {
  if (number(file, "PRAGMA user_version") == kSchemaVersion) return;
  file.execute("BEGIN IMMEDIATE");
  const auto version = number(file, "PRAGMA user_version");
  if (version == 1) {
    file.execute(kCoalescing);
    file.execute(kPositions);
  }
  if (version < kSchemaVersion) {
    file.execute(kFewerWrites);
    file.execute(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
  }
  file.execute("COMMIT");
}

auto set_up(Connection& file, const SqliteStorageOptions& options) -> Result<void> {
  using Synchronous = SqliteStorageOptions::Synchronous;
  const bool empty = is_empty(file);
  if (!empty) {
    SPIDER_TRY(check_contents(file, options));
  }
  file.execute("PRAGMA journal_mode = WAL");
  file.execute(options.synchronous == Synchronous::full ? "PRAGMA synchronous = FULL"
                                                        : "PRAGMA synchronous = NORMAL");
  file.execute(
      "PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;"
      "PRAGMA cache_size = -65536; PRAGMA trusted_schema = OFF");
  if (empty) {
    create_tables(file);
    SPIDER_TRY(check_contents(file, options));
  }
  upgrade_tables(file);
  return success();
}

/// Of several processes that open a new file at once, SQLite tells some "busy" without asking their busy
/// handlers (waiting could be for ever): all but one began to read before that one made the file its own.
auto set_up_beside_others(Connection& file, sqlite3* handle, const SqliteStorageOptions& options)
    -> Result<void> {
  constexpr std::chrono::milliseconds kRest{2};
  const auto deadline = std::chrono::steady_clock::now() + options.busy_timeout;
  while (true) {
    try {
      return set_up(file, options);
    } catch (const SqlFailure& failure) {
      const bool busy = (failure.code & 0xff) == SQLITE_BUSY;
      if (!busy || std::chrono::steady_clock::now() >= deadline) throw;
    }
    if (sqlite3_get_autocommit(handle) == 0) file.execute("ROLLBACK");
    std::this_thread::sleep_for(kRest);
  }
}

}  // namespace

auto refusal(const SqlFailure& failure, const std::string& path) -> Error {
  return refuse(errc_of(failure.code), path + ": " + failure.text);
}

auto open_file(const SqliteStorageOptions& options) -> Result<std::unique_ptr<Connection>> {
  SPIDER_TRY(prepare_path(options.path));
  SPIDER_TRY(check_length(options.path));
  sqlite3* handle = nullptr;
  const auto flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  const auto code = sqlite3_open_v2(options.path.c_str(), &handle, flags,
                                    options.vfs.empty() ? nullptr : options.vfs.c_str());
  auto file = std::make_unique<Connection>(handle);
  if (code != SQLITE_OK) return refuse(errc_of(code), options.path);
  sqlite3_extended_result_codes(handle, 1);
  file->wait_while_busy(options.busy_timeout);
  if (sqlite3_db_readonly(handle, "main") == 1) return refuse(SqliteErrc::read_only, options.path);
  try {
    SPIDER_TRY(set_up_beside_others(*file, handle, options));
  } catch (const SqlFailure& failure) {
    return refusal(failure, options.path);
  }
  return file;
}

}  // namespace spider::inline v1::detail
