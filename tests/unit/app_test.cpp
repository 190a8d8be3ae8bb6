#include "spider/testing/app.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>

namespace spider {
namespace {

using std::chrono::hours;
using ::testing::AllOf;
using testing::App;
using testing::AppCounts;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::HasSubmitted;
using ::testing::HasSubstr;
using testing::HasTask;
using testing::InGroup;
using testing::InQueue;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

auto app_greet(std::string name) -> std::string { return "hello " + name; }
auto app_fail() -> Answer<void> { return Retry::never("no disk"); }

class AppSleeper {
 public:
  explicit AppSleeper(std::shared_ptr<Clock> clock) : clock_{std::move(clock)} {}
  auto operator()(int length) const -> Async<void> {
    co_return co_await clock_->sleep_until(clock_->now() + hours{length});
  }

 private:
  std::shared_ptr<Clock> clock_;
};

auto configure(SchedulerOptions& options) -> void {
  options.handlers.add("greet", app_greet).add("fail", app_fail).add("sleep", AppSleeper{options.clock});
}

auto one_task(std::string group, std::string handler) -> JobSpec {
  JobBuilder job{std::move(group)};
  job.task(std::move(handler), 1);
  return job.spec();
}

TEST(App, RunsAJobToItsOutput) {
  App app{Handlers{}.add("greet", app_greet)};
  JobBuilder job;
  const auto hello = job.task("greet", "world");
  const auto done = app.run(app.scheduler().submit_and_wait(job));
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done.value().output<std::string>(hello), "hello world");
}

TEST(App, DrainCountsEveryEnd) {
  App app{configure};
  ASSERT_TRUE(app.run(app.scheduler().submit(one_task("alice", "greet"))));
  ASSERT_TRUE(app.run(app.scheduler().submit(one_task("alice", "sleep"))));
  ASSERT_TRUE(app.run(app.scheduler().submit(one_task("alice", "fail"))));
  for (int k = 0; k < 3; ++k) {
    const auto job = app.run(app.scheduler().submit(one_task("alice", "sleep")));
    ASSERT_TRUE(app.run(app.scheduler().cancel(job.value())));
  }
  EXPECT_EQ(app.drain(), (AppCounts{.succeeded = 2, .failed = 1, .cancelled = 3}));
  EXPECT_EQ(app.clock().now(), TimePoint{hours{1}});
  EXPECT_EQ(app.drain(), (AppCounts{.succeeded = 2, .failed = 1, .cancelled = 3})) << "all, again";
}

TEST(App, DrainOfNothingReturnsAtOnce) {
  App app{configure};
  EXPECT_EQ(app.drain(), AppCounts{});
  EXPECT_EQ(app.clock().now(), TimePoint{});
}

TEST(App, DrainGivesUpOnWhatDoesNotEnd) {
  App app{configure};
  ASSERT_TRUE(app.run(app.scheduler().pause({PauseTarget::Kind::resource_group, "alice"})));
  ASSERT_TRUE(app.run(app.scheduler().submit(one_task("alice", "greet"))));
  ASSERT_TRUE(app.run(app.scheduler().submit(one_task("bob", "greet"))));
  EXPECT_EQ(app.drain(hours{2}), (AppCounts{.succeeded = 1, .unfinished = 1}));
  EXPECT_EQ(app.clock().now(), TimePoint{hours{2}});
}

auto split(Scheduler* scheduler) -> Async<void> {
  auto submitted = co_await scheduler->submit(one_task("alice", "sleep"));
  co_return submitted ? success() : Result<void>{submitted.error()};
}

TEST(App, DrainFollowsWhatHandlersSubmit) {
  Scheduler* scheduler = nullptr;
  App app{[&scheduler](SchedulerOptions& options) {
    configure(options);
    options.handlers.add("split", [&scheduler] { return split(scheduler); });
  }};
  scheduler = &app.scheduler();
  JobBuilder job;
  job.task("split");
  ASSERT_TRUE(app.run(app.scheduler().submit(job)));
  EXPECT_EQ(app.drain(), (AppCounts{.succeeded = 2}));
  EXPECT_THAT(app, HasSubmitted(ElementsAre(HasTask("split"), HasTask("sleep"))));
}

TEST(App, RecordsWhatWasStoredAndNothingElse) {
  App app{configure};
  EXPECT_THAT(app, HasSubmitted(IsEmpty()));
  EXPECT_FALSE(app.run(app.scheduler().submit(JobSpec{})));
  JobBuilder job{"alice"};
  job.unique_key("once").task("greet", "you");
  ASSERT_TRUE(app.run(app.scheduler().submit(job)));
  ASSERT_TRUE(app.run(app.scheduler().submit(job)));
  EXPECT_THAT(app, HasSubmitted(SizeIs(1)));
  EXPECT_EQ(app.submitted().front().spec.unique_key, "once");
}

TEST(App, MatchersTellJobsApart) {
  App app{configure};
  JobBuilder job{"alice"};
  job.queue("thumbs").array("greet", 3, 256);
  const auto id = app.run(app.scheduler().submit(job));
  EXPECT_THAT(app,
              HasSubmitted(ElementsAre(AllOf(InGroup("alice"), InQueue("thumbs"), HasTask("greet", 256)))));
  EXPECT_THAT(app, HasSubmitted(Not(Contains(HasTask("greet", 255)))));
  EXPECT_THAT(app, HasSubmitted(Not(Contains(HasTask("resize")))));
  EXPECT_THAT(app, HasSubmitted(Not(Contains(InGroup("bob")))));
  EXPECT_THAT(app, HasSubmitted(Not(Contains(InQueue("default")))));
  EXPECT_EQ(app.submitted().front().id, id.value());
}

TEST(App, MismatchSaysWhatWasSubmitted) {
  App app{configure};
  ASSERT_TRUE(app.run(app.scheduler().submit(one_task("alice", "greet"))));
  ::testing::StringMatchResultListener why;
  const ::testing::Matcher<const App&> wanted = HasSubmitted(ElementsAre(InGroup("bob")));
  EXPECT_FALSE(wanted.MatchAndExplain(app, &why));
  EXPECT_EQ(::testing::PrintToString(app), "an App that submitted { job 1 of alice: greet }");
  std::ostringstream description;
  wanted.DescribeTo(&description);
  EXPECT_THAT(description.str(), HasSubstr("is of resource group \"bob\""));
}

TEST(App, MistakeInHandlersIsTheAnswerToEveryCall) {
  App app{Handlers{}.add("greet", app_greet).add("greet", app_greet)};
  EXPECT_EQ(app.run(app.scheduler().submit(one_task("alice", "greet"))).error(), Errc::duplicate_name);
  EXPECT_EQ(app.drain(), AppCounts{});
}

}  // namespace
}  // namespace spider
