#include "sharded_storage_fixture.hpp"

namespace spider {
namespace {

using namespace std::chrono_literals;

TEST_F(ShardedStorageTest, R10WhoLeavesDuringAPingNeverAppearsAgain) {
  auto& member = start("a");
  member.directory->ping_takes = 3s;
  clock_.run_until(TimePoint{11s});  // the ping of 10 s is under way
  ASSERT_TRUE(block_on(clock_, member.client->leave()));
  EXPECT_EQ(active(), 0U);
  clock_.run_for(60s);
  EXPECT_EQ(active(), 0U);
  EXPECT_EQ(member.directory->pinged_at.size(), 1U);
  EXPECT_EQ(member.client->stats().member, MemberId{});
}

TEST_F(ShardedStorageTest, R10WhoLeavesWhileItJoinsAnewNeverAppearsAgain) {
  auto& member = start("a");
  ASSERT_TRUE(block_on(clock_, directory_->leave(member.client->stats().member)));
  member.directory->join_takes = 3s;
  clock_.run_until(TimePoint{11s});  // it has learnt that it is gone, and joins anew
  ASSERT_TRUE(block_on(clock_, member.client->leave()));
  EXPECT_EQ(clock_.now(), TimePoint{13s}) << "when that had ended";
  EXPECT_EQ(active(), 0U);
  clock_.run_for(60s);
  EXPECT_EQ(active(), 0U);
}

TEST_F(ShardedStorageTest, R10WhoHasLeftPullsNothingAndKeepsItsSession) {
  auto& member = start("a");
  submit(2);
  const auto held = poll(member).value().entries;
  ASSERT_EQ(held.size(), 2U);
  ASSERT_TRUE(block_on(clock_, member.client->leave()));
  ASSERT_TRUE(block_on(clock_, member.client->leave())) << "idempotent";
  submit(100);
  EXPECT_TRUE(poll(member, 2s).value().entries.empty());
  clock_.run_for(1h);
  TaskAssignment assignment;
  assignment.id = AssignmentId{1};
  assignment.job = held[0].job;
  assignment.task = held[0].task;
  assignment.scheduler = member.registration.scheduler;
  assignment.session = member.registration.session;
  const auto started = block_on(clock_, storage_->start(std::span{&assignment, 1}, ManagerId{1}));
  EXPECT_TRUE(started.value().front()) << "what it holds can be started while it drains";
}

TEST_F(ShardedStorageTest, R10WhoUnregistersLeavesAndItsWorkIsOfferedAtOnce) {
  auto& leaver = start("a");
  submit(10);
  ASSERT_EQ(poll(leaver).value().entries.size(), 10U);
  ASSERT_TRUE(block_on(clock_, leaver.client->unregister_scheduler(leaver.registration)));
  EXPECT_EQ(active(), 0U);
  auto& other = start("b");
  EXPECT_EQ(poll(other).value().entries.size(), 10U);
  SchedulerInfo info{"a"};
  const auto again = block_on(clock_, leaver.client->register_scheduler(std::move(info)));
  EXPECT_EQ(again.error(), Errc::closed);
}

TEST_F(ShardedStorageTest, R10ADeadMembersLeasesLapseAndItsWorkIsOfferedAgain) {
  auto& dead = start("dead");
  submit(100);
  ASSERT_EQ(poll(dead).value().entries.size(), 100U);
  kill(dead);
  spawn(storage_->run(), stop_storage_);
  auto& alive = start("alive");
  pull(alive);
  clock_.run_for(storage_->limits().session_lease + 6s);
  EXPECT_EQ(alive.pulled.size(), 100U);
}

TEST_F(ShardedStorageTest, R11APausedOwnerCannotTouchItsSuccessorsLease) {
  auto& paused = start("paused");
  submit(1);
  const auto entry = poll(paused).value().entries.at(0);
  kill(paused);
  clock_.run_for(storage_->limits().session_lease);
  ASSERT_TRUE(block_on(clock_, storage_->sweep(10)));
  auto& successor = start("successor");
  const auto taken = poll(successor, 10s).value().entries;
  ASSERT_EQ(taken.size(), 1U);

  const auto assign = [&](const Member& member) {
    TaskAssignment assignment;
    assignment.id = AssignmentId{1};
    assignment.job = entry.job;
    assignment.task = entry.task;
    assignment.scheduler = member.registration.scheduler;
    assignment.session = member.registration.session;
    return assignment;
  };
  const auto stale = assign(paused);
  const auto refused = block_on(clock_, storage_->start(std::span{&stale, 1}, ManagerId{1}));
  EXPECT_EQ(refused.value().front().error(), Errc::stale_session);
  const auto gone = block_on(clock_, paused.client->unregister_scheduler(paused.registration));
  EXPECT_EQ(gone.error(), Errc::stale_session);
  const auto live = assign(successor);
  const auto started = block_on(clock_, storage_->start(std::span{&live, 1}, ManagerId{2}));
  EXPECT_TRUE(started.value().front()) << "the successor's lease is as it was";
}

}  // namespace
}  // namespace spider
