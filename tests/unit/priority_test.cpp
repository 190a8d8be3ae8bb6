#include "spider/policies/priority.hpp"
#include "spider/policies/fair_share.hpp"
#include "spider/policies/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace spider {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr TimePoint kPriorityNow{};

auto entry_of(PriorityClass priority, std::uint64_t job, std::uint32_t task = 0) -> InboundEntry {
  InboundEntry entry;
  entry.job = JobId{job};
  entry.task = TaskId{task};
  entry.priority = priority;
  entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(job)}};
  return entry;
}

auto make(PriorityOptions options = {}) -> std::unique_ptr<SchedulingPolicy> {
  return make_priority({}, options).value();
}

auto jobs_in(SchedulingPolicy& policy, TimePoint now = kPriorityNow) -> std::vector<std::uint64_t> {
  std::vector<std::uint64_t> order;
  while (const auto next = policy.next(now)) order.push_back(next->job.value);
  return order;
}

// F14
TEST(Priority, UrgentClassesGoFirstAndTheInnerPolicyDecidesWithin) {
  const auto policy = make({.share = 100});
  for (const auto& one : {entry_of(2, 1), entry_of(0, 5), entry_of(1, 3), entry_of(0, 4), entry_of(1, 2)}) {
    policy->admit(one, kPriorityNow);
  }
  EXPECT_THAT(jobs_in(*policy), ElementsAre(4, 5, 2, 3, 1));
}

// F16
TEST(Priority, OneDecisionInKRotatesOverLowerClassesWithBacklog) {
  const auto policy = make({.share = 3});
  for (std::uint32_t task = 0; task < 12; ++task) policy->admit(entry_of(0, 100, task), kPriorityNow);
  for (const auto priority : {1, 2, 3}) {
    for (std::uint32_t task = 0; task < 2; ++task) {
      policy->admit(
          entry_of(static_cast<PriorityClass>(priority), static_cast<std::uint64_t>(priority), task),
          kPriorityNow);
    }
  }
  EXPECT_THAT(jobs_in(*policy),
              ElementsAre(100, 100, 1, 100, 100, 2, 100, 100, 3, 100, 100, 1, 100, 100, 2, 100, 100, 3));
}

// F16: an entry at depth d starts within k·(c−1)·d decisions, whatever urgent work arrives.
TEST(Priority, DepthBoundsTheWaitUnderEndlessUrgentWork) {
  constexpr std::uint64_t kShare = 4;
  constexpr std::uint64_t kLower = 3;
  const auto policy = make({.stale_after = Duration::max(), .share = kShare});
  constexpr std::uint32_t kDepth = 50;
  for (std::uint32_t depth = 0; depth < kDepth; ++depth) {
    for (std::uint64_t lower = 1; lower <= kLower; ++lower) {
      policy->admit(entry_of(static_cast<PriorityClass>(lower), lower, depth), kPriorityNow);
    }
  }
  std::uint32_t urgent = 0;
  policy->admit(entry_of(0, 1'000, urgent++), kPriorityNow);
  std::size_t left = kDepth * kLower;
  for (std::uint64_t decision = 1; left > 0; ++decision) {
    ASSERT_LE(decision, kShare * kLower * kDepth);
    const auto next = policy->next(kPriorityNow);
    if (next->priority == 0) {
      policy->admit(entry_of(0, 1'000, urgent++), kPriorityNow);
      continue;
    }
    EXPECT_LE(decision, kShare * kLower * (next->task.index() + 1U));
    --left;
  }
}

// F15
TEST(Priority, StaleEntriesGoAheadOfEveryClassOldestFirst) {
  const auto policy = make({.stale_after = 10s, .share = 1'000});
  policy->admit(entry_of(2, 1), kPriorityNow);
  policy->admit(entry_of(1, 2), kPriorityNow + 1s);
  policy->admit(entry_of(0, 3), kPriorityNow + 9s);
  EXPECT_EQ(policy->next(kPriorityNow + 10s)->job, JobId{1});
  policy->admit(entry_of(0, 4), kPriorityNow + 10s);
  EXPECT_EQ(policy->next(kPriorityNow + 10s)->job, JobId{3});  // nobody is stale
  EXPECT_EQ(policy->next(kPriorityNow + 11s)->job, JobId{2});
  EXPECT_EQ(policy->next(kPriorityNow + 11s)->job, JobId{4});
}

// F15: with an endless stream of urgent work and a policy that is always behind, nothing waits longer than
// `stale_after` and the entries that were stale before it.
TEST(Priority, StalenessBoundsTheWaitUnderEndlessUrgentWork) {
  const auto policy = make({.stale_after = Duration{500}, .share = 1'000'000});
  std::uint32_t tasks = 0;
  std::uint64_t longest = 0;
  for (std::int64_t now = 0; now < 100'000; ++now) {
    const auto at = TimePoint{Duration{now}};
    for (int arrivals = 0; arrivals < (now % 100 == 0 ? 2 : 1); ++arrivals) {
      const auto urgent = arrivals == 0;
      auto one = entry_of(urgent ? 0 : 7, urgent ? 1 : 2, tasks++);
      one.ready_at = at;
      policy->admit(one, at);
    }
    const auto next = policy->next(at);
    longest = std::max<std::uint64_t>(longest, static_cast<std::uint64_t>((at - next->ready_at).count()));
    if (next->priority == 7) {
      ASSERT_LE((at - next->ready_at).count(), 500 + static_cast<std::int64_t>(policy->size()));
    }
  }
  EXPECT_GE(longest, 500U);
}

TEST(Priority, WhatWasDispatchedOrDroppedIsNotStale) {
  const auto policy = make({.stale_after = 10s});
  policy->admit(entry_of(1, 1, 0), kPriorityNow);
  policy->admit(entry_of(1, 1, 1), kPriorityNow);
  policy->admit(entry_of(0, 2), kPriorityNow + 5s);
  EXPECT_EQ(policy->drop_job(JobId{1}), 2U);
  policy->admit(entry_of(1, 1, 2), kPriorityNow + 6s);
  EXPECT_EQ(policy->next(kPriorityNow + 12s)->job, JobId{2});
  EXPECT_EQ(policy->next(kPriorityNow + 12s)->task, TaskId{2});
  EXPECT_EQ(policy->size(), 0U);
}

TEST(Priority, OptionsThatMakeNoSenseAreRefused) {
  EXPECT_EQ(make_priority({}, {.stale_after = Duration::zero()}).error(), Errc::invalid_time);
  EXPECT_EQ(make_priority({}, {.stale_after = -1s}).error(), Errc::invalid_time);
  EXPECT_EQ(make_priority({}, {.share = 0}).error(), Errc::invalid_argument);
  EXPECT_EQ(make_priority({}, {.share = 1}).error(), Errc::invalid_argument);
  for (const auto* spec : {"priority(stale=0)", "priority(share=0)", "priority(share=1)",
                           "fair-share(weights=1)", "fair-share(overtakes=1,weighted=1)"}) {
    EXPECT_EQ(make_policy(spec).error(), Errc::invalid_argument) << spec;
  }
}

}  // namespace
}  // namespace spider
