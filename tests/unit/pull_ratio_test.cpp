#include "spider/pull/pull_ratio.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace spider {
namespace {

TEST(PullCurve, R6DefaultFollowsTheTable) {
  const PullCurve curve;
  const std::pair<double, PullRatio> table[] = {{0, 1000}, {50, 1000}, {65, 550}, {70, 400},
                                                {80, 100}, {90, 100},  {100, 100}};
  for (const auto& [percent, ratio] : table) EXPECT_EQ(curve.at(percent), ratio) << percent << " %";
  EXPECT_EQ(curve.floor(), 100U);
}

TEST(PullCurve, R6NoInformationShedsNothing) {
  const PullCurve curve;
  using Limits = std::numeric_limits<double>;
  for (const auto reading : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), -0.1, -100.0}) {
    EXPECT_EQ(curve.at(reading), kPullAll) << reading;
  }
  EXPECT_EQ(curve.at(Limits::max()), 100U);
}

TEST(PullCurve, R6NeverRises) {
  const auto curve = PullCurve::through({{10, 900}, {20, 850}, {33.3, 850}, {90, 1}}).value();
  auto last = kPullAll;
  for (double percent = 0; percent <= 120; percent += 0.25) {
    const auto ratio = curve.at(percent);
    EXPECT_LE(ratio, last) << percent;
    last = ratio;
  }
  EXPECT_EQ(curve.at(0), 900U);
  EXPECT_EQ(last, 1U);
}

TEST(PullCurve, R6BadPointsAreRefused) {
  const auto infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<PullPoint>> bad = {
      {},
      {{50, 1001}},
      {{50, 0}},
      {{50, 1000}, {80, 0}},
      {{50, 1000}, {50, 100}},
      {{50, 1000}, {40, 100}},
      {{50, 500}, {80, 600}},
      {{std::nan(""), 1000}},
      {{50, 1000}, {infinity, 100}},
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const auto curve = PullCurve::through(bad[i]);
    ASSERT_FALSE(curve) << i;
    EXPECT_EQ(curve.error(), Errc::invalid_argument) << i;
  }
}

TEST(RotatedSlots, R6HoldsTheAskedPart) {
  for (const PullRatio ratio : {100U, 400U, 550U, 1000U}) {
    const auto part = static_cast<double>(rotated_slots(ratio, 17, 3, 100).count()) / kSlots;
    EXPECT_NEAR(part, ratio / 1000.0, 0.01) << ratio;
  }
}

TEST(RotatedSlots, R7EverySlotIsAskedForWithinItsWindowsEvenAtTheFloor) {
  for (const PullRatio step : {1U, 7U, 100U, 333U}) {
    const auto windows = (kPullAll + step - 1) / step;
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{12'345}, ~std::uint64_t{0} - 2'000}) {
      SlotSet seen;
      for (std::uint64_t window = first; window < first + windows; ++window) {
        seen |= rotated_slots(step, 421, window, step);
      }
      EXPECT_TRUE(seen.all()) << "step " << step << " from window " << first;
    }
  }
}

}  // namespace
}  // namespace spider
