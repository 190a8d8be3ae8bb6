#include "sim/sim_clock.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

constexpr auto kTimerSlack = std::chrono::milliseconds{1};  // of rounding, tie after tie

}  // namespace

class SimClock::State {
 public:
  State(VirtualClock& clock, std::uint64_t ties) : base{clock}, seed{ties} {}

  auto now() -> TimePoint {
    const auto passed = (base.now() - since_) * rate_ / 1000;
    shown_ = std::max(shown_, from_ + passed);
    return shown_;
  }

  auto jump(Duration by) -> void {
    settle();
    from_ += by;
    set_back_ -= std::min(by, Duration::zero());
  }
  auto set_rate(std::int64_t per_mille) -> void {
    settle();
    rate_ = per_mille;
    slowest_ = std::min(slowest_, per_mille);
  }

  /// When the base shows what is at least `at` here.
  auto on_base(TimePoint at) -> TimePoint {
    if (at == kForever) return kForever;
    const auto left = std::max(at - (from_ + (base.now() - since_) * rate_ / 1000), Duration::zero());
    const Duration tie{static_cast<std::int64_t>(mix64(seed ^ ++timers_) % 5)};
    return saturating_add(base.now(), left / rate_ * 1000 + Duration{1000} + tie);
  }

  /// A clock that stands still has yet to make up for what it was set back.
  auto timer(Duration wait) -> Timer {
    const auto behind = now() - (from_ + (base.now() - since_) * rate_ / 1000);
    return {wait, base.now(), set_back_ - behind};
  }
  [[nodiscard]] auto is_overdue(const Timer& timer) const -> bool {
    const auto shown = timer.wait + set_back_ - timer.set_back;
    return base.now() > saturating_add(timer.begun, shown / slowest_ * 1000 + kTimerSlack);
  }

  VirtualClock& base;
  const std::uint64_t seed;

 private:
  auto settle() -> void {
    const auto passed = (base.now() - since_) * rate_ / 1000;
    from_ += passed;
    since_ = base.now();
    (void)now();
  }

  TimePoint since_{};  // on the base
  TimePoint from_{};   // here, then
  TimePoint shown_{};
  std::int64_t rate_ = 1000;
  std::int64_t slowest_ = 1000;
  Duration set_back_{};
  std::uint64_t timers_ = 0;
};

namespace {

class SimAlarm final : public Alarm {
 public:
  SimAlarm(std::shared_ptr<SimClock::State> clock, std::function<void()> on_fire)
      : shared_{std::make_shared<Shared>(Shared{std::move(clock), std::move(on_fire), nullptr, kForever})} {
    shared_->alarm = shared_->clock->base.make_alarm([weak = std::weak_ptr{shared_}] {
      if (const auto self = weak.lock()) self->fire();
    });
  }
  ~SimAlarm() override = default;

  auto arm(TimePoint at) -> void override { shared_->arm(at); }
  auto disarm() -> void override { shared_->arm(kForever); }

 private:
  struct Shared {
    std::shared_ptr<SimClock::State> clock;
    std::function<void()> on_fire;
    std::unique_ptr<Alarm> alarm;
    TimePoint at;

    auto arm(TimePoint due) -> void {
      at = due;
      alarm->arm(clock->on_base(due));
    }
    auto fire() -> void {
      if (at == kForever) return;
      if (clock->now() < at) return alarm->arm(clock->on_base(at));
      at = kForever;
      on_fire();
    }
  };
  std::shared_ptr<Shared> shared_;
};

auto sleep_on(std::shared_ptr<SimClock::State> clock, TimePoint at) -> Async<void> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  while (clock->now() < at) {
    const auto slept = co_await clock->base.sleep_until(clock->on_base(at));
    if (!slept) co_return slept.error();
  }
  co_return success();
}

}  // namespace

SimClock::SimClock(VirtualClock& base, std::uint64_t seed) : state_{std::make_shared<State>(base, seed)} {}

auto SimClock::now() const -> TimePoint { return state_->now(); }
auto SimClock::sleep_until(TimePoint at) -> Async<void> { return sleep_on(state_, at); }
auto SimClock::make_alarm(std::function<void()> on_fire) -> std::unique_ptr<Alarm> {
  return std::make_unique<SimAlarm>(state_, std::move(on_fire));
}
auto SimClock::timer(Duration wait) const -> Timer { return state_->timer(wait); }
auto SimClock::is_overdue(const Timer& timer) const -> bool { return state_->is_overdue(timer); }
auto SimClock::jump(Duration by) -> void { state_->jump(by); }
auto SimClock::set_rate(std::int64_t per_mille) -> void { state_->set_rate(per_mille); }

}  // namespace spider::inline v1::sim
