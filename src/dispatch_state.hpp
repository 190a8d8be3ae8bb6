#pragma once

/// What the two halves of a dispatch channel share: everything but the coroutines.
///
/// Locks, always taken in this order:
///  - `line_mutex_` guards the lines of suspended calls. It is touched only when somebody suspends,
///    is woken or leaves, and is held while continuations are posted: so an execution context that
///    shuts down cannot vanish between the choice of a waiter and its wake-up.
///  - `front_lock_` guards the end of the ring where consumers take, `back_lock_` the one where producers
///    put. Session, closed flag and what the fast paths must know of the lines are written under both, and
///    read under either.
///
/// `enqueued_` and `freed_` are the positions of the two ends. Each is written under the lock of its end and
/// read by the other without it, and only when the value that was seen last does not suffice: whoever looks
/// takes the cache line from the other side's processor.
///
/// Every change to the lines, the session or the closed flag goes through `change`, which afterwards
/// restores the invariants of `choose_consumers` and `choose_producers`. Only a bump that finds both lines
/// empty does without: there is nobody to choose.

#include "assignment_ring.hpp"
#include "dispatch_waiter.hpp"
#include "spider/dispatch_channel.hpp"
#include "spin_lock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace spider::inline v1::detail {

class DispatchState final : public HoldsSuspensions, public std::enable_shared_from_this<DispatchState> {
 public:
  struct Put {
    std::size_t count = 0;
    Errc error{};  ///< why `count` is 0
  };
  struct Taken {
    std::size_t count = 0;
    bool drained = false;  ///< closed, and nothing is left
    bool yield = false;    ///< took nothing: let others run first, then try again
  };

  /// The clock outlives the state.
  [[nodiscard]] static auto make(const DispatchChannelOptions& options, Clock& clock)
      -> std::shared_ptr<DispatchState>;
  DispatchState(const DispatchChannelOptions& options, Clock& clock);

  // --- Producers. Errors: `dispatch_queue_closed`, `stale_session`, `would_block`, `limit_exceeded`.

  /// `put` of one item; quick while nobody waits and more was queued before. The error, or Errc{}.
  [[nodiscard]] auto put_one(const TaskAssignment& item, bool behind_line) -> Errc;
  /// Appends as many of `items` (not empty) as there is room for. `behind_line` leaves a slot for each
  /// suspended producer.
  [[nodiscard]] auto put(std::span<const TaskAssignment> items, bool behind_line) -> Put;
  /// The same, for a waiter that was woken; on `would_block` it keeps its place.
  [[nodiscard]] auto put_in_line(DispatchWaiter& waiter, std::span<const TaskAssignment> items) -> Put;
  /// How many slots are free, as `count`.
  [[nodiscard]] auto slots() -> Put;
  [[nodiscard]] auto slots_in_line(DispatchWaiter& waiter) -> Put;
  [[nodiscard]] auto free_slots() const noexcept -> std::size_t;
  [[nodiscard]] auto bump(SessionId session) -> Result<void>;
  auto close() -> void;

  // --- Consumers.

  /// Takes past the line; quick while another item is left for the line and nobody need be woken.
  [[nodiscard]] auto take_one(TaskAssignment& out, bool may_yield) -> Taken;
  /// Appends up to `max` (at least 1) to `out`, which has the room.
  [[nodiscard]] auto take_batch(std::vector<TaskAssignment>& out, std::size_t max, bool may_yield) -> Taken;
  /// For a waiter that was woken; when there is nothing it keeps its place.
  [[nodiscard]] auto take_in_line(DispatchWaiter& waiter, TaskAssignment& out) -> Taken;
  [[nodiscard]] auto deadline_after(Duration wait) const -> TimePoint;
  [[nodiscard]] auto is_due(TimePoint deadline) const -> bool { return clock_.now() >= deadline; }
  /// How many could be taken now; a snapshot.
  [[nodiscard]] auto queued() const noexcept -> std::size_t { return options_.capacity - free_slots(); }

  // --- Waiters of either side.

  /// Once per call, before it first suspends.
  auto watch(asio::execution_context& context) -> void;
  auto suspend(DispatchWaiter& waiter, Suspension suspension) -> void;
  auto cancel(DispatchWaiter& waiter) -> void;
  /// Gives up its place, and passes on a wake-up it may have had.
  auto leave(DispatchWaiter& waiter) -> void;
  auto drop_suspensions(const asio::execution_context& context) noexcept -> void override;

  [[nodiscard]] auto counters() const -> DispatchChannelCounters;

 private:
  static constexpr auto kNever = std::numeric_limits<std::uint64_t>::max();

  /// Runs `action` under all locks, then wakes whose turn has come.
  template <class Action>
  auto change(Action action) -> void;
  auto choose_consumers() -> void;
  auto choose_producers() -> void;
  auto choose(DispatchWaiter& waiter, Wake why) -> void;
  auto wake_first(DispatchLine& line, std::size_t& woken, std::size_t budget) -> void;
  auto update_resuming(std::size_t free) -> void;
  auto evict(DispatchWaiter& waiter) -> void;
  auto unlink(DispatchWaiter& waiter) -> void;
  auto resume_chosen() -> void;
  auto update_alarm() -> void;
  auto expire() -> void;

