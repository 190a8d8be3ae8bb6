#include "spider/policies/priority.hpp"
#include "spider/policies/registry.hpp"
#include "spider/testing/policy_suite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace spider {
namespace {

class ShippedPolicy : public ::testing::TestWithParam<std::string> {};

TEST_P(ShippedPolicy, KeepsTheContract) {
  const auto factory = PolicyRegistry{}.make(GetParam());
  ASSERT_TRUE(factory);
  EXPECT_THAT(testing::check_policy(factory.value()), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, ShippedPolicy,
                         ::testing::Values("fifo", "fair-share", "fair-share(overtakes=0)",
                                           "fair-share(overtakes=2)", "job-round-robin",
                                           "job-round-robin(active=2,turns=2)", "fair-share/job-round-robin",
                                           "fair-share(overtakes=3)/job-round-robin(active=3,turns=1)",
                                           "job-round-robin(active=1,turns=1)/fair-share",
                                           "fair-share(weighted=1)", "fair-share(measured=1)",
                                           "fair-share(weighted=1)/job-round-robin", "priority",
                                           "priority(share=2)/fair-share/job-round-robin",
                                           "fair-share/priority(share=3)", "priority/fair-share(measured=1)"),
                         [](const auto& instance) { return "Stack" + std::to_string(instance.index); });

// Virtual time goes by nanoseconds here: this is stale after 40 calls.
TEST(Priority, KeepsTheContractWhileEntriesGrowStale) {
  const auto make = [] { return make_priority({}, {.stale_after = Duration{40}, .share = 3}).value(); };
  EXPECT_THAT(testing::check_policy(make), ::testing::IsEmpty());
}

}  // namespace
}  // namespace spider
