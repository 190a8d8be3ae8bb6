// The rules of the dispatch channel that its two interfaces do not show. What they do show is held by
// the contract suite.

#include "spider/dispatch_channel.hpp"

#include "spider/mocks/clock.hpp"
#include "spider/testing/dispatch_queue_trial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>

#include <memory_resource>
#include <new>
#include <vector>

namespace spider {
namespace {

using std::chrono::seconds;
using testing::Call;
using testing::DispatchQueueTrial;
using testing::Ids;
using testing::Taken;

class DispatchChannelTest : public ::testing::Test {
 protected:
  auto open(DispatchChannelOptions options) -> void {
    if (options.session == SessionId{}) options.session = SessionId{1};
    auto opened = make_dispatch_channel(options, trial_.clock());
    ASSERT_TRUE(opened);
    channel_ = std::move(opened).value();
  }
  auto fill(std::uint64_t first, std::uint64_t last, std::uint64_t session = 1) -> void {
    for (auto id = first; id <= last; ++id) {
      ASSERT_TRUE(channel_.sink->try_enqueue(DispatchQueueTrial::item(id, session)));
    }
  }
  auto take_now() -> Ids {
    Ids ids;
    while (true) {
      const auto taken = channel_.source->try_dequeue();
      if (!taken || !taken.value()) return ids;
      ids.push_back(taken.value()->id.value);
    }
  }
  auto wait(asio::io_context& context) -> Call<Taken> {
    return trial_.start_on(context, channel_.source->dequeue(seconds{9}));
  }
  auto wait() -> Call<Taken> { return wait(trial_.context()); }
  auto handlers_run() -> std::size_t {
    trial_.context().restart();
    return trial_.context().poll();
  }
  auto refusal(DispatchChannelOptions options) -> Error {
    const auto opened = make_dispatch_channel(options, trial_.clock());
    return opened ? Error{} : opened.error();
  }

  asio::io_context blocked_;  // waiters here do not run unless the test says so
  DispatchQueueTrial trial_{"unit", {}};
  DispatchChannel channel_;
};

auto id_of(const Call<Taken>& call) -> std::uint64_t {
  return call->succeeded() && call->result->value() ? call->result->value()->id.value : 0;
}

TEST_F(DispatchChannelTest, OptionsOutsideTheirRangeAreRefusedByName) {
  EXPECT_EQ(refusal({.capacity = 0}), (Error{Errc::invalid_argument, "dispatch channel: capacity is 0"}));
  EXPECT_EQ(refusal({.capacity = DispatchChannelOptions::kCapacityMax + 1}), Errc::invalid_argument);
  EXPECT_THAT(refusal({.resume_slots = 0}).detail, ::testing::HasSubstr("resume_slots"));
  EXPECT_THAT(refusal({.wake_fanout = 0}).detail, ::testing::HasSubstr("wake_fanout"));
  EXPECT_THAT(refusal({.overtake_max = 0}).detail, ::testing::HasSubstr("overtake_max"));
  EXPECT_THAT(refusal({.wait_max = seconds{-1}}).detail, ::testing::HasSubstr("wait_max"));
}

// --- D2 ------------------------------------------------------------------------------------------

TEST_F(DispatchChannelTest, ProducersResumeWhenResumeSlotsWereFreed) {
  open({.capacity = 4, .resume_slots = 3});
  fill(1, 4);
  const auto producer = trial_.start(channel_.sink->enqueue(DispatchQueueTrial::item(5)));
  for (int freed = 1; freed <= 3; ++freed) {
    ASSERT_TRUE(channel_.source->try_dequeue());
    trial_.settle();
    EXPECT_EQ(producer->done(), freed == 3) << freed;
  }
}

TEST_F(DispatchChannelTest, ResumeSlotsOverCapacityMeanAllSlots) {
  open({.capacity = 2, .resume_slots = 100});
  fill(1, 2);
  const auto producer = trial_.start(channel_.sink->enqueue(DispatchQueueTrial::item(3)));
  ASSERT_TRUE(channel_.source->try_dequeue());
  trial_.settle();
  EXPECT_FALSE(producer->done());
  ASSERT_TRUE(channel_.source->try_dequeue());
  trial_.settle();
  EXPECT_TRUE(producer->succeeded());
}

TEST_F(DispatchChannelTest, LaterEnqueueLeavesTheSlotToTheSuspendedOne) {
  open({.capacity = 1});
  fill(1, 1);
  const auto first = trial_.start_on(blocked_, channel_.sink->enqueue(DispatchQueueTrial::item(2)));
  ASSERT_TRUE(channel_.source->try_dequeue());
  const auto second = trial_.start(channel_.sink->enqueue(DispatchQueueTrial::item(3)));
  EXPECT_FALSE(second->done());
  DispatchQueueTrial::settle(blocked_);
  EXPECT_TRUE(first->succeeded());
  EXPECT_EQ(take_now(), (Ids{2}));
  trial_.settle();
  EXPECT_EQ(take_now(), (Ids{3}));
}

TEST_F(DispatchChannelTest, ProducerThatFindsItsSlotTakenKeepsItsPlace) {
  open({.capacity = 1});
  fill(1, 1);
  const auto first = trial_.start(channel_.sink->enqueue(DispatchQueueTrial::item(2)));
  const auto second = trial_.start(channel_.sink->enqueue(DispatchQueueTrial::item(3)));
  ASSERT_TRUE(channel_.source->try_dequeue());
  fill(9, 9);  // try_enqueue is faster than the producer that was woken
  trial_.settle();
  EXPECT_FALSE(first->done());
  EXPECT_EQ(take_now(), (Ids{9}));
  trial_.settle();
  EXPECT_TRUE(first->succeeded());
  EXPECT_FALSE(second->done());
}

// --- D7, D13 -------------------------------------------------------------------------------------

/// Counts bytes; can refuse; can take all access away from what it gave out.
class TestMemory final : public std::pmr::memory_resource {
 public:
  std::size_t bytes = 0;
  std::size_t bytes_max = SIZE_MAX;

