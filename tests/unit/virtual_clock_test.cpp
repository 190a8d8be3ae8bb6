#include "spider/virtual_clock.hpp"

#include "spider/testing/dispatch_queue_trial.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace spider {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class VirtualClockTest : public ::testing::Test {
 protected:
  auto sleep(Duration duration) -> testing::Call<void> {
    return trial_.start(clock_.sleep_until(clock_.now() + duration));
  }

  testing::DispatchQueueTrial trial_{"unit", {}};
  VirtualClock& clock_ = trial_.clock();
};

TEST_F(VirtualClockTest, StartsWhereItIsTold) {
  asio::io_context context;
  const VirtualClock clock{context, TimePoint{seconds{5}}};
  EXPECT_EQ(clock.now(), TimePoint{seconds{5}});
}

TEST_F(VirtualClockTest, LeapsOverIdleTime) {
  const auto call = sleep(hours{1000});
  EXPECT_FALSE(call->done());
  EXPECT_EQ(clock_.run(), 1U);
  EXPECT_TRUE(call->succeeded());
  EXPECT_EQ(clock_.now(), TimePoint{hours{1000}});
}

TEST_F(VirtualClockTest, StandsStillWhileAnythingIsReady) {
  const auto call = sleep(seconds{1});
  for (int i = 0; i < 3; ++i) asio::post(trial_.context(), [this] { EXPECT_EQ(clock_.now(), TimePoint{}); });
  clock_.drain();
  EXPECT_FALSE(call->done());
  EXPECT_EQ(clock_.now(), TimePoint{});
}

TEST_F(VirtualClockTest, TimersOfOneInstantFireInTheOrderInWhichTheyWereSet) {
  std::vector<int> order;
  const auto second = clock_.make_alarm([&] { order.push_back(2); });
  const auto first = clock_.make_alarm([&] { order.push_back(1); });
  const auto earliest = clock_.make_alarm([&] { order.push_back(0); });
  first->arm(TimePoint{seconds{1}});
  second->arm(TimePoint{seconds{1}});
  earliest->arm(TimePoint{Duration{1}});
  EXPECT_EQ(clock_.run(), 3U);
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST_F(VirtualClockTest, SleepInThePastDoesNotSuspend) {
  EXPECT_TRUE(sleep(Duration::zero())->succeeded());
  EXPECT_TRUE(sleep(seconds{-1})->succeeded());
  EXPECT_EQ(clock_.step(), 0U);
}

TEST_F(VirtualClockTest, CancelledSleepSaysSoAndLeavesNoTimer) {
  const auto call = sleep(seconds{1});
  call->cancel();
  clock_.drain();
  EXPECT_TRUE(call->failed_with(Errc::cancelled));
  EXPECT_EQ(clock_.step(), 0U);
  EXPECT_EQ(clock_.now(), TimePoint{});
}

TEST_F(VirtualClockTest, SleepForeverWaitsForTheCancellation) {
  const auto call = trial_.start(clock_.sleep_until(kForever));
  EXPECT_EQ(clock_.run(), 0U);
  EXPECT_FALSE(call->done());
  call->cancel();
  clock_.drain();
  EXPECT_TRUE(call->failed_with(Errc::cancelled));
}

TEST_F(VirtualClockTest, RunUntilLeavesLaterTimersAlone) {
  const auto earlier = sleep(seconds{1});
  const auto later = sleep(seconds{3});
  EXPECT_EQ(clock_.run_until(TimePoint{seconds{2}}), 1U);
  EXPECT_TRUE(earlier->done());
  EXPECT_FALSE(later->done());
  EXPECT_EQ(clock_.now(), TimePoint{seconds{2}});
  EXPECT_EQ(clock_.run_for(seconds{1}), 1U);
  EXPECT_TRUE(later->done());
}

TEST_F(VirtualClockTest, ArmReplacesAndDisarmForgets) {
  std::vector<TimePoint> fired;
  const auto alarm = clock_.make_alarm([&] { fired.push_back(clock_.now()); });
  alarm->arm(TimePoint{seconds{1}});
  alarm->arm(TimePoint{seconds{2}});
  EXPECT_EQ(clock_.run(), 1U);
  EXPECT_EQ(fired, (std::vector{TimePoint{seconds{2}}}));
  alarm->arm(TimePoint{seconds{3}});
  alarm->disarm();
  EXPECT_EQ(clock_.run(), 0U);
  alarm->arm(TimePoint{seconds{4}});
  alarm->arm(kForever);
  EXPECT_EQ(clock_.run(), 0U);
}

TEST_F(VirtualClockTest, TimersThatAreUnsetLeaveTheOthersOfTheirInstantInOrder) {
  constexpr int kAlarms = 100;
  std::vector<int> order;
  std::vector<int> expected;
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 0; i < kAlarms; ++i) alarms.push_back(clock_.make_alarm([&, i] { order.push_back(i); }));
  for (const auto& alarm : alarms) alarm->arm(TimePoint{seconds{1}});
  const auto sleeper = sleep(seconds{1});
  for (int i = 0; i < kAlarms; ++i) {
    if (i % 3 == 0) {
      expected.push_back(i);
    } else {
      alarms[static_cast<std::size_t>(i)]->disarm();
    }
  }
  alarms[0]->arm(TimePoint{seconds{1}});  // anew: behind all others
  expected.erase(expected.begin());
  expected.push_back(0);
  EXPECT_EQ(clock_.step(), expected.size() + 1);
  EXPECT_EQ(order, expected);
  clock_.drain();
  EXPECT_TRUE(sleeper->succeeded());
  EXPECT_EQ(clock_.step(), 0U);
}

