#include "spider/push_dispatcher.hpp"

#include "spider/dispatch_channel.hpp"
#include "spider/handed_back.hpp"
#include "spider/mocks/worker_pool.hpp"
#include "spider/sharded_worker_pool.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace spider {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::NiceMock;

/// What the workers of a test do with what they are given.
struct Fleet {
  Clock* clock = nullptr;
  Duration takes{};  ///< of each delivery
  std::vector<std::uint64_t> delivered;
  std::vector<Claim> claims;
  std::size_t at_once = 0;
  std::size_t at_once_most = 0;
  std::size_t fails = 0;   ///< so many deliveries fail, the first ones
  std::size_t throws = 0;  ///< so many throw
};

auto deliver_to(Fleet* fleet, Claim claim, TaskAssignment assignment) -> Async<void> {
  fleet->at_once_most = std::max(fleet->at_once_most, ++fleet->at_once);
  fleet->claims.push_back(claim);
  const auto slept = co_await fleet->clock->sleep_until(fleet->clock->now() + fleet->takes);
  --fleet->at_once;
  if (!slept) co_return slept.error();
  if (fleet->throws > 0) {
    --fleet->throws;
    throw std::runtime_error{"no worker"};
  }
  if (fleet->fails > 0) {
    --fleet->fails;
    co_return Errc::io_error;
  }
  fleet->delivered.push_back(assignment.id.value);
  co_return success();
}

class PushDispatcherTest : public ::testing::Test {
 protected:
  PushDispatcherTest() {
    fleet_.clock = &clock_;
    options_.claimant = ClaimantId{1};
  }

  auto workers(std::uint64_t count) -> void {
    for (std::uint64_t worker = 1; worker <= count; ++worker) {
      ASSERT_TRUE(block_on(clock_, pool_->add(WorkerInfo{WorkerId{worker}})));
    }
  }
  auto start() -> void { start_on(*pool_); }
  auto start_on(WorkerPool& pool) -> void {
    auto deliver = [fleet = &fleet_](Claim claim, TaskAssignment assignment) {
      return deliver_to(fleet, claim, assignment);
    };
    dispatcher_ =
        make_push_dispatcher(options_, *channel_.source, pool, handed_back_, clock_, deliver).value();
    asio::co_spawn(context_, rooted(dispatcher_->run()),
                   asio::bind_cancellation_slot(stop_.slot(), [this](std::exception_ptr, Result<void> why) {
                     ended_.emplace(std::move(why));
                   }));
    clock_.drain();
  }
  auto stop() -> void {
    stop_.emit(asio::cancellation_type::terminal);
    clock_.drain();
  }
  auto enqueue(std::uint64_t first, std::uint64_t last) -> void {
    for (auto id = first; id <= last; ++id) {
      TaskAssignment assignment;
      assignment.id = AssignmentId{id};
      assignment.session = SessionId{1};
      ASSERT_TRUE(channel_.sink->try_enqueue(assignment));
    }
    clock_.drain();
  }
  auto release(std::size_t number) -> void {
    ASSERT_TRUE(block_on(clock_, pool_->release(fleet_.claims.at(number))));
    clock_.drain();
  }
  auto handed_back() -> std::vector<std::uint64_t> {
    std::vector<std::uint64_t> ids;
    for (const auto& assignment : handed_back_.take(1000)) ids.push_back(assignment.id.value);
    return ids;
  }
  /// P1, at any instant.
  auto expect_nothing_lost() -> void {
    const auto counters = dispatcher_->counters();
    EXPECT_EQ(counters.taken, counters.waiting + counters.in_flight + counters.delivered +
                                  counters.handed_back + counters.refused);
    EXPECT_EQ(counters.taken, channel_.counters().dequeued);
  }

  asio::io_context context_;
  VirtualClock clock_{context_};
  DispatchChannel channel_ = make_dispatch_channel({.capacity = 64, .session = SessionId{1}}, clock_).value();
  std::unique_ptr<ShardedWorkerPool> pool_ = make_sharded_worker_pool({}, clock_).value();
  HandedBackQueue handed_back_{clock_, 64};
  Fleet fleet_;
  PushDispatcherOptions options_;
  std::unique_ptr<PushDispatcher> dispatcher_;
  asio::cancellation_signal stop_;
  std::optional<Result<void>> ended_;
};

