#pragma once

/// Push mode: takes assignments off a dispatch queue, claims an idle worker for each, and hands it over
/// by the user's `deliver`. The counterpart of execution managers that pull from a DispatchService.
///
/// What it promises. The names are those of the tests.
///  - P1 nothing is lost: what was taken is delivered, or handed back to the core, each exactly once. What
///    the HandedBackQueue refuses is counted; the storage offers it again when the session ends.
///  - P2 order: assignments get their workers in the order of the queue. Deliveries run side by side.
///  - P3 bound: at most `in_flight_max` deliveries, and one assignment that waits for a worker.
///  - P4 a delivery that fails, or throws, hands its assignment back. Its worker is left to the sweeper:
///    nobody gets it before its lease has lapsed.
///  - P5 a claim that was delivered is the receiver's: who runs the task renews it, and releases it.
///  - P6 orderly end: when `run` is cancelled, or the queue is closed and drained, nothing more is taken,
///    what waits for a worker is handed back, and `run` returns after the last delivery has ended.
///  - P7 it sweeps the pool every `sweep_interval`; several dispatchers of one pool share that work.
///
/// A `deliver` that succeeds says that the worker has answered for the assignment: its start was accepted
/// by the storage, which watches it from then on, or refused. It bounds itself by a timeout; after one, or
/// a lost answer, an assignment may be delivered twice, and the storage refuses the second start.

#include "spider/clock.hpp"
#include "spider/dispatch_queue.hpp"
#include "spider/worker_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace spider {
inline namespace v1 {

class HandedBackQueue;

struct PushDispatcherOptions {
  PushDispatcherOptions() = default;

  ClaimantId claimant;  ///< not 0; unique among the dispatchers of the pool
  std::string pool = "default";
  Duration lease = std::chrono::seconds{30};          ///< of each claim, until its receiver renews it
  std::size_t in_flight_max = 64;                     ///< ≥ 1: deliveries under way
  Duration sweep_interval = std::chrono::seconds{5};  ///< > 0
  std::size_t sweep_limit = 4096;                     ///< ≥ 1: workers looked at, each interval
  /// What the assignment is for, when its actor's last worker is the best (W8). Null: any worker.
  std::function<ActorId(const TaskAssignment&)> actor;
};

/// Hands an assignment to a worker. Runs on the executor of `run`.
using Deliver = std::function<Async<void>(Claim, TaskAssignment)>;

/// A consistent snapshot: taken == waiting + in_flight + delivered + handed_back + refused.
struct PushDispatcherCounters {
  std::size_t waiting = 0;        ///< 1 while an assignment waits for a worker
  std::size_t in_flight = 0;      ///< deliveries under way
  std::uint64_t taken = 0;        ///< off the dispatch queue, ever
  std::uint64_t delivered = 0;    ///< ever
  std::uint64_t handed_back = 0;  ///< accepted by the HandedBackQueue, ever
  std::uint64_t refused = 0;      ///< refused by it, ever
  std::uint64_t failed = 0;       ///< deliveries that failed, ever
};

class PushDispatcher final {
 public:
  ~PushDispatcher();
  PushDispatcher(const PushDispatcher&) = delete;
  auto operator=(const PushDispatcher&) -> PushDispatcher& = delete;

  /// Dispatches until cancelled, or until the queue is closed and drained. Runs on the executor of the
  /// calling coroutine, which must be a strand or single-threaded. Once per object. A pool that is
  /// unknown as yet, or cannot answer, is asked again every `sweep_interval`.
  /// Errors, always one: `cancelled`; `dispatch_queue_closed`; `closed` or `invalid_argument` of the pool.
  [[nodiscard]] auto run() -> Async<void>;

  /// Callable on the executor of `run`.
  [[nodiscard]] auto counters() const -> PushDispatcherCounters;

 private:
  class State;
  explicit PushDispatcher(std::shared_ptr<State> state);
  friend auto make_push_dispatcher(PushDispatcherOptions options, DispatchQueueSource& source,
                                   WorkerPool& pool, HandedBackQueue& handed_back, Clock& clock,
                                   Deliver deliver) -> Result<std::unique_ptr<PushDispatcher>>;

  std::shared_ptr<State> state_;
};

/// What it refers to outlives the dispatcher and `run`.
/// Errors: `invalid_argument` for an option outside its range, or an empty `deliver`.
[[nodiscard]] auto make_push_dispatcher(PushDispatcherOptions options, DispatchQueueSource& source,
                                        WorkerPool& pool, HandedBackQueue& handed_back, Clock& clock,
                                        Deliver deliver) -> Result<std::unique_ptr<PushDispatcher>>;

}  // namespace v1
}  // namespace spider
