#pragma once

/// The durable worker pool: one SQLite file, shared by processes of one machine. Target `spider::sqlite`.
///
/// Each call is one transaction, so there is nothing between the steps of a claim or a release: a process
/// that dies has made the claim, or has not. What it held is swept when the lease lapses; claims outlive
/// the process that made them, and any other may renew or release them. Requests that arrive while a
/// commit runs are committed together, as in the storage (storage/sqlite.hpp), and so are the errors.
///
/// Claims that wait are served in order within a process, and woken by its own calls at once; returns in
/// other processes are found within `peek_interval`, by the head of the line alone. Between processes
/// there is no order.
///
/// The tables are the pool's own: a storage may use the same file, but then each commit of the one makes
/// the other read its rows anew. Leases are compared with the Clock of whoever sweeps: give all processes
/// `SystemClock`s.

#include "spider/clock.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/worker_pool.hpp"

#include <cstdint>
#include <memory>

namespace spider {
inline namespace v1 {

struct SqliteWorkerPoolOptions {
  SqliteWorkerPoolOptions() = default;

  /// Path, synchronous, busy_timeout, verify_bytes_max, vfs and hold count; the rest is the storage's.
  SqliteStorageOptions file;
  WorkerPoolLimits limits;
  std::size_t actors_remembered = 1U << 14U;  ///< per pool, 1 … 2^24; one displaces another of its hash
  Duration peek_interval = std::chrono::milliseconds{20};  ///< > 0
};

/// Opens or creates. The clock outlives the pool and the claims that wait; otherwise as WorkerPool says.
/// Errors: `SqliteErrc`; `invalid_argument` for an option out of its range.
[[nodiscard]] auto open_sqlite_worker_pool(SqliteWorkerPoolOptions options, Clock& clock)
    -> Result<std::unique_ptr<WorkerPool>>;

}  // namespace v1
}  // namespace spider
