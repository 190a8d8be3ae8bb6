// The rules S1–S3 of the dispatch service, on the virtual clock.

#include "unit/dispatch_service_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace spider {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(DispatchServiceTest, OptionsOutsideTheirRangeAreRefusedByName) {
  EXPECT_EQ(refusal({.cutoff = seconds{0}}),
            (Error{Errc::invalid_argument, "dispatch service: cutoff is not positive"}));
  EXPECT_THAT(refusal({.assignment_lease = seconds{-1}}).detail, HasSubstr("assignment_lease"));
  EXPECT_THAT(refusal({.cutoff = seconds{30}, .assignment_lease = seconds{9}}).detail,
              HasSubstr("heartbeat_interval"));
  EXPECT_EQ(refusal({.cutoff = seconds{30}, .assignment_lease = seconds{10}}), Error{});
  EXPECT_THAT(refusal({.outstanding_max = 0}).detail, HasSubstr("outstanding_max"));
  EXPECT_THAT(refusal({.outstanding_max = DispatchServiceOptions::kOutstandingMax + 1}).detail,
              HasSubstr("outstanding_max"));
  EXPECT_THAT(refusal({.managers_max = 0}).detail, HasSubstr("managers_max"));
  EXPECT_THAT(refusal({.managers_max = DispatchServiceOptions::kManagersMax + 1}).detail,
              HasSubstr("managers_max"));
}

// --- S1 ------------------------------------------------------------------------------------------

TEST_F(DispatchServiceTest, S1WhatIsTakenIsOnRecord) {
  fill(1, 3);
  const auto taken = ask(kAnna, 2);
  ASSERT_TRUE(taken->succeeded());
  EXPECT_THAT(ids(taken->result->value()), ElementsAre(1, 2));
  EXPECT_EQ(service_->snapshot().outstanding, 2U);
  ASSERT_TRUE(leave(kAnna));
  EXPECT_THAT(handed_back(), ElementsAre(1, 2));
}

TEST_F(DispatchServiceTest, S1NothingCameInTime) {
  const auto at_once = ask(kAnna);
  ASSERT_TRUE(at_once->succeeded());
  EXPECT_THAT(at_once->result->value(), IsEmpty());
  const auto waited = ask(kAnna, 1, seconds{5});
  pass(seconds{5} - nanoseconds{1});
  EXPECT_FALSE(waited->done());
  pass(nanoseconds{1});
  ASSERT_TRUE(waited->succeeded());
  EXPECT_THAT(waited->result->value(), IsEmpty());
}

TEST_F(DispatchServiceTest, S1AWaitingCallTakesAndRecordsWhatComes) {
  const auto waiting = ask(kAnna, 3, seconds{5});
  EXPECT_FALSE(waiting->done());
  fill(1, 2);
  trial_.settle();
  ASSERT_TRUE(waiting->succeeded());
  EXPECT_THAT(ids(waiting->result->value()), ElementsAre(1, 2));
  EXPECT_EQ(service_->snapshot().outstanding, 2U);
}

TEST_F(DispatchServiceTest, S1CancellationTakesNothing) {
  const auto waiting = ask(kAnna, 3, seconds{5});
  waiting->cancel();
  trial_.settle();
  EXPECT_TRUE(waiting->failed_with(Errc::cancelled));
  fill(1, 1);
  EXPECT_EQ(service_->snapshot().outstanding, 0U);
  EXPECT_THAT(ids(ask(kAnna)->result->value()), ElementsAre(1));
}

/// Cancels after each number of executor steps, before and after something came: whatever the caller is
/// told, the assignment is either in the channel or on record, and told to whom it is recorded.
TEST_F(DispatchServiceTest, S1CancellationAtEveryStepLosesNothing) {
  for (const bool cancel_first : {true, false}) {
    for (int steps = 0; steps < 24; ++steps) {
      open({});
      auto call = std::make_shared<testing::StartedCall<Batch>>();
      asio::co_spawn(trial_.context(), rooted(service_->next_tasks(kAnna, 4, seconds{5})),
                     asio::bind_cancellation_slot(
                         call->signal.slot(), [call](std::exception_ptr thrown, Result<Batch> result) {
                           if (thrown) result = Error{Errc::internal, "an exception left the call"};
                           call->result.emplace(std::move(result));
                         }));
      trial_.context().restart();
      if (!cancel_first) fill(1, 1);
      for (int step = 0; step < steps; ++step) trial_.context().poll_one();
      if (cancel_first) call->cancel();
      fill(2, 2);
      if (!cancel_first) call->cancel();
      trial_.settle();
      ASSERT_TRUE(call->done()) << steps;
      EXPECT_TRUE(call->succeeded() || call->failed_with(Errc::cancelled)) << steps;
      const auto told = call->succeeded() ? call->result->value().size() : 0;
      EXPECT_EQ(service_->snapshot().outstanding, told) << steps;
      EXPECT_EQ(channel_.counters().queued + told, cancel_first ? 1U : 2U) << steps;
    }
  }
}

TEST_F(DispatchServiceTest, S1AnExecutionContextMayDieWithAWaitingCall) {
  auto context = std::make_unique<asio::io_context>();
  const auto waiting = trial_.start_on(*context, service_->next_tasks(kAnna, 4, seconds{5}));
  EXPECT_FALSE(waiting->done());
  context.reset();
  fill(1, 1);
  EXPECT_THAT(ids(ask(kBert)->result->value()), ElementsAre(1));
  ASSERT_TRUE(leave(kAnna));
  EXPECT_EQ(service_->snapshot().managers, 1U);
}

// --- S2 ------------------------------------------------------------------------------------------

