#pragma once

/// The dispatch service as an execution manager sees it. An interface, so that a transport can stand
/// between the two; `DispatchService` (dispatch_service.hpp) is its in-process implementation.
///
/// Every function may be called from any thread. The first call of a manager registers it, and every
/// call refreshes its liveness; a manager that is silent for the service's cutoff is dead, and its
/// unacknowledged assignments are handed back to the core. A call after that starts it anew.

#include "spider/async.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <vector>

namespace spider {
inline namespace v1 {

class DispatchClient {
 public:
  DispatchClient() = default;
  DispatchClient(const DispatchClient&) = delete;
  auto operator=(const DispatchClient&) -> DispatchClient& = delete;
  virtual ~DispatchClient() = default;

  /// Takes 1 … `max` assignments off the dispatch queue and puts them on the manager's record in one
  /// step; empty when none came within `wait`. Cancellation takes nothing.
  /// Errors: `invalid_argument` (manager 0, max 0); `limit_exceeded` when the manager has as many
  /// unacknowledged assignments as it may; `dispatch_queue_closed`; `cancelled`.
  [[nodiscard]] virtual auto next_tasks(ManagerId manager, std::size_t max, Duration wait)
      -> Async<std::vector<TaskAssignment>> = 0;

  /// Takes assignments off the record. Call it right after the storage has accepted or refused their
  /// start: from then on the storage's lease watches the task. Idempotent: what is not on the record
  /// is skipped, and so is what another scheduler assigned. Errors: `unknown_manager`.
  [[nodiscard]] virtual auto acknowledge(ManagerId manager, std::vector<TaskAssignment> assignments)
      -> Async<void> = 0;

  /// Says that the manager is alive. Errors: `invalid_argument` (manager 0).
  [[nodiscard]] virtual auto heartbeat(ManagerId manager) -> Async<void> = 0;

  /// Acknowledges `acknowledged`, then removes the manager and hands back the rest.
  /// Errors: `unknown_manager`.
  [[nodiscard]] virtual auto leave(ManagerId manager, std::vector<TaskAssignment> acknowledged)
      -> Async<void> = 0;
};

}  // namespace v1
}  // namespace spider
