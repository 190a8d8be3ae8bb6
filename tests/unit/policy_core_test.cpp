#include "spider/policy_core.hpp"
#include "spider/rng.hpp"
#include "spider/testing/core_trial.hpp"
#include "support/policy_cores.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace spider::inline v1::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

auto names(const std::vector<TaskRef>& tasks) -> std::vector<std::string> {
  std::vector<std::string> names;
  for (const auto task : tasks) names.push_back(std::to_string(task.job.value) + "." + to_string(task.task));
  return names;
}

auto last_poll(CoreTrial& trial, StorageCall call) -> PollRequest {
  PollRequest poll;
  for (const auto& request : trial.storage().requests()) {
    if (request.call == call) poll = request.poll;
  }
  return poll;
}

auto urgent(InboundEntry entry) -> InboundEntry {
  entry.priority = 0;
  return entry;
}
auto relaxed(InboundEntry entry) -> InboundEntry {
  entry.priority = 7;
  return entry;
}

TEST(PolicyCore, OptionsOutsideTheirRangesAreRefused) {
  const auto code = [](PolicyCoreOptions options) {
    const auto made = make_policy_core(make_plain_policy(), std::move(options));
    return made ? std::error_code{} : made.error().code;
  };
  EXPECT_EQ(code({}), std::error_code{});
  EXPECT_EQ(make_policy_core(nullptr, {}).error(), Errc::invalid_argument);
  EXPECT_EQ(code({.member = "no spaces"}), Errc::invalid_name);
  EXPECT_EQ(code({.queues = {}}), Errc::invalid_argument);
  EXPECT_EQ(code({.queues = {""}}), Errc::invalid_name);
  EXPECT_EQ(code({.buffered_max = 0}), Errc::invalid_argument);
  EXPECT_EQ(code({.buffered_max = (1U << 26U) + 1}), Errc::invalid_argument);
  EXPECT_EQ(code({.poll_items_max = 0}), Errc::invalid_argument);
  EXPECT_EQ(code({.lane_quantum = 0}), Errc::invalid_argument);
  EXPECT_EQ(code({.finalizing_max = 0}), Errc::invalid_argument);
  EXPECT_EQ(code({.reregister_after = 0}), Errc::invalid_argument);
  EXPECT_EQ(code({.poll_wait = 0s}), Errc::invalid_time);
  EXPECT_EQ(code({.recover_after = 0s}), Errc::invalid_time);
  EXPECT_EQ(code({.leave_timeout = -1s}), Errc::invalid_time);
  EXPECT_EQ(make_policy_core(make_plain_policy({.throws_on_traits = true}), {}).error(), Errc::policy_failed);
}

TEST(PolicyCore, AssignmentCarriesWhatTheEntrySaid) {
  CoreTrial trial{policy_core()};
  trial.start();
  auto entry = ready_entry(3, 4, 5);
  entry.created_at = TimePoint{1s};
  entry.ready_at = TimePoint{2s};
  entry.queue = 6;
  entry.priority = 7;
  trial.storage().offer(entry);
  trial.settle();
  ASSERT_THAT(trial.sink().accepted(), SizeIs(1));
  const auto assignment = trial.sink().accepted().front();
  EXPECT_EQ(assignment.ref(), entry.ref());
  EXPECT_EQ(assignment.group, entry.group);
  EXPECT_EQ(assignment.created_at, entry.created_at);
  EXPECT_EQ(assignment.ready_at, entry.ready_at);
  EXPECT_EQ(assignment.queue, entry.queue);
  EXPECT_EQ(assignment.priority, entry.priority);
  EXPECT_EQ(assignment.scheduler, SchedulerId{1});
  EXPECT_EQ(assignment.session, trial.storage().session());
}

TEST(PolicyCore, AssignmentIdsAreUniqueOverRunsAndSessions) {
  CoreTrial trial{policy_core()};
  std::set<AssignmentId> ids;
  for (std::uint32_t run = 0; run < 3; ++run) {
    trial.start();
    trial.storage().offer(ready_entry(1, 2 * run));
    trial.settle();
    trial.storage().lapse();
    trial.settle();
    trial.storage().offer(ready_entry(1, 2 * run + 1));
    trial.settle();
    trial.cancel();
    trial.forget_end();
  }
  for (const auto& assignment : trial.sink().accepted()) EXPECT_TRUE(ids.insert(assignment.id).second);
  EXPECT_GE(ids.size(), 6U);
}

