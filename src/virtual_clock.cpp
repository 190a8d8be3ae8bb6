#include "spider/virtual_clock.hpp"

#include "waiting.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

namespace spider {
inline namespace v1 {

namespace {

using OnFire = std::shared_ptr<std::function<void()>>;
using Timer = std::variant<std::monostate, OnFire, detail::Suspension>;  // nothing: it was unset

/// Due instant, and the place in the order in which timers were set; 0 = none.
struct TimerKey {
  TimePoint at;
  std::uint64_t number = 0;
};

/// The timers of one instant, in the order in which they were set: many tasks end at once, and a timer costs
/// a search among instants and no node of its own.
class DueTimers {
 public:
  struct Entry {
    std::uint64_t number = 0;
    Timer timer;
  };

  auto add(std::uint64_t number, Timer&& timer) -> void { entries_.push_back({number, std::move(timer)}); }
  [[nodiscard]] auto find(std::uint64_t number) -> Entry* {
    const auto found = std::ranges::lower_bound(entries_, number, {}, &Entry::number);
    return found == entries_.end() || found->number != number ? nullptr : &*found;
  }
  /// At most half of what it keeps is unset; so where all is, it is empty.
  auto unset(Entry& entry) -> void {
    entry.timer = {};
    if (2 * ++unset_ <= entries_.size()) return;
    std::erase_if(entries_, is_unset);
    unset_ = 0;
  }
  auto append(DueTimers&& later) -> void {
    std::ranges::move(later.entries_, std::back_inserter(entries_));
    unset_ += later.unset_;
  }
  auto clear() -> void {
    entries_.clear();
    unset_ = 0;
  }
  [[nodiscard]] auto empty() const -> bool { return entries_.empty(); }
  [[nodiscard]] auto size() const -> std::size_t { return entries_.size() - unset_; }
  [[nodiscard]] auto entries() -> std::vector<Entry>& { return entries_; }

 private:
  static auto is_unset(const Entry& entry) -> bool { return entry.timer.index() == 0; }

  std::vector<Entry> entries_;
  std::size_t unset_ = 0;
};

using TimersByInstant = std::map<TimePoint, DueTimers>;

}  // namespace

class VirtualClock::State final : public detail::HoldsSuspensions,
                                  public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& owner, TimePoint start) : context{owner}, now_{start.time_since_epoch().count()} {}

  [[nodiscard]] auto now() const -> TimePoint {
    return TimePoint{Duration{now_.load(std::memory_order_acquire)}};
  }

  auto set(TimePoint at, Timer timer) -> TimerKey {
    const std::scoped_lock lock{mutex_};
    const TimerKey key{at, ++next_number_};
    due_at(at).add(key.number, std::move(timer));
    return key;
  }

  auto unset(TimerKey key) -> void {
    const std::scoped_lock lock{mutex_};
    remove(key, [](Timer&) {});
  }

  auto cancel_sleep(TimerKey key) -> void {
    const std::scoped_lock lock{mutex_};
    remove(key, [](Timer& timer) { std::get<detail::Suspension>(timer).resume(detail::Wake::cancelled); });
  }

  auto suspend(detail::WakeHandler handler, asio::any_io_executor executor, asio::cancellation_slot slot,
               TimePoint at) -> void {
    detail::Suspension suspension{std::move(handler), std::move(executor), slot};
    assert(&suspension.context() == &context);
    const auto key = set(at, Timer{std::move(suspension)});
    if (slot.is_connected()) {
      slot.assign([weak = weak_from_this(), key](asio::cancellation_type) {
        if (const auto self = weak.lock()) self->cancel_sleep(key);
      });
    }
  }

  [[nodiscard]] auto next() const -> TimePoint {
    const std::scoped_lock lock{mutex_};
    return timers_.empty() ? kForever : timers_.begin()->first;
  }

  /// Moves time to the next timer and fires what is due then, as set before this call.
  auto fire_next() -> std::size_t {
    auto due = take_due();
    if (due.empty()) return 0;
    const auto fired = due.mapped().size();
    const bool inside = context.get_executor().running_in_this_thread();
    for (auto& [number, timer] : due.mapped().entries()) {
      if (auto* suspension = std::get_if<detail::Suspension>(&timer)) {
        inside ? suspension->resume(detail::Wake::timed_out)
               : suspension->resume_from_outside(detail::Wake::timed_out);
      } else if (const auto* on_fire = std::get_if<OnFire>(&timer)) {
        (**on_fire)();
      }
    }
    due.mapped().clear();
    const std::scoped_lock lock{mutex_};
    spare_ = std::move(due);
    return fired;
  }

  auto advance_to(TimePoint at) -> void {
    if (at > now()) now_.store(at.time_since_epoch().count(), std::memory_order_release);
  }

  auto held() -> void {
    const std::scoped_lock lock{mutex_};
    ++holds_;
  }
  auto released() -> void {
    const std::scoped_lock lock{mutex_};
    if (--holds_ == 0) asio::post(context, [] {});
  }
  [[nodiscard]] auto is_held() const -> bool {
    const std::scoped_lock lock{mutex_};
    return holds_ > 0;
  }

  auto drop_suspensions(const asio::execution_context&) noexcept -> void override {
    TimersByInstant dropped;  // destroyed after the lock is released
    const std::scoped_lock lock{mutex_};
    dropped.swap(timers_);
  }

  asio::io_context& context;

