#include "policy_core/core_buffer.hpp"
#include "spider/rng.hpp"
#include "spider/testing/core_trial.hpp"
#include "support/plain_policies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace spider::inline v1::testing {
namespace {

using spider::detail::CoreBuffer;
using spider::detail::Ingest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

auto open(PlainPolicy::Manners manners = {}, PolicyCoreOptions options = {}) -> CoreBuffer {
  return CoreBuffer{make_plain_policy(manners), true, options};
}

auto at(Duration since_epoch) -> TimePoint { return TimePoint{since_epoch}; }

auto urgent(InboundEntry entry, PriorityClass priority) -> InboundEntry {
  entry.priority = priority;
  return entry;
}

/// What leaves the buffer, one after the other.
auto leave(CoreBuffer& buffer, std::size_t max = SIZE_MAX, TimePoint now = {}) -> std::vector<std::string> {
  std::vector<std::string> left;
  while (left.size() < max) {
    const auto entry = buffer.next(now);
    if (!entry) return {"error: " + entry.error().detail};
    if (!entry.value()) break;
    left.push_back(std::to_string(entry.value()->job.value) + "." + to_string(entry.value()->task));
    buffer.enqueued();
  }
  return left;
}

auto take_in(CoreBuffer& buffer, const InboundEntry& entry, TimePoint now = {}) -> Ingest {
  return buffer.ingest(entry, now).value();
}

TEST(CoreBuffer, C2BudgetIsCapacityLessWhatIsBufferedAndNeverBelowZero) {
  auto buffer = open({}, {.buffered_max = 2});
  EXPECT_EQ(buffer.budget(TaskKind::regular), 2U);
  for (std::uint32_t task = 0; task < 3; ++task) take_in(buffer, ready_entry(1, task));
  EXPECT_EQ(buffer.budget(TaskKind::regular), 0U);
  EXPECT_EQ(buffer.budget(TaskKind::commit), 2U);
  take_in(buffer, commit_entry(7));
  EXPECT_EQ(buffer.budget(TaskKind::commit), 1U);
  EXPECT_EQ(buffer.budget(TaskKind::cleanup), 2U);
}

TEST(CoreBuffer, C3SecondDeliveryOfABufferedTaskIsIgnored) {
  auto buffer = open();
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0)), Ingest::admitted);
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0)), Ingest::duplicate);
  EXPECT_EQ(take_in(buffer, commit_entry(2)), Ingest::admitted);
  EXPECT_EQ(take_in(buffer, commit_entry(2)), Ingest::duplicate);
  EXPECT_THAT(leave(buffer), ElementsAre("2.commit", "1.0"));
}

TEST(CoreBuffer, C3KeyIsReleasedWhenEnqueuedNotWhenChosen) {
  auto buffer = open();
  take_in(buffer, ready_entry(1, 0));
  ASSERT_TRUE(buffer.next({}).value());
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0)), Ingest::duplicate);
  EXPECT_EQ(take_in(buffer, urgent(ready_entry(1, 0), 0)), Ingest::duplicate);
  buffer.enqueued();
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0)), Ingest::admitted);
  EXPECT_THAT(leave(buffer), ElementsAre("1.0"));

  take_in(buffer, cleanup_entry(3));
  ASSERT_TRUE(buffer.next({}).value());
  EXPECT_EQ(take_in(buffer, cleanup_entry(3)), Ingest::duplicate);
  buffer.enqueued();
  EXPECT_EQ(take_in(buffer, cleanup_entry(3)), Ingest::admitted);
}

TEST(CoreBuffer, C3MoreUrgentDeliveryMovesTheTaskAndItLeavesOnce) {
  auto buffer = open({.by_class = true});
  take_in(buffer, urgent(ready_entry(1, 0), 5));
  take_in(buffer, urgent(ready_entry(2, 0), 5));
  take_in(buffer, urgent(ready_entry(3, 0), 5));
  EXPECT_EQ(take_in(buffer, urgent(ready_entry(3, 0), 6)), Ingest::duplicate);
  EXPECT_EQ(take_in(buffer, urgent(ready_entry(3, 0), 1)), Ingest::moved);
  EXPECT_EQ(take_in(buffer, urgent(ready_entry(3, 0), 1)), Ingest::duplicate);
  EXPECT_EQ(buffer.regular(), 3U);
  EXPECT_THAT(leave(buffer), ElementsAre("3.0", "1.0", "2.0"));
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.budget(TaskKind::regular), PolicyCoreOptions{}.buffered_max);
}

TEST(CoreBuffer, C3MovedTaskThatIsDroppedLeavesNoCopyBehind) {
  auto buffer = open({.by_class = true});
  take_in(buffer, urgent(ready_entry(1, 0), 5));
  take_in(buffer, urgent(ready_entry(1, 0), 3));
  take_in(buffer, urgent(ready_entry(1, 0), 1));
  EXPECT_EQ(buffer.end_job(JobId{1}).value(), 1U);
  EXPECT_EQ(buffer.budget(TaskKind::regular), PolicyCoreOptions{}.buffered_max);
  EXPECT_THAT(leave(buffer), ElementsAre());
}

