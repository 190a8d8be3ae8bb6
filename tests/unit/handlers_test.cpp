#include "spider/handlers.hpp"

#include "spider/testing/perform.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace spider {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::perform;

auto decode(std::string path) -> std::string { return "pixels of " + path; }
auto resize(TaskContext& task, int width) -> std::string {
  return task.parent<std::string>(0) + " at " + std::to_string(width);
}
auto nothing() -> void {}
auto attempt(TaskContext& task) -> int { return static_cast<int>(task.attempt()); }
auto by_reference(const std::string& text) noexcept -> bool { return text == "yes"; }

auto halve(int value) -> Result<int> {
  if (value % 2 != 0) return Error{Errc::invalid_argument, "odd"};
  return value / 2;
}
auto only_even(int value) -> Result<void> {
  SPIDER_TRY(halve(value));
  return success();
}
auto probe(TaskContext& task, int value) -> Answer<int> {
  if (task.attempt() == 1) return Retry::after(milliseconds{1500});
  if (value < 0) return Retry::never("negative");
  if (value == 0) return Errc::timed_out;
  if (value == 1) return Error{Errc::timed_out, "one"};
  SPIDER_TRY(const auto halved, halve(value));
  return halved;
}
auto maybe_done(bool done) -> Answer<void> {
  if (!done) return Retry::after(-seconds{1});
  return success();
}

auto twice(int value) -> Async<int> { co_return 2 * value; }
auto notify() -> Async<void> { co_return success(); }
auto refuse(const std::string& text) -> Async<void> { co_return Error{Errc::closed, text}; }
auto later(TaskContext& task) -> Async<Answer<std::string>> {
  if (task.stop_requested()) co_return "stopped";
  SPIDER_CO_TRY(co_await notify());
  co_return Retry::after(seconds{3});
}
auto throwing() -> Async<int> {
  throw std::runtime_error{"from a coroutine"};
  co_return 0;
}
auto bare(std::string text) -> asio::awaitable<std::string> { co_return text + "!"; }

TEST(Handlers, PlainFunctionsOfEverySignature) {
  Handlers handlers;
  handlers.add("decode", decode);
  handlers.add("resize", resize).add("nothing", nothing);
  handlers.add("attempt", attempt).add("by_reference", by_reference);
  ASSERT_FALSE(handlers.error());
  EXPECT_EQ(perform(handlers, "decode", "in.jpg").output<std::string>().value(), "pixels of in.jpg");
  EXPECT_EQ(perform(handlers, "resize", 256, {.parents = {{"a"}}}).output<std::string>().value(), "a at 256");
  EXPECT_TRUE(perform(handlers, "nothing").output<void>());
  EXPECT_TRUE(perform(handlers, "nothing", "an input that it ignores").succeeded());
  EXPECT_EQ(perform(handlers, "attempt", "", {.attempt = 4}).output<int>().value(), 4);
  EXPECT_TRUE(perform(handlers, "by_reference", "yes").output<bool>().value());
}

TEST(Handlers, CallablesOfEveryKind) {
  struct Functor {
    auto operator()(int value) const -> int { return value + 1; }
  };
  int calls = 0;
  Handlers handlers;
  handlers.add("lambda", [&calls](int value) { return calls += value; });
  handlers.add("functor", Functor{});
  handlers.add("function", std::function<int(int)>{[](int value) { return -value; }});
  EXPECT_EQ(perform(handlers, "lambda", 2).output<int>().value(), 2);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(perform(handlers, "functor", 2).output<int>().value(), 3);
  EXPECT_EQ(perform(handlers, "function", 2).output<int>().value(), -2);
}

TEST(Handlers, ResultsAreValuesOrErrors) {
  Handlers handlers;
  handlers.add("half", halve).add("only_even", only_even);
  EXPECT_EQ(perform(handlers, "half", 8).output<int>().value(), 4);
  EXPECT_EQ(perform(handlers, "half", 7).error(), (Error{Errc::invalid_argument, "odd"}));
  EXPECT_TRUE(perform(handlers, "only_even", 8).output<void>());
  EXPECT_EQ(perform(handlers, "only_even", 7).error(), Errc::invalid_argument);
}

