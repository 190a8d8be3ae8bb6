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
                                           "job-round-robin(active=1,turns=1)/fair-share"),
                         [](const auto& instance) { return "Stack" + std::to_string(instance.index); });

}  // namespace
}  // namespace spider