TEST(CoreBuffer, C4LanesTakeTurnsByQuantum) {
  auto buffer = open({}, {.lane_quantum = 2});
  for (std::uint64_t job = 1; job <= 3; ++job) take_in(buffer, commit_entry(job));
  for (std::uint64_t job = 4; job <= 5; ++job) take_in(buffer, cleanup_entry(job));
  for (std::uint32_t task = 0; task < 5; ++task) take_in(buffer, ready_entry(9, task));
  EXPECT_THAT(leave(buffer), ElementsAre("1.commit", "2.commit", "4.cleanup", "9.0", "9.1", "3.commit",
                                         "5.cleanup", "9.2", "9.3", "9.4"));
}

TEST(CoreBuffer, C4CursorSurvivesInterruptionsAndIdleness) {
  auto buffer = open({}, {.lane_quantum = 2});
  for (std::uint64_t job = 1; job <= 3; ++job) take_in(buffer, commit_entry(job));
  take_in(buffer, ready_entry(9, 0));
  EXPECT_THAT(leave(buffer, 1), ElementsAre("1.commit"));
  take_in(buffer, cleanup_entry(4));
  EXPECT_THAT(leave(buffer), ElementsAre("2.commit", "4.cleanup", "9.0", "3.commit"));
  EXPECT_THAT(leave(buffer), ElementsAre());
  take_in(buffer, commit_entry(5));
  take_in(buffer, commit_entry(6));
  take_in(buffer, cleanup_entry(7));
  EXPECT_THAT(leave(buffer), ElementsAre("5.commit", "7.cleanup", "6.commit"));
}

TEST(CoreBuffer, C5CommitDropsItsJobsRegularTasksAndNoOthers) {
  auto buffer = open();
  take_in(buffer, ready_entry(1, 0));
  take_in(buffer, ready_entry(1, 1));
  take_in(buffer, ready_entry(2, 0));
  take_in(buffer, commit_entry(1));
  EXPECT_EQ(buffer.dropped(), 2U);
  EXPECT_EQ(take_in(buffer, ready_entry(1, 2)), Ingest::finalizing);
  EXPECT_EQ(take_in(buffer, cleanup_entry(1)), Ingest::admitted) << "never gated";
  EXPECT_THAT(leave(buffer), ElementsAre("1.commit", "1.cleanup", "2.0"));
}

TEST(CoreBuffer, C5ChosenRegularTaskIsDroppedToo) {
  auto buffer = open();
  take_in(buffer, ready_entry(1, 0));
  ASSERT_TRUE(buffer.next({}).value());
  take_in(buffer, cleanup_entry(1));
  EXPECT_EQ(buffer.dropped(), 1U);
  EXPECT_THAT(leave(buffer), ElementsAre("1.cleanup"));
}

TEST(CoreBuffer, C5FinalizingEndsAtItsExpiry) {
  auto buffer = open({}, {.finalizing_expiry = 10s});
  take_in(buffer, commit_entry(1), at(0s));
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0), at(10s - 1ns)), Ingest::finalizing);
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0), at(10s)), Ingest::admitted);
}

TEST(CoreBuffer, C5LaterMarkOutlivesTheEarlierOne) {
  auto buffer = open({}, {.finalizing_expiry = 10s, .finalizing_max = 2});
  take_in(buffer, commit_entry(1), at(0s));
  take_in(buffer, cleanup_entry(1), at(5s));
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0), at(12s)), Ingest::finalizing);
  take_in(buffer, commit_entry(2), at(12s));
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0), at(13s)), Ingest::finalizing) << "only its old mark went";
}

TEST(CoreBuffer, C5FinalizingSetIsBoundedAndTheOldestGoFirst) {
  auto buffer = open({}, {.finalizing_max = 2});
  for (std::uint64_t job = 1; job <= 3; ++job) take_in(buffer, commit_entry(job));
  PolicyCoreGauges gauges;
  buffer.fill(gauges);
  EXPECT_EQ(gauges.finalizing, 2U);
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0)), Ingest::admitted);
  EXPECT_EQ(take_in(buffer, ready_entry(3, 0)), Ingest::finalizing);
}

TEST(CoreBuffer, C6EndedJobLeavesNothingInAnyLane) {
  auto buffer = open();
  take_in(buffer, ready_entry(1, 0));
  take_in(buffer, ready_entry(2, 0));
  take_in(buffer, commit_entry(3));
  take_in(buffer, cleanup_entry(3));
  EXPECT_EQ(buffer.end_job(JobId{1}).value(), 1U);
  EXPECT_EQ(buffer.end_job(JobId{3}).value(), 2U);
  EXPECT_EQ(buffer.end_job(JobId{4}).value(), 0U);
  EXPECT_EQ(buffer.size(), 1U);
  EXPECT_THAT(leave(buffer), ElementsAre("2.0"));
}

