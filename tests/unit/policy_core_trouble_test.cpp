#include "spider/policy_core.hpp"
#include "spider/testing/core_trial.hpp"
#include "support/policy_cores.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace spider::inline v1::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

auto dispatched(CoreTrial& trial) -> std::size_t { return trial.sink().accepted().size(); }

/// A trial with a full queue and more buffered.
auto fill(CoreTrial& trial) -> void {
  for (std::uint32_t task = 0; task < 5; ++task) trial.storage().offer(ready_entry(1, task));
  trial.storage().offer(commit_entry(2));
  trial.settle();
}

TEST(PolicyCore, C10PausesDoubleUpToTheMaximumWithJitterBelow) {
  CoreTrial trial{policy_core({}, {.reregister_after = 1'000'000})};
  trial.storage().fail(StorageCall::poll_ready, Errc::storage_unavailable);
  trial.start();
  trial.advance(10min);
  EXPECT_FALSE(trial.ended());
  const auto pauses = trial.log().durations(EventKind::poll_failed);
  ASSERT_GT(pauses.size(), 30U);
  auto full = Duration{100ms};
  std::set<Duration> distinct;
  for (const auto pause : pauses) {
    EXPECT_GE(pause, full / 2);
    EXPECT_LE(pause, full);
    distinct.insert(pause);
    full = std::min<Duration>(2 * full, 15s);
  }
  EXPECT_GT(distinct.size(), 30U);
  EXPECT_EQ(trial.storage().count(StorageCall::poll_ready), pauses.size());
}

TEST(PolicyCore, C10OneFailingLaneHarmsNoOtherAndRecovers) {
  CoreTrial trial{policy_core({}, {.reregister_after = 1'000'000})};
  trial.storage().fail(StorageCall::poll_ready, Errc::storage_unavailable);
  trial.start();
  trial.storage().offer(ready_entry(1, 0));
  trial.storage().offer(commit_entry(2));
  trial.settle();
  EXPECT_THAT(trial.taken(), ElementsAre(TaskRef{JobId{2}, TaskId::commit()}));
  trial.advance(1h);
  EXPECT_THAT(trial.taken(), IsEmpty());
  trial.storage().heal(StorageCall::poll_ready);
  trial.advance(15s);
  EXPECT_THAT(trial.taken(), SizeIs(1));
}

TEST(PolicyCore, C10PauseBeginsAnewAfterASuccess) {
  CoreTrial trial{policy_core({}, {.recover_after = 1h})};
  trial.start();
  for (int time = 0; time < 5; ++time) {
    trial.storage().fail(StorageCall::poll_commit_ready, Errc::storage_unavailable, 1);
    trial.advance(1min);
  }
  EXPECT_THAT(trial.log().durations(EventKind::poll_failed), SizeIs(5));
  EXPECT_THAT(trial.log().durations(EventKind::poll_failed), Each(::testing::Le(Duration{100ms})));
}

TEST(PolicyCore, C10RegistersAnewAfterSoManyFailuresAndRecoversWhatWasLeased) {
  CoreTrial trial{policy_core({}, {.reregister_after = 3, .recover_after = 1h}), 1};
  trial.start();
  trial.storage().offer(ready_entry(1, 0));
  trial.storage().offer(ready_entry(1, 1));
  trial.settle();
  trial.sink().take();  // its execution manager is lost without a trace
  trial.settle();
  const auto session = trial.storage().session();
  trial.storage().fail(StorageCall::poll_commit_ready, Errc::storage_unavailable, 2);
  trial.advance(1min);
  EXPECT_EQ(trial.storage().session(), session) << "two failures are not enough";
  trial.storage().fail(StorageCall::poll_commit_ready, Errc::storage_unavailable, 3);
  trial.advance(1min);
  EXPECT_GT(trial.storage().session(), session);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 2U);
  EXPECT_THAT(trial.drain(), ElementsAre(TaskRef{JobId{1}, TaskId{0}}, TaskRef{JobId{1}, TaskId{1}}));
}

TEST(PolicyCore, C10GapInTheEndedJobsRegistersAnewOnce) {
  CoreTrial trial{policy_core()};
  trial.start();
  trial.storage().report_gap();
  trial.advance(1min);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 2U)
      << "polls under way when the session is superseded do not count against the new one";
}

TEST(PolicyCore, C10SupersededCoreRegistersAnewOnce) {
  CoreTrial trial{policy_core()};
  trial.start();
  trial.storage().supersede();
  trial.storage().offer(ready_entry(1, 0));
  trial.advance(1min);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 2U);
  EXPECT_THAT(trial.taken(), SizeIs(1));
}

