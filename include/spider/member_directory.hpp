#pragma once

/// Who is alive: the schedulers (members) that pull from one storage.
///
/// Implemented by adapters, next to their storage and on the storage's clock, so that pings, leases and
/// "active" are judged by one time source. Called by ShardedStorageClient. Every function may be called from
/// any thread. Hold yours to the suite in `spider/testing/member_directory_suite.hpp`.
///
/// A member is *active* while its last ping is at most `MemberLimits::active_for` old; exactly at the limit
/// it still is. There is one row per member name, whatever happened to those who had the name before.

#include "spider/async.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {

using MemberId = Id<struct MemberTag>;  ///< drawn by the directory: a fresh one per start

struct MemberLimits {
  Duration active_for = std::chrono::seconds{20};  ///< > 0; two ping intervals
  Duration lost_after = std::chrono::seconds{30};  ///< ≥ active_for: then the row may be collected
  std::size_t members_max = 1'024;                 ///< rows
};

struct MemberInfo {
  MemberInfo() = default;
  explicit MemberInfo(std::string member_name) : name{std::move(member_name)} {}

  std::string name;  ///< a valid name; as in SchedulerInfo
};
static_assert(AsyncArgument<MemberInfo>);

struct MemberView {
  MemberId id;
  std::string name;
};

class MemberDirectory {
 public:
  MemberDirectory() = default;
  MemberDirectory(const MemberDirectory&) = delete;
  auto operator=(const MemberDirectory&) -> MemberDirectory& = delete;
  virtual ~MemberDirectory() = default;

  /// Registers a member and pings for it. Takes the row of whoever had the name, whose id is then unknown.
  /// Errors: `invalid_name`; `limit_exceeded` (rows); `storage_unavailable`; `cancelled`.
  [[nodiscard]] virtual auto join(MemberInfo info) -> Async<MemberId> = 0;

  /// Errors: `unknown_member` when it left, was replaced, or its row was collected: nothing is written, and
  /// who left stays away. `storage_unavailable`; `cancelled`.
  [[nodiscard]] virtual auto ping(MemberId member) -> Async<void> = 0;

  /// Not active from now on, whatever pings are under way. Idempotent, also for an id that nobody has.
  /// Errors: `storage_unavailable`.
  [[nodiscard]] virtual auto leave(MemberId member) -> Async<void> = 0;

  /// The active members by increasing id. Errors: `storage_unavailable`; `cancelled`.
  [[nodiscard]] virtual auto active() -> Async<std::vector<MemberView>> = 0;

  /// Removes the rows of at most `limit` members that have not pinged for `lost_after`; returns how many.
  /// Goes on where the last call ended, so that every row gets its turn. Several may run at once.
  /// Errors: `invalid_argument` (limit 0); `storage_unavailable`.
  [[nodiscard]] virtual auto collect(std::size_t limit) -> Async<std::size_t> = 0;

  [[nodiscard]] virtual auto limits() const -> const MemberLimits& = 0;
};

}  // namespace v1
}  // namespace spider
