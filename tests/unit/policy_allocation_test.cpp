// What the shipped policies allocate in steady state.

#include "spider/policies/registry.hpp"
#include "unit/allocation_counter.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace spider {
namespace {

class PolicyAllocation : public ::testing::TestWithParam<const char*> {};

/// 5,000 entries of 20 groups; one in four starts a new job, so that jobs come and go all the time.
TEST_P(PolicyAllocation, NothingPerEntryInSteadyState) {
  auto policy = make_policy(GetParam());
  ASSERT_TRUE(policy);
  std::uint64_t made = 0;
  const auto admit = [&] {
    InboundEntry entry;
    entry.job = JobId{++made / 4 + 1};
    entry.group = ResourceGroupId{entry.job.value % 20 + 1};
    entry.task = TaskId{static_cast<std::uint32_t>(made % 4)};
    entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(made / 4)}};
    policy.value()->admit(entry, TimePoint{});
  };
  const auto churn = [&](std::size_t times) {
    for (std::size_t time = 0; time < times; ++time) {
      if (policy.value()->next(TimePoint{})) admit();
    }
  };
  for (int entry = 0; entry < 5'000; ++entry) admit();
  churn(50'000);
  const auto before = testing::allocations();
  churn(50'000);
  EXPECT_EQ(policy.value()->size(), 5'000U);
  EXPECT_EQ((testing::allocations() - before).objects, 0U);
}

INSTANTIATE_TEST_SUITE_P(All, PolicyAllocation,
                         ::testing::Values("fifo", "fair-share", "job-round-robin",
                                           "fair-share/job-round-robin", "fair-share(weighted=1)",
                                           "priority/fair-share/job-round-robin"));

}  // namespace
}  // namespace spider
