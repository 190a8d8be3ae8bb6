#include "spider/policies/fifo.hpp"
#include "spider/policies/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace spider {
namespace {

using ::testing::HasSubstr;

auto name_of(std::string_view spec) -> std::string {
  auto policy = make_policy(spec);
  return policy ? policy.value()->traits().name : policy.error().message();
}

TEST(PolicyRegistry, SpecificationNamesAStack) {
  EXPECT_EQ(name_of("fifo"), "fifo");
  EXPECT_EQ(name_of("fair-share/job-round-robin/fifo"), "fair-share/job-round-robin/fifo");
}

TEST(PolicyRegistry, OmittedLeafIsFifo) {
  EXPECT_EQ(name_of("fair-share"), "fair-share/fifo");
  EXPECT_EQ(name_of("fair-share/job-round-robin"), "fair-share/job-round-robin/fifo");
}

TEST(PolicyRegistry, ArgumentsReachTheirPart) {
  const auto policy = make_policy("job-round-robin(active=8,turns=2)");
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy.value()->traits().starvation_bound({.jobs = 8}), 8U + 2U * 8U);
}

TEST(PolicyRegistry, UnknownPartIsNamedWithWhatIsKnown) {
  const auto policy = make_policy("fair-share/lottery");
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error(), Errc::unknown_policy);
  EXPECT_THAT(policy.error().detail, HasSubstr("'lottery'"));
  EXPECT_THAT(policy.error().detail, HasSubstr("fifo, fair-share, priority, job-round-robin"));
}

TEST(PolicyRegistry, NothingMayFollowALeaf) {
  const auto policy = make_policy("fifo/fair-share");
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error(), Errc::invalid_argument);
}

TEST(PolicyRegistry, ArgumentsAreChecked) {
  for (const auto* spec : {"fifo(size=3)", "job-round-robin(active=0)", "job-round-robin(turns=1048577)"}) {
    const auto policy = make_policy(spec);
    ASSERT_FALSE(policy) << spec;
    EXPECT_EQ(policy.error(), Errc::invalid_argument) << spec;
  }
}

TEST(PolicyRegistry, MalformedSpecificationIsAParseError) {
  for (const auto* spec :
       {"", "/", "fair-share/", "/fifo", "fair-share(", "fair-share()", "fair-share(overtakes)",
        "fair-share(overtakes=)", "fair-share(overtakes=-1)", "fair-share(overtakes=1,overtakes=2)",
        "fair-share(overtakes=1,)", "fair-share(overtakes=1)x", "fair-share(=1)",
        "fair-share(overtakes=99999999999999999999)"}) {
    const auto policy = make_policy(spec);
    ASSERT_FALSE(policy) << spec;
    EXPECT_EQ(policy.error(), Errc::parse_error) << spec;
  }
}

TEST(PolicyRegistry, DepthIsLimited) {
  std::string spec = "fair-share";
  for (std::size_t part = 1; part < PolicyRegistry::kDepthMax; ++part) spec += "/fair-share";
  EXPECT_TRUE(make_policy(spec));
  EXPECT_EQ(make_policy(spec + "/fair-share").error(), Errc::limit_exceeded);
}

TEST(PolicyRegistry, OwnPolicyIsKnownByItsName) {
  PolicyRegistry registry;
  ASSERT_TRUE(registry.add("mine", "a queue of my own", fifo_leaves()));
  const auto factory = registry.make("fair-share/mine");
  ASSERT_TRUE(factory);
  EXPECT_EQ(factory.value()()->traits().name, "fair-share/fifo");
  EXPECT_EQ(registry.list().back().name, "mine");
  EXPECT_EQ(make_policy("mine").error(), Errc::unknown_policy);
}

TEST(PolicyRegistry, AdditionsAreChecked) {
  PolicyRegistry registry;
  EXPECT_EQ(registry.add("fifo", "", fifo_leaves()).error(), Errc::duplicate_name);
  EXPECT_EQ(registry.add("My/Policy", "", fifo_leaves()).error(), Errc::invalid_name);
  EXPECT_EQ(registry.add("empty", "", PolicyFactory{}).error(), Errc::invalid_argument);
  EXPECT_EQ(registry.list().size(), PolicyRegistry{}.list().size());
}

TEST(PolicyRegistry, EveryListedPolicyStatesItsBound) {
  for (const auto& listed : PolicyRegistry{}.list()) {
    EXPECT_FALSE(listed.summary.empty()) << listed.name;
    EXPECT_THAT(listed.bound, HasSubstr("entries")) << listed.name;
  }
}

}  // namespace
}  // namespace spider