TEST(Handlers, AnswersSayHowToTryAgain) {
  Handlers handlers;
  handlers.add("probe", probe).add("maybe_done", maybe_done);
  EXPECT_EQ(perform(handlers, "probe", 8).retry_after(), milliseconds{1500});
  EXPECT_EQ(perform(handlers, "probe", 8).output<int>().error(), Errc::would_block);
  const auto never = perform(handlers, "probe", -1, {.attempt = 2});
  EXPECT_TRUE(never.retry_never());
  EXPECT_EQ(never.error(), (Error{Errc::handler_failed, "negative"}));
  EXPECT_EQ(perform(handlers, "probe", 0, {.attempt = 2}).error(), Errc::timed_out);
  EXPECT_EQ(perform(handlers, "probe", 1, {.attempt = 2}).error().detail, "one");
  EXPECT_EQ(perform(handlers, "probe", 3, {.attempt = 2}).error().detail, "odd");
  EXPECT_EQ(perform(handlers, "probe", 8, {.attempt = 2}).output<int>().value(), 4);
  EXPECT_TRUE(perform(handlers, "maybe_done", true).succeeded());
  EXPECT_EQ(perform(handlers, "maybe_done", false).retry_after(), Duration::zero());
}

TEST(Handlers, CoroutinesOfEverySignature) {
  Handlers handlers;
  handlers.add("twice", twice).add("notify", notify).add("refuse", refuse);
  handlers.add("later", later).add("bare", bare);
  EXPECT_TRUE(handlers.find("twice")->is_coroutine());
  EXPECT_EQ(perform(handlers, "twice", 21).output<int>().value(), 42);
  EXPECT_TRUE(perform(handlers, "notify").output<void>());
  EXPECT_EQ(perform(handlers, "refuse", "why").error(), (Error{Errc::closed, "why"}));
  EXPECT_EQ(perform(handlers, "later").retry_after(), seconds{3});
  EXPECT_EQ(perform(handlers, "later", "", {.stop_requested = true}).output<std::string>().value(),
            "stopped");
  EXPECT_EQ(perform(handlers, "bare", "hey").output<std::string>().value(), "hey!");
}

/// A coroutine that refers to its own object, as a capturing lambda does to its closure.
struct SleepingHandler {
  Clock* clock;
  std::shared_ptr<std::string> text;

  auto operator()(int value) const -> Async<std::string> {
    SPIDER_CO_TRY(co_await clock->sleep_until(saturating_add(clock->now(), minutes{value})));
    co_return *text;
  }
};

TEST(Handlers, CallableLivesAsLongAsItsCoroutine) {
  asio::io_context context;
  VirtualClock clock{context};
  Handlers handlers;
  handlers.add("sleep", SleepingHandler{&clock, std::make_shared<std::string>("kept")});
  EXPECT_EQ(perform(clock, handlers, "sleep", 5).output<std::string>().value(), "kept");
  EXPECT_EQ(clock.now(), TimePoint{minutes{5}});
}

TEST(Handlers, NoExceptionLeavesAHandler) {
  Handlers handlers;
  handlers.add("standard", [] { throw std::runtime_error{"out of paper"}; });
  handlers.add("foreign", []() -> int { throw 5; });
  handlers.add("coroutine", throwing);
  EXPECT_EQ(perform(handlers, "standard").error(), (Error{Errc::handler_failed, "out of paper"}));
  EXPECT_EQ(perform(handlers, "foreign").error(), Errc::handler_failed);
  EXPECT_FALSE(perform(handlers, "foreign").error().detail.empty());
  EXPECT_EQ(perform(handlers, "coroutine").error(), (Error{Errc::handler_failed, "from a coroutine"}));
}

TEST(Handlers, InputThatDoesNotDecodeFailsForGood) {
  Handlers handlers;
  handlers.add("half", halve).add("twice", twice);
  for (const auto* const name : {"half", "twice"}) {
    const auto performed = perform(handlers, name, "eight");
    EXPECT_TRUE(performed.retry_never());
    EXPECT_EQ(performed.error(), Errc::payload_error);
    EXPECT_EQ(performed.error().detail, "expected an integer of 32 bits, found \"eight\"");
  }
}

TEST(Handlers, SignatureSaysWhetherParentsAreWanted) {
  Handlers handlers;
  handlers.add("decode", decode).add("resize", resize).add("later", later).add("twice", twice);
  EXPECT_FALSE(handlers.find("decode")->wants_context());
  EXPECT_TRUE(handlers.find("resize")->wants_context());
  EXPECT_TRUE(handlers.find("later")->wants_context());
  EXPECT_FALSE(handlers.find("twice")->wants_context());
}