TEST_F(DispatchServiceTest, S2AcknowledgeTakesOffTheRecordAndIsIdempotent) {
  give(kAnna, 1, 3);
  EXPECT_TRUE(acknowledge(kAnna, {item(2)}));
  EXPECT_TRUE(acknowledge(kAnna, {item(2), item(2)}));
  EXPECT_EQ(service_->snapshot().acknowledged, 1U);
  EXPECT_EQ(service_->snapshot().outstanding, 2U);
  ASSERT_TRUE(leave(kAnna));
  EXPECT_THAT(handed_back(), ElementsAre(1, 3));
  EXPECT_EQ(count(EventKind::foreign_acknowledged), 0U);
}

TEST_F(DispatchServiceTest, S2LeaveAcknowledgesBeforeItRemoves) {
  give(kAnna, 1, 3);
  ASSERT_TRUE(leave(kAnna, {item(1), item(3)}));
  EXPECT_THAT(handed_back(), ElementsAre(2));
  const auto left = observer_.of(EventKind::manager_left);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].manager, kAnna);
  EXPECT_EQ(left[0].count, 1U);
}

TEST_F(DispatchServiceTest, S2AnotherSchedulersAssignmentIsSkippedAndObserved) {
  give(kAnna, 1, 1);
  EXPECT_TRUE(acknowledge(kAnna, {item(1, 8), item(1)}));
  EXPECT_EQ(service_->snapshot().outstanding, 0U);
  const auto foreign = observer_.of(EventKind::foreign_acknowledged);
  ASSERT_EQ(foreign.size(), 1U);
  EXPECT_EQ(foreign[0].scheduler, SchedulerId{8});
  EXPECT_EQ(foreign[0].manager, kAnna);
  EXPECT_EQ(foreign[0].task, item(1).ref());
}

TEST_F(DispatchServiceTest, S2AnotherSessionsAssignmentIsSkipped) {
  give(kAnna, 1, 1);
  auto other = item(1);
  other.session = SessionId{2};
  EXPECT_TRUE(acknowledge(kAnna, {other}));
  EXPECT_EQ(service_->snapshot().outstanding, 1U);
}

TEST_F(DispatchServiceTest, S2WhatAnotherManagerHasOnRecordIsSkipped) {
  give(kAnna, 1, 1);
  ASSERT_TRUE(heartbeat(kBert));
  EXPECT_TRUE(acknowledge(kBert, {item(1)}));
  EXPECT_EQ(service_->snapshot().outstanding, 1U);
}

// --- S3 ------------------------------------------------------------------------------------------

TEST_F(DispatchServiceTest, S3DeadExactlyAtTheCutoff) {
  ASSERT_TRUE(heartbeat(kAnna));
  pass(seconds{30} - nanoseconds{1});
  EXPECT_EQ(service_->snapshot().managers, 1U);
  pass(nanoseconds{1});
  EXPECT_EQ(service_->snapshot().managers, 0U);
  ASSERT_EQ(count(EventKind::manager_lost), 1U);
  EXPECT_EQ(observer_.of(EventKind::manager_lost)[0].at, TimePoint{seconds{30}});
}

TEST_F(DispatchServiceTest, S3EveryCallRefreshes) {
  open({.cutoff = seconds{30}, .assignment_lease = std::chrono::hours{1}});
  give(kAnna, 1, 1);
  for (int round = 0; round < 3; ++round) {
    pass(seconds{29});
    ASSERT_TRUE(heartbeat(kAnna));
    pass(seconds{29});
    ASSERT_TRUE(acknowledge(kAnna, {}));
    pass(seconds{29});
    ASSERT_TRUE(ask(kAnna)->succeeded());
  }
  const auto waiting = ask(kAnna, 1, seconds{60});
  pass(seconds{29});
  fill(2, 2);
  pass(seconds{29});
  EXPECT_TRUE(waiting->succeeded());
  EXPECT_EQ(count(EventKind::manager_joined), 1U);
  EXPECT_EQ(count(EventKind::manager_lost), 0U);
}

TEST_F(DispatchServiceTest, S3ACallAtTheCutoffFindsTheManagerDeadBeforeTheAlarmHasFired) {
  give(kAnna, 1, 1);
  clock_.ahead = seconds{30} - nanoseconds{1};
  ASSERT_TRUE(acknowledge(kAnna, {}));
  clock_.ahead += seconds{30};
  EXPECT_EQ(acknowledge(kAnna, {item(1)}).error(), Errc::unknown_manager);
  EXPECT_THAT(handed_back(), ElementsAre(1));
}

TEST_F(DispatchServiceTest, S3OneAlarmServesTenThousandManagers) {
  clock_.alarms = clock_.arms = 0;
  open({});
  constexpr std::uint64_t kManagers = 10'000;
  for (int round = 0; round < 6; ++round) {
    for (std::uint64_t id = 1; id <= kManagers; ++id) {
      asio::co_spawn(trial_.context(), rooted(service_->heartbeat(ManagerId{id})), asio::detached);
    }
    trial_.settle();
    pass(seconds{10});
  }
  EXPECT_EQ(service_->snapshot().managers, kManagers);
  EXPECT_EQ(clock_.alarms, 1);
  EXPECT_EQ(clock_.sleeps, 0);
  EXPECT_LE(clock_.arms, 4);
  pass(seconds{20});
  EXPECT_EQ(service_->snapshot().managers, 0U);
  EXPECT_EQ(count(EventKind::manager_lost), kManagers);
  EXPECT_EQ(trial_.clock().run(), 0U) << "an alarm is left although nobody is on record";
}

}  // namespace
}  // namespace spider