TEST(PolicyCore, C1IdleCoreDoesNothingButItsLongPolls) {
  CoreTrial trial{policy_core({}, {.poll_wait = 20s})};
  trial.start();
  const auto requests = trial.storage().requests().size();
  // The storage's one timer for the four polls that began at the same instant.
  EXPECT_EQ(trial.clock().run_for(600s), 30U);
  EXPECT_EQ(trial.storage().requests().size() - requests, 4U * 30U);
}

TEST(PolicyCore, C1ArrivalSlotAndHandBackEachWakeItAtOnce) {
  CoreTrial trial{policy_core(), 1};
  trial.start();
  trial.storage().offer(ready_entry(1, 0));
  trial.storage().offer(ready_entry(1, 1));
  trial.settle();
  const auto first = trial.sink().take();
  EXPECT_THAT(first, SizeIs(1));
  trial.settle();
  EXPECT_THAT(names(trial.taken()), ElementsAre("1.1"));
  trial.handed_back().give(first.front());
  trial.settle();
  EXPECT_THAT(names(trial.taken()), ElementsAre("1.0"));
  EXPECT_EQ(trial.clock().now(), TimePoint{});
}

TEST(PolicyCore, C1PolicyThatWantsToBeAskedLaterIsAskedThen) {
  CoreTrial trial{policy_core({.paused = 3s})};
  trial.start();
  trial.storage().offer(ready_entry(1, 0));
  trial.advance(1s);
  trial.storage().offer(ready_entry(1, 1));
  trial.advance(2s - 1ns);
  EXPECT_THAT(trial.taken(), IsEmpty());
  trial.advance(1ns);
  EXPECT_THAT(names(trial.taken()), ElementsAre("1.0"));
  trial.advance(1s);
  EXPECT_THAT(names(trial.taken()), ElementsAre("1.1"));
  EXPECT_EQ(trial.log().count(EventKind::policy_idle), 0U);
}

TEST(PolicyCore, C2LaneWhosePollNeverAnswersDelaysNoOther) {
  for (const auto lane : {TaskKind::commit, TaskKind::cleanup, TaskKind::regular}) {
    CoreTrial trial{policy_core()};
    trial.storage().hang(poll_of(lane));
    trial.storage().hang(StorageCall::poll_ended);
    trial.start();
    trial.storage().offer(ready_entry(1, 0));
    trial.storage().offer(commit_entry(2));
    trial.storage().offer(cleanup_entry(3));
    trial.settle();
    EXPECT_THAT(trial.taken(), SizeIs(2));
    EXPECT_EQ(trial.storage().under_way(poll_of(lane)), 1U);
    EXPECT_EQ(trial.clock().now(), TimePoint{});
  }
}

