#include "support/manager_fleet.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace spider {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = FinishRequest::Kind;

auto sleep(Clock* clock, int length) -> Async<void> {
  co_return co_await clock->sleep_until(saturating_add(clock->now(), seconds{length}));
}
auto sleep_on(Clock* clock, int length) -> Async<void> {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_return co_await clock->sleep_until(saturating_add(clock->now(), seconds{length}));
}

template <class Function>
auto call(const Function* function) -> Async<void> {
  (*function)();
  co_return success();
}

class StoppedManager : public fake::ManagerFleet {
 protected:
  StoppedManager() {
    handlers.add("sleep", [this](int length) { return sleep(&clock, length); });
    handlers.add("sleep_on", [this](int length) { return sleep_on(&clock, length); });
  }
};

TEST_F(StoppedManager, DrainLetsWhatRunsFinish) {
  options.slots = 1;
  add("sleep", 30);
  add("sleep", 30);
  begin();
  run_for(seconds{1});
  const auto report = stop(StopMode::drain, hours{1});
  EXPECT_TRUE(report.still_running.empty());
  EXPECT_EQ(at(), seconds{30});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].request.kind, Kind::succeeded);
  EXPECT_EQ(dispatch.left, 1);
  EXPECT_EQ(dispatch.queue.size(), 1U);
  clock.drain();
  ASSERT_TRUE(ended);
  EXPECT_TRUE(*ended);
}

TEST_F(StoppedManager, CancelAsksToStopAndSpendsNoAttempt) {
  add("sleep", 3600);
  begin();
  run_for(seconds{1});
  const auto report = stop(StopMode::cancel, minutes{1});
  EXPECT_TRUE(report.still_running.empty());
  EXPECT_EQ(at(), seconds{1});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].request.kind, Kind::released);
}

TEST_F(StoppedManager, ReturnsInTimeAndNamesWhatStillRuns) {
  add("sleep_on", 3600);
  add("sleep", 3600);
  begin();
  run_for(seconds{1});
  const auto report = stop(StopMode::cancel, minutes{1});
  EXPECT_EQ(at(), minutes{1} + seconds{1});
  ASSERT_EQ(report.still_running.size(), 1U);
  EXPECT_EQ(report.still_running[0].name, "sleep_on");
  EXPECT_EQ(report.still_running[0].task, (TaskRef{JobId{1}, TaskId{0}}));
  EXPECT_EQ(report.still_running[0].since, TimePoint{});
  clock.drain();
  EXPECT_TRUE(ended);
  const auto told = observer.seen.size();
  clock.run();  // the handler returns at last: nobody is told
  EXPECT_GE(at(), hours{1});
  EXPECT_EQ(observer.seen.size(), told);
  EXPECT_EQ(finished().size(), 1U);
}

TEST_F(StoppedManager, HandlerMayOutliveTheManager) {
  add("sleep_on", 3600);
  begin();
  run_for(seconds{1});
  EXPECT_EQ(stop(StopMode::drain, seconds{1}).still_running.size(), 1U);
  clock.drain();
  ASSERT_TRUE(ended);
  manager.reset();
  clock.run();
  EXPECT_GE(at(), hours{1});
}

TEST_F(StoppedManager, CancelAfterDrainCutsItShort) {
  add("sleep", 3600);
  begin();
  run_for(seconds{1});
  auto drained = asio::co_spawn(context, rooted(manager->stop(StopMode::drain, hours{9})), asio::use_future);
  run_for(seconds{1});
  EXPECT_TRUE(stop(StopMode::cancel, hours{1}).still_running.empty());
  clock.drain();
  EXPECT_TRUE(drained.get());
  EXPECT_EQ(at(), seconds{2});
}

TEST_F(StoppedManager, NoHandlerStartsAfterwards) {
  int calls = 0;
  handlers.add("count", [&calls](TaskContext&) { ++calls; });
  TaskSpec child;
  child.parents = {0};
  add("count", "", child);
  execution.parent_errors = 1000;  // started, but waiting for its parents' outputs
  execution.start_errors = 0;
  begin();
  run_for(seconds{1});
  execution.parent_errors = 0;
  add("count");
  const auto report = stop(StopMode::drain, minutes{1});
  run_for(minutes{5});
  EXPECT_TRUE(report.still_running.empty());
  EXPECT_EQ(calls, 0);
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].request.kind, Kind::released);
  EXPECT_EQ(finished()[0].request.delay, Duration::zero());
}

TEST_F(StoppedManager, CoroutinesThatHaveNotBegunAreReleased) {
  constexpr int kTasks = 200;
  options.slots = kTasks;
  int calls = 0;
  std::future<Result<StopReport>> stopped;
  const auto stop_once = [&] {
    if (++calls > 1) return;
    stopped = asio::co_spawn(context, rooted(manager->stop(StopMode::drain, hours{1})), asio::use_future);
  };
  handlers.add("stop", [&stop_once] { return call(&stop_once); });
  for (int i = 0; i < kTasks; ++i) add("stop");
  begin();
  run_for(seconds{1});
  EXPECT_TRUE(ended);
  EXPECT_GE(calls, 1);
  EXPECT_LT(calls, kTasks);
  const auto& all = finished();
  EXPECT_EQ(all.size(), std::size_t{kTasks});
  EXPECT_EQ(std::ranges::count(all, Kind::released, [](const auto& one) { return one.request.kind; }),
            kTasks - calls);
}

