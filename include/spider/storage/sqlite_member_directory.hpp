#pragma once

/// The durable member directory: rows in one SQLite file, shared by processes of one machine. Target
/// `spider::sqlite`. Give it the file of the storage that the members pull from.
///
/// Each call is one transaction, and answered after its commit: two processes never see different rows. The
/// time of a ping, and who is active, are by the Clock of whoever asks, as leases are in the storage
/// (storage/sqlite.hpp): give all processes `SystemClock`s, and the storage the same clock as the directory.
///
/// The tables are the directory's own. Starts one thread, which owns the connection. A process that dies
/// leaves its row, which lapses and is collected; ids are never drawn twice.

#include "spider/clock.hpp"
#include "spider/member_directory.hpp"
#include "spider/storage/sqlite.hpp"

#include <memory>

namespace spider {
inline namespace v1 {

struct SqliteMemberDirectoryOptions {
  SqliteMemberDirectoryOptions() = default;

  /// Path, synchronous, busy_timeout, verify_bytes_max, vfs and hold count; the rest is the storage's.
  SqliteStorageOptions file;
  MemberLimits limits;
};

/// Opens or creates. The clock outlives the directory, and the directory every call that has not completed.
/// Errors: `SqliteErrc`; `invalid_argument` for `active_for` ≤ 0, `lost_after` below it, or `members_max` 0.
[[nodiscard]] auto open_sqlite_member_directory(SqliteMemberDirectoryOptions options, Clock& clock)
    -> Result<std::unique_ptr<MemberDirectory>>;

}  // namespace v1
}  // namespace spider
