#pragma once

/// The dispatch queue: the pair of interfaces between a scheduler core and the execution managers.
///
/// Implemented by the dispatch channel (dispatch_channel.hpp); users may bring their own and hold it
/// to the contract suite in `spider/testing/dispatch_queue_suite.hpp`. The sink is called by the
/// core, the source by a DispatchService. Every function may be called from any thread.
///
/// Promises that bind every implementation (the full list of rules is in dispatch_channel.hpp):
///  - bounded: never more than its capacity of current-session assignments at any instant;
///  - each enqueued assignment is returned by at most one dequeue, and by exactly one if it stays
///    current and the source is drained; in order, where one enqueue completed before the next began;
///  - after `bump_session(s)` has returned, no dequeue *takes* an assignment older than s. A dequeue
///    takes at one instant between its call and its return, after its last suspension.
///
/// Lifetime: an awaitable is lazy; the sink or source must live until a call made on it has started
/// to run. After that the call keeps alive what it needs. Cancelling a suspended call leaves nothing
/// behind: nothing was taken, nothing was put in.

#include "spider/async.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace spider {
inline namespace v1 {

/// The core's side.
class DispatchQueueSink {
 public:
  DispatchQueueSink() = default;
  DispatchQueueSink(const DispatchQueueSink&) = delete;
  auto operator=(const DispatchQueueSink&) -> DispatchQueueSink& = delete;
  virtual ~DispatchQueueSink() = default;

  /// Puts one assignment in; suspends while the queue is full. Suspended callers resume in the order
  /// in which they suspended.
  /// Errors: `stale_session` when the assignment's session is not the current one, also when a bump
  /// came while suspended; `dispatch_queue_closed`; `cancelled`.
  [[nodiscard]] virtual auto enqueue(TaskAssignment assignment) -> Async<void> = 0;

  /// Puts in as many as fit, in order, and suspends only while none does. Atomic per item, not per
  /// batch. Returns how many went in: at least one, unless the batch is empty (0). The caller keeps
  /// the rest.
  /// Errors, when none went in: those of `enqueue` for the first item.
  [[nodiscard]] virtual auto enqueue_batch(std::vector<TaskAssignment> assignments) -> Async<std::size_t> = 0;

  /// Never suspends. Leaves its argument untouched, whatever it answers.
  /// Errors: `would_block` when full; `stale_session`; `dispatch_queue_closed`.
  [[nodiscard]] virtual auto try_enqueue(const TaskAssignment& assignment) -> Result<void> = 0;

  /// Makes everything that was enqueued under an earlier session undeliverable, and frees its slots.
  /// O(1) in depth and in waiting consumers, O(suspended producers); waits for nobody. Suspended
  /// producers resume with `stale_session`.
  /// Errors: `invalid_session` unless `session` is greater than the current one (the detail names
  /// both); `dispatch_queue_closed`.
  [[nodiscard]] virtual auto bump_session(SessionId session) -> Result<void> = 0;

  /// How many assignments could be put in now. A snapshot: with one producer a lower bound.
  [[nodiscard]] virtual auto free_slots() const -> std::size_t = 0;

  /// Suspends until slots are free, and returns how many. Consumes nothing: with several producers
  /// another may be faster.
  /// Errors: `dispatch_queue_closed`; `cancelled`.
  [[nodiscard]] virtual auto wait_for_slots() -> Async<std::size_t> = 0;

  /// Ends the intake. What is queued still drains; suspended producers resume with
  /// `dispatch_queue_closed`. Idempotent.
  virtual auto close() -> void = 0;
};

/// The execution managers' side.
class DispatchQueueSource {
 public:
  DispatchQueueSource() = default;
  DispatchQueueSource(const DispatchQueueSource&) = delete;
  auto operator=(const DispatchQueueSource&) -> DispatchQueueSource& = delete;
  virtual ~DispatchQueueSource() = default;

  /// Takes the next assignment, suspending for at most `wait` (clamped to 0 … the implementation's
  /// stated cap). An empty optional means that none came in time. Waiters are served in the order in
  /// which they came, within the stated overtaking bound. `wait` of 0 never suspends.
  /// Errors: `dispatch_queue_closed` once closed and drained; `cancelled`.
  [[nodiscard]] virtual auto dequeue(Duration wait) -> Async<std::optional<TaskAssignment>> = 0;

  /// Takes between 1 and `max` assignments, in order; suspends only while there is none. An empty
  /// vector means that none came in time. Errors: as `dequeue`; `invalid_argument` for `max` 0.
  [[nodiscard]] virtual auto dequeue_batch(std::size_t max, Duration wait)
      -> Async<std::vector<TaskAssignment>> = 0;

  /// Never suspends; an empty optional when there is nothing to take.
  /// Errors: `dispatch_queue_closed` once closed and drained.
  [[nodiscard]] virtual auto try_dequeue() -> Result<std::optional<TaskAssignment>> = 0;
};

}  // namespace v1
}  // namespace spider
