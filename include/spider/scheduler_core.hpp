#pragma once

/// The core: the serial decision maker. It polls the storage's lanes, decides, and enqueues.
///
/// `PolicyCore` (policy_core.hpp) implements it for any SchedulingPolicy. Subclass it whole for an
/// algorithm that does not fit a policy, and hold it to the suite in
/// `spider/testing/scheduler_core_suite.hpp`.

#include "spider/async.hpp"
#include "spider/clock.hpp"
#include "spider/dispatch_queue.hpp"
#include "spider/observer.hpp"
#include "spider/storage_client.hpp"

#include <cstddef>
#include <vector>

namespace spider {
inline namespace v1 {

/// Assignments that come back from execution managers that died, left, or never acknowledged.
/// Filled by a DispatchService, emptied by the core. Callable from any thread.
class HandedBack {
 public:
  HandedBack() = default;
  HandedBack(const HandedBack&) = delete;
  auto operator=(const HandedBack&) -> HandedBack& = delete;
  virtual ~HandedBack() = default;

  /// Suspends until `take` would return something. Consumes nothing. Errors: `cancelled`, `closed`.
  [[nodiscard]] virtual auto wait() -> Async<void> = 0;

  /// Takes at most `max`, oldest first. Never suspends.
  [[nodiscard]] virtual auto take(std::size_t max) -> std::vector<TaskAssignment> = 0;
};

/// Everything a core may touch. The caller keeps it alive until `run` has completed.
struct CoreContext {
  StorageClient& storage;
  DispatchQueueSink& sink;
  HandedBack& handed_back;
  Clock& clock;
  Observer& observer;
};

class SchedulerCore {
 public:
  SchedulerCore() = default;
  SchedulerCore(const SchedulerCore&) = delete;
  auto operator=(const SchedulerCore&) -> SchedulerCore& = delete;
  virtual ~SchedulerCore() = default;

  /// Registers with the storage and schedules until cancelled; returns why it ended: `cancelled`,
  /// `dispatch_queue_closed`, `policy_failed`, or what it could not recover from. A failing storage
  /// is retried, not returned.
  ///
  /// A core promises (checked by the suite):
  ///  - every assignment is stamped with the session it was decided under;
  ///  - a batch of an older session is dropped; a newer session, even with an empty batch, clears
  ///    all that was buffered and bumps the sink before anything else is enqueued;
  ///  - a commit or cleanup entry drops its job's buffered regular tasks; ended jobs' entries are
  ///    dropped; what is handed back is scheduled again unless stale;
  ///  - cancellation ends it within one suspension point; what it holds is released with
  ///    `unregister_scheduler`, and nothing is enqueued afterwards.
  ///
  /// Runs on the executor of the calling coroutine, which must be a strand or single-threaded.
  /// Once per object at a time.
  [[nodiscard]] virtual auto run(CoreContext& context) -> Async<void> = 0;
};

}  // namespace v1
}  // namespace spider
