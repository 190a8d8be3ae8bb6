#pragma once

/// The storage as a scheduler core sees it: registration, the lanes of ready work, ended jobs.
///
/// Implemented by storages (storage.hpp), decorated by `ShardedStorageClient`; called by cores. Every
/// function may be called from any thread. All times are by the storage's own clock.
///
/// Sessions: `register_scheduler` draws a session from one increasing counter. It is superseded when
/// the same member registers again, when its lease lapses because nobody polled under it for
/// `StorageLimits::session_lease`, or when the storage restarts. What was polled under a superseded
/// session and has not been started is offered again, to whoever polls: nothing is lost between
/// poll and start.

#include "spider/async.hpp"
#include "spider/job.hpp"
#include "spider/slots.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {

/// Who registers. Two live schedulers on one storage must have different member names.
struct SchedulerInfo {
  SchedulerInfo() = default;
  explicit SchedulerInfo(std::string member_name) : member{std::move(member_name)} {}

  std::string member = "scheduler";  ///< a valid name
};

struct Registration {
  SchedulerId scheduler;          ///< stays with the member name
  SessionId session;              ///< greater than every session drawn before
  std::uint64_t incarnation = 0;  ///< 1, 2, … : how often this member has registered
};

struct PollRequest {
  PollRequest() = default;

  SchedulerId scheduler;
  SessionId session;
  std::vector<std::string> queues = {"default"};  ///< in strict order: a later one only fills up
  std::size_t max_items = 64;                     ///< ≥ 1; clamped to StorageLimits::poll_items_max
  std::size_t per_group_max = SIZE_MAX;           ///< from one resource group, ≥ 1
  std::size_t per_job_max = SIZE_MAX;             ///< from one job, ≥ 1
  Duration wait{};                                ///< how long to wait for the first entry; 0 = not at all
  std::shared_ptr<const SlotFilter> slots;        ///< which tasks to offer; null = all
};
static_assert(AsyncArgument<PollRequest> && AsyncArgument<SchedulerInfo>);

/// Entries that are now leased to the scheduler, in the order in which they were offered. `session`
/// is the scheduler's live session: newer than the request's when that was superseded by a lapsed
/// lease. The entries belong to it.
struct InboundBatch {
  InboundBatch() = default;

  SessionId session;
  std::vector<InboundEntry> entries;
};

/// A position in the storage's log of ended jobs. Each scheduler has its own.
struct EndedCursor {
  std::uint64_t position = 0;
};

struct EndedBatch {
  EndedBatch() = default;

  EndedCursor cursor;       ///< pass it to the next `poll_ended`
  std::vector<JobId> jobs;  ///< that succeeded, failed or were cancelled, in that order of time
  bool gap = false;         ///< older entries were dropped unseen: register again to be sure
};

class StorageClient {
 public:
  StorageClient() = default;
  StorageClient(const StorageClient&) = delete;
  auto operator=(const StorageClient&) -> StorageClient& = delete;
  virtual ~StorageClient() = default;

  /// Draws a new session, and supersedes the member's earlier one.
  /// Errors: `invalid_name`; `storage_unavailable`; `cancelled`.
  [[nodiscard]] virtual auto register_scheduler(SchedulerInfo info) -> Async<Registration> = 0;

  /// Orderly leave: supersedes the session without a successor, so that what it holds is offered
  /// again at once. Idempotent. Errors: `stale_session` when it is not the live one;
  /// `unknown_scheduler`; `storage_unavailable`.
  [[nodiscard]] virtual auto unregister_scheduler(Registration registration) -> Async<void> = 0;

  /// Takes a lease on ready regular tasks. Answers as soon as there is one entry, or empty after
  /// `wait`; woken by arrivals and by entries that become due, not by a timer of its own.
  ///
  /// Order of offers: queues in the request's order; inside a queue class by class, most urgent
  /// first, with one offer in `StorageLimits::lower_class_share` for the lower classes; inside a
  /// class round-robin over resource groups; inside a group round-robin over jobs, oldest job first;
  /// inside a job by ready time. Who was served, or has ready work again, goes to the back of its
  /// rotation; who reached its maximum takes no further part in this poll, and then goes to the back.
  ///
  /// With `slots`, tasks outside the filter are passed over and keep their order. A filtered poll is woken
  /// by arrivals in the slots of `first`, and when a task of `later` is due. It looks at a bounded number of
  /// tasks at a time and goes on where it ended, so that no task is hidden behind others for good.
  ///
  /// Cancellation leases nothing. What a lost answer had leased stays leased until the session ends.
  /// Renews the session's lease.
  /// Errors: `unknown_scheduler`; `stale_session` when superseded by a newer registration;
  /// `invalid_argument` (`max_items`, a maximum of 0, no queue); `storage_unavailable`; `cancelled`.
  [[nodiscard]] virtual auto poll_ready(PollRequest request) -> Async<InboundBatch> = 0;

  /// The same for commit tasks.
  [[nodiscard]] virtual auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> = 0;

  /// The same for cleanup tasks.
  [[nodiscard]] virtual auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> = 0;

  /// Jobs that ended after `cursor`, at most StorageLimits::poll_items_max. Not consuming: every
  /// scheduler sees all of them. A default cursor starts at the present. Waits as `poll_ready`.
  /// Errors: `storage_unavailable`; `cancelled`.
  [[nodiscard]] virtual auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> = 0;

  /// How a core finds out whether a job lives of which it has dropped something; rare.
  /// Errors: `unknown_job`; `storage_unavailable`.
  [[nodiscard]] virtual auto job_state(JobId job) -> Async<JobState> = 0;
};

}  // namespace v1
}  // namespace spider
