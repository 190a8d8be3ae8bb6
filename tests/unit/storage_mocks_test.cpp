#include "spider/mocks/execution_client.hpp"
#include "spider/mocks/job_client.hpp"
#include "spider/mocks/storage_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spider {
namespace {

using ::testing::NiceMock;

template <class T>
auto run(Async<T> work) -> Result<T> {
  asio::io_context context;
  return block_on(context, std::move(work));
}

TEST(StorageMocks, CallWithoutAnActionFailsAndNamesTheMethod) {
  NiceMock<mocks::MockStorageClient> storage;
  NiceMock<mocks::MockJobClient> jobs;
  NiceMock<mocks::MockExecutionClient> executions;
  const auto polled = run(storage.poll_ready(PollRequest{}));
  ASSERT_EQ(polled.error(), Errc::internal);
  EXPECT_THAT(polled.error().detail, ::testing::HasSubstr("MockStorageClient::poll_ready"));
  const auto waited = run(jobs.wait(JobId{1}, Duration{}));
  EXPECT_THAT(waited.error().detail, ::testing::HasSubstr("MockJobClient::wait"));
  const auto renewed = run(executions.renew(ManagerId{1}));
  EXPECT_THAT(renewed.error().detail, ::testing::HasSubstr("MockExecutionClient::renew"));
}

TEST(StorageMocks, ConfiguredCallAnswers) {
  mocks::MockStorageClient storage;
  EXPECT_CALL(storage, register_scheduler)
      .WillOnce(mocks::CoReturn(Registration{SchedulerId{1}, SessionId{2}, 3}));
  EXPECT_CALL(storage, poll_ready).WillOnce(mocks::CoFail(Errc::storage_unavailable));
  EXPECT_EQ(run(storage.register_scheduler(SchedulerInfo{})).value().session, SessionId{2});
  EXPECT_EQ(run(storage.poll_ready(PollRequest{})).error(), Errc::storage_unavailable);
}

}  // namespace
}  // namespace spider
