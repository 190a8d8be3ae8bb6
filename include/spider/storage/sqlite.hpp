#pragma once

/// The embedded durable storage: one SQLite file. Target `spider::sqlite`.
///
/// Survives `kill -9` at any instruction; with `Synchronous::full` also power loss: what was acknowledged
/// is stored. With `normal` the file stays consistent, and the last moments before a power loss may be
/// missing.
///
/// Threads: starts one thread per storage, which owns the connection and does all that blocks. Requests
/// that arrive while a commit runs are committed together, by the next one; each is answered after the
/// commit that holds it. When a commit fails all of its requests answer `storage_unavailable`, and nothing
/// of them is stored, unless the failure was that of the commit itself: repeat them.
///
/// Several processes may share one file, on one machine and not over a network file system. Times are
/// those of each process's Clock: give them `SystemClock`s, so that they agree as far as the machine's wall
/// clock does. A long poll is woken by arrivals at once within a process, and within `peek_interval` of
/// real time across processes. A process that opens the file supersedes nobody; the sessions of one that
/// died lapse with their lease, or when their member registers again. A session's lease may be seen to
/// last up to a quarter longer by other processes, never shorter.
///
/// A task array is stored as a range until its tasks are polled. Polls, starts and finishes are look-ups,
/// whatever the number of jobs that the file holds.

#include "spider/clock.hpp"
#include "spider/storage.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace spider {
inline namespace v1 {

/// Why a file cannot be opened as a storage.
enum class SqliteErrc {
  missing_folder = 1,  ///< the file's folder does not exist
  symbolic_link,       ///< the path is a symbolic link
  not_a_file,          ///< a folder, a device, …
  read_only,           ///< the file or its folder cannot be written
  truncated,           ///< shorter than its own header says
  corrupt,             ///< not an SQLite file, or damaged
  foreign_file,        ///< the database of another application
  newer_schema,        ///< written by a newer version of Spider
  busy,                ///< another connection held the file for longer than `busy_timeout`
  io_error,            ///< anything else that the file system or SQLite refused
};
/// The category of `SqliteErrc`; its name is "spider.sqlite".
[[nodiscard]] auto sqlite_error_category() noexcept -> const std::error_category&;
[[nodiscard]] auto make_error_code(SqliteErrc code) noexcept -> std::error_code;

struct SqliteStorageOptions {
  enum class Synchronous : std::uint8_t {
    normal,  ///< no sync per commit; power loss may take back the last commits, whole ones only
    full,    ///< one sync per commit
  };

  SqliteStorageOptions() = default;
  explicit SqliteStorageOptions(std::string file) : path{std::move(file)} {}

  std::string path;  ///< created with mode 0600 when it does not exist; its folder must
  Synchronous synchronous = Synchronous::full;
  StorageLimits limits;  ///< sessions' and managers' leases are among them
  /// How long `run` and `sweep` leave ended jobs in the file, besides `StorageLimits::ended_jobs_max`.
  Duration ended_jobs_kept = std::chrono::hours{24 * 7};
  std::size_t removal_step = 100;  ///< ended jobs removed in one transaction, ≥ 1
  /// How long to wait for another process's transaction; real time.
  std::chrono::milliseconds busy_timeout{5000};
  /// How often to look for commits of other processes while somebody waits; real time; 0 = never.
  std::chrono::milliseconds peek_interval{20};
  /// A file up to this size is checked in full when opened; of a larger one only header and schema.
  std::size_t verify_bytes_max = 16U << 20U;
  std::string vfs;  ///< the name of a registered SQLite VFS; empty = the default
  /// Called for each request; what it returns lives until the request is answered. For a virtual clock,
  /// which must not leap over work on another thread: return its hold.
  std::function<std::shared_ptr<void>()> hold;
};

/// Opens or creates. Thread-safe, as StorageClient, JobClient and ExecutionClient say. The clock outlives
/// the storage, and the storage every call that has not completed; frames that an execution context
/// destroys at its shutdown may be destroyed later. The destructor answers what is queued, then joins
/// the thread.
/// Errors: `SqliteErrc`; `invalid_argument` for a limit out of its range.
[[nodiscard]] auto open_sqlite_storage(SqliteStorageOptions options, Clock& clock)
    -> Result<std::unique_ptr<Storage>>;

/// What a look at every page and every row of a file has found.
struct SqliteCheck {
  SqliteCheck() = default;

  std::uint64_t jobs = 0;
  std::vector<std::string> complaints;  ///< at most a hundred; empty = sound
};

/// Reads all of the file that a storage has written, in one snapshot, and changes nothing: whether SQLite
/// finds it sound, and whether its tables agree with each other. Others may work on it meanwhile. Takes time
/// in proportion to the file's size; blocks.
/// Errors: `SqliteErrc` for a file that cannot be opened as a storage.
[[nodiscard]] auto check_sqlite_storage(const std::string& path) -> Result<SqliteCheck>;

}  // namespace v1
}  // namespace spider

template <>
struct std::is_error_code_enum<spider::SqliteErrc> : std::true_type {};
