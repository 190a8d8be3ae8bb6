#include "local_execution_manager/coroutine_runner.hpp"

#include "local_execution_manager/coroutine_home.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace spider::inline v1::detail {
namespace {

using std::chrono::seconds;

auto count(int* calls) -> Async<void> {
  ++*calls;
  co_return success();
}
auto count_and_sleep(int* calls, Clock* clock, Duration length) -> Async<void> {
  ++*calls;
  co_return co_await clock->sleep_until(clock->now() + length);
}

class CoroutineRunnerTest : public ::testing::Test {
 protected:
  ~CoroutineRunnerTest() override {
    runner_->close();
    context_.restart();
    context_.poll();
  }
  template <class Function>
  static auto task_of(Function function) -> RunningTaskPtr {
    auto task = std::make_shared<RunningTask>();
    task->started.spec = std::make_shared<const TaskSpec>();
    task->handler = std::make_shared<const Handler>(make_handler(std::move(function)));
    task->context.emplace(TaskFacts{});
    return task;
  }
  auto counting() -> RunningTaskPtr {
    return task_of([this] { return count(&calls_); });
  }
  auto sleeping(int length) -> RunningTaskPtr {
    return task_of([this, length] { return count_and_sleep(&calls_, &clock_, seconds{length}); });
  }
  auto many(int count) -> std::vector<RunningTaskPtr> {
    std::vector<RunningTaskPtr> tasks;
    for (int i = 0; i < count; ++i) tasks.push_back(counting());
    return tasks;
  }

  asio::io_context context_;
  VirtualClock clock_{context_};
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>(context_.get_executor(), nullptr);
  std::shared_ptr<CoroutineRunner> runner_ =
      std::make_shared<CoroutineRunner>(context_.get_executor(), mailbox_);
  int calls_ = 0;
};

TEST_F(CoroutineRunnerTest, ManyShortHandlersCostOneWakeUp) {
  runner_->push(many(1));
  const auto of_one = context_.poll();
  context_.restart();
  runner_->push(many(60));
  const auto of_sixty = context_.poll();
  EXPECT_EQ(calls_, 61);
  EXPECT_LE(of_sixty, of_one + 20) << "not one post for each";
}

TEST_F(CoroutineRunnerTest, OthersGetTheirTurn) {
  runner_->push(many(200));
  int before = 0;
  asio::post(context_, [&] { before = calls_; });
  context_.poll();
  EXPECT_LT(before, 100);
  EXPECT_EQ(calls_, 200);
}

TEST_F(CoroutineRunnerTest, SuspendedHandlerHoldsUpNoOther) {
  auto first = sleeping(10);
  runner_->push({first, counting()});
  clock_.drain();
  EXPECT_EQ(calls_, 2);
  EXPECT_FALSE(first->answer.has_value());
  clock_.run();
  EXPECT_TRUE(first->answer.has_value());
}

/// The home that is on its way finds a handler that takes long, instead of nothing to do.
TEST_F(CoroutineRunnerTest, ResultIsSentAlthoughEveryHomeStaysBusy) {
  asio::io_context mail;
  const auto runner = std::make_shared<CoroutineRunner>(
      context_.get_executor(), std::make_shared<Mailbox>(mail.get_executor(), nullptr));
  const auto third = sleeping(10);
  const auto second = task_of([this, runner, third] {
    runner->push({third});
    return count_and_sleep(&calls_, &clock_, seconds{10});
  });
  runner->push({task_of([this, runner, second] {
    runner->push({second});
    return count(&calls_);
  })});
  clock_.drain();
  EXPECT_EQ(calls_, 3);
  EXPECT_EQ(mail.poll(), 1U) << "the first has returned";
  runner->close();
  clock_.run();
  mail.restart();
  EXPECT_EQ(mail.poll(), 1U) << "the others have, which keep their homes until then";
}

TEST_F(CoroutineRunnerTest, CancelReachesTheHandlerThatRuns) {
  auto sleeper = sleeping(3600);
  runner_->push({sleeper});
  clock_.drain();
  runner_->cancel(sleeper);
  clock_.drain();
  ASSERT_NE(sleeper->answer.error(), nullptr);
  EXPECT_EQ(sleeper->answer.error()->code, Errc::cancelled);
}

TEST_F(CoroutineRunnerTest, CancelledBeforeItBeganIsNotBegun) {
  auto unwanted = counting();
  runner_->push({unwanted, counting()});
  runner_->cancel(unwanted);
  context_.poll();
  EXPECT_EQ(calls_, 1);
  EXPECT_FALSE(unwanted->begun);
}

TEST_F(CoroutineRunnerTest, WhatIsTakenBackIsNotBegun) {
  auto first = counting();
  runner_->push({first});
  EXPECT_EQ(runner_->take_back(), std::vector{first});
  context_.poll();
  EXPECT_EQ(calls_, 0);
  EXPECT_FALSE(first->begun);
}

TEST_F(CoroutineRunnerTest, HomeThatWasIdleRunsTheNext) {
  auto first = counting();
  auto second = counting();
  runner_->push({first});
  context_.poll();
  context_.restart();
  runner_->push({second});
  context_.poll();
  EXPECT_EQ(first->home, second->home);
}

TEST_F(CoroutineRunnerTest, HomesEndWhenClosedAndTheirHandlersHaveReturned) {
  auto sleeper = sleeping(10);
  auto idle = counting();
  runner_->push({sleeper, idle});
  clock_.drain();
  ASSERT_NE(sleeper->home, idle->home);
  const std::weak_ptr<CoroutineHome> homes[]{sleeper->home, idle->home};
  sleeper->home.reset();
  idle.reset();
  runner_->close();
  clock_.drain();
  EXPECT_FALSE(homes[0].expired()) << "its handler runs";
  EXPECT_TRUE(homes[1].expired());
  clock_.run();
  EXPECT_TRUE(homes[0].expired());
}

}  // namespace
}  // namespace spider::inline v1::detail