TEST_F(PushDispatcherTest, P2_EachAssignmentGetsAnIdleWorkerInOrder) {
  workers(3);
  start();
  enqueue(1, 5);
  EXPECT_THAT(fleet_.delivered, ElementsAre(1, 2, 3));
  EXPECT_EQ(dispatcher_->counters().waiting, 1U);
  release(1);
  EXPECT_THAT(fleet_.delivered, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(fleet_.claims[3].worker, fleet_.claims[1].worker);
  expect_nothing_lost();
}

TEST_F(PushDispatcherTest, P3_DeliveriesAndWhatWaitsAreBounded) {
  workers(20);
  options_.in_flight_max = 4;
  fleet_.takes = 1s;
  start();
  enqueue(1, 20);
  EXPECT_EQ(channel_.counters().dequeued, 4U);
  clock_.run_for(2s);
  expect_nothing_lost();
  clock_.run_for(20s);
  EXPECT_EQ(fleet_.delivered.size(), 20U);
  EXPECT_EQ(fleet_.at_once_most, 4U);
}

TEST_F(PushDispatcherTest, P4_FailedDeliveryHandsBackAndLeavesTheWorkerToTheSweeper) {
  workers(1);
  fleet_.fails = 1;
  start();
  enqueue(1, 2);
  EXPECT_THAT(handed_back(), ElementsAre(1));
  EXPECT_THAT(fleet_.delivered, IsEmpty());
  clock_.run_for(options_.lease - 1ns);
  EXPECT_THAT(fleet_.delivered, IsEmpty());
  clock_.run_for(options_.sweep_interval);
  EXPECT_THAT(fleet_.delivered, ElementsAre(2));
  EXPECT_EQ(dispatcher_->counters().failed, 1U);
  expect_nothing_lost();
}

TEST_F(PushDispatcherTest, P4_ThrowingDeliveryIsAFailedOne) {
  workers(1);
  fleet_.throws = 1;
  start();
  enqueue(1, 1);
  EXPECT_THAT(handed_back(), ElementsAre(1));
  expect_nothing_lost();
}

TEST_F(PushDispatcherTest, P6_CancelHandsBackWhatWaitsAndEndsAfterTheLastDelivery) {
  workers(1);
  fleet_.takes = 10s;
  start();
  enqueue(1, 3);
  stop();
  EXPECT_THAT(handed_back(), ElementsAre(2));
  EXPECT_FALSE(ended_);
  clock_.run_for(10s);
  ASSERT_TRUE(ended_);
  EXPECT_EQ(ended_->error(), Errc::cancelled);
  EXPECT_THAT(fleet_.delivered, ElementsAre(1));
  EXPECT_EQ(channel_.counters().queued, 1U);
  expect_nothing_lost();
}

TEST_F(PushDispatcherTest, P6_CancelAtAnyInstantLosesNothing) {
  for (int handlers = 0; handlers < 120; ++handlers) {
    SCOPED_TRACE(handlers);
    asio::cancellation_signal stop;
    auto channel = make_dispatch_channel({.capacity = 8, .session = SessionId{1}}, clock_).value();
    auto pool = make_sharded_worker_pool({}, clock_).value();
    ASSERT_TRUE(block_on(clock_, pool->add(WorkerInfo{WorkerId{1}})));
    HandedBackQueue handed_back{clock_, 8};
    const auto deliver = [fleet = &fleet_](Claim claim, TaskAssignment assignment) {
      return deliver_to(fleet, claim, assignment);
    };
    auto dispatcher =
        make_push_dispatcher(options_, *channel.source, *pool, handed_back, clock_, deliver).value();
    bool ended = false;
    asio::co_spawn(context_, rooted(dispatcher->run()),
                   asio::bind_cancellation_slot(
                       stop.slot(), [&ended](std::exception_ptr, Result<void>) { ended = true; }));
    fleet_.delivered.clear();
    context_.restart();
    for (int ran = 0; ran < handlers; ++ran) {
      if (ran < 4) {
        TaskAssignment assignment;
        assignment.id = AssignmentId{static_cast<std::uint64_t>(ran + 1)};
        assignment.session = SessionId{1};
        ASSERT_TRUE(channel.sink->try_enqueue(assignment));
      }
      if (context_.poll_one() == 0) break;
    }
    stop.emit(asio::cancellation_type::terminal);
    clock_.drain();
    ASSERT_TRUE(ended);
    const auto queued = channel.counters();
    EXPECT_EQ(queued.enqueued, fleet_.delivered.size() + handed_back.size() + queued.queued);
  }
}

TEST_F(PushDispatcherTest, P6_ClosedQueueIsDrainedFirst) {
  workers(5);
  fleet_.takes = 1s;
  enqueue(1, 3);
  start();
  channel_.sink->close();
  clock_.run_for(2s);
  ASSERT_TRUE(ended_);
  EXPECT_EQ(ended_->error(), Errc::dispatch_queue_closed);
  EXPECT_THAT(fleet_.delivered, ElementsAre(1, 2, 3));
}

TEST_F(PushDispatcherTest, P7_SweepsWorkersThatNobodyReleases) {
  workers(1);
  start();
  enqueue(1, 2);
  clock_.run_for(options_.lease + options_.sweep_interval);
  EXPECT_THAT(fleet_.delivered, ElementsAre(1, 2));
}

TEST_F(PushDispatcherTest, P5_RenewedClaimIsNotSwept) {
  workers(1);
  start();
  enqueue(1, 2);
  for (int beat = 0; beat < 6; ++beat) {
    clock_.run_for(options_.lease / 2);
    ASSERT_TRUE(block_on(clock_, pool_->renew(fleet_.claims.at(0))));
  }
  EXPECT_THAT(fleet_.delivered, ElementsAre(1));
  release(0);
  EXPECT_THAT(fleet_.delivered, ElementsAre(1, 2));
}

TEST_F(PushDispatcherTest, PoolThatIsUnknownAsYetIsAskedAgain) {
  start();
  enqueue(1, 1);
  EXPECT_FALSE(ended_);
  workers(1);
  clock_.run_for(options_.sweep_interval);
  EXPECT_THAT(fleet_.delivered, ElementsAre(1));
}

TEST_F(PushDispatcherTest, PoolThatRefusesTheLeaseEndsIt) {
  workers(1);
  options_.lease = 1ns;
  start();
  enqueue(1, 1);
  ASSERT_TRUE(ended_);
  EXPECT_EQ(ended_->error(), Errc::invalid_argument);
  EXPECT_THAT(handed_back(), ElementsAre(1));
  expect_nothing_lost();
}

TEST_F(PushDispatcherTest, PoolThatCannotAnswerIsAskedAgain) {
  NiceMock<mocks::MockWorkerPool> broken;
  Claim claim;
  claim.worker = WorkerId{7};
  EXPECT_CALL(broken, claim)
      .WillOnce(mocks::CoFail(Errc::storage_unavailable))
      .WillOnce(mocks::CoReturn(std::optional{claim}));
  start_on(broken);
  enqueue(1, 1);
  EXPECT_THAT(fleet_.delivered, IsEmpty());
  clock_.run_for(options_.sweep_interval);
  EXPECT_THAT(fleet_.delivered, ElementsAre(1));
}

TEST_F(PushDispatcherTest, W8_WorkerThatServedTheActorLastIsTriedFirst) {
  workers(8);
  options_.actor = [](const TaskAssignment& assignment) { return ActorId{assignment.id.value % 2 + 1}; };
  start();
  enqueue(1, 2);
  release(0);
  release(1);
  enqueue(3, 4);
  EXPECT_EQ(fleet_.claims[2].worker, fleet_.claims[0].worker);
  EXPECT_EQ(fleet_.claims[3].worker, fleet_.claims[1].worker);
}

TEST_F(PushDispatcherTest, OptionsOutOfRangeAreRefused) {
  const auto refused = [this](auto change) {
    auto options = options_;
    change(options);
    const auto nothing = [](Claim, TaskAssignment) { return mocks::completed(Result<void>{success()}); };
    const auto made = make_push_dispatcher(options, *channel_.source, *pool_, handed_back_, clock_, nothing);
    return made.has_error() && made.error() == Errc::invalid_argument;
  };
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& options) { options.claimant = {}; }));
  EXPECT_TRUE(refused([](auto& options) { options.pool = "no spaces"; }));
  EXPECT_TRUE(refused([](auto& options) { options.lease = {}; }));
  EXPECT_TRUE(refused([](auto& options) { options.in_flight_max = 0; }));
  EXPECT_TRUE(refused([](auto& options) { options.sweep_interval = {}; }));
  EXPECT_TRUE(refused([](auto& options) { options.sweep_limit = 0; }));
  EXPECT_TRUE(
      make_push_dispatcher(options_, *channel_.source, *pool_, handed_back_, clock_, nullptr).has_error());
}

}  // namespace
}  // namespace spider
