#include "spider/async.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
namespace {

auto answer(int value) -> Async<int> { co_return value; }
auto fail_with(Errc code) -> Async<int> { co_return code; }
auto succeed() -> Async<void> { co_return success(); }

auto sum_of_two(int first, int second) -> Async<int> {
  SPIDER_CO_TRY(const auto left, co_await answer(first));
  SPIDER_CO_TRY(const auto right, co_await answer(second));
  co_return left + right;
}

auto fail_in_the_middle(bool* reached_end) -> Async<int> {
  SPIDER_CO_TRY(const auto value, co_await fail_with(Errc::closed));
  *reached_end = true;
  co_return value;
}

// Waits for a timer that never fires, then says what it saw.
auto wait_for_ever(std::shared_ptr<asio::steady_timer> timer) -> Async<int> {
  const auto before = co_await cancelled();
  if (before) co_return Errc::internal;
  boost::system::error_code ignored;
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  const auto after = co_await cancelled();
  if (!after) co_return Errc::internal;
  const auto second_await_does_not_throw = co_await answer(1);
  if (!second_await_does_not_throw) co_return Errc::internal;
  co_return Errc::cancelled;
}

auto never(std::shared_ptr<asio::steady_timer> timer) -> Async<int> {
  timer->expires_at(asio::steady_timer::time_point::max());
  co_return 0;
}

TEST(BlockOn, ReturnsTheValueFromAContext) {
  asio::io_context context;
  EXPECT_EQ(block_on(context, sum_of_two(2, 3)).value(), 5);
}

TEST(BlockOn, ReturnsTheErrorFromAContext) {
  asio::io_context context;
  bool reached_end = false;
  EXPECT_EQ(block_on(context, fail_in_the_middle(&reached_end)).error(), Errc::closed);
  EXPECT_FALSE(reached_end);
}

TEST(BlockOn, ContextServesSeveralCalls) {
  asio::io_context context;
  EXPECT_EQ(block_on(context, answer(1)).value(), 1);
  EXPECT_EQ(block_on(context, answer(2)).value(), 2);
  EXPECT_TRUE(block_on(context, succeed()));
}

TEST(BlockOn, ReturnsTheValueFromAPool) {
  asio::thread_pool pool{2};
  EXPECT_EQ(block_on(pool, sum_of_two(20, 3)).value(), 23);
  EXPECT_EQ(block_on(pool, fail_with(Errc::timed_out)).error(), Errc::timed_out);
}

TEST(Async, UseFutureNeedsNoWrapper) {
  asio::thread_pool pool{1};
  auto future = asio::co_spawn(pool, sum_of_two(1, 1), asio::use_future);
  EXPECT_EQ(future.get().value(), 2);
}

TEST(Async, CallbackNeedsNoWrapper) {
  asio::io_context context;
  std::optional<Result<int>> seen;
  asio::co_spawn(context, answer(7), [&](std::exception_ptr thrown, Result<int> result) {
    EXPECT_FALSE(thrown);
    seen = std::move(result);
  });
  context.run();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->value(), 7);
}

TEST(Async, IsLazy) {
  asio::io_context context;
  auto timer = std::make_shared<asio::steady_timer>(context);
  const auto unset = timer->expiry();
  auto work = never(timer);
  EXPECT_EQ(timer->expiry(), unset);
  EXPECT_TRUE(block_on(context, std::move(work)));
  EXPECT_NE(timer->expiry(), unset);
}

TEST(Rooted, CancellationIsAValue) {
  asio::io_context context;
  auto timer = std::make_shared<asio::steady_timer>(context, asio::steady_timer::time_point::max());
  asio::cancellation_signal cancel;
  std::optional<Result<int>> seen;
  asio::co_spawn(
      context, rooted(wait_for_ever(timer)),
      asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr thrown, Result<int> result) {
        EXPECT_FALSE(thrown);
        seen = std::move(result);
      }));
  asio::post(context, [&] { cancel.emit(asio::cancellation_type::terminal); });
  context.run();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->error(), Errc::cancelled);
}

TEST(AsyncArgument, RefusesAggregatesThatNeedACopyConstructor) {
  struct Risky {
    std::string text;
  };
  struct Safe {
    Safe() = default;
    std::string text;
  };
  EXPECT_FALSE(AsyncArgument<Risky>);
  EXPECT_TRUE(AsyncArgument<Safe>);
  EXPECT_TRUE(AsyncArgument<int>);
  EXPECT_TRUE(AsyncArgument<std::vector<int>>);
}

}  // namespace
}  // namespace spider