TEST(PolicyCore, C10StorageThatAnswersCancelledUnaskedIsRetriedToo) {
  CoreTrial trial{policy_core()};
  trial.storage().fail(StorageCall::register_scheduler, Errc::cancelled, 1);
  trial.storage().fail(StorageCall::poll_ready, Errc::cancelled, 1);
  trial.storage().fail(StorageCall::poll_ended, Errc::cancelled, 1);
  trial.start();
  trial.storage().offer(ready_entry(1, 0));
  trial.advance(10s);
  EXPECT_FALSE(trial.ended());
  EXPECT_THAT(trial.taken(), SizeIs(1));
  EXPECT_EQ(trial.storage().under_way(StorageCall::poll_ended), 1U);
}

TEST(PolicyCore, C10EarlyEmptyAnswersDoNotMakeItSpin) {
  CoreTrial trial{policy_core()};
  trial.start();
  for (int time = 0; time < 1'000; ++time) {
    InboundBatch batch;
    batch.session = time % 2 == 0 ? trial.storage().session() : SessionId{1};
    trial.storage().deliver(TaskKind::regular, batch);
  }
  const auto before = trial.storage().count(StorageCall::poll_ready);
  trial.advance(10s);
  EXPECT_LE(trial.storage().count(StorageCall::poll_ready) - before, 101U);
}

TEST(PolicyCore, C12NothingIsEnqueuedOnceCancellationWasRequested) {
  CoreTrial trial{policy_core()};
  trial.start();
  trial.cancel([&] { trial.storage().offer(ready_entry(1, 0)); });  // the poll's answer is under way
  ASSERT_TRUE(trial.ended());
  EXPECT_EQ(*trial.ended(), Errc::cancelled);
  EXPECT_EQ(dispatched(trial), 0U);
  EXPECT_EQ(trial.storage().leased(), 0U);
}

TEST(PolicyCore, C12CancelledAtEverySuspensionPointItEndsAndLeavesNothing) {
  for (std::size_t steps = 0; steps < 150; ++steps) {
    SCOPED_TRACE("cancelled after " + std::to_string(steps) + " handlers");
    CoreTrial trial{policy_core({.by_class = true}), 2};
    trial.storage().fail(StorageCall::register_scheduler, Errc::storage_unavailable, steps % 2);
    fill(trial);
    trial.launch();
    for (std::size_t step = 0; step < steps; ++step) {
      if (!trial.step()) trial.advance(10ms);
      if (step % 20 == 19) trial.taken();
    }
    trial.cancel();
    ASSERT_TRUE(trial.ended());
    EXPECT_EQ(*trial.ended(), Errc::cancelled);
    EXPECT_EQ(trial.storage().leased(), 0U);
    EXPECT_EQ(trial.storage().session(), SessionId{}) << "left";
    trial.advance(1h);
    EXPECT_EQ(trial.enqueued_after_cancel(), 0U);
  }
}

TEST(PolicyCore, C12HangingStorageDoesNotHoldItUp) {
  constexpr StorageCall kCalls[] = {StorageCall::poll_ready, StorageCall::poll_ended,
                                    StorageCall::register_scheduler};
  for (const auto call : kCalls) {
    CoreTrial trial{policy_core()};
    trial.storage().hang(call);
    trial.start();
    trial.cancel();
    EXPECT_TRUE(trial.ended());
    EXPECT_EQ(trial.clock().now(), TimePoint{});
  }
}

TEST(PolicyCore, C12LeavingAStorageThatHangsIsGivenUp) {
  CoreTrial trial{policy_core({}, {.leave_timeout = 2s})};
  trial.start();
  trial.storage().hang(StorageCall::unregister_scheduler);
  trial.cancel();
  trial.advance(2s - 1ns);
  EXPECT_FALSE(trial.ended());
  trial.advance(1ns);
  EXPECT_TRUE(trial.ended());
}

TEST(PolicyCore, C12LeavesAlsoWhileItRegistersAnew) {
  CoreTrial trial{policy_core()};
  trial.start();
  trial.storage().hang(StorageCall::register_scheduler);
  trial.storage().report_gap();
  trial.settle();
  EXPECT_EQ(trial.storage().under_way(StorageCall::register_scheduler), 1U);
  trial.cancel();
  EXPECT_TRUE(trial.ended());
  EXPECT_EQ(trial.storage().session(), SessionId{});
}

TEST(PolicyCore, C12CallersCancellationStaysVisible) {
  asio::io_context context;
  VirtualClock clock{context};
  ScriptedStorage storage{clock};
  ScriptedSink sink{clock, 1};
  ScriptedHandedBack handed_back{clock};
  CoreContext parts{storage, sink, handed_back, clock, null_observer()};
  const auto core = policy_core();
  asio::cancellation_signal signal;
  const auto run = [](SchedulerCore* running, CoreContext* in) -> Async<void> {
    static_cast<void>(co_await running->run(*in));
    const auto asked = co_await cancelled();
    co_return asked ? Errc::cancelled : Errc::internal;
  };
  std::optional<Error> ended;
  asio::co_spawn(context, rooted(run(core.get(), &parts)),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, Result<void> result) {
                   ended = result.error();
                 }));
  clock.drain();
  signal.emit(asio::cancellation_type::terminal);
  clock.drain();
  EXPECT_EQ(ended, Error{Errc::cancelled});
}

