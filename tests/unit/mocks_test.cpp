#include "spider/mocks/clock.hpp"
#include "spider/mocks/dispatch_client.hpp"
#include "spider/mocks/dispatch_queue.hpp"
#include "spider/mocks/observer.hpp"
#include "spider/mocks/scheduler_core.hpp"
#include "spider/mocks/scheduling_policy.hpp"
#include "spider/policies/fifo.hpp"
#include "spider/policies/grouped.hpp"
#include "spider/testing/app.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

namespace spider {
namespace {

using ::testing::HasSubstr;
using ::testing::NiceMock;

TEST(Mocks, UnconfiguredAsyncMethodFailsWithItsName) {
  asio::io_context context;
  NiceMock<mocks::MockDispatchQueueSource> source;
  const auto result = block_on(context, source.dequeue(Duration{1}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), Errc::internal) << result.error();
  EXPECT_THAT(result.error().detail, HasSubstr("MockDispatchQueueSource::dequeue"));
}

TEST(Mocks, UnconfiguredResultMethodFailsWithItsName) {
  NiceMock<mocks::MockDispatchQueueSink> sink;
  const auto result = sink.try_enqueue(TaskAssignment{});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr("MockDispatchQueueSink::try_enqueue"));
}

TEST(Mocks, ExpectedCallWithoutActionStillHasTheFailingDefault) {
  asio::io_context context;
  mocks::MockClock clock;
  EXPECT_CALL(clock, sleep_until);
  const auto result = block_on(context, clock.sleep_until(TimePoint{}));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr("MockClock::sleep_until"));
}

TEST(Mocks, UnconfiguredAlarmCanBeArmed) {
  NiceMock<mocks::MockClock> clock;
  const auto alarm = clock.make_alarm([] {});
  ASSERT_NE(alarm, nullptr);
  alarm->arm(TimePoint{});
}

TEST(Mocks, CoReturnCompletesEveryCallWithTheValue) {
  asio::io_context context;
  mocks::MockDispatchQueueSource source;
  TaskAssignment assignment;
  assignment.id = AssignmentId{7};
  EXPECT_CALL(source, dequeue).Times(2).WillRepeatedly(mocks::CoReturn(std::optional{assignment}));
  for (int call = 0; call < 2; ++call) {
    const auto result = block_on(context, source.dequeue(Duration{1}));
    ASSERT_TRUE(result);
    EXPECT_EQ(result.value()->id, AssignmentId{7});
  }
}

TEST(Mocks, CoReturnConvertsToTheMethodsValue) {
  asio::io_context context;
  mocks::MockDispatchQueueSink sink;
  EXPECT_CALL(sink, enqueue_batch).WillOnce(mocks::CoReturn(3U));
  const auto result = block_on(context, sink.enqueue_batch(std::vector<TaskAssignment>{}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result.value(), 3U);
}

TEST(Mocks, CoReturnWithoutValueSucceeds) {
  asio::io_context context;
  mocks::MockDispatchQueueSink sink;
  EXPECT_CALL(sink, enqueue).WillOnce(mocks::CoReturn());
  EXPECT_TRUE(block_on(context, sink.enqueue(TaskAssignment{})));
}

TEST(Mocks, CoFailCompletesWithTheError) {
  asio::io_context context;
  mocks::MockDispatchQueueSink sink;
  EXPECT_CALL(sink, enqueue)
      .WillOnce(mocks::CoFail(Errc::stale_session))
      .WillOnce(mocks::CoFail(Error{Errc::cancelled, "by the test"}));
  EXPECT_EQ(block_on(context, sink.enqueue(TaskAssignment{})).error(), Errc::stale_session);
  EXPECT_EQ(block_on(context, sink.enqueue(TaskAssignment{})).error().detail, "by the test");
}

TEST(Mocks, DispatchClientAnswersAsConfiguredAndElseFailsWithItsName) {
  asio::io_context context;
  NiceMock<mocks::MockDispatchClient> dispatch;
  TaskAssignment assignment;
  assignment.id = AssignmentId{7};
  EXPECT_CALL(dispatch, next_tasks(ManagerId{1}, 5, Duration{}))
      .WillOnce(mocks::CoReturn(std::vector{assignment}));
  const auto taken = block_on(context, dispatch.next_tasks(ManagerId{1}, 5, Duration{}));
  ASSERT_TRUE(taken) << taken.error();
  EXPECT_EQ(taken.value().front().id, AssignmentId{7});
  const auto beat = block_on(context, dispatch.heartbeat(ManagerId{1}));
  EXPECT_THAT(beat.error().detail, HasSubstr("MockDispatchClient::heartbeat"));
}

TEST(Mocks, HandedBackHasNothingUnlessTold) {
  asio::io_context context;
  NiceMock<mocks::MockHandedBack> handed_back;
  EXPECT_TRUE(handed_back.take(5).empty());
  const auto waited = block_on(context, handed_back.wait());
  EXPECT_THAT(waited.error().detail, HasSubstr("MockHandedBack::wait"));
}

TEST(Mocks, ErrorOfAMockedCoreReachesWhoSubmits) {
  const auto core = std::make_shared<mocks::MockSchedulerCore>();
  EXPECT_CALL(*core, run).WillOnce(mocks::CoFail(Error{Errc::policy_failed, "by the test"}));
  testing::App app{[&core](SchedulerOptions& options) { options.core = core; }};
  app.clock().drain();
  EXPECT_EQ(app.run(app.scheduler().submit(JobSpec{})).error().detail, "by the test");
}

TEST(Mocks, ObserverSeesTheEventsOfAScheduler) {
  using ::testing::Field;
  const auto observer = std::make_shared<NiceMock<mocks::MockObserver>>();
  EXPECT_CALL(*observer, observe).Times(::testing::AnyNumber());
  EXPECT_CALL(*observer, observe(Field(&Event::kind, EventKind::registered)));
  testing::App app{[&observer](SchedulerOptions& options) { options.observer = observer; }};
  app.clock().drain();
}

TEST(Mocks, PickerIsAskedByGroupedForEachEntry) {
  auto owned = std::make_unique<NiceMock<mocks::MockGroupPicker>>();
  auto& picker = *owned;
  const auto policy = grouped(GroupBy::resource_group, std::move(owned), fifo_leaves());
  GroupKey key;
  EXPECT_CALL(picker, active).WillOnce([&](const GroupInfo& group, TimePoint) { key = group.key; });
  EXPECT_CALL(picker, pick).WillOnce([&](TimePoint) { return key; });
  EXPECT_CALL(picker, idle);
  InboundEntry entry;
  entry.job = JobId{1};
  entry.group = ResourceGroupId{1};
  policy->admit(entry, TimePoint{});
  EXPECT_TRUE(policy->next(TimePoint{}));
}

TEST(Mocks, PolicyHasNothingUnlessTold) {
  NiceMock<mocks::MockSchedulingPolicy> policy;
  EXPECT_FALSE(policy.next(TimePoint{}));
  EXPECT_EQ(policy.size(), 0U);
  EXPECT_FALSE(policy.traits().work_conserving);
  EXPECT_EQ(policy.traits().name, "mock");
}

}  // namespace
}  // namespace spider