TEST(CoreBuffer, C6EndedJobMayBeRetried) {
  auto buffer = open();
  take_in(buffer, cleanup_entry(1));
  EXPECT_TRUE(buffer.end_job(JobId{1}));
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0)), Ingest::admitted);
}

TEST(CoreBuffer, C7ClearForgetsEverything) {
  auto buffer = open();
  take_in(buffer, ready_entry(2, 0));
  take_in(buffer, commit_entry(1));
  ASSERT_TRUE(buffer.next({}).value());
  EXPECT_EQ(buffer.clear().value(), 2U);
  EXPECT_TRUE(buffer.empty());
  EXPECT_THAT(leave(buffer), ElementsAre());
  EXPECT_EQ(take_in(buffer, ready_entry(1, 0)), Ingest::admitted) << "finalizing no more";
}

TEST(CoreBuffer, C13WhatAPolicyThrowsBecomesPolicyFailed) {
  auto admits = open({.throws_on_admit = true});
  EXPECT_EQ(admits.ingest(ready_entry(1, 0), {}).error(), (Error{Errc::policy_failed, "no room at the inn"}));
  auto answers = open({.throws_on_next = true});
  take_in(answers, ready_entry(1, 0));
  EXPECT_EQ(answers.next({}).error(), Errc::policy_failed);
  auto wakes = open({.throws_on_wake_at = true});
  take_in(wakes, ready_entry(1, 0));
  EXPECT_EQ(wakes.wake_at().error(), (Error{Errc::policy_failed, "no clock"}));
}

TEST(CoreBuffer, C13EntryThatThePolicyDoesNotHoldIsRefused) {
  auto inventor = open({.invents = true});
  take_in(inventor, ready_entry(1, 0));
  const auto invented = inventor.next({});
  EXPECT_EQ(invented.error(), Errc::policy_failed);
  EXPECT_THAT(invented.error().detail, HasSubstr("job 404 task 0"));

  auto repeater = open({.returns_twice = true});
  take_in(repeater, ready_entry(1, 0));
  take_in(repeater, ready_entry(2, 0));
  EXPECT_THAT(leave(repeater), ElementsAre(HasSubstr("job 1 task 0")));

  auto hoarder = open({.keeps_dropped = true});
  take_in(hoarder, ready_entry(1, 0));
  take_in(hoarder, ready_entry(2, 0));
  EXPECT_TRUE(hoarder.end_job(JobId{1}));
  EXPECT_EQ(hoarder.next({}).error(), Errc::policy_failed);
}

/// What a buffer must do, written as sets.
struct BufferModel {
  std::set<TaskRef> held;
  std::set<JobId> finalizing;
};

auto holds(const BufferModel& model, TaskRef ref) -> bool { return model.held.contains(ref); }

auto drop(BufferModel& model, JobId job, bool all) -> void {
  std::erase_if(model.held,
                [&](TaskRef ref) { return ref.job == job && (all || ref.task.kind() == TaskKind::regular); });
}

TEST(CoreBuffer, RandomOperationsAgreeWithTheModel) {
  constexpr std::uint64_t kSeed = 20'240'607;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Rng rng{kSeed};
  auto buffer = open({.by_class = true}, {.buffered_max = 64});
  BufferModel model;
  for (int step = 0; step < 200'000; ++step) {
    const auto job = 1 + rng.below(12);
    const auto what = rng.below(100);
    if (what < 45) {
      const auto entry = urgent(ready_entry(job, static_cast<std::uint32_t>(rng.below(8))),
                                static_cast<PriorityClass>(rng.below(4)));
      const auto outcome = take_in(buffer, entry);
      ASSERT_EQ(outcome == Ingest::finalizing, model.finalizing.contains(entry.job));
      if (outcome != Ingest::finalizing) {
        ASSERT_EQ(outcome == Ingest::admitted, !holds(model, entry.ref()));
        model.held.insert(entry.ref());
      }
    } else if (what < 48) {
      const auto entry = rng.chance(0.5) ? commit_entry(job) : cleanup_entry(job);
      const auto outcome = take_in(buffer, entry);
      ASSERT_EQ(outcome == Ingest::duplicate, holds(model, entry.ref()));
      if (outcome == Ingest::duplicate) continue;
      drop(model, entry.job, false);
      model.held.insert(entry.ref());
      model.finalizing.insert(entry.job);
    } else if (what < 52) {
      const auto before = model.held.size();
      drop(model, JobId{job}, true);
      model.finalizing.erase(JobId{job});
      ASSERT_EQ(buffer.end_job(JobId{job}).value(), before - model.held.size());
    } else if (what < 53) {
      ASSERT_EQ(buffer.clear().value(), model.held.size());
      model = {};
    } else {
      const auto chosen = buffer.next({}).value();
      ASSERT_EQ(chosen != nullptr, !model.held.empty());
      if (!chosen || rng.chance(0.2)) continue;  // not enqueued: it stays
      ASSERT_EQ(model.held.erase(chosen->ref()), 1U);
      buffer.enqueued();
    }
    ASSERT_EQ(buffer.size(), model.held.size());
  }
}

}  // namespace
}  // namespace spider::inline v1::testing