TEST(PolicyCore, ContextDestroyedUnderARunningCoreTouchesNothingAfterwards) {
  asio::cancellation_signal never;
  auto context = std::make_unique<asio::io_context>();
  VirtualClock clock{*context};
  ScriptedStorage storage{clock};
  ScriptedSink sink{clock, 1};
  ScriptedHandedBack handed_back{clock};
  CoreContext parts{storage, sink, handed_back, clock, null_observer()};
  const auto core = policy_core();
  for (std::uint32_t task = 0; task < 5; ++task) storage.offer(ready_entry(1, task));
  asio::co_spawn(*context, rooted(core->run(parts)),
                 asio::bind_cancellation_slot(never.slot(), [](std::exception_ptr, Result<void>) {}));
  clock.drain();
  EXPECT_THAT(sink.accepted(), SizeIs(1));
  context.reset();
}

TEST(PolicyCore, C13BadPolicyEndsItWithItsText) {
  const auto ends_with = [](PlainPolicy::Manners manners) {
    CoreTrial trial{policy_core(manners)};
    trial.start();
    trial.storage().offer(ready_entry(1, 0));
    trial.settle();
    EXPECT_EQ(dispatched(trial), 0U);
    EXPECT_EQ(trial.storage().leased(), 0U);
    return trial.ended().value_or(Error{});
  };
  EXPECT_EQ(ends_with({.throws_on_admit = true}), (Error{Errc::policy_failed, "no room at the inn"}));
  EXPECT_EQ(ends_with({.throws_on_next = true}), Errc::policy_failed);
  EXPECT_EQ(ends_with({.invents = true}), Errc::policy_failed);
}

TEST(PolicyCore, C13PolicyThatIsDeafIsReportedAndNotAskedInALoop) {
  CoreTrial trial{policy_core({.deaf = true})};
  trial.start();
  trial.storage().offer(ready_entry(1, 0));
  trial.settle();
  EXPECT_EQ(trial.log().count(EventKind::policy_idle), 1U);
  EXPECT_FALSE(trial.ended());
}

TEST(PolicyCore, C13PolicyThatAsksForThePastIsNotAskedInALoop) {
  CoreTrial trial{policy_core({.asks_for_the_past = true})};
  trial.start();
  trial.storage().offer(ready_entry(1, 0));
  EXPECT_TRUE(trial.settle());
  trial.advance(1min);
  EXPECT_THAT(trial.broken(), IsEmpty());
}

TEST(PolicyCore, OtherProducerThatIsFasterCostsOnlyTheWait) {
  CoreTrial trial{policy_core(), 2};
  trial.start();
  trial.sink().refuse(3);
  for (std::uint32_t task = 0; task < 4; ++task) trial.storage().offer(ready_entry(1, task));
  trial.settle();
  EXPECT_EQ(trial.log().count(EventKind::policy_idle), 0U);
  EXPECT_THAT(trial.drain(), ElementsAre(TaskRef{JobId{1}, TaskId{0}}, TaskRef{JobId{1}, TaskId{1}},
                                         TaskRef{JobId{1}, TaskId{2}}, TaskRef{JobId{1}, TaskId{3}}));
}

TEST(PolicyCore, SinkBumpedBySomebodyElseLeadsToANewRegistration) {
  CoreTrial trial{policy_core()};
  trial.start();
  const auto session = trial.storage().session();
  ASSERT_TRUE(trial.sink().bump_session(SessionId{session.value + 1}));
  EXPECT_EQ(trial.storage().lapse().value, session.value + 1);
  trial.storage().supersede();
  trial.storage().offer(ready_entry(1, 0));
  trial.advance(1min);
  EXPECT_THAT(trial.taken(), SizeIs(1));
  EXPECT_FALSE(trial.ended());
}

TEST(PolicyCore, SinkBumpedBeyondEverySessionEndsIt) {
  CoreTrial trial{policy_core()};
  trial.start();
  ASSERT_TRUE(trial.sink().bump_session(SessionId{1'000}));
  trial.storage().offer(ready_entry(1, 0));
  trial.settle();
  ASSERT_TRUE(trial.ended());
  EXPECT_EQ(*trial.ended(), Errc::invalid_session);
}

TEST(PolicyCore, ClosedSinkEndsItWhetherFullOrNot) {
  for (const std::size_t capacity : {1U, 64U}) {
    CoreTrial trial{policy_core(), capacity};
    trial.start();
    fill(trial);
    trial.sink().close();
    trial.storage().offer(ready_entry(3, 0));
    trial.settle();
    ASSERT_TRUE(trial.ended());
    EXPECT_EQ(*trial.ended(), Errc::dispatch_queue_closed);
    EXPECT_EQ(trial.storage().session(), SessionId{}) << "left";
  }
}

}  // namespace
}  // namespace spider::inline v1::testing
