#include "dispatch_state.hpp"

#include <boost/asio/execution_context.hpp>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

// The lines of suspended calls: who is woken when, and how a call leaves.

namespace spider::inline v1::detail {

/// Invariant: as many consumers are woken as there are items for them, up to the fan-out; the first of
/// the line first. When no item can come any more, nobody waits.
auto DispatchState::choose_consumers() -> void {
  const auto queued = total();
  if (closed_ && queued == 0) {
    while (!consumers_.empty()) evict(consumers_.front());
  } else {
    wake_first(consumers_, woken_consumers_, std::min(queued, options_.wake_fanout));
  }
  if (consumer_line_ == 0) overtaking_from_ = yielded_at_ = freed_.load(std::memory_order_relaxed);
  consumer_line_ = consumers_.size();
  const bool could_wake = woken_consumers_ < consumer_line_ && woken_consumers_ < options_.wake_fanout;
  consumers_due_ = could_wake ? woken_consumers_ : kNoneDue;
}

/// Invariant: once enough slots were freed, as many producers are woken as there are slots for them.
auto DispatchState::choose_producers() -> void {
  if (closed_) {
    while (!producers_.empty()) evict(producers_.front());
  }
  const auto free = options_.capacity - total();
  update_resuming(free);
  if (resuming_) wake_first(producers_, woken_producers_, free);
  producer_line_ = producers_.size();
  const bool all_woken = woken_producers_ == producer_line_;
  producers_due_ = all_woken ? kNever : resuming_ ? 0 : resume_at_;
}

/// A line that forms, or a channel that is full again, starts counting freed slots anew. A channel that
/// is not full when the line forms may never free another slot: it resumes at once.
auto DispatchState::update_resuming(std::size_t free) -> void {
  const auto freed = freed_.load(std::memory_order_relaxed);
  if (producers_.empty()) {
    resuming_ = false;
    resume_at_ = kNever;
  } else if (free == 0 && (resuming_ || resume_at_ == kNever)) {
    resuming_ = false;
    resume_at_ = freed + resume_slots_;
  } else if (resume_at_ == kNever || freed >= resume_at_) {
    resuming_ = true;
  }
}

auto DispatchState::wake_first(DispatchLine& line, std::size_t& woken, std::size_t budget) -> void {
  if (woken == line.size()) return;
  for (auto& waiter : line) {
    if (woken >= budget) return;
    if (waiter.place.load(std::memory_order_relaxed) != WaiterPlace::waiting) continue;
    waiter.place.store(WaiterPlace::woken, std::memory_order_relaxed);
    ++woken;
    choose(waiter, Wake::notified);
  }
}

auto DispatchState::choose(DispatchWaiter& waiter, Wake why) -> void {
  waiter.why = why;
  waiter.next_chosen = nullptr;
  *last_chosen_ = &waiter;
  last_chosen_ = &waiter.next_chosen;
}

// A waiter may be gone as soon as it has been posted: nothing of it is read afterwards.
auto DispatchState::resume_chosen() -> void {
  while (first_chosen_ != nullptr) {
    auto& waiter = *std::exchange(first_chosen_, first_chosen_->next_chosen);
    const auto why = waiter.why;
    Suspension suspension{std::move(*waiter.suspension)};
    waiter.suspension.reset();
    suspension.resume(why);
  }
  last_chosen_ = &first_chosen_;
}

auto DispatchState::line_of(const DispatchWaiter& waiter) -> DispatchLine& {
  return waiter.kind == WaiterKind::consumer ? consumers_ : producers_;
}

auto DispatchState::woken_of(const DispatchWaiter& waiter) -> std::size_t& {
  return waiter.kind == WaiterKind::consumer ? woken_consumers_ : woken_producers_;
}

/// How many suspended producers come before `waiter`.
auto DispatchState::ahead_of(const DispatchWaiter& waiter) const -> std::size_t {
  if (waiter.place.load(std::memory_order_relaxed) == WaiterPlace::outside) return 0;
  const auto here = producers_.iterator_to(waiter);
  return static_cast<std::size_t>(std::distance(producers_.begin(), here));
}

auto DispatchState::unlink(DispatchWaiter& waiter) -> void {
  const auto place = waiter.place.load(std::memory_order_relaxed);
  if (place == WaiterPlace::outside) return;
  if (place == WaiterPlace::woken) --woken_of(waiter);
  auto& line = line_of(waiter);
  line.erase(line.iterator_to(waiter));
  if (waiter.DeadlineHook::is_linked()) deadlines_.erase(deadlines_.iterator_to(waiter));
  waiter.place.store(WaiterPlace::outside, std::memory_order_release);
}

/// Out of the line, to find out why. One that is on its way already needs no second wake-up.
auto DispatchState::evict(DispatchWaiter& waiter) -> void {
  const bool suspended = waiter.place.load(std::memory_order_relaxed) == WaiterPlace::waiting;
  unlink(waiter);
  if (suspended) choose(waiter, Wake::notified);
}

auto DispatchState::watch(asio::execution_context& context) -> void {
  const std::scoped_lock line{line_mutex_};
  if (std::ranges::find(watched_, &context) != watched_.end()) return;
  watch_context(context, weak_from_this());
  watched_.push_back(&context);
}

// Whoever is resumed may release the last other reference while this still runs.
auto DispatchState::suspend(DispatchWaiter& waiter, Suspension suspension) -> void {
  const auto self = shared_from_this();
  change([&] {
    waiter.suspension.emplace(std::move(suspension));
    if (waiter.kind == WaiterKind::producer && waiter.session != session_) {
      unlink(waiter);
      return choose(waiter, Wake::notified);
    }
    if (waiter.place.load(std::memory_order_relaxed) == WaiterPlace::woken) {
      --woken_of(waiter);
    } else {
      line_of(waiter).push_back(waiter);
    }
    waiter.place.store(WaiterPlace::waiting, std::memory_order_relaxed);
    if (waiter.deadline != kForever && !waiter.DeadlineHook::is_linked()) deadlines_.insert(waiter);
  });
}

auto DispatchState::cancel(DispatchWaiter& waiter) -> void {
  const auto self = shared_from_this();
  change([&] {
    if (waiter.place.load(std::memory_order_relaxed) != WaiterPlace::waiting) return;
    unlink(waiter);
    choose(waiter, Wake::cancelled);
  });
}

auto DispatchState::leave(DispatchWaiter& waiter) -> void {
  if (waiter.place.load(std::memory_order_acquire) == WaiterPlace::outside) return;
  change([&] { unlink(waiter); });
}

auto DispatchState::drop_suspensions(const asio::execution_context& context) noexcept -> void {
  for (bool found = true; found;) {
    std::optional<Suspension> dropped;  // destroyed without a lock
    change([&] {
      const auto belongs = [&](const DispatchWaiter& waiter) {
        return waiter.suspension && &waiter.suspension->context() == &context;
      };
      found = false;
      for (auto* line : {&consumers_, &producers_}) {
        const auto it = std::ranges::find_if(*line, belongs);
        if (it == line->end()) continue;
        dropped.emplace(std::move(*it->suspension));
        it->suspension.reset();
        unlink(*it);
        found = true;
        return;
      }
      std::erase(watched_, &context);
    });
  }
}

auto DispatchState::expire() -> void {
  const auto now = clock_.now();
  change([&] {
    armed_at_ = kForever;
    while (!deadlines_.empty() && deadlines_.begin()->deadline <= now) {
      auto& waiter = *deadlines_.begin();
      deadlines_.erase(deadlines_.begin());
      if (waiter.place.load(std::memory_order_relaxed) != WaiterPlace::waiting) continue;
      unlink(waiter);
      choose(waiter, Wake::timed_out);
    }
  });
}

/// An alarm that is too early costs one look; so it is only ever moved forward, and disarmed when nobody
/// waits. Does not touch the clock, which may be gone when the last frames are destroyed.
auto DispatchState::update_alarm() -> void {
  const auto next = deadlines_.empty() ? kForever : deadlines_.begin()->deadline;
  if (next == kForever ? armed_at_ == kForever : next >= armed_at_) return;
  armed_at_ = next;
  alarm_->arm(next);
}

}  // namespace spider::inline v1::detail
