// The monitor of one member among several, shown histories in which one promise is broken.

#include "sim/member_monitor.hpp"
#include "sim/monitor_fixture.hpp"

namespace spider::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MemberMonitorTest : public MonitorTest {
 protected:
  auto join(std::uint64_t member) -> void {
    monitor_.joins();
    monitor_.joined(MemberId{member});
  }
  auto read(std::vector<std::uint64_t> members) -> void {
    std::vector<MemberView> views;
    for (const auto member : members) views.push_back({MemberId{member}, "m"});
    monitor_.read(views);
  }
  auto poll(std::size_t slots) -> void {
    auto share = std::make_shared<SlotFilter>();
    for (std::size_t slot = 0; slot < slots; ++slot) share->later.set(slot);
    PollRequest request;
    request.slots = share;
    monitor_.polls(request);
  }

  MemberMonitor monitor_{context_, "m"};
};

TEST_F(MemberMonitorTest, OrderlyLifeIsClean) {
  join(1);
  read({1, 2});
  poll(5);
  read({2});
  poll(5);
  join(3);
  read({2, 3});
  poll(5);
  monitor_.leaves();
  poll(0);
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(MemberMonitorTest, R1PullsBeforeItHasJoined) {
  poll(1);
  EXPECT_THAT(rules(), ElementsAre("R1"));
}

TEST_F(MemberMonitorTest, R3PullsWhileItIsAbsent) {
  join(1);
  read({2});
  read({2});
  poll(0);
  EXPECT_THAT(rules(), IsEmpty());
  poll(1);
  EXPECT_THAT(rules(), ElementsAre("R3"));
}

TEST_F(MemberMonitorTest, R3PullsWhenNobodyIsKnown) {
  join(1);
  read({});
  read({});
  poll(1);
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(MemberMonitorTest, R3ReadingThatFailedTellsNothing) {
  join(1);
  read({2});
  monitor_.read(Errc::storage_unavailable);
  read({2});
  poll(1);
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(MemberMonitorTest, R4AsksForEverything) {
  join(1);
  monitor_.polls(PollRequest{});
  EXPECT_THAT(rules(), ElementsAre("R4"));
}

TEST_F(MemberMonitorTest, R10JoinsAfterItHasLeft) {
  join(1);
  monitor_.leaves();
  join(2);
  EXPECT_THAT(rules(), ElementsAre("R10"));
}

TEST_F(MemberMonitorTest, R10PullsAfterItHasLeft) {
  join(1);
  monitor_.leaves();
  poll(1);
  EXPECT_THAT(rules(), ElementsAre("R10"));
}

}  // namespace
}  // namespace spider::sim