  struct Bumped {
    Errc refusal{};
    SessionId current;
  };
  [[nodiscard]] auto bump_locked(SessionId session) -> Bumped;
  auto put_locked(std::span<const TaskAssignment> items, std::size_t reserved) -> Put;
  auto take_one_slowly(TaskAssignment& out, bool may_yield) -> Taken;
  template <class Load>
  auto take(std::size_t max, bool may_yield, Load load) -> Taken;
  template <class Load>
  auto take_locked(std::size_t max, std::size_t room, Load load) -> std::size_t;
  auto count_freed(std::size_t count) noexcept -> void;
  auto update_put_bound() noexcept -> void;
  auto update_take_bound() noexcept -> void;
  /// Exact under both locks. Under front_lock_ alone: at least what was put in before.
  [[nodiscard]] auto total() const noexcept -> std::size_t {
    return enqueued_.load(std::memory_order_acquire) - freed_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] auto line_of(const DispatchWaiter& waiter) -> DispatchLine&;
  [[nodiscard]] auto woken_of(const DispatchWaiter& waiter) -> std::size_t&;
  [[nodiscard]] auto ahead_of(const DispatchWaiter& waiter) const -> std::size_t;

  const DispatchChannelOptions options_;
  const std::size_t resume_slots_;
  Clock& clock_;
  std::unique_ptr<Alarm> alarm_;
  AssignmentRing ring_;

  // Guarded by line_mutex_.
  std::mutex line_mutex_;
  DispatchLine consumers_;  // by arrival, woken ones included
  DispatchLine producers_;
  DispatchDeadlines deadlines_;
  std::size_t woken_consumers_ = 0;
  std::size_t woken_producers_ = 0;
  DispatchWaiter* first_chosen_ = nullptr;
  DispatchWaiter** last_chosen_ = &first_chosen_;
  TimePoint armed_at_ = kForever;
  bool resuming_ = false;             // producers are being resumed until the channel is full again
  std::uint64_t resume_at_ = kNever;  // while not resuming_: the value of freed_ that starts it
  std::vector<const asio::execution_context*> watched_;

  // Written under both spin locks, read under either.
  alignas(64) SessionId session_;
  bool closed_ = false;
  std::size_t consumer_line_ = 0;
  std::size_t producer_line_ = 0;
  std::uint64_t producers_due_ = kNever;  // a consumer that brings freed_ there wakes producers
  std::size_t consumers_due_ = kNoneDue;  // a producer that has more queued wakes consumers
  static constexpr auto kNoneDue = std::numeric_limits<std::size_t>::max();

  // Written under front_lock_.
  alignas(64) std::atomic<std::uint64_t> freed_{0};  // dequeued and dropped as stale
  alignas(64) mutable SpinLock front_lock_;
  std::uint64_t enqueued_seen_ = 0;  // enqueued_ as of the last look
  std::uint64_t stale_dropped_ = 0;
  std::uint64_t take_bound_ = 0;       // before it take_one need not look further
  std::uint64_t overtaking_from_ = 0;  // freed_ when the line formed or one of the line took
  std::uint64_t yielded_at_ = 0;       // the same, or when a taker yielded

  // Written under back_lock_.
  alignas(64) std::atomic<std::uint64_t> enqueued_{0};
  alignas(64) mutable SpinLock back_lock_;
  std::uint64_t freed_seen_ = 0;  // freed_ as of the last look
  std::size_t high_water_ = 0;
  std::uint64_t put_bound_ = 0;  // before it put_one need not look further
};

inline auto DispatchState::put_one(const TaskAssignment& item, bool behind_line) -> Errc {
  {
    const std::unique_lock back{back_lock_, std::try_to_lock};
    const auto position = enqueued_.load(std::memory_order_relaxed);
    if (back && position < put_bound_ && item.session == session_ && ring_.holds(position)) {
      ring_.store(position, item);
      enqueued_.store(position + 1, std::memory_order_release);
      return Errc{};
    }
  }
  return put({&item, 1}, behind_line).error;
}

inline auto DispatchState::take_one(TaskAssignment& out, bool may_yield) -> Taken {
  {
    const std::unique_lock front{front_lock_, std::try_to_lock};
    const auto position = freed_.load(std::memory_order_relaxed);
    if (front && position < take_bound_) {
      ring_.load(position, out);
      freed_.store(position + 1, std::memory_order_release);
      return {.count = 1};
    }
  }
  return take_one_slowly(out, may_yield);
}

template <class Action>
auto DispatchState::change(Action action) -> void {
  const std::scoped_lock line{line_mutex_};
  {
    const std::scoped_lock front{front_lock_};
    const std::scoped_lock back{back_lock_};
    action();
    choose_consumers();
    choose_producers();
    update_put_bound();
    update_take_bound();
  }
  resume_chosen();
  update_alarm();
}

}  // namespace spider::inline v1::detail
