// The rules S4–S6 of the dispatch service, its bounds and its end, on the virtual clock.

#include "unit/dispatch_service_fixture.hpp"

#include <boost/asio/detached.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace spider {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- S4 ------------------------------------------------------------------------------------------

TEST_F(DispatchServiceTest, S4DeathHandsBackOnce) {
  open({.cutoff = seconds{10}});
  give(kAnna, 1, 200);
  ASSERT_TRUE(acknowledge(kAnna, {item(5)}));
  pass(seconds{10});
  EXPECT_EQ(handed_back().size(), 199U);
  pass(seconds{100});
  EXPECT_THAT(handed_back(), IsEmpty());
  EXPECT_EQ(observer_.of(EventKind::manager_lost)[0].count, 199U);
  EXPECT_TRUE(balances());
}

TEST_F(DispatchServiceTest, S4ACallAfterRemovalStartsANewIncarnation) {
  give(kAnna, 1, 1);
  pass(seconds{30});
  EXPECT_THAT(handed_back(), ElementsAre(1));
  give(kAnna, 2, 2);
  EXPECT_EQ(count(EventKind::manager_joined), 2U);
  EXPECT_TRUE(acknowledge(kAnna, {item(1), item(2)}));
  EXPECT_EQ(service_->snapshot().acknowledged, 1U);
  EXPECT_TRUE(balances());
}

TEST_F(DispatchServiceTest, S4ACallThatWaitedAcrossARemovalRecordsForTheNewIncarnation) {
  const auto waiting = ask(kAnna, 2, seconds{50});
  ASSERT_TRUE(leave(kAnna));
  EXPECT_EQ(service_->snapshot().managers, 0U);
  fill(1, 2);
  trial_.settle();
  ASSERT_TRUE(waiting->succeeded());
  EXPECT_EQ(service_->snapshot().managers, 1U);
  EXPECT_EQ(service_->snapshot().outstanding, 2U);
  pass(seconds{30});
  EXPECT_THAT(handed_back(), ElementsAre(1, 2));
  EXPECT_TRUE(balances());
}

/// The calls come at the instant of its death; the first of them finds it dead.
TEST_F(DispatchServiceTest, S4AHundredCallsRaceADeath) {
  for (std::uint64_t first = 0; first < 4; ++first) {
    open({});
    give(kAnna, 1, 50);
    const auto waiting = ask(kAnna, 5, seconds{100});
    clock_.ahead += seconds{30};
    fill(51, 70);
    for (std::uint64_t i = first; i < first + 100; ++i) {
      auto call = i % 4 == 0   ? service_->heartbeat(kAnna)
                  : i % 4 == 1 ? service_->acknowledge(kAnna, {item(i % 70 + 1)})
                  : i % 4 == 2 ? service_->leave(kAnna, {})
                               : discard(service_->next_tasks(kAnna, 1, seconds{0}));
      asio::co_spawn(trial_.context(), rooted(std::move(call)), asio::detached);
    }
    trial_.settle();
    const auto counters = service_->snapshot();
    EXPECT_TRUE(waiting->succeeded());
    EXPECT_GE(counters.handed_back, 50U);
    EXPECT_EQ(counters.recorded + channel_.counters().queued, 70U);
    pass(seconds{60});
    auto back = handed_back();
    EXPECT_EQ(back.size() + service_->snapshot().acknowledged + channel_.counters().queued, 70U);
    std::ranges::sort(back);
    EXPECT_EQ(std::ranges::adjacent_find(back), back.end()) << "handed back twice";
    EXPECT_EQ(service_->snapshot().outstanding, 0U);
    EXPECT_TRUE(balances());
  }
}

TEST_F(DispatchServiceTest, S4MoreThanTheBoundIsRefusedAndObserved) {
  open({}, 2);
  give(kAnna, 1, 5);
  ASSERT_TRUE(leave(kAnna));
  EXPECT_THAT(handed_back(), ElementsAre(1, 2));
  EXPECT_EQ(count(EventKind::handed_back_refused), 3U);
  EXPECT_EQ(observer_.of(EventKind::manager_left)[0].count, 2U);
  EXPECT_EQ(service_->snapshot().refused, 3U);
  EXPECT_TRUE(balances());
}

// --- S5 ------------------------------------------------------------------------------------------

TEST_F(DispatchServiceTest, S5AnUnacknowledgedAssignmentComesBackAlthoughItsManagerLives) {
  open({.cutoff = seconds{30}, .assignment_lease = seconds{20}});
  give(kAnna, 1, 1);
  pass(seconds{10});
  give(kAnna, 2, 2);
  ASSERT_TRUE(heartbeat(kAnna));
  pass(seconds{10} - nanoseconds{1});
  EXPECT_THAT(handed_back(), IsEmpty());
  pass(nanoseconds{1});
  EXPECT_THAT(handed_back(), ElementsAre(1));
  EXPECT_EQ(service_->snapshot().managers, 1U);
  EXPECT_EQ(service_->snapshot().outstanding, 1U);
  EXPECT_EQ(service_->snapshot().expired, 1U);
  const auto expired = observer_.of(EventKind::assignment_expired);
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(expired[0].manager, kAnna);
  EXPECT_EQ(expired[0].task, item(1).ref());
  EXPECT_TRUE(acknowledge(kAnna, {item(1), item(2)})) << "the late start is the storage's to refuse";
  EXPECT_EQ(service_->snapshot().acknowledged, 1U);
  EXPECT_TRUE(balances());
}

