#include "spider/policies/weighted_fair_share.hpp"
#include "spider/rng.hpp"
#include "support/seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

namespace spider {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kWeightedNow{};

auto first_seed() -> std::uint64_t { return testing::chosen_seed().value_or(1); }

auto weights_of(const std::vector<double>& weights) -> WeightedFairShareOptions {
  WeightedFairShareOptions options;
  for (std::size_t at = 0; at < weights.size(); ++at) options.weights[ResourceGroupId{at + 1}] = weights[at];
  return options;
}

/// The policy beside an ideal server that serves all groups at once, in proportion to their weights.
class Race {
 public:
  explicit Race(std::vector<double> weights)
      : weights_{std::move(weights)},
        policy_{make_weighted_fair_share({}, weights_of(weights_)).value()},
        start_(weights_.size()),
        held_(weights_.size()) {}

  auto admit(std::size_t group) -> void {
    InboundEntry entry;
    entry.group = ResourceGroupId{group + 1};
    entry.job = JobId{group + 1};
    entry.task = TaskId{tasks_++};
    if (held_[group]++ == 0) start_[group] = std::max(start_[group], now_);
    policy_->admit(entry, kWeightedNow);
  }

  /// The group that is served.
  auto next() -> std::size_t {
    const auto entry = policy_->next(kWeightedNow);
    if (!entry) return weights_.size();
    const auto group = entry->group.value - 1;
    --held_[group];
    ++served_;
    start_[group] += 1 / weights_[group];
    give(1);
    return group;
  }

  /// The greatest distance of a group with work from its ideal share, in entries.
  [[nodiscard]] auto lag() const -> double {
    double lag = 0;
    for (std::size_t at = 0; at < weights_.size(); ++at) {
      if (held_[at] > 0) lag = std::max(lag, std::abs(weights_[at] * (now_ - start_[at])));
    }
    return lag;
  }
  [[nodiscard]] auto size() const -> std::size_t { return weights_.size(); }
  auto policy() -> SchedulingPolicy& { return *policy_; }

 private:
  auto give(double left) -> void {
    while (left > 1e-12) {
      double sum = 0;
      double first = std::numeric_limits<double>::infinity();
      for (std::size_t at = 0; at < weights_.size(); ++at) {
        if (held_[at] == 0 && start_[at] <= now_ + 1e-12) continue;
        sum += weights_[at];
        if (held_[at] == 0) first = std::min(first, start_[at]);
      }
      if (sum == 0) return;
      const auto step = std::min(left, (first - now_) * sum);
      now_ = step < left ? first : now_ + step / sum;
      left -= step;
    }
  }

