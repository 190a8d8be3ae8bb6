// A user's tests: a contract suite, a mock, and an application under virtual time.

#include "spider/mocks/job_client.hpp"
#include "spider/policies/registry.hpp"
#include "spider/testing/app.hpp"
#include "spider/testing/policy_suite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

TEST(Consumer, PolicyKeepsTheContract) {
  const auto factory = spider::PolicyRegistry{}.make("fair-share/job-round-robin");
  ASSERT_TRUE(factory);
  EXPECT_THAT(spider::testing::check_policy(factory.value()), ::testing::IsEmpty());
}

TEST(Consumer, MockFailsAsTold) {
  boost::asio::io_context context;
  spider::mocks::MockJobClient jobs;
  EXPECT_CALL(jobs, submit).WillOnce(spider::mocks::CoFail(spider::Errc::storage_unavailable));
  EXPECT_EQ(spider::block_on(context, jobs.submit({})).error(), spider::Errc::storage_unavailable);
}

TEST(Consumer, JobRunsUnderVirtualTime) {
  spider::testing::App app{[](spider::SchedulerOptions& options) {
    options.handlers.add("greet", [](std::string name) { return "hello " + name; });
  }};
  spider::JobBuilder job{"alice"};
  job.task("greet", "bob");
  ASSERT_TRUE(app.run(app.scheduler().submit(job)));
  EXPECT_EQ(app.drain(), (spider::testing::AppCounts{.succeeded = 1}));
}
