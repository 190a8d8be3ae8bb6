#pragma once

/// How many tasks were queued and how many ran, over time, in a bounded number of points.

#include "spider/types.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace spider::cli {

/// Equal bins of time; whenever they are too many, neighbours become one. Not thread-safe.
class LoadCurve {
 public:
  static constexpr std::size_t kBinsMax = 1'000;

  /// The greatest levels in it, exact however often bins became one, and means over its time. Only levels
  /// that lasted count: what comes and goes at one instant is nothing.
  struct Bin {
    std::uint64_t queued_max = 0;
    std::uint64_t running_max = 0;
    double queued_mean = 0;
    double running_mean = 0;
  };

  /// From `at` on these are the levels. Times do not decrease; one that does counts as the last one.
  auto add(TimePoint at, std::uint64_t queued, std::uint64_t running) -> void;

  /// Of the first `add`; `TimePoint{}` before it.
  [[nodiscard]] auto begin() const noexcept -> TimePoint { return begin_; }
  /// Of the last `add`.
  [[nodiscard]] auto end() const noexcept -> TimePoint { return last_; }
  [[nodiscard]] auto bin_width() const noexcept -> Duration { return width_; }
  /// From `begin` on; the last one is cut off at `end`.
  [[nodiscard]] auto bins() const -> std::vector<Bin>;

 private:
  struct Sum {
    std::uint64_t queued_max = 0;
    std::uint64_t running_max = 0;
    double queued = 0;  // level × nanoseconds
    double running = 0;
  };

  auto widen() -> void;

  std::vector<Sum> sums_;
  Duration width_ = std::chrono::microseconds{1};
  TimePoint begin_{};
  TimePoint last_{};
  bool begun_ = false;
  std::uint64_t queued_ = 0;
  std::uint64_t running_ = 0;
};

}  // namespace spider::cli
