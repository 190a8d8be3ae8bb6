// S7: how handlers are run, and their attempts reported. S8: what a handler may answer, and what it sees.

#include "spider/local_execution_manager.hpp"

#include "support/manager_fleet.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace spider {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = FinishRequest::Kind;

/// Sleeps as its input says, in seconds; says when it is cancelled if it is asked to obey.
struct SleepingRunner {
  Clock* clock;
  bool obeys = true;
  int running = 0;
  int running_max = 0;
  int begun = 0;

  static auto sleep(SleepingRunner* self, int length) -> Async<std::string> {
    ++self->begun;
    self->running_max = std::max(self->running_max, ++self->running);
    const auto until = saturating_add(self->clock->now(), seconds{length});
    if (!self->obeys) co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    const auto slept = co_await self->clock->sleep_until(until);
    --self->running;
    if (!slept) co_return slept.error();
    co_return "slept";
  }
  auto handler() {
    return [this](int length) { return sleep(this, length); };
  }
};

class LocalManager : public fake::ManagerFleet {
 protected:
  LocalManager() { handlers.add("sleep", sleeper.handler()); }

  SleepingRunner sleeper{&clock};
};

auto with_timeout(Duration timeout) -> TaskSpec {
  TaskSpec spec;
  spec.timeout = timeout;
  return spec;
}

TEST_F(LocalManager, StartsAcknowledgesRunsAndReports) {
  handlers.add("twice", [](int value) { return 2 * value; });
  handlers.add("later", [](int value) -> Async<int> { co_return 3 * value; });
  add("twice", 21);
  add("later", 5);
  begin();
  run_for(seconds{0});
  ASSERT_EQ(finished().size(), 2U);
  EXPECT_EQ(dispatch.acknowledged, (std::vector<AssignmentId>{AssignmentId{1}, AssignmentId{2}}));
  std::vector<Bytes> outputs{execution.output(0), execution.output(1)};
  std::sort(outputs.begin(), outputs.end());
  EXPECT_EQ(outputs, (std::vector<Bytes>{"15", "42"}));
  EXPECT_EQ(finished()[0].request.kind, Kind::succeeded);
  EXPECT_EQ(observer.of(EventKind::task_started).size(), 2U);
  EXPECT_EQ(observer.of(EventKind::task_succeeded).size(), 2U);
}

TEST_F(LocalManager, WorksInBatches) {
  handlers.add("nothing", [] {});
  options.slots = 1000;
  for (int i = 0; i < 500; ++i) add("nothing");
  begin();
  run_for(seconds{0});
  EXPECT_EQ(finished().size(), 500U);
  EXPECT_EQ(execution.starts, 2U);
  EXPECT_LE(execution.finishes, 4U);
}

TEST_F(LocalManager, RunsAsManyAsItHasSlots) {
  options.slots = 2;
  for (int i = 0; i < 5; ++i) add("sleep", 60);
  begin();
  run_for(minutes{3});
  EXPECT_EQ(finished().size(), 5U);
  EXPECT_EQ(sleeper.running_max, 2);
  EXPECT_EQ(finished()[4].at, TimePoint{minutes{3}});
  EXPECT_LE(dispatch.max_asked, 2U);
}

TEST_F(LocalManager, TellsTheHandlerWhereItIs) {
  handlers.add("where", [](TaskContext& task) {
    return std::to_string(task.attempt()) + "/" + std::to_string(task.index()) + "/" +
           std::to_string(task.deadline().time_since_epoch() / seconds{1});
  });
  execution.attempt = 3;
  add("sleep", 0);
  add("where", "", with_timeout(seconds{9}));
  begin();
  run_for(seconds{0});
  ASSERT_EQ(finished().size(), 2U);
  EXPECT_TRUE(execution.output(0) == "3/1/9" || execution.output(1) == "3/1/9");
}