  std::vector<double> weights_;
  std::unique_ptr<SchedulingPolicy> policy_;
  std::vector<double> start_;  // virtual time up to which each was served
  std::vector<std::size_t> held_;
  double now_ = 0;
  std::uint64_t served_ = 0;
  std::uint32_t tasks_ = 0;
};

auto up_to(int greatest) -> std::vector<double> {
  std::vector<double> weights;
  for (int weight = 1; weight <= greatest; ++weight) weights.push_back(weight);
  return weights;
}

// F5
TEST(WeightedFairShare, WeightsOneToAHundredStayWithinOneTaskOfTheIdeal) {
  Race race{up_to(100)};
  for (std::size_t group = 0; group < race.size(); ++group) race.admit(group), race.admit(group);
  std::vector<int> served(race.size());
  for (int pick = 0; pick < 5050 * 4; ++pick) {
    const auto group = race.next();
    ++served[group];
    race.admit(group);
    ASSERT_LE(race.lag(), 1.0) << "pick " << pick;
  }
  for (std::size_t group = 0; group < race.size(); ++group) {
    EXPECT_NEAR(served[group], 4.0 * static_cast<double>(group + 1), 1.0);
  }
}

// F5: start-time fair queueing lags 50 tasks here.
TEST(WeightedFairShare, OneHeavyGroupBesideAHundredLightOnesIsNeverAheadOrBehind) {
  auto weights = std::vector<double>(101, 1.0);
  weights[0] = 100;
  Race race{weights};
  for (std::size_t group = 0; group < race.size(); ++group) race.admit(group), race.admit(group);
  for (int pick = 0; pick < 10'000; ++pick) {
    race.admit(race.next());
    ASSERT_LE(race.lag(), 1.0) << "pick " << pick;
  }
}

// F5: also while groups run empty and come back.
TEST(WeightedFairShare, LagStaysWithinOneTaskWhileGroupsComeAndGo) {
  const std::vector<std::vector<double>> cases{up_to(100), {100, 1, 2, 3, 50}, {1, 1, 1}, {0.01, 1000, 7}};
  for (auto seed = first_seed(); seed < first_seed() + 10; ++seed) {
    for (const auto& weights : cases) {
      Race race{weights};
      Rng rng{seed};
      for (int step = 0; step < 5'000; ++step) {
        for (auto arrivals = rng.below(3); arrivals > 0; --arrivals) race.admit(rng.below(race.size()));
        static_cast<void>(race.next());
        ASSERT_LE(race.lag(), 1.0 + 1e-6) << "SPIDER_SEED=" << seed << " step " << step;
      }
    }
  }
}

// F7: endless newcomers, each of the greatest weight, take one entry and leave.
TEST(WeightedFairShare, HeavyNewcomersWithoutEndCannotStarveALightGroup) {
  const auto made = make_weighted_fair_share();
  auto& policy = *made.value();
  std::uint64_t groups = 0;
  const auto admit = [&](float weight) {
    InboundEntry entry;
    entry.group = ResourceGroupId{++groups};
    entry.job = JobId{groups};
    entry.weight = weight;
    policy.admit(entry, kWeightedNow);
  };
  for (int group = 0; group < 10; ++group) admit(1);
  const auto bound = policy.traits().starvation_bound({.entries = 1, .groups = 11, .weight_ratio = 100});
  ASSERT_TRUE(bound.has_value());
  auto left = 10;
  std::uint64_t picks = 0;
  for (; left > 0 && picks <= *bound; ++picks) {
    admit(100);
    if (policy.next(kWeightedNow)->group.value <= 10) --left;
  }
  EXPECT_EQ(left, 0) << "after " << picks << " picks, the bound is " << *bound;
}

// F5: a newcomer starts at the present.
TEST(WeightedFairShare, NewcomerCannotClaimThePast) {
  Race race{{1, 1}};
  for (int entry = 0; entry < 200; ++entry) race.admit(0);
  for (int pick = 0; pick < 100; ++pick) EXPECT_EQ(race.next(), 0U);
  for (int entry = 0; entry < 100; ++entry) race.admit(1);
  std::vector<int> served(2);
  for (int pick = 0; pick < 20; ++pick) ++served[race.next()];
  EXPECT_EQ(served[0], 10);
}

// F6
TEST(WeightedFairShare, MeasuredCostSharesTimeNotEntries) {
  const auto made = make_weighted_fair_share({}, {.measured = true});
  auto& policy = *made.value();
  std::uint32_t tasks = 0;
  const auto admit = [&](std::uint64_t group) {
    InboundEntry entry;
    entry.group = ResourceGroupId{group};
    entry.job = JobId{group};
    entry.task = TaskId{tasks++};
    policy.admit(entry, kWeightedNow);
  };
  for (const auto group : {1, 2})
    admit(static_cast<std::uint64_t>(group)), admit(static_cast<std::uint64_t>(group));
  std::vector<double> seconds(3);
  for (int pick = 0; pick < 2'000; ++pick) {
    const auto entry = policy.next(kWeightedNow);
    const auto cost = entry->group.value == 1 ? Duration{9s} : Duration{1s};
    seconds[entry->group.value] += to_seconds(cost);
    policy.finished(*entry, cost);
    admit(entry->group.value);
  }
  EXPECT_NEAR(seconds[1] / seconds[2], 1.0, 0.03);
  EXPECT_TRUE(policy.traits().uses_cost);
}

TEST(WeightedFairShare, WeightsThatMakeNoSenseAreRefused) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const double weight : {0.0, -1.0, kInfinity, -kInfinity, kNan, 1e-4, 1e7}) {
    WeightedFairShareOptions options;
    options.weights[ResourceGroupId{1}] = weight;
    EXPECT_EQ(make_weighted_fair_share({}, options).error(), Errc::invalid_argument) << weight;
  }
}

}  // namespace
}  // namespace spider
