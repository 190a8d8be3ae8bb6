// The watch before a policy, shown policies that break one promise.

#include "sim/watched_policy.hpp"
#include "sim/monitor_fixture.hpp"
#include "support/plain_policies.hpp"

namespace spider::sim {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WatchedPolicyTest : public MonitorTest {
 protected:
  static auto entry(std::uint64_t job, std::uint32_t task, float weight = 1) -> InboundEntry {
    InboundEntry made;
    made.job = JobId{job};
    made.group = ResourceGroupId{job};
    made.task = TaskId{task};
    made.weight = weight;
    return made;
  }
  auto watch(std::unique_ptr<SchedulingPolicy> policy) -> WatchedPolicy {
    return {std::move(policy), context_, monitor_};
  }

  DispatchMonitor monitor_{context_, 2, seconds{5}};
  TimePoint now_ = context_.base.now();
};

TEST_F(WatchedPolicyTest, I10LongerThanPromised) {
  auto policy = watch(testing::make_plain_policy({.promises = 1}));
  policy.admit(entry(1, 0), now_);
  policy.admit(entry(2, 0), now_);
  EXPECT_TRUE(policy.next(now_));
  EXPECT_THAT(rules(), IsEmpty());
  EXPECT_TRUE(policy.next(now_));
  EXPECT_THAT(rules(), ElementsAre("I10"));
}

// Promised is one pick for each time that the lightest weight goes into the heaviest.
TEST_F(WatchedPolicyTest, I10KnowsTheWeights) {
  auto policy = watch(testing::make_plain_policy({.promises = 1}));
  policy.admit(entry(1, 0, 1.5F), now_);
  policy.admit(entry(1, 1, 0.0F), now_);
  policy.admit(entry(2, 0, 0.5F), now_);
  policy.admit(entry(2, 1, 0.5F), now_);
  for (auto picks = 0; picks < 3; ++picks) EXPECT_TRUE(policy.next(now_));
  EXPECT_THAT(rules(), IsEmpty());
  EXPECT_TRUE(policy.next(now_));
  EXPECT_THAT(rules(), ElementsAre("I10"));
}

TEST_F(WatchedPolicyTest, P1InventedEntry) {
  auto policy = watch(testing::make_plain_policy({.invents = true}));
  policy.admit(entry(1, 0), now_);
  EXPECT_TRUE(policy.next(now_));
  ASSERT_FALSE(rules().empty());
  EXPECT_EQ(rules().front(), "P1");
}

TEST_F(WatchedPolicyTest, P1NothingAlthoughItHoldsSome) {
  auto policy = watch(testing::make_plain_policy({.deaf = true}));
  policy.admit(entry(1, 0), now_);
  EXPECT_FALSE(policy.next(now_));
  EXPECT_THAT(rules(), ElementsAre("P1"));
}

TEST_F(WatchedPolicyTest, P1DroppedEntriesKept) {
  auto policy = watch(testing::make_plain_policy({.keeps_dropped = true}));
  policy.admit(entry(1, 0), now_);
  policy.drop_job(JobId{1});
  (void)policy.next(now_);
  ASSERT_FALSE(rules().empty());
  EXPECT_EQ(rules().front(), "P1");
}

}  // namespace
}  // namespace spider::sim
