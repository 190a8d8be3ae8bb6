#include "spider/mocks/clock.hpp"
#include "spider/mocks/dispatch_queue.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace spider
