#include "dispatch_state.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace spider::inline v1::detail {

namespace {

auto memory_of(const DispatchChannelOptions& options) -> std::pmr::memory_resource& {
  return options.memory != nullptr ? *options.memory : *std::pmr::new_delete_resource();
}

}  // namespace

auto DispatchState::make(const DispatchChannelOptions& options, Clock& clock)
    -> std::shared_ptr<DispatchState> {
  auto state = std::make_shared<DispatchState>(options, clock);
  state->alarm_ = clock.make_alarm([weak = std::weak_ptr{state}] {
    if (const auto self = weak.lock()) self->expire();
  });
  return state;
}

DispatchState::DispatchState(const DispatchChannelOptions& options, Clock& clock)
    : options_{options},
      resume_slots_{std::min(options.resume_slots, options.capacity)},
      clock_{clock},
      ring_{options.capacity, memory_of(options)},
      session_{options.session} {}

// --- Producers -----------------------------------------------------------------------------------

auto DispatchState::put(std::span<const TaskAssignment> items, bool behind_line) -> Put {
  Put result;
  bool wake = false;
  {
    const std::scoped_lock back{back_lock_};
    result = put_locked(items, behind_line ? producer_line_ : 0);
    if (result.count != 0 && consumers_due_ != kNoneDue) {
      const auto freed = freed_.load(std::memory_order_acquire);
      wake = enqueued_.load(std::memory_order_relaxed) - freed > consumers_due_;
    }
    update_put_bound();
  }
  if (wake) change([] {});
  return result;
}

auto DispatchState::put_locked(std::span<const TaskAssignment> items, std::size_t reserved) -> Put {
  assert(!items.empty());
  if (closed_) return {0, Errc::dispatch_queue_closed};
  if (items.front().session != session_) return {0, Errc::stale_session};

  const auto before = enqueued_.load(std::memory_order_relaxed);
  if (before - freed_seen_ + items.size() + reserved > options_.capacity) {
    freed_seen_ = freed_.load(std::memory_order_acquire);
  }
  const auto free = options_.capacity - (before - freed_seen_);
  if (free <= reserved) return {0, Errc::would_block};

  items = items.first(std::min(items.size(), free - reserved));
  const auto is_stale = [this](const TaskAssignment& item) { return item.session != session_; };
  const auto current = static_cast<std::size_t>(std::ranges::find_if(items, is_stale) - items.begin());
  const auto count = ring_.reserve(before, current);
  if (count == 0) return {0, Errc::limit_exceeded};
  ring_.store(before, items.first(count));
  enqueued_.store(before + count, std::memory_order_release);

  if (before + count - freed_seen_ > high_water_) {
    freed_seen_ = freed_.load(std::memory_order_acquire);
    high_water_ = std::max<std::size_t>(high_water_, before + count - freed_seen_);
  }
  return {count, Errc{}};
}

/// Nobody waits, there is room, and more was queued before. Needs back_lock_.
auto DispatchState::update_put_bound() noexcept -> void {
  const bool somebody_waits = producer_line_ != 0 || consumers_due_ != kNoneDue;
  put_bound_ = closed_ || somebody_waits ? 0 : freed_seen_ + high_water_;
}

auto DispatchState::put_in_line(DispatchWaiter& waiter, std::span<const TaskAssignment> items) -> Put {
  Put result;
  change([&] {
    result = put_locked(items, ahead_of(waiter));
    if (result.error != Errc::would_block) unlink(waiter);
  });
  return result;
}

auto DispatchState::slots() -> Put {
  const std::scoped_lock back{back_lock_};
  if (closed_) return {0, Errc::dispatch_queue_closed};
  const auto free = free_slots();
  return {free, free == 0 ? Errc::would_block : Errc{}};
}

auto DispatchState::slots_in_line(DispatchWaiter& waiter) -> Put {
  Put result;
  change([&] {
    const auto free = options_.capacity - total();
    result = {free, closed_ ? Errc::dispatch_queue_closed : free == 0 ? Errc::would_block : Errc{}};
    if (closed_) result.count = 0;
    if (result.error != Errc::would_block) unlink(waiter);
  });
  return result;
}

// Reads freed_ first: what is freed or put in between only makes the answer smaller.
auto DispatchState::free_slots() const noexcept -> std::size_t {
  const auto freed = freed_.load(std::memory_order_acquire);
  const auto queued = enqueued_.load(std::memory_order_acquire) - freed;
  return queued < options_.capacity ? options_.capacity - queued : 0;
}

auto DispatchState::bump(SessionId session) -> Result<void> {
  Bumped bumped;
  bool alone = false;
  {
    const std::scoped_lock front{front_lock_};
    const std::scoped_lock back{back_lock_};
    alone = consumer_line_ == 0 && producer_line_ == 0;
    if (alone) bumped = bump_locked(session);
  }
  if (!alone) {
    change([&] {
      bumped = bump_locked(session);
      if (bumped.refusal != Errc{}) return;
      for (auto it = producers_.begin(); it != producers_.end();) {
        auto& waiter = *it++;
        if (waiter.kind == WaiterKind::producer) evict(waiter);
      }
    });
  }
  if (bumped.refusal == Errc{}) return success();
  if (bumped.refusal != Errc::invalid_session) return bumped.refusal;
  return Error{bumped.refusal, "session " + std::to_string(session.value) +
                                   " is not after the current session " +
                                   std::to_string(bumped.current.value)};
}

