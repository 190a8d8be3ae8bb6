#include "spider/pull/pull_ratio.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

namespace spider::inline v1 {

PullCurve::PullCurve() : points_{{50, kPullAll}, {80, 100}} {}

auto PullCurve::through(std::vector<PullPoint> points) -> Result<PullCurve> {
  if (points.empty()) return Error{Errc::invalid_argument, "a pull curve needs a point"};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto where = "point " + std::to_string(i + 1) + " of the pull curve: ";
    if (!std::isfinite(points[i].percent))
      return Error{Errc::invalid_argument, where + "the load is not finite"};
    if (points[i].ratio == 0 || points[i].ratio > kPullAll)
      return Error{Errc::invalid_argument, where + "the ratio is not within 1 to 1000"};
    if (i == 0) continue;
    if (points[i].percent <= points[i - 1].percent)
      return Error{Errc::invalid_argument, where + "the load does not increase"};
    if (points[i].ratio > points[i - 1].ratio)
      return Error{Errc::invalid_argument, where + "the ratio rises"};
  }
  return PullCurve{std::move(points)};
}

auto PullCurve::at(double percent) const noexcept -> PullRatio {
  if (!std::isfinite(percent) || percent < 0) return kPullAll;
  const auto after =
      std::ranges::find_if(points_, [&](const PullPoint& point) { return point.percent >= percent; });
  if (after == points_.end()) return points_.back().ratio;
  if (after == points_.begin()) return after->ratio;
  const auto& before = *(after - 1);
  const auto part = (percent - before.percent) / (after->percent - before.percent);
  const auto fall = static_cast<double>(before.ratio - after->ratio);
  return before.ratio - static_cast<PullRatio>(std::lround(part * fall));
}

auto PullCurve::floor() const noexcept -> PullRatio { return points_.back().ratio; }

auto rotated_slots(PullRatio ratio, std::uint64_t offset, std::uint64_t window, PullRatio step) -> SlotSet {
  assert(step >= 1 && step <= ratio);
  SlotSet slots;
  const auto shift = (offset % kPullAll + window % kPullAll * step) % kPullAll;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if ((slot + shift) % kPullAll < ratio) slots.set(slot);
  }
  return slots;
}

}  // namespace spider::inline v1
