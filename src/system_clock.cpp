#include "spider/system_clock.hpp"

#include "waiting.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <mutex>
#include <optional>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

/// A steady_timer that any thread may set, and that lets go of its context when that shuts down.
class TimerState final : public detail::HoldsSuspensions, public std::enable_shared_from_this<TimerState> {
 public:
  TimerState(const asio::any_io_executor& executor, std::function<void()> on_fire)
      : timer_{std::in_place, executor}, on_fire_{std::move(on_fire)} {}

  auto arm(std::optional<std::chrono::steady_clock::time_point> at) -> void {
    const std::scoped_lock lock{mutex_};
    if (!timer_) return;
    if (!at) {
      timer_->cancel();
      return;
    }
    timer_->expires_at(*at);
    timer_->async_wait([weak = weak_from_this()](boost::system::error_code error) {
      if (error) return;
      if (const auto self = weak.lock()) self->on_fire_();
    });
  }

  auto drop_suspensions(const asio::execution_context&) noexcept -> void override {
    const std::scoped_lock lock{mutex_};
    timer_.reset();
  }

 private:
  std::mutex mutex_;
  std::optional<asio::steady_timer> timer_;
  std::function<void()> on_fire_;
};

class SystemAlarm final : public Alarm {
 public:
  using Convert = std::function<std::chrono::steady_clock::time_point(TimePoint)>;

  SystemAlarm(std::shared_ptr<TimerState> state, Convert to_steady)
      : state_{std::move(state)}, to_steady_{std::move(to_steady)} {}
  ~SystemAlarm() override { state_->arm(std::nullopt); }

  auto arm(TimePoint at) -> void override {
    if (at == kForever) return disarm();
    state_->arm(to_steady_(at));
  }
  auto disarm() -> void override { state_->arm(std::nullopt); }

 private:
  std::shared_ptr<TimerState> state_;
  Convert to_steady_;
};

}  // namespace

SystemClock::SystemClock(asio::any_io_executor executor)
    : executor_{std::move(executor)},
      wall_start_{std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())},
      steady_start_{std::chrono::steady_clock::now()} {}

auto SystemClock::now() const -> TimePoint {
  return wall_start_ + std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - steady_start_);
}

auto SystemClock::steady(TimePoint at) const -> std::chrono::steady_clock::time_point {
  return steady_start_ + (at - wall_start_);
}

auto SystemClock::sleep_until(TimePoint at) -> Async<void> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  if (at <= now()) co_return success();
  asio::steady_timer timer{co_await asio::this_coro::executor};
  timer.expires_at(at == kForever ? std::chrono::steady_clock::time_point::max() : steady(at));
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::deferred));
  if (error) co_return Errc::cancelled;
  co_return success();
}

auto SystemClock::make_alarm(std::function<void()> on_fire) -> std::unique_ptr<Alarm> {
  auto state = std::make_shared<TimerState>(executor_, std::move(on_fire));
  detail::watch_context(asio::query(executor_, asio::execution::context), state);
  return std::make_unique<SystemAlarm>(std::move(state), [this](TimePoint at) { return steady(at); });
}

}  // namespace v1
}  // namespace spider
