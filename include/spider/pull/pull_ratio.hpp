#pragma once

/// Load shedding: how much of its share a busy member takes (the curve), and which part (the rotation).
/// Pure; the load comes from a LoadProbe (load_probe.hpp).

#include "spider/error.hpp"
#include "spider/slots.hpp"
#include "spider/types.hpp"

#include <cstdint>
#include <vector>

namespace spider {
inline namespace v1 {

/// In ‰ of the share.
using PullRatio = std::uint32_t;
inline constexpr PullRatio kPullAll = 1000;

struct PullPoint {
  double percent = 0;  ///< load
  PullRatio ratio = kPullAll;
};

/// Linear between its points, level before the first and after the last.
class PullCurve {
 public:
  /// 1000 ‰ up to 50 % load, falling to 100 ‰ at 80 % and above.
  PullCurve();

  /// Errors: `invalid_argument` unless there is a point, the loads are finite and strictly increasing, and
  /// the ratios do not rise and lie within 1 … 1000 (0 would leave work for ever).
  [[nodiscard]] static auto through(std::vector<PullPoint> points) -> Result<PullCurve>;

  /// "No information" (a NaN, an infinity, a negative load) is 1000.
  [[nodiscard]] auto at(double percent) const noexcept -> PullRatio;

  /// The lowest that `at` answers, ≥ 1.
  [[nodiscard]] auto floor() const noexcept -> PullRatio;

 private:
  explicit PullCurve(std::vector<PullPoint> points) : points_{std::move(points)} {}

  std::vector<PullPoint> points_;
};

/// The slots that a member with this ratio asks for in window `window`: those with
/// (slot + offset + window · step) mod 1000 < ratio, where `offset` is the member's own (a hash of its
/// name) and `step` at most the curve's floor. So the asked part moves on by `step` each window, and within
/// ⌈1000 / step⌉ windows every slot is asked for, even by a member at its floor.
/// Preconditions: 1 ≤ `step` ≤ `ratio`.
[[nodiscard]] auto rotated_slots(PullRatio ratio, std::uint64_t offset, std::uint64_t window, PullRatio step)
    -> SlotSet;

}  // namespace v1
}  // namespace spider
