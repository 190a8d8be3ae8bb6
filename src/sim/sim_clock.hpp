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

  /// A wait that began at some time, seen from outside.
  struct Timer {
    Duration wait{};
    TimePoint begun{};    ///< by the true clock
    Duration set_back{};  ///< of all jumps until then
  };
  [[nodiscard]] auto timer(Duration wait) const -> Timer;
  /// Whether whoever waits by this clock must have seen the end of it, at the slowest rate that the clock
  /// ever had, and with all that it was set back meanwhile. A jump forward ends no wait sooner.
  [[nodiscard]] auto is_overdue(const Timer& timer) const -> bool;

  class State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace spider::inline v1::sim