/// Needs both spin locks. Leaves the lines to the caller.
auto DispatchState::bump_locked(SessionId session) -> Bumped {
  if (closed_) return {Errc::dispatch_queue_closed, session_};
  if (session <= session_) return {Errc::invalid_session, session_};
  const auto stale = total();
  stale_dropped_ += stale;
  count_freed(stale);
  enqueued_seen_ = enqueued_.load(std::memory_order_relaxed);
  session_ = session;
  overtaking_from_ = yielded_at_ = freed_.load(std::memory_order_relaxed);
  return {Errc{}, session};
}

auto DispatchState::close() -> void {
  change([&] { closed_ = true; });
}

// --- Consumers -----------------------------------------------------------------------------------

/// What is taken is copied out by `load(position, count)`.
template <class Load>
auto DispatchState::take(std::size_t max, bool may_yield, Load load) -> Taken {
  Taken taken;
  bool wake = false;
  {
    const std::scoped_lock front{front_lock_};
    const bool overtakes = consumer_line_ != 0;
    const auto position = freed_.load(std::memory_order_relaxed);
    const std::size_t limit = options_.overtake_max;
    if (overtakes && may_yield && position - yielded_at_ >= limit) {
      yielded_at_ = position;
      return {.yield = true};
    }
    const auto room = overtakes ? limit - std::min(position - overtaking_from_, limit) : max;
    taken.count = take_locked(max, room, load);
    taken.drained = closed_ && total() == 0 && taken.count == 0;
    if (taken.count == 0) return taken;
    wake = freed_.load(std::memory_order_relaxed) >= producers_due_ || (closed_ && overtakes);
    update_take_bound();
  }
  if (wake) change([] {});
  return taken;
}

auto DispatchState::take_one_slowly(TaskAssignment& out, bool may_yield) -> Taken {
  return take(1, may_yield, [&](std::uint64_t position, std::size_t) { ring_.load(position, out); });
}

auto DispatchState::take_batch(std::vector<TaskAssignment>& out, std::size_t max, bool may_yield) -> Taken {
  return take(max, may_yield,
              [&](std::uint64_t position, std::size_t count) { ring_.load(position, count, out); });
}

/// Takes up to `room` items freely, and more only while one is left for the line. Needs front_lock_.
template <class Load>
auto DispatchState::take_locked(std::size_t max, std::size_t room, Load load) -> std::size_t {
  const auto position = freed_.load(std::memory_order_relaxed);
  if (enqueued_seen_ - position <= max) enqueued_seen_ = enqueued_.load(std::memory_order_acquire);
  const auto queued = enqueued_seen_ - position;
  auto count = std::min<std::size_t>(max, queued);
  if (count > room) count = std::max(room, std::min<std::size_t>(count, queued - 1));
  if (count != 0) load(position, count);
  count_freed(count);
  return count;
}

/// An item is left for the line, producers need no wake-up, and nobody need yield. Needs front_lock_.
auto DispatchState::update_take_bound() noexcept -> void {
  auto bound = closed_ ? 0 : std::min(enqueued_seen_, producers_due_);
  if (bound != 0) --bound;
  if (consumer_line_ != 0) bound = std::min(bound, yielded_at_ + options_.overtake_max);
  take_bound_ = bound;
}

auto DispatchState::take_in_line(DispatchWaiter& waiter, TaskAssignment& out) -> Taken {
  Taken taken;
  change([&] {
    taken.count = take_locked(1, 1, [&](std::uint64_t position, std::size_t) { ring_.load(position, out); });
    taken.drained = closed_ && taken.count == 0;
    if (taken.count != 0) overtaking_from_ = yielded_at_ = freed_.load(std::memory_order_relaxed);
    if (taken.count != 0 || taken.drained) unlink(waiter);
  });
  return taken;
}

auto DispatchState::count_freed(std::size_t count) noexcept -> void {
  freed_.store(freed_.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

auto DispatchState::deadline_after(Duration wait) const -> TimePoint {
  return saturating_add(clock_.now(), std::clamp(wait, Duration::zero(), options_.wait_max));
}

auto DispatchState::counters() const -> DispatchChannelCounters {
  const std::scoped_lock front{front_lock_};
  const std::scoped_lock back{back_lock_};
  DispatchChannelCounters counters;
  counters.enqueued = enqueued_.load(std::memory_order_relaxed);
  counters.stale_dropped = stale_dropped_;
  counters.dequeued = freed_.load(std::memory_order_relaxed) - stale_dropped_;
  counters.queued = total();
  counters.high_water = high_water_;
  return counters;
}

}  // namespace spider::inline v1::detail