TEST(Handlers, BadNamesSurfaceLaterAndTheFirstOneStays) {
  Handlers handlers;
  handlers.add("", nothing);
  handlers.add("decode", decode).add("decode", resize);
  ASSERT_TRUE(handlers.error());
  EXPECT_EQ(*handlers.error(), Errc::invalid_name);
  EXPECT_EQ(handlers.size(), 1U);
  EXPECT_EQ(perform(handlers, "decode", "x").error(), Errc::invalid_name);

  Handlers twice_registered;
  twice_registered.add("decode", decode).add("decode", resize);
  EXPECT_EQ(twice_registered.error().value(), (Error{Errc::duplicate_name, "handler \"decode\""}));
  EXPECT_FALSE(twice_registered.find("decode")->wants_context());

  Handlers too_long;
  too_long.add(std::string(129, 'a'), nothing);
  EXPECT_EQ(too_long.error().value(), Errc::invalid_name);
}

TEST(Handlers, CopiesShareTheCallables) {
  Handlers handlers;
  handlers.add("decode", decode);
  auto copy = handlers;
  copy.add("resize", resize);
  EXPECT_EQ(handlers.find("decode"), copy.find("decode"));
  EXPECT_FALSE(handlers.find("resize"));
  EXPECT_EQ(perform(handlers, "resize", 1).error(), (Error{Errc::unknown_handler, "resize"}));
}

auto facts_with_parents(std::vector<std::vector<Bytes>> parents) -> TaskFacts {
  TaskFacts facts;
  facts.parents = std::move(parents);
  return facts;
}

template <class Function>
auto thrown_by(Function function) -> Error {
  try {
    function();
  } catch (const std::system_error& thrown) {
    return Error{thrown.code(), thrown.what()};
  }
  return {};
}

TEST(TaskContext, GivesParentsOutputs) {
  const TaskContext task{facts_with_parents({{"7"}, {"1", "2", "3"}, {}})};
  EXPECT_EQ(task.parent_count(), 3U);
  EXPECT_EQ(task.parent<int>(), 7);
  EXPECT_EQ(task.parents<int>(0), (std::vector<int>{7}));
  EXPECT_EQ(task.parents<int>(1), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(task.parents<int>(2), (std::vector<int>{}));
}

TEST(TaskContext, BadParentThrowsWithAClearReason) {
  const TaskContext task{facts_with_parents({{"x"}, {"1", "y"}})};
  EXPECT_EQ(thrown_by([&] { (void)task.parent<int>(2); }), Errc::invalid_argument);
  EXPECT_EQ(thrown_by([&] { (void)task.parents<int>(2); }), Errc::invalid_argument);
  EXPECT_EQ(thrown_by([&] { (void)task.parent<int>(1); }), Errc::invalid_argument);
  EXPECT_EQ(thrown_by([&] { (void)task.parents<int>(1); }), Errc::payload_error);
  const auto mistyped = thrown_by([&] { (void)task.parent<int>(0); });
  EXPECT_EQ(mistyped, Errc::payload_error);
  EXPECT_NE(mistyped.detail.find("parent 0: expected an integer"), std::string::npos) << mistyped.detail;

  Handlers handlers;
  handlers.add("resize", resize);
  EXPECT_EQ(perform(handlers, "resize", 1).error(), Errc::handler_failed);
  EXPECT_NE(perform(handlers, "resize", 1).error().detail.find("parent 0: the task has 0"),
            std::string::npos);
}

TEST(TaskContext, KnowsItsPlaceAndItsStopToken) {
  TaskFacts facts;
  facts.task = TaskRef{JobId{3}, TaskId{9}};
  facts.attempt = 2;
  facts.index = 5;
  facts.deadline = TimePoint{seconds{8}};
  std::stop_source stop;
  const TaskContext task{facts, stop.get_token()};
  EXPECT_EQ(task.task(), (TaskRef{JobId{3}, TaskId{9}}));
  EXPECT_EQ(task.attempt(), 2U);
  EXPECT_EQ(task.index(), 5U);
  EXPECT_EQ(task.deadline(), TimePoint{seconds{8}});
  EXPECT_FALSE(task.stop_requested());
  stop.request_stop();
  EXPECT_TRUE(task.stop_requested());
}

}  // namespace
}  // namespace spider