TEST_F(LocalManager, ErrorAndExceptionFailTheAttempt) {
  handlers.add("error", []() -> Result<void> { return Error{Errc::io_error, "no disk"}; });
  handlers.add("throw", [] { throw std::runtime_error{"out of paper"}; });
  add("error");
  add("throw");
  begin();
  run_for(seconds{0});
  ASSERT_EQ(finished().size(), 2U);
  for (const auto& one : finished()) {
    EXPECT_EQ(one.request.kind, Kind::failed);
    EXPECT_TRUE(one.request.retry);
  }
  EXPECT_EQ(finished()[0].request.reason, (Error{Errc::io_error, "no disk"}).message());
  EXPECT_EQ(finished()[1].request.reason, (Error{Errc::handler_failed, "out of paper"}).message());
  EXPECT_EQ(observer.of(EventKind::task_failed).at(1).error, (Error{Errc::handler_failed, "out of paper"}));
}

TEST_F(LocalManager, RetryNeverFailsForGood) {
  handlers.add("never", []() -> Answer<int> { return Retry::never("hopeless"); });
  add("never");
  begin();
  run_for(seconds{0});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].request.kind, Kind::failed);
  EXPECT_FALSE(finished()[0].request.retry);
  EXPECT_NE(finished()[0].request.reason.find("hopeless"), std::string::npos);
}

TEST_F(LocalManager, RetryAfterDefers) {
  handlers.add("after", []() -> Answer<void> { return Retry::after(minutes{2}); });
  add("after");
  begin();
  run_for(seconds{0});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].request.kind, Kind::deferred);
  EXPECT_EQ(finished()[0].request.delay, minutes{2});
  EXPECT_EQ(observer.of(EventKind::task_deferred).at(0).duration, minutes{2});
}

TEST_F(LocalManager, UnknownNameIsReleasedAndObserved) {
  options.release_delay = seconds{4};
  add("nobody");
  begin();
  run_for(seconds{0});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].request.kind, Kind::released);
  EXPECT_EQ(finished()[0].request.delay, seconds{4});
  EXPECT_EQ(observer.of(EventKind::task_released).at(0).error, (Error{Errc::unknown_handler, "nobody"}));
}

TEST_F(LocalManager, ParentsOutputsAreFetchedForWhoCanSeeThem) {
  handlers.add("sum", [](TaskContext& task) { return task.parent<int>(0) + task.parents<int>(1).at(1); });
  handlers.add("blind", [] {});
  TaskSpec child;
  child.parents = {0, 1};
  add("blind", "", child);
  add("sum", "", child);
  add("sum");
  execution.parents[1] = {{"1"}, {"10", "20"}};
  execution.parent_errors = 1;
  begin();
  run_for(seconds{1});
  ASSERT_EQ(finished().size(), 3U);
  EXPECT_EQ(execution.parent_fetches, 2U);
  EXPECT_EQ(observer.of(EventKind::storage_failed).size(), 1U);
  EXPECT_EQ(execution.output(2), "21");
  EXPECT_EQ(finished()[1].request.kind, Kind::failed);  // it has no parents to see
  EXPECT_NE(finished()[1].request.reason.find("parent 0"), std::string::npos);
}

TEST_F(LocalManager, FencedWhileItsParentsAreFetchedNeverBegins) {
  int calls = 0;
  handlers.add("child", [&calls](TaskContext&) { ++calls; });
  TaskSpec child;
  child.parents = {0};
  add("child", "", child);
  execution.parent_errors = 1;
  execution.parent_error = Errc::stale_instance;
  begin();
  run_for(seconds{1});
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(finished().empty());
  EXPECT_EQ(observer.of(EventKind::finish_refused).size(), 1U);
}

TEST_F(LocalManager, OverdueIsReportedAtOnceAndItsSlotFreeWhenItReturns) {
  options.slots = 1;
  sleeper.obeys = false;
  add("sleep", 3600, with_timeout(seconds{10}));
  add("sleep", 1);
  begin();
  run_for(minutes{30});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].at, TimePoint{seconds{10}});
  EXPECT_EQ(finished()[0].request.kind, Kind::failed);
  EXPECT_TRUE(finished()[0].request.retry);
  EXPECT_NE(finished()[0].request.reason.find(Error{Errc::deadline_exceeded}.message()), std::string::npos);
  EXPECT_EQ(observer.of(EventKind::task_overdue).size(), 1U);
  EXPECT_EQ(sleeper.begun, 1);
  run_for(minutes{31});
  EXPECT_EQ(sleeper.begun, 2);
  ASSERT_EQ(finished().size(), 2U);
  EXPECT_EQ(finished()[1].at, TimePoint{hours{1} + seconds{1}});
  EXPECT_EQ(observer.of(EventKind::finish_refused).size(), 1U);
}

