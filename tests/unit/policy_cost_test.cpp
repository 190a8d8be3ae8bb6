// What a decision and a place cost as the backlog grows. By processor time of this thread, and with so much
// room that only a scan or a sort over all of it can fail.

#include "spider/policies/registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>
#include <memory>

namespace spider {
namespace {

constexpr TimePoint kCostNow{};

auto thread_ns() -> std::int64_t {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

/// The quickest of several tries.
template <class Work>
auto cost_ns(Work work) -> std::int64_t {
  auto best = std::numeric_limits<std::int64_t>::max();
  for (int trial = 0; trial < 5; ++trial) {
    const auto began = thread_ns();
    work();
    best = std::min(best, thread_ns() - began);
  }
  return std::max<std::int64_t>(best, 1);
}

/// Fair-share with `tasks` tasks of `groups` groups in turn, each a job of its own.
auto backlog_of(std::uint64_t tasks, std::uint64_t groups) -> std::unique_ptr<SchedulingPolicy> {
  auto policy = make_policy("fair-share").value();
  for (std::uint64_t number = 0; number < tasks; ++number) {
    InboundEntry entry;
    entry.job = JobId{number + 1};
    entry.group = ResourceGroupId{number % groups + 1};
    entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(number)}};
    policy->admit(entry, kCostNow);
  }
  return policy;
}

/// Of a thousand decisions, each of which comes back as a new task of its group.
auto decisions_ns(std::uint64_t groups) -> std::int64_t {
  const auto policy = backlog_of(2 * groups, groups);
  auto job = 2 * groups;
  return cost_ns([&] {
    for (int decision = 0; decision < 1'000; ++decision) {
      auto entry = policy->next(kCostNow).value();
      entry.job = JobId{++job};
      policy->admit(entry, kCostNow);
    }
  });
}

TEST(PolicyCost, F4OfADecisionDoesNotGrowWithTheGroups) {
  const auto few = decisions_ns(20);
  const auto many = decisions_ns(20'000);
  EXPECT_LT(many, 50 * few) << "a scan would cost a thousand times as much";
}

/// Of the places of a hundred tasks from the middle on.
auto places_ns(std::uint64_t tasks) -> std::int64_t {
  const auto policy = backlog_of(tasks, 20);
  return cost_ns([&] {
    for (std::uint64_t job = tasks / 2; job < tasks / 2 + 100; ++job)
      ASSERT_TRUE(policy->place(JobId{job}, TaskId{0}));
  });
}

TEST(PolicyCost, F12OfAPlaceDoesNotGrowWithTheTasks) {
  const auto few = places_ns(500);
  const auto many = places_ns(50'000);
  EXPECT_LT(many, 20 * few) << "a scan would cost a hundred times as much";
}

}  // namespace
}  // namespace spider