 private:
  using Due = TimersByInstant::node_type;

  auto due_at(TimePoint at) -> DueTimers& {
    const auto found = timers_.lower_bound(at);
    if (found != timers_.end() && found->first == at) return found->second;
    if (spare_.empty()) return timers_.try_emplace(found, at)->second;
    spare_.key() = at;
    return timers_.insert(found, std::move(spare_))->second;
  }

  template <class Last>
  auto remove(TimerKey key, Last last) -> void {
    const auto due = timers_.find(key.at);
    auto* entry = due == timers_.end() ? nullptr : due->second.find(key.number);
    if (entry == nullptr || entry->timer.index() == 0) return;
    last(entry->timer);
    due->second.unset(*entry);
    if (due->second.empty()) timers_.erase(due);
  }

  /// Empty when no timer is left.
  auto take_due() -> Due {
    const std::scoped_lock lock{mutex_};
    if (timers_.empty() || timers_.begin()->first == kForever) return {};
    advance_to(timers_.begin()->first);
    auto due = timers_.extract(timers_.begin());
    while (!timers_.empty() && timers_.begin()->first <= now()) {
      due.mapped().append(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
    return due;
  }

  std::atomic<std::int64_t> now_;
  mutable std::mutex mutex_;
  TimersByInstant timers_;  // no instant without a timer
  Due spare_;               // of the last instant that was: its memory is used again
  std::uint64_t next_number_ = 0;
  std::size_t holds_ = 0;
};

VirtualClock::VirtualClock(asio::io_context& context, TimePoint start)
    : state_{std::make_shared<State>(context, start)} {
  detail::watch_context(context, state_);
}

VirtualClock::~VirtualClock() = default;

auto VirtualClock::now() const -> TimePoint { return state_->now(); }

auto VirtualClock::sleep_until(TimePoint at) -> Async<void> {
  const auto state = state_;
  const auto asked = co_await asio::this_coro::cancellation_state;  // cancelled() without a frame of its own
  if (asked.cancelled() != asio::cancellation_type::none) co_return Errc::cancelled;
  if (at <= state->now()) co_return success();
  auto initiate = [](auto handler, State* held, TimePoint until) {
    auto executor = asio::get_associated_executor(handler);
    auto slot = asio::get_associated_cancellation_slot(handler);
    held->suspend(detail::WakeHandler{std::move(handler)}, std::move(executor), slot, until);
  };
  auto suspended = asio::async_initiate<const asio::deferred_t, void(detail::Wake)>(initiate, asio::deferred,
                                                                                    state.get(), at);
  const auto why = co_await std::move(suspended);
  if (why == detail::Wake::cancelled) co_return Errc::cancelled;
  co_return success();
}

namespace {

template <class State>
class VirtualAlarm final : public Alarm {
 public:
  VirtualAlarm(std::shared_ptr<State> state, std::function<void()> on_fire)
      : state_{std::move(state)}, on_fire_{std::make_shared<std::function<void()>>(std::move(on_fire))} {}
  ~VirtualAlarm() override { disarm(); }

  auto arm(TimePoint at) -> void override {
    const std::scoped_lock lock{mutex_};
    state_->unset(key_);
    if (at != kForever) key_ = state_->set(at, Timer{on_fire_});
  }
  auto disarm() -> void override {
    const std::scoped_lock lock{mutex_};
    state_->unset(key_);
  }

 private:
  std::shared_ptr<State> state_;
  OnFire on_fire_;
  std::mutex mutex_;
  TimerKey key_{};
};

}  // namespace

auto VirtualClock::make_alarm(std::function<void()> on_fire) -> std::unique_ptr<Alarm> {
  return std::make_unique<VirtualAlarm<State>>(state_, std::move(on_fire));
}

VirtualClock::Hold::Hold(VirtualClock* clock) noexcept : clock_{clock} { clock_->state_->held(); }
VirtualClock::Hold::Hold(Hold&& other) noexcept : clock_{std::exchange(other.clock_, nullptr)} {}
auto VirtualClock::Hold::operator=(Hold&& other) noexcept -> Hold& {
  std::swap(clock_, other.clock_);
  return *this;
}
VirtualClock::Hold::~Hold() {
  if (clock_ != nullptr) clock_->state_->released();
}

auto VirtualClock::hold() -> Hold { return Hold{this}; }

// Whether it is held is looked at before the poll: what a release has posted is then still found.
auto VirtualClock::drain() -> void {
  auto& context = state_->context;
  while (true) {
    const bool held = state_->is_held();
    context.restart();
    const auto ran = context.poll();
    if (ran > 0) continue;
    if (!held) return;
    // A release posts to the context, so this wakes at the latest then.
    const auto work = asio::make_work_guard(context);
    context.restart();
    context.run_one();
  }
}

auto VirtualClock::step() -> std::size_t { return state_->fire_next(); }

auto VirtualClock::run() -> std::size_t {
  std::size_t fired = 0;
  while (true) {
    drain();
    const auto now_fired = step();
    if (now_fired == 0) return fired;
    fired += now_fired;
  }
}

auto VirtualClock::run_until(TimePoint until) -> std::size_t {
  std::size_t fired = 0;
  while (true) {
    drain();
    if (state_->next() > until) break;
    fired += step();
  }
  state_->advance_to(until);
  return fired;
}

auto VirtualClock::context() noexcept -> asio::io_context& { return state_->context; }

}  // namespace v1
}  // namespace spider