TEST(PolicyCore, C2PollAsksForNoMoreThanTheRoomLeft) {
  CoreTrial trial{policy_core({}, {.buffered_max = 100, .poll_items_max = 1'000}), 1};
  trial.start();
  EXPECT_EQ(last_poll(trial, StorageCall::poll_ready).max_items, 100U);
  EXPECT_EQ(last_poll(trial, StorageCall::poll_ready).per_group_max, 64U);
  EXPECT_EQ(last_poll(trial, StorageCall::poll_ready).per_job_max, 64U);
  EXPECT_EQ(last_poll(trial, StorageCall::poll_ready).wait, PolicyCoreOptions{}.poll_wait);
  for (std::uint32_t task = 0; task < 31; ++task) trial.storage().offer(ready_entry(1, task));
  trial.settle();
  EXPECT_EQ(last_poll(trial, StorageCall::poll_ready).max_items, 70U) << "one is dispatched";
  EXPECT_EQ(last_poll(trial, StorageCall::poll_commit_ready).max_items, 100U) << "lanes have their own room";
}

TEST(PolicyCore, C2OneGroupCannotTakeAllOfALargePoll) {
  CoreTrial trial{policy_core({}, {.buffered_max = 1'000, .poll_items_max = 400})};
  trial.start();
  EXPECT_EQ(last_poll(trial, StorageCall::poll_ready).max_items, 400U);
  EXPECT_EQ(last_poll(trial, StorageCall::poll_ready).per_group_max, 200U);
}

TEST(PolicyCore, C2FullLaneIsNotPolledUntilThereIsRoom) {
  CoreTrial trial{policy_core({}, {.buffered_max = 16}), 1};
  trial.start();
  for (std::uint32_t task = 0; task < 40; ++task) trial.storage().offer(ready_entry(1, task));
  trial.settle();
  EXPECT_EQ(trial.storage().under_way(StorageCall::poll_ready), 0U);
  EXPECT_EQ(trial.storage().under_way(StorageCall::poll_commit_ready), 1U);
  EXPECT_THAT(trial.drain(), SizeIs(40));
  EXPECT_EQ(trial.storage().under_way(StorageCall::poll_ready), 1U);
}

TEST(PolicyCore, C3RedeliveryIsIgnoredWhileBufferedAndScheduledOnceEnqueued) {
  CoreTrial trial{policy_core(), 1};
  trial.start();
  for (int time = 0; time < 2; ++time) {
    trial.storage().offer(ready_entry(1, 0));
    trial.storage().offer(ready_entry(1, 1));
    trial.settle();
  }
  EXPECT_EQ(trial.log().count(EventKind::duplicate_ignored), 1U);
  EXPECT_THAT(names(trial.drain()), ElementsAre("1.0", "1.1", "1.0"));
}

TEST(PolicyCore, C3EntryThatWasRefusedByTheSinkIsStillADuplicate) {
  CoreTrial trial{policy_core(), 1};
  trial.start();
  trial.sink().refuse(1);
  trial.storage().offer(ready_entry(1, 0));
  trial.storage().offer(ready_entry(1, 0));
  trial.settle();
  EXPECT_THAT(names(trial.drain()), ElementsAre("1.0"));
}

TEST(PolicyCore, C4LanesTakeTurns) {
  CoreTrial trial{policy_core({}, {.lane_quantum = 1}), 0};
  trial.start();
  for (std::uint32_t task = 0; task < 2; ++task) trial.storage().offer(ready_entry(1, task));
  for (std::uint64_t job = 2; job < 4; ++job) trial.storage().offer(commit_entry(job));
  trial.storage().offer(cleanup_entry(4));
  trial.settle();
  trial.sink().set_capacity(1);
  EXPECT_THAT(names(trial.drain()), ElementsAre("2.commit", "4.cleanup", "1.0", "3.commit", "1.1"));
}

TEST(PolicyCore, C5C6DropsAreReported) {
  CoreTrial trial{policy_core(), 0};
  trial.start();
  for (std::uint32_t task = 0; task < 3; ++task) trial.storage().offer(ready_entry(1, task));
  for (std::uint32_t task = 0; task < 2; ++task) trial.storage().offer(ready_entry(2, task));
  trial.settle();
  trial.storage().offer(commit_entry(1));
  trial.storage().end_job(JobId{2});
  trial.settle();
  std::vector<std::uint64_t> dropped;
  for (const auto& event : trial.log().events()) {
    if (event.kind == EventKind::job_dropped) dropped.push_back(event.count);
  }
  EXPECT_THAT(dropped, ::testing::UnorderedElementsAre(3U, 2U));
  trial.sink().set_capacity(1);
  EXPECT_THAT(names(trial.drain()), ElementsAre("1.commit"));
}

TEST(PolicyCore, C7BatchesOfANewSessionAreInBeforeTheFirstDecision) {
  CoreTrial trial{policy_core()};
  trial.start();
  InboundBatch ready;
  InboundBatch commit;
  ready.session = commit.session = trial.storage().lapse();
  ready.entries = {ready_entry(1, 0), ready_entry(2, 0)};
  commit.entries = {commit_entry(1)};
  trial.storage().deliver(TaskKind::regular, ready);
  trial.storage().deliver(TaskKind::commit, commit);
  trial.settle();
  EXPECT_THAT(names(trial.taken()), ElementsAre("1.commit", "2.0"));
  EXPECT_EQ(trial.clock().now(), TimePoint{});
}

TEST(PolicyCore, C7NewSessionUnblocksACoreThatWaitedForSlots) {
  CoreTrial trial{policy_core(), 1};
  trial.start();
  for (std::uint32_t task = 0; task < 3; ++task) trial.storage().offer(ready_entry(1, task));
  trial.settle();
  trial.storage().forget_leases();
  trial.storage().lapse();
  trial.storage().offer(ready_entry(2, 0));
  trial.settle();
  EXPECT_THAT(names(trial.drain()), ElementsAre("2.0"));
}

TEST(PolicyCore, C8HandedBackIsTakenBeyondTheBuffersCapacity) {
  CoreTrial trial{policy_core({}, {.buffered_max = 4})};
  trial.start();
  for (std::uint32_t task = 0; task < 20; ++task) trial.storage().offer(ready_entry(1, task));
  trial.settle();
  const auto assignments = trial.sink().take();
  ASSERT_THAT(assignments, SizeIs(20));
  trial.sink().set_capacity(0);
  for (const auto& assignment : assignments) trial.handed_back().give(assignment);
  trial.settle();
  const auto gauges = static_cast<PolicyCore&>(trial.core()).gauges();
  EXPECT_EQ(gauges.buffered, 20U);
  EXPECT_EQ(gauges.indexed, 20U);
  trial.sink().set_capacity(64);
  EXPECT_THAT(trial.drain(), SizeIs(20));
}

TEST(PolicyCore, C9UrgentArrivalOvertakesWhatIsBuffered) {
  CoreTrial trial{policy_core({.by_class = true}), 1};
  trial.start();
  for (std::uint32_t task = 0; task < 50; ++task) trial.storage().offer(relaxed(ready_entry(1, task)));
  trial.settle();
  trial.storage().offer(urgent(ready_entry(2, 0)));
  trial.settle();
  const auto order = names(trial.drain());
  ASSERT_THAT(order, SizeIs(51));
  EXPECT_EQ(order[1], "2.0") << "only what was in the queue already goes before it";
}

TEST(PolicyCore, BurstOfOneGroupDoesNotHideAnothersTask) {
  CoreTrial trial{policy_core({.by_class = true}, {.buffered_max = 1'024}), 1};
  trial.start();
  for (std::uint32_t task = 0; task < 5'000; ++task) trial.storage().offer(relaxed(ready_entry(1, task, 1)));
  trial.settle();
  EXPECT_EQ(trial.storage().leased(), 1'024U) << "the buffer is full";
  trial.storage().offer(urgent(ready_entry(2, 0, 2)));
  const auto order = names(trial.drain());
  ASSERT_THAT(order, SizeIs(5'001));
  const auto place = std::ranges::find(order, "2.0") - order.begin();
  EXPECT_LE(place, 66) << "room for 64 is made, then a poll brings it";
}

TEST(PolicyCore, C11EveryGaugeStaysWithinItsBoundUnderRandomLoad) {
  constexpr std::uint64_t kSeed = 77;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Rng rng{kSeed};
  CoreTrial trial{policy_core({.by_class = true}, {.buffered_max = 32, .finalizing_max = 8}), 4};
  trial.start();
  auto& core = static_cast<PolicyCore&>(trial.core());
  for (int step = 0; step < 4'000; ++step) {
    const auto job = 1 + rng.below(30);
    auto entry = ready_entry(job, static_cast<std::uint32_t>(rng.below(1'000)));
    if (rng.chance(0.1)) entry = rng.chance(0.5) ? commit_entry(job) : cleanup_entry(job);
    entry.priority = static_cast<PriorityClass>(rng.below(3));
    trial.storage().offer(entry);
    if (rng.chance(0.02)) trial.storage().end_job(JobId{job});
    if (rng.chance(0.005)) trial.storage().lapse();
    if (rng.chance(0.3)) trial.taken();
    if (rng.chance(0.5)) trial.settle();
    const auto gauges = core.gauges();
    ASSERT_LE(gauges.buffered, gauges.buffered_max);
    ASSERT_LE(gauges.commit, gauges.buffered_max);
    ASSERT_LE(gauges.cleanup, gauges.buffered_max);
    ASSERT_LE(gauges.finalizing, gauges.finalizing_max);
    ASSERT_LE(gauges.indexed, gauges.buffered + gauges.commit + gauges.cleanup);
  }
  EXPECT_EQ(core.gauges().dispatched, trial.sink().accepted().size());
  EXPECT_GT(core.gauges().dispatched, 1'000U);
}

}  // namespace
}  // namespace spider::inline v1::testing