TEST_F(DispatchServiceTest, S5ADeadManagerIsTheReasonWhereBothAreDue) {
  open({.cutoff = seconds{30}, .assignment_lease = seconds{30}});
  give(kAnna, 1, 1);
  pass(seconds{30});
  EXPECT_EQ(count(EventKind::assignment_expired), 0U);
  EXPECT_EQ(observer_.of(EventKind::manager_lost)[0].count, 1U);
}

// --- S6 and bounds -------------------------------------------------------------------------------

TEST_F(DispatchServiceTest, S6UnknownManagersAndBadArgumentsChangeNothing) {
  fill(1, 1);
  EXPECT_EQ(acknowledge(kAnna, {item(1)}).error(), Errc::unknown_manager);
  EXPECT_EQ(leave(kAnna, {item(1)}).error(), Errc::unknown_manager);
  EXPECT_EQ(heartbeat(ManagerId{}).error(), Errc::invalid_argument);
  EXPECT_TRUE(ask(ManagerId{}, 1)->failed_with(Errc::invalid_argument));
  EXPECT_TRUE(ask(kAnna, 0)->failed_with(Errc::invalid_argument));
  EXPECT_EQ(service_->snapshot().managers, 0U);
  EXPECT_EQ(channel_.counters().queued, 1U);
  EXPECT_THAT(observer_.events, IsEmpty());
}

TEST_F(DispatchServiceTest, OutstandingIsBoundedPerManagerWaitingCallsIncluded) {
  open({.outstanding_max = 3});
  fill(1, 9);
  EXPECT_EQ(ask(kAnna, 9)->result->value().size(), 3U);
  EXPECT_TRUE(ask(kAnna, 1)->failed_with(Errc::limit_exceeded));
  EXPECT_EQ(ask(kBert, 2)->result->value().size(), 2U);
  EXPECT_EQ(ask(ManagerId{3}, 9)->result->value().size(), 3U);
  EXPECT_EQ(ask(ManagerId{4}, 9)->result->value().size(), 1U);
  ASSERT_TRUE(acknowledge(kAnna, {item(1)}));
  const auto waiting = ask(kAnna, 5, seconds{5});
  EXPECT_TRUE(ask(kAnna, 1)->failed_with(Errc::limit_exceeded)) << "the last place is asked for";
  pass(seconds{5});
  EXPECT_TRUE(ask(kAnna, 1)->succeeded());
}

TEST_F(DispatchServiceTest, ManagersAreBounded) {
  open({.managers_max = 1});
  ASSERT_TRUE(heartbeat(kAnna));
  EXPECT_EQ(heartbeat(kBert).error(), Errc::limit_exceeded);
  EXPECT_TRUE(ask(kBert, 1)->failed_with(Errc::limit_exceeded));
  ASSERT_TRUE(leave(kAnna));
  EXPECT_TRUE(heartbeat(kBert));
}

// --- Closing -------------------------------------------------------------------------------------

TEST_F(DispatchServiceTest, CloseEndsWaitingCallsAndLaterOnesAndLeavesTheRestRunning) {
  give(kAnna, 1, 2);
  const auto waiting = ask(kAnna, 3, seconds{5});
  service_->close();
  fill(3, 3);
  trial_.settle();
  EXPECT_TRUE(waiting->failed_with(Errc::dispatch_queue_closed));
  EXPECT_TRUE(ask(kAnna)->failed_with(Errc::dispatch_queue_closed));
  EXPECT_EQ(channel_.counters().queued, 1U);
  EXPECT_TRUE(acknowledge(kAnna, {item(1)}));
  pass(seconds{30});
  EXPECT_THAT(handed_back(), ElementsAre(2));
}

TEST_F(DispatchServiceTest, ACallThatIsAboutToWaitWhileTheServiceClosesEnds) {
  for (int steps = 0; steps < 12; ++steps) {
    open({});
    std::optional<Result<Batch>> ended;
    asio::co_spawn(trial_.context(), rooted(service_->next_tasks(kAnna, 4, seconds{5})),
                   [&](std::exception_ptr, Result<Batch> result) { ended.emplace(std::move(result)); });
    trial_.context().restart();
    for (int step = 0; step < steps; ++step) trial_.context().poll_one();
    service_->close();
    trial_.settle();
    ASSERT_TRUE(ended) << steps;
    EXPECT_EQ(ended->error(), Errc::dispatch_queue_closed) << steps;
  }
}

TEST_F(DispatchServiceTest, DestructionEndsWaitingCallsAndTouchesNothingAfterwards) {
  give(kAnna, 1, 2);
  const auto waiting = ask(kAnna, 3, seconds{5});
  const auto seen = observer_.events.size();
  service_.reset();
  handed_back_.reset();
  trial_.settle();
  EXPECT_TRUE(waiting->failed_with(Errc::dispatch_queue_closed));
  pass(seconds{100});
  EXPECT_EQ(observer_.events.size(), seen);
}

TEST_F(DispatchServiceTest, AClosedDispatchQueueEndsTheCalls) {
  const auto waiting = ask(kAnna, 3, seconds{5});
  channel_.sink->close();
  trial_.settle();
  EXPECT_TRUE(waiting->failed_with(Errc::dispatch_queue_closed));
  EXPECT_TRUE(ask(kAnna)->failed_with(Errc::dispatch_queue_closed));
}

}  // namespace
}  // namespace spider
