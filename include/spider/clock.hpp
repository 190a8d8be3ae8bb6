#pragma once

/// The only source of time. `SystemClock` (system_clock.hpp) in production, `VirtualClock`
/// (virtual_clock.hpp) in tests, in simulation and for replays.
///
/// Who implements it: nearly nobody. Who calls it: every part that waits or looks at the time.
/// All functions may be called from any thread.

#include "spider/async.hpp"
#include "spider/types.hpp"

#include <functional>
#include <memory>

namespace spider {
inline namespace v1 {

/// One re-armable timer; the cheap seam for a part with many waiters and one earliest deadline.
/// All functions may be called from any thread. Destroying it disarms it.
class Alarm {
 public:
  Alarm() = default;
  Alarm(const Alarm&) = delete;
  auto operator=(const Alarm&) -> Alarm& = delete;
  virtual ~Alarm() = default;

  /// Fires once at `at`, or as soon as possible when that is past; replaces an earlier setting.
  /// `kForever` is the same as `disarm()`.
  virtual auto arm(TimePoint at) -> void = 0;

  /// Waits for nobody: a firing that has begun may still be running, and may run its callback
  /// after this has returned.
  virtual auto disarm() -> void = 0;
};

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  auto operator=(const Clock&) -> Clock& = delete;
  virtual ~Clock() = default;

  /// Never goes back within a process.
  [[nodiscard]] virtual auto now() const -> TimePoint = 0;

  /// Completes no earlier than `at`; at once when `at` is not after `now()`. `kForever` waits for
  /// the cancellation. Errors: `cancelled`.
  [[nodiscard]] virtual auto sleep_until(TimePoint at) -> Async<void> = 0;

  /// A disarmed alarm that calls `on_fire` on one of the clock's threads, never from within
  /// `arm`. The alarm keeps `on_fire` alive while it runs; what `on_fire` refers to must outlive
  /// the alarm *and* a firing that has begun: capture a `weak_ptr`. The clock outlives its alarms.
  [[nodiscard]] virtual auto make_alarm(std::function<void()> on_fire) -> std::unique_ptr<Alarm> = 0;
};

}  // namespace v1
}  // namespace spider