TEST_F(VirtualClockTest, InstantOfWhichAllIsUnsetIsNotLeaptTo) {
  const auto first = clock_.make_alarm([] {});
  const auto second = clock_.make_alarm([] {});
  first->arm(TimePoint{seconds{1}});
  second->arm(TimePoint{seconds{1}});
  first->disarm();
  second->arm(TimePoint{seconds{2}});
  EXPECT_EQ(clock_.step(), 1U);
  EXPECT_EQ(clock_.now(), TimePoint{seconds{2}});
}

TEST_F(VirtualClockTest, CancelOfASleeperThatIsDueTooIsTooLate) {
  std::optional<testing::Call<void>> call;
  const auto alarm = clock_.make_alarm([&] { (*call)->cancel(); });
  alarm->arm(TimePoint{seconds{1}});
  call = sleep(seconds{1});
  EXPECT_EQ(clock_.run(), 2U);
  EXPECT_TRUE((*call)->succeeded());
}

TEST_F(VirtualClockTest, StepWithinAHandlerResumesNobodyInline) {
  const auto call = sleep(seconds{1});
  bool inline_resumed = true;
  clock_.drain();
  asio::post(trial_.context(), [&] {
    EXPECT_EQ(clock_.step(), 1U);
    inline_resumed = call->done();
  });
  clock_.drain();
  EXPECT_FALSE(inline_resumed);
  EXPECT_TRUE(call->succeeded());
}

TEST_F(VirtualClockTest, AlarmInThePastFiresAtOnceButNotWithinArm) {
  clock_.run_for(seconds{5});
  int fired = 0;
  const auto alarm = clock_.make_alarm([&] { ++fired; });
  alarm->arm(TimePoint{seconds{1}});
  EXPECT_EQ(fired, 0);
  clock_.run();
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(clock_.now(), TimePoint{seconds{5}});
}

TEST_F(VirtualClockTest, AlarmDestroyedByAnAlarmOfTheSameInstantDoesNotFire) {
  std::unique_ptr<Alarm> victim;
  bool fired = false;
  const auto killer = clock_.make_alarm([&] { victim.reset(); });
  victim = clock_.make_alarm([&] { fired = true; });
  killer->arm(TimePoint{seconds{1}});
  victim->arm(TimePoint{seconds{1}} + Duration{1});
  clock_.run();
  EXPECT_FALSE(fired);
}

TEST_F(VirtualClockTest, HoldKeepsTimeFromLeapingOverWorkElsewhere) {
  const auto call = sleep(seconds{1});
  TimePoint seen = kForever;
  std::thread worker{[&, hold = std::optional{clock_.hold()}]() mutable {
    seen = clock_.now();
    hold.reset();
  }};
  clock_.run();
  worker.join();
  EXPECT_EQ(seen, TimePoint{});
  EXPECT_TRUE(call->succeeded());
}

TEST_F(VirtualClockTest, BlockOnReportsADeadlock) {
  const auto result = block_on(clock_, clock_.sleep_until(kForever));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), Errc::internal);
}

TEST_F(VirtualClockTest, ContextMayDieWithSleepersInIt) {
  auto context = std::make_unique<asio::io_context>();
  auto clock = std::make_unique<VirtualClock>(*context);
  const auto token = std::make_shared<int>(0);
  auto sleeper = [](VirtualClock* on, std::shared_ptr<int> held) -> Async<void> {
    const auto slept = co_await on->sleep_until(TimePoint{seconds{1}});
    *held = 1;
    co_return slept;
  };
  asio::co_spawn(*context, rooted(sleeper(clock.get(), token)), asio::detached);
  clock->drain();
  EXPECT_GT(token.use_count(), 1);
  clock.reset();
  context.reset();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(*token, 0);
}

}  // namespace
}  // namespace spider
