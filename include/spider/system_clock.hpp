#pragma once

/// Real time: the wall clock as it stood when this object was made, carried forward by the steady
/// clock. So time points compare with those of other processes, and time never goes back; a later
/// correction of the machine's wall clock is not followed.

#include "spider/clock.hpp"

#include <boost/asio/any_io_executor.hpp>

namespace spider {
inline namespace v1 {

class SystemClock final : public Clock {
 public:
  /// Alarms fire on `executor`. Its context may die before the alarms do; they then never fire.
  explicit SystemClock(asio::any_io_executor executor);

  [[nodiscard]] auto now() const -> TimePoint override;
  /// Waits on the executor of the calling coroutine.
  [[nodiscard]] auto sleep_until(TimePoint at) -> Async<void> override;
  [[nodiscard]] auto make_alarm(std::function<void()> on_fire) -> std::unique_ptr<Alarm> override;

 private:
  [[nodiscard]] auto steady(TimePoint at) const -> std::chrono::steady_clock::time_point;

  asio::any_io_executor executor_;
  TimePoint wall_start_;
  std::chrono::steady_clock::time_point steady_start_;
};

}  // namespace v1
}  // namespace spider
