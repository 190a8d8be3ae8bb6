#include "spider/virtual_clock.hpp"

#include "waiting.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <cassert>
#include <map>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

namespace spider {
inline namespace v1 {

namespace {

using OnFire = std::shared_ptr<std::function<void()>>;
using Timer = std::variant<OnFire, detail::Suspension>;

/// Due instant, then the order in which timers were set.
struct TimerKey {
  TimePoint at;
  std::uint64_t number = 0;

  friend auto operator<=>(const TimerKey&, const TimerKey&) = default;
};

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
    timers_.emplace(key, std::move(timer));
    return key;
  }

  auto unset(TimerKey key) -> void {
    const std::scoped_lock lock{mutex_};
    timers_.erase(key);
  }

  auto cancel_sleep(TimerKey key) -> void {
    const std::scoped_lock lock{mutex_};
    const auto found = timers_.find(key);
    if (found == timers_.end()) return;
    std::get<detail::Suspension>(found->second).resume(detail::Wake::cancelled);
    timers_.erase(found);
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
    return timers_.empty() ? kForever : timers_.begin()->first.at;
  }

  /// Moves time to the next timer and fires what is due then, as set before this call.
  auto fire_next() -> std::size_t {
    std::vector<Timer> due;
    {
      const std::scoped_lock lock{mutex_};
      if (timers_.empty() || timers_.begin()->first.at == kForever) return 0;
      advance_to(timers_.begin()->first.at);
      while (!timers_.empty() && timers_.begin()->first.at <= now()) {
        due.push_back(std::move(timers_.begin()->second));
        timers_.erase(timers_.begin());
      }
    }
    for (auto& timer : due) {
      if (auto* suspension = std::get_if<detail::Suspension>(&timer)) {
        suspension->resume(detail::Wake::timed_out);
      } else {
        (*std::get<OnFire>(timer))();
      }
    }
    return due.size();
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
    std::map<TimerKey, Timer> dropped;  // destroyed after the lock is released
    const std::scoped_lock lock{mutex_};
    dropped.swap(timers_);
  }

  asio::io_context& context;

 private:
  std::atomic<std::int64_t> now_;
  mutable std::mutex mutex_;
  std::map<TimerKey, Timer> timers_;
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
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
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