TEST_F(StoppedManager, WhatStartedTooLateIsReleased) {
  int calls = 0;
  handlers.add("count", [&calls] { ++calls; });
  add("count");
  execution.start_errors = 1;
  begin();
  run_for(seconds{0});
  (void)stop(StopMode::drain, minutes{1});
  EXPECT_EQ(calls, 0);
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].request.kind, Kind::released);
  EXPECT_EQ(dispatch.acknowledged.size(), 1U);
}

TEST_F(StoppedManager, StorageThatStaysAwayDelaysNoStop) {
  add("sleep", 0);
  execution.finish_errors = 1'000'000;
  begin();
  run_for(seconds{10});
  (void)stop(StopMode::drain, minutes{1});
  EXPECT_EQ(at(), minutes{1} + seconds{10});
  clock.drain();
  EXPECT_TRUE(ended);
  EXPECT_EQ(dispatch.left, 1);
}

TEST_F(StoppedManager, CancellingRunIsAStop) {
  add("sleep", 3600);
  begin();
  run_for(seconds{1});
  cancel.emit(asio::cancellation_type::terminal);
  clock.drain();
  ASSERT_TRUE(ended);
  EXPECT_TRUE(*ended);
  EXPECT_EQ(finished().size(), 1U);
  EXPECT_EQ(at(), seconds{1});
}

TEST_F(StoppedManager, StopBeforeRunEndsItAtOnce) {
  add("sleep", 1);
  manager = LocalExecutionManager::make(context.get_executor(), {dispatch, execution, clock, observer},
                                        handlers, options)
                .value();
  EXPECT_TRUE(stop(StopMode::drain, hours{1}).still_running.empty());
  EXPECT_TRUE(block_on(clock, manager->run()));
  EXPECT_EQ(dispatch.polls, 0U);
  EXPECT_EQ(at(), Duration::zero());
  manager.reset();
}

auto stop_own(LocalExecutionManager* manager, std::size_t* still_running) -> Async<void> {
  auto report = co_await manager->stop(StopMode::drain, minutes{1});
  *still_running = report.value().still_running.size();
  co_return success();
}

TEST_F(StoppedManager, HandlerMayStopItsManagerAndIsNamed) {
  std::size_t still_running = 0;
  handlers.add("stop", [&] { return stop_own(manager.get(), &still_running); });
  add("stop");
  begin();
  run_for(minutes{2});
  ASSERT_TRUE(ended);
  EXPECT_EQ(still_running, 1U);
}

/// Runs drains until `done`, while functions on other threads come back. Virtual time stands still; a
/// minute of real time is the end of it. Whether it was done.
template <class Condition>
[[nodiscard]] auto drain_until(VirtualClock& clock, Condition done) -> bool {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes{1};
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    clock.drain();
    std::this_thread::yield();
  }
  return true;
}

TEST_F(StoppedManager, PlainFunctionRunsOnThePoolAndDelaysNoHeartbeat) {
  std::promise<void> release;
  std::atomic<bool> elsewhere = false;
  handlers.add("block", [&, here = std::this_thread::get_id()] {
    elsewhere = std::this_thread::get_id() != here;
    release.get_future().wait();
  });
  options.threads = 1;
  add("block");
  begin();
  run_for(minutes{1});
  EXPECT_EQ(dispatch.heartbeats.size(), 12U);
  EXPECT_TRUE(finished().empty());
  release.set_value();
  ASSERT_TRUE(drain_until(clock, [&] { return !finished().empty(); }));
  EXPECT_TRUE(elsewhere);
}

TEST_F(StoppedManager, PlainFunctionHoldsVirtualTime) {
  handlers.add("work", [] { return std::string(1'000'000, 'x').size(); });
  options.threads = 2;
  options.hold_clock = [this] { return std::make_shared<VirtualClock::Hold>(clock.hold()); };
  for (int i = 0; i < 20; ++i)
    add("work", "", [] {
      TaskSpec s;
      s.timeout = seconds{1};
      return s;
    }());
  begin();
  run_for(seconds{0});
  EXPECT_EQ(finished().size(), 20U);
  EXPECT_TRUE(observer.of(EventKind::task_overdue).empty());
}

TEST_F(StoppedManager, QueuedPlainFunctionNeverBeginsAfterAStop) {
  std::promise<void> release;
  std::atomic<int> calls = 0;
  handlers.add("block", [&, released = release.get_future().share()] {
    ++calls;
    released.wait();
  });
  options.threads = 1;
  add("block");
  add("block");
  begin();
  clock.drain();
  ASSERT_TRUE(drain_until(clock, [&] { return calls == 1; }));
  EXPECT_EQ(stop(StopMode::drain, seconds{1}).still_running.size(), 1U);
  EXPECT_EQ(finished().at(0).request.kind, Kind::released);
  release.set_value();
  clock.drain();
  manager.reset();
  EXPECT_EQ(calls, 1);
}

TEST_F(StoppedManager, OverduePlainFunctionSeesItsStopToken) {
  std::atomic<bool> begun = false;
  std::atomic<bool> seen = false;
  handlers.add("watch", [&](TaskContext& task) {
    begun = true;
    while (!task.stop_requested()) std::this_thread::yield();
    seen = true;
  });
  options.threads = 1;
  add("watch", "", [] {
    TaskSpec s;
    s.timeout = seconds{5};
    return s;
  }());
  begin();
  ASSERT_TRUE(drain_until(clock, [&] { return begun.load(); }));
  run_for(seconds{5});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].at, TimePoint{seconds{5}});
  ASSERT_TRUE(drain_until(clock, [&] { return !observer.of(EventKind::finish_refused).empty(); }));
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace spider