  auto set_access(int protection) -> void {
    for (const auto& [block, size] : blocks_) ASSERT_EQ(mprotect(block, size, protection), 0);
  }

 private:
  auto do_allocate(std::size_t size, std::size_t) -> void* override {
    if (bytes + size > bytes_max) throw std::bad_alloc{};
    bytes += size;
    auto* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc{};
    blocks_.emplace_back(block, size);
    return block;
  }
  auto do_deallocate(void* block, std::size_t size, std::size_t) -> void override {
    bytes -= size;
    std::erase(blocks_, std::pair{block, size});
    munmap(block, size);
  }
  [[nodiscard]] auto do_is_equal(const memory_resource& other) const noexcept -> bool override {
    return this == &other;
  }

  std::vector<std::pair<void*, std::size_t>> blocks_;
};

class DispatchChannelMemory : public DispatchChannelTest {
 protected:
  ~DispatchChannelMemory() override { channel_ = DispatchChannel{}; }
  TestMemory memory_;
};

TEST_F(DispatchChannelMemory, IsCommittedLazilyAndBoundedByTheFormula) {
  open({.capacity = DispatchChannelOptions::kCapacityMax, .memory = &memory_});
  EXPECT_EQ(memory_.bytes, 0U);
  open({.capacity = 1000, .memory = &memory_});
  for (int round = 0; round < 5; ++round) {
    fill(1, 1000);
    ASSERT_TRUE(channel_.source->try_dequeue());
    fill(1, 1);
    EXPECT_EQ(take_now().size(), 1000U);
  }
  const std::size_t blocks = 2;
  EXPECT_LE(memory_.bytes, blocks * 512 * sizeof(TaskAssignment));
  EXPECT_GE(memory_.bytes, 1000 * sizeof(TaskAssignment));
}

TEST_F(DispatchChannelMemory, MillionBumpsLeaveNoGrowth) {
  open({.capacity = 64, .memory = &memory_});
  fill(1, 64);
  ASSERT_TRUE(channel_.sink->bump_session(SessionId{2}));
  const auto before = memory_.bytes;
  for (std::uint64_t session = 3; session < 1'000'003; ++session) {
    ASSERT_TRUE(channel_.sink->try_enqueue(DispatchQueueTrial::item(session, session - 1)));
    ASSERT_TRUE(channel_.sink->bump_session(SessionId{session}));
  }
  EXPECT_EQ(memory_.bytes, before);
  EXPECT_EQ(channel_.counters().stale_dropped, 1'000'064U);
}

TEST_F(DispatchChannelMemory, AllocationFailureRefusesTheEnqueueAndLosesNothing) {
  memory_.bytes_max = 600 * sizeof(TaskAssignment);
  open({.capacity = 1024, .memory = &memory_});
  fill(1, 512);
  const auto refused = channel_.sink->try_enqueue(DispatchQueueTrial::item(513));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Errc::limit_exceeded);
  EXPECT_EQ(trial_.start(channel_.sink->enqueue(DispatchQueueTrial::item(513)))->result->error(),
            Errc::limit_exceeded);
  EXPECT_EQ(channel_.counters().enqueued, 512U);
  memory_.bytes_max = SIZE_MAX;
  fill(513, 514);
  EXPECT_EQ(take_now().size(), 514U);
}

/// A bump that touched one of a million assignments would crash here.
TEST_F(DispatchChannelMemory, BumpTouchesNoAssignment) {
  constexpr std::size_t kDepth = 1'000'000;
  open({.capacity = kDepth, .memory = &memory_});
  std::vector<TaskAssignment> items(kDepth, DispatchQueueTrial::item(1));
  const auto sent = trial_.start(channel_.sink->enqueue_batch(items));
  ASSERT_TRUE(sent->succeeded());
  ASSERT_EQ(sent->result->value(), kDepth);
  memory_.set_access(PROT_NONE);
  EXPECT_TRUE(channel_.sink->bump_session(SessionId{2}));
  memory_.set_access(PROT_READ | PROT_WRITE);
  EXPECT_EQ(channel_.sink->free_slots(), kDepth);
}

TEST_F(DispatchChannelTest, BumpRunsNothingForWaitingConsumers) {
  open({.capacity = 4});
  std::vector<Call<Taken>> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(wait());
  ASSERT_TRUE(channel_.sink->bump_session(SessionId{2}));
  EXPECT_EQ(handlers_run(), 0U);
}

// --- D9 ------------------------------------------------------------------------------------------

TEST_F(DispatchChannelTest, AlarmIsDisarmedWhenNobodyWaits) {
  open({.capacity = 4});
  const auto cancelled = wait();
  const auto served = wait();
  cancelled->cancel();
  trial_.settle();
  fill(1, 1);
  trial_.settle();
  ASSERT_TRUE(cancelled->done() && served->done());
  EXPECT_EQ(trial_.clock().step(), 0U);
}

TEST_F(DispatchChannelTest, AlarmFiresOnceForWaitersOfOneInstant) {
  open({.capacity = 4});
  std::vector<Call<Taken>> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(wait());
  EXPECT_EQ(trial_.clock().run(), 1U);
  for (const auto& call : calls) EXPECT_TRUE(call->succeeded());
}

TEST_F(DispatchChannelTest, WaitIsCappedByTheOption) {
  open({.capacity = 4, .wait_max = seconds{3}});
  const auto call = trial_.start(channel_.source->dequeue(Duration::max()));
  trial_.clock().run_for(seconds{3} - Duration{1});
  EXPECT_FALSE(call->done());
  trial_.clock().run_for(Duration{1});
  EXPECT_TRUE(call->done());
}

// --- D12 -----------------------------------------------------------------------------------------

TEST_F(DispatchChannelTest, WakeFanoutBoundsWakeUpsInFlight) {
  open({.capacity = 16, .wake_fanout = 3});
  std::vector<Call<Taken>> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(wait());
  fill(1, 10);
  EXPECT_EQ(take_now().size(), 10U);
  EXPECT_EQ(handlers_run(), 3U);  // they find nothing, and wait on
  for (const auto& call : calls) EXPECT_FALSE(call->done());
}

TEST_F(DispatchChannelTest, WhoFindsNothingKeepsItsPlace) {
  open({.capacity = 4});
  const auto first = wait();
  const auto second = wait();
  fill(1, 1);
  EXPECT_EQ(take_now(), (Ids{1}));
  trial_.settle();
  fill(2, 2);
  trial_.settle();
  EXPECT_EQ(id_of(first), 2U);
  EXPECT_FALSE(second->done());
}

TEST_F(DispatchChannelTest, OneIsReservedForTheLineAfterOvertakeMax) {
  open({.capacity = 16, .overtake_max = 4});
  const auto waiter = wait(blocked_);
  fill(1, 4);
  EXPECT_EQ(take_now(), (Ids{1, 2, 3, 4}));  // none reserved yet
  fill(5, 7);
  EXPECT_EQ(take_now(), (Ids{5, 6}));  // one is left for the waiter, the others flow on
  fill(8, 8);
  EXPECT_EQ(take_now(), (Ids{7}));
  DispatchQueueTrial::settle(blocked_);
  EXPECT_EQ(id_of(waiter), 8U);
  fill(9, 9);
  EXPECT_EQ(take_now(), (Ids{9}));
}

TEST_F(DispatchChannelTest, BatchLeavesTheReservedOne) {
  open({.capacity = 16, .overtake_max = 4});
  const auto waiter = wait(blocked_);
  fill(1, 8);
  const auto batch = trial_.start(channel_.source->dequeue_batch(100, Duration::zero()));
  ASSERT_TRUE(batch->succeeded());
  EXPECT_EQ(batch->result->value().size(), 7U);
  DispatchQueueTrial::settle(blocked_);
  EXPECT_EQ(id_of(waiter), 8U);
}

TEST_F(DispatchChannelTest, ReservationEndsWithTheLine) {
  open({.capacity = 16, .overtake_max = 1});
  const auto waiter = wait();
  trial_.in_one_step([&] {
    fill(1, 2);
    EXPECT_EQ(take_now(), (Ids{1}));
    waiter->cancel();
  });
  ASSERT_TRUE(waiter->failed_with(Errc::cancelled));
  EXPECT_EQ(take_now(), (Ids{2}));
}

/// Fills the channel, and takes in one go until the waiter has been served.
auto take_past(DispatchChannel& channel, const Call<Taken>& waiter, int& taken) -> Async<void> {
  for (std::uint64_t id = 1; id <= 100; ++id) {
    const auto sent = channel.sink->try_enqueue(DispatchQueueTrial::item(id));
    if (!sent) co_return sent.error();
  }
  for (taken = 0; !waiter->done() && taken < 99; ++taken) {
    const auto next = co_await channel.source->dequeue(seconds{1});
    if (!next) co_return next.error();
  }
  co_return success();
}

TEST_F(DispatchChannelTest, TakerYieldsToTheLineAfterOvertakeMax) {
  open({.capacity = 200, .overtake_max = 5});
  const auto waiter = wait();
  int taken = 0;
  const auto taker = trial_.start(take_past(channel_, waiter, taken));
  EXPECT_TRUE(taker->succeeded());
  EXPECT_EQ(id_of(waiter), 6U);
  EXPECT_EQ(taken, 6);
}

// --- D15 -----------------------------------------------------------------------------------------

TEST_F(DispatchChannelTest, CountersAddUp) {
  open({.capacity = 8});
  for (int round = 0; round < 5; ++round) {
    fill(1, 1);
    take_now();
  }
  EXPECT_EQ(channel_.counters().high_water, 1U);
  fill(1, 5);
  ASSERT_TRUE(channel_.source->try_dequeue());
  ASSERT_TRUE(channel_.sink->bump_session(SessionId{2}));
  fill(1, 2, 2);
  const auto counters = channel_.counters();
  EXPECT_EQ(counters.enqueued, 12U);
  EXPECT_EQ(counters.dequeued, 6U);
  EXPECT_EQ(counters.stale_dropped, 4U);
  EXPECT_EQ(counters.queued, 2U);
  EXPECT_EQ(counters.high_water, 5U);
}

TEST_F(DispatchChannelTest, CountersOutliveTheHalves) {
  open({.capacity = 8});
  fill(1, 3);
  channel_.sink.reset();
  channel_.source.reset();
  EXPECT_EQ(channel_.counters().enqueued, 3U);
}

}  // namespace
}  // namespace spider
