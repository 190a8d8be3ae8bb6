// What a dispatch channel allocates once its buffers are there.

#include "spider/dispatch_channel.hpp"
#include "spider/system_clock.hpp"
#include "unit/allocation_counter.hpp"

#include <gtest/gtest.h>
#include <boost/asio/detached.hpp>

#include <cstdint>
#include <vector>

namespace spider {
namespace {

using testing::Allocations;
using testing::allocations;

constexpr std::size_t kCapacity = 64;
constexpr int kTimes = 10'000;
constexpr SessionId kSession{1};

auto assignment() -> TaskAssignment {
  TaskAssignment item;
  item.id = AssignmentId{1};
  item.session = kSession;
  return item;
}

struct ChannelAllocation : ::testing::Test {
  asio::io_context context{1};
  SystemClock clock{context.get_executor()};
  DispatchChannel channel =
      make_dispatch_channel({.capacity = kCapacity, .session = kSession}, clock).value();

  /// The ring gets its blocks.
  auto warm_up() -> void {
    for (int round = 0; round < 4; ++round) {
      for (std::size_t item = 0; item < kCapacity; ++item)
        ASSERT_TRUE(channel.sink->try_enqueue(assignment()));
      for (std::size_t item = 0; item < kCapacity; ++item) ASSERT_TRUE(channel.source->try_dequeue().value());
    }
  }
};

TEST_F(ChannelAllocation, NothingForCallsThatNeverSuspend) {
  warm_up();
  const auto before = allocations();
  for (int time = 0; time < kTimes; ++time) {
    ASSERT_TRUE(channel.sink->try_enqueue(assignment()));
    ASSERT_TRUE(channel.source->try_dequeue().value());
  }
  EXPECT_EQ(allocations() - before, Allocations{});
}

auto count_pairs(DispatchChannel& channel, Allocations& counted) -> asio::awaitable<void> {
  Allocations before;
  for (int time = -100; time < kTimes; ++time) {
    if (time == 0) before = allocations();
    const auto put = co_await channel.sink->enqueue(assignment());
    EXPECT_TRUE(put);
    const auto taken = co_await channel.source->dequeue(Duration::zero());
    EXPECT_TRUE(taken && taken.value());
  }
  counted = allocations() - before;
}

TEST_F(ChannelAllocation, NothingButRecycledFramesForAwaitedCalls) {
  warm_up();
  Allocations counted{1, 1};
  asio::co_spawn(context, count_pairs(channel, counted), asio::detached);
  context.run();
  EXPECT_EQ(counted, Allocations{});
}

auto put(DispatchQueueSink& sink, int times) -> asio::awaitable<void> {
  for (int time = 0; time < times; ++time) {
    const auto done = co_await sink.enqueue(assignment());
    EXPECT_TRUE(done);
  }
}

auto take(DispatchQueueSource& source, int times) -> asio::awaitable<void> {
  for (int time = 0; time < times; ++time) {
    const auto taken = co_await source.dequeue(std::chrono::seconds{10});
    EXPECT_TRUE(taken && taken.value());
  }
}

/// One slot: every call suspends, and is woken by the other side.
TEST_F(ChannelAllocation, NoObjectsForCallsThatSuspend) {
  channel = make_dispatch_channel({.capacity = 1, .session = kSession}, clock).value();
  const auto run = [&](int times) {
    asio::co_spawn(context, put(*channel.sink, times), asio::detached);
    asio::co_spawn(context, take(*channel.source, times), asio::detached);
    const auto before = allocations();
    context.restart();
    context.run();
    return allocations() - before;
  };
  (void)run(100);
  const auto few = run(100);
  const auto many = run(kTimes);
  EXPECT_EQ(many.objects, few.objects);
}

}  // namespace
}  // namespace spider
