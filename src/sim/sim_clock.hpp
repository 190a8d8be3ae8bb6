#pragma once

/// A clock that can go wrong, over a VirtualClock that cannot: it jumps, stands still, and runs fast or
/// slow. Timers that were set before a jump forward fire late, as those of a machine do. Ties between
/// timers are broken by the seed: each gets a few nanoseconds of its own. Not thread-safe.

#include "spider/virtual_clock.hpp"

#include <cstdint>
#include <memory>

namespace spider::inline v1::sim {

class SimClock final : public Clock {
 public:
  /// `base` outlives the clock and its alarms.
  SimClock(VirtualClock& base, std::uint64_t seed);

  [[nodiscard]] auto now() const -> TimePoint override;
  [[nodiscard]] auto sleep_until(TimePoint at) -> Async<void> override;
  [[nodiscard]] auto make_alarm(std::function<void()> on_fire) -> std::unique_ptr<Alarm> override;

  /// Negative: it stands still until the time that it has shown is reached again.
  auto jump(Duration by) -> void;
  /// Per mille of the true rate, > 0.
  auto set_rate(std::int64_t per_mille) -> void;
  [[nodiscard]] auto sleep(Duration duration) -> Async<void> {
    return sleep_until(saturating_add(now(), duration));
  }

  class State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace spider::inline v1::sim
