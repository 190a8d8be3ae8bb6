#pragma once

/// The dispatch channel: the shipped implementation of the dispatch queue. Bounded, session-stamped,
/// for any number of producers and consumers on any number of threads.
///
/// What it promises. The names are those of the tests; the interfaces are in dispatch_queue.hpp.
///  - D1 bound: at no instant more than `capacity` current-session assignments sit in it.
///  - D2 back-pressure: `enqueue` on a full channel suspends, and resumes once min(`resume_slots`,
///    `capacity`) slots have been freed since it was full. Suspended producers put in in the order in
///    which they suspended; a later `enqueue` leaves a slot for each of them, `try_enqueue` does not.
///    Nothing is dropped for being full.
///  - D3 exactly one: each assignment is returned by at most one dequeue, and by exactly one if it stays
///    current and the source is drained.
///  - D4 order: if enqueue(a) completed before enqueue(b) began, a is taken before b.
///  - D5 stamp: only assignments of the current session go in, also after having been suspended.
///  - D6 bump: after `bump_session` has returned, nothing older is taken, on any thread.
///  - D7 a bump costs O(1) in depth and in waiting consumers, O(suspended producers); it waits for nobody.
///  - D8 after a bump `free_slots()` is `capacity` at once. Stale assignments are forgotten by the bump
///    itself; none stays resident.
///  - D9 wait: `dequeue(0)` never suspends; `dequeue(w)` answers "none" no earlier than
///    min(w, `wait_max`) after the call. All timed waits share one alarm of the clock, which is disarmed
///    while nobody waits.
///  - D10 cancel: a waiter is woken, never handed an assignment; it takes one itself in the step that
///    returns it. One that leaves without taking passes its wake-up on.
///  - D11 close: what is queued drains, then every dequeue answers `dispatch_queue_closed`. Destroying the
///    sink closes; so does destroying the source.
///  - D12 fair waiters: wake-ups go to the head of the line, at most `wake_fanout` in flight; who finds
///    nothing keeps its place. After `overtake_max` assignments in a row were taken past suspended
///    consumers, one is reserved for them (a dequeue may then find nothing although one is queued), and
///    the next dequeue that may suspend first yields its executor.
///  - D13 memory: at most sizeof(TaskAssignment) (64) × `capacity`, rounded up to a power of two, bytes in
///    blocks of at most 512 assignments, which are allocated when first needed and kept until the channel
///    is gone; and 8 bytes per block from the start. Suspended calls live in their coroutines' frames.
///  - D14 shutdown: destroying both halves completes every suspended call. An execution context may die
///    before the channel: it takes its suspended coroutines with it.
///  - D15 counters: `enqueued == dequeued + stale_dropped + queued`, at every instant.
///  - D16 batches keep all of this per assignment. `dequeue_batch` that had to suspend takes one in its
///    turn, and then what else there is.
///
/// Threads: everything may be called from any thread. `try_` functions, `bump_session` and `close` take
/// short locks only; suspended calls are resumed by posting to their own executors.
/// Cancellation: `terminal`, emitted on the executor of the suspended coroutine. A call that need not
/// suspend does not look at it.
///
/// One ring with a lock at each end (Michael and Scott, PODC 1996); each side looks up the other's position
/// only when the one seen last does not suffice (Lee, Bu and Chandranmenon, "A lock-free, cache-efficient
/// multi-core synchronization mechanism", IPDPS 2010).

#include "spider/clock.hpp"
#include "spider/dispatch_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>

namespace spider {
inline namespace v1 {

struct DispatchChannelOptions {
  static constexpr std::size_t kCapacityMax = std::size_t{1} << 24U;

  std::size_t capacity = 1024;       ///< 1 … kCapacityMax assignments
  SessionId session{};               ///< the session the core registered under; 0 = none yet
  std::size_t resume_slots = 1;      ///< ≥ 1: suspended producers resume once this many were freed
  std::size_t wake_fanout = 4;       ///< ≥ 1: woken consumers in flight at most
  std::uint32_t overtake_max = 512;  ///< ≥ 1: assignments in a row taken past suspended consumers
  Duration wait_max = std::chrono::seconds{60};  ///< ≥ 0: cap of every timed dequeue
  /// Where the blocks come from; thread-safe, outlives the channel and every suspended call on it.
  /// Null: `new` and `delete`. When it throws `std::bad_alloc`, the enqueue fails with `limit_exceeded`.
  std::pmr::memory_resource* memory = nullptr;
};

struct DispatchChannelCounters {
  std::uint64_t enqueued = 0;       ///< put in, ever
  std::uint64_t dequeued = 0;       ///< taken, ever
  std::uint64_t stale_dropped = 0;  ///< forgotten by a bump, ever
  std::size_t queued = 0;           ///< in the channel now
  std::size_t high_water = 0;       ///< most that were ever in it at once; at most `capacity`
};

struct DispatchChannel {
  std::unique_ptr<DispatchQueueSink> sink;
  std::unique_ptr<DispatchQueueSource> source;
  /// A consistent snapshot; callable from any thread, at any time, also after both halves are gone. A
  /// copy keeps the channel's memory.
  std::function<DispatchChannelCounters()> counters;
};

/// The clock outlives the halves. Suspended calls that outlive it are never resumed by time.
/// Errors: `invalid_argument` for an option outside its range; the detail names it.
[[nodiscard]] auto make_dispatch_channel(DispatchChannelOptions options, Clock& clock)
    -> Result<DispatchChannel>;

}  // namespace v1
}  // namespace spider