TEST_F(LocalManager, OverdueCoroutineIsCancelled) {
  options.slots = 1;
  add("sleep", 3600, with_timeout(seconds{10}));
  add("sleep", 1);
  begin();
  run_for(minutes{1});
  ASSERT_EQ(finished().size(), 2U);
  EXPECT_EQ(finished()[1].at, TimePoint{seconds{11}});
}

TEST_F(LocalManager, WhatAHandlerDidToItsCancellationEndsWithIt) {
  options.slots = 1;
  sleeper.obeys = false;
  add("sleep", 20);
  add("sleep", 3600, with_timeout(seconds{10}));
  begin();
  run_for(seconds{15});
  sleeper.obeys = true;
  run_for(minutes{1});
  ASSERT_EQ(finished().size(), 2U);
  EXPECT_EQ(finished()[0].request.kind, Kind::succeeded);
  EXPECT_EQ(finished()[1].at, TimePoint{seconds{30}});
  EXPECT_EQ(sleeper.running, 0);
}

TEST_F(LocalManager, RenewsEveryThirdOfTheLeaseWhileItHoldsSomething) {
  add("sleep", 25);
  begin();
  run_for(minutes{5});
  EXPECT_EQ(execution.renewals,
            (std::vector<TimePoint>{TimePoint{}, TimePoint{seconds{10}}, TimePoint{seconds{20}}}));
}

TEST_F(LocalManager, LostInstanceIsAskedToStopAndItsResultDropped) {
  add("sleep", 25);
  add("sleep", 25);
  begin();
  run_for(seconds{1});
  execution.lost = {TaskInstance{InstanceId{1}, 1, TaskRef{JobId{1}, TaskId{0}}},
                    TaskInstance{InstanceId{2}, 9, TaskRef{JobId{1}, TaskId{1}}}};  // another epoch
  run_for(seconds{10});
  EXPECT_EQ(sleeper.running, 1);
  run_for(minutes{1});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].request.instance.id, InstanceId{2});
}

TEST_F(LocalManager, ManagerUnknownToTheStorageHasLostEverything) {
  add("sleep", 25);
  begin();
  run_for(seconds{1});
  execution.renew_errors = 1;
  execution.renew_error = Errc::unknown_manager;
  run_for(minutes{1});
  EXPECT_TRUE(finished().empty());
  EXPECT_EQ(observer.of(EventKind::finish_refused).size(), 1U);
}

TEST_F(LocalManager, StartIsRepeatedUntilItIsAnswered) {
  execution.start_errors = 2;
  execution.lost_start_replies = 1;
  add("sleep", 0);
  begin();
  run_for(milliseconds{100 + 200 + 400});
  EXPECT_EQ(execution.starts, 4U);
  EXPECT_EQ(finished().size(), 1U);
  const auto failures = observer.of(EventKind::storage_failed);
  ASSERT_EQ(failures.size(), 3U);
  EXPECT_EQ(failures[2].duration, milliseconds{400});
  EXPECT_EQ(failures[2].error, Errc::storage_unavailable);
  EXPECT_EQ(dispatch.acknowledged.size(), 1U);
}

TEST_F(LocalManager, FinishAndRenewAreRepeatedUntilTheyAreAnswered) {
  execution.finish_errors = 3;
  execution.renew_errors = 1;
  add("sleep", 0);
  begin();
  run_for(seconds{2});
  EXPECT_EQ(execution.finishes, 4U);
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].at, TimePoint{milliseconds{700}});
  EXPECT_EQ(observer.of(EventKind::storage_failed).size(), 4U);
  EXPECT_EQ(execution.renewals.size(), 2U);
}

TEST_F(LocalManager, TakesNoMoreThanItCanReport) {
  options.slots = 4;
  execution.finish_errors = 1000;
  for (int i = 0; i < 50; ++i) add("sleep", 0);
  begin();
  run_for(minutes{1});
  EXPECT_LE(sleeper.begun, 8);
  execution.finish_errors = 0;
  run_for(minutes{1});
  EXPECT_EQ(finished().size(), 50U);
}

TEST_F(LocalManager, RefusedStartIsObservedAndAcknowledged) {
  execution.refused[add("sleep", 0)] = Errc::stale_session;
  begin();
  run_for(seconds{0});
  EXPECT_EQ(observer.of(EventKind::start_refused).at(0).error, Errc::stale_session);
  EXPECT_EQ(dispatch.acknowledged.size(), 1U);
  EXPECT_EQ(sleeper.begun, 0);
}

TEST_F(LocalManager, OutputOverTheCapFailsForGood) {
  handlers.add("big", [] { return std::string(100, 'x'); });
  execution.output_bytes_max = 99;
  add("big");
  begin();
  run_for(seconds{0});
  ASSERT_EQ(finished().size(), 2U);
  EXPECT_EQ(finished()[1].request.kind, Kind::failed);
  EXPECT_FALSE(finished()[1].request.retry);
}

TEST_F(LocalManager, HeartbeatsAtItsInterval) {
  options.heartbeat_interval = seconds{3};
  begin();
  run_for(seconds{10});
  EXPECT_EQ(dispatch.heartbeats,
            (std::vector<TimePoint>{TimePoint{seconds{3}}, TimePoint{seconds{6}}, TimePoint{seconds{9}}}));
}

TEST_F(LocalManager, RestsAfterAFailedNext) {
  dispatch.errors = {Errc::limit_exceeded, Errc::limit_exceeded};
  add("sleep", 0);
  begin();
  run_for(milliseconds{299});
  EXPECT_EQ(dispatch.polls, 2U);
  run_for(milliseconds{1});
  EXPECT_EQ(finished().size(), 1U);
}

TEST_F(LocalManager, ClosedDispatchQueueEndsItAfterWhatRuns) {
  add("sleep", 5);
  dispatch.closed = true;
  begin();
  run_for(seconds{4});
  EXPECT_FALSE(ended);
  run_for(seconds{1});
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->error(), Errc::dispatch_queue_closed);
  EXPECT_EQ(finished().size(), 1U);
  EXPECT_EQ(dispatch.left, 1);
}

TEST(LocalExecutionManager, RefusesBadOptionsAndFaultyHandlers) {
  asio::io_context context;
  VirtualClock clock{context};
  fake::Dispatch dispatch{clock};
  fake::Execution execution{clock};
  const auto error_of = [&](const Handlers& handlers, const LocalExecutionManagerOptions& options) {
    const auto made = LocalExecutionManager::make(
        context.get_executor(), {dispatch, execution, clock, null_observer()}, handlers, options);
    return made ? Error{} : made.error();
  };
  Handlers faulty;
  faulty.add("no blanks", [] {});
  EXPECT_EQ(error_of(faulty, {}), Errc::invalid_name);
  EXPECT_EQ(error_of({}, {}).code, std::error_code{});
  using Options = LocalExecutionManagerOptions;
  for (auto* const spoil :
       {+[](Options& o) { o.slots = 0; }, +[](Options& o) { o.slots = 1'000'001; },
        +[](Options& o) { o.threads = 1'025; }, +[](Options& o) { o.batch = 0; },
        +[](Options& o) { o.heartbeat_interval = {}; }, +[](Options& o) { o.poll_wait = {}; },
        +[](Options& o) { o.release_delay = -seconds{1}; }, +[](Options& o) { o.backoff_first = {}; },
        +[](Options& o) { o.backoff_max = {}; }}) {
    Options options;
    spoil(options);
    EXPECT_EQ(error_of({}, options), Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace spider
