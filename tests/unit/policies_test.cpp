#include "spider/policies/fair_share.hpp"
#include "spider/policies/fifo.hpp"
#include "spider/policies/grouped.hpp"
#include "spider/policies/job_round_robin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace spider {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimePoint kNow{};

/// One task of a job of a group; jobs are submitted in the order of their ids.
auto entry(std::uint64_t group, std::uint64_t job, std::uint32_t task = 0) -> InboundEntry {
  InboundEntry entry;
  entry.group = ResourceGroupId{group};
  entry.job = JobId{job};
  entry.task = TaskId{task};
  entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(job)}};
  return entry;
}

auto admit(SchedulingPolicy& policy, const std::vector<InboundEntry>& entries) -> void {
  for (const auto& one : entries) policy.admit(one, kNow);
}

/// The jobs of the next `count` entries, or of all.
auto jobs(SchedulingPolicy& policy, std::size_t count = SIZE_MAX) -> std::vector<std::uint64_t> {
  std::vector<std::uint64_t> order;
  for (; count > 0; --count) {
    const auto next = policy.next(kNow);
    if (!next) break;
    order.push_back(next->job.value);
  }
  return order;
}

TEST(Fifo, OneJobInOrderOfAdmission) {
  const auto policy = make_fifo();
  admit(*policy, {entry(1, 1, 3), entry(1, 1, 1), entry(1, 1, 2)});
  std::vector<std::uint32_t> order;
  while (const auto next = policy->next(kNow)) order.push_back(next->task.index());
  EXPECT_THAT(order, ElementsAre(3, 1, 2));
}

TEST(Fifo, OlderJobGoesFirstAlsoWhenItsTaskComesLater) {
  const auto policy = make_fifo();
  admit(*policy, {entry(1, 5), entry(1, 9), entry(1, 2), entry(1, 7), entry(1, 2, 1), entry(1, 9, 1)});
  EXPECT_THAT(jobs(*policy), ElementsAre(2, 2, 5, 7, 9, 9));
}

TEST(Fifo, EqualSubmissionTimesGoByJobId) {
  const auto policy = make_fifo();
  for (const std::uint64_t job : {3U, 1U, 2U}) {
    auto one = entry(1, job);
    one.created_at = kNow;
    policy->admit(one, kNow);
  }
  EXPECT_THAT(jobs(*policy), ElementsAre(1, 2, 3));
}

TEST(Fifo, DropTakesAllOfTheJobWhereverItStands) {
  for (const std::uint64_t dropped : {1U, 2U, 3U, 4U}) {
    const auto policy = make_fifo();
    admit(*policy, {entry(1, 2), entry(1, 4), entry(1, 1), entry(1, 3), entry(1, dropped, 1)});
    EXPECT_EQ(policy->drop_job(JobId{dropped}), 2U);
    EXPECT_EQ(policy->drop_job(JobId{dropped}), 0U);
    EXPECT_EQ(policy->size(), 3U);
    auto left = std::vector<std::uint64_t>{1, 2, 3, 4};
    std::erase(left, dropped);
    EXPECT_EQ(jobs(*policy), left);
  }
}

TEST(Fifo, LeavesOfOneFactoryKeepTheirEntriesApart) {
  const auto leaves = fifo_leaves();
  const auto left = leaves();
  auto right = leaves();
  admit(*left, {entry(1, 1), entry(1, 2)});
  admit(*right, {entry(1, 3), entry(1, 1, 1)});
  EXPECT_EQ(left->drop_job(JobId{1}), 1U);
  right.reset();
  EXPECT_THAT(jobs(*left), ElementsAre(2));
}

// F1
TEST(FairShare, ThreeGroupsWithTwoJobsEachTakeTurns) {
  const auto policy = make_fair_share();
  admit(*policy, {entry(1, 1), entry(1, 2), entry(2, 3), entry(2, 4), entry(3, 5), entry(3, 6)});
  EXPECT_THAT(jobs(*policy), ElementsAre(1, 3, 5, 2, 4, 6));
}

// F1
TEST(FairShare, NeverServedGroupsGoFirstInOrderOfArrival) {
  const auto policy = make_fair_share();
  admit(*policy, {entry(1, 1), entry(1, 2), entry(1, 3)});
  EXPECT_THAT(jobs(*policy, 1), ElementsAre(1));
  admit(*policy, {entry(3, 5), entry(2, 6)});
  EXPECT_THAT(jobs(*policy), ElementsAre(5, 6, 2, 3));
}

// F2
TEST(FairShare, LastServiceSurvivesRunningEmpty) {
  const auto policy = make_fair_share();
  admit(*policy, {entry(1, 1), entry(2, 2), entry(3, 3), entry(3, 4)});
  EXPECT_THAT(jobs(*policy, 3), ElementsAre(1, 2, 3));  // 1 and 2 are empty now, served in this order
  admit(*policy, {entry(2, 5), entry(1, 6)});
  EXPECT_THAT(jobs(*policy), ElementsAre(6, 5, 4));
}

// F2
TEST(FairShare, LastServiceSurvivesADrop) {
  const auto policy = make_fair_share();
  admit(*policy, {entry(1, 1), entry(1, 2), entry(2, 3), entry(2, 4)});
  EXPECT_THAT(jobs(*policy, 2), ElementsAre(1, 3));
  EXPECT_EQ(policy->drop_job(JobId{2}), 1U);
  admit(*policy, {entry(1, 5), entry(1, 6)});
  EXPECT_THAT(jobs(*policy), ElementsAre(5, 4, 6));
}

// F2: only so many idle groups are remembered, the longest idle is forgotten first.
TEST(Grouped, BeyondItsBoundTheLongestIdleGroupIsForgotten) {
  const auto policy =
      grouped(GroupBy::resource_group, fair_share_picker(), fifo_leaves(), GroupedOptions{.idle_max = 2});
  admit(*policy, {entry(1, 1), entry(2, 2), entry(3, 3), entry(4, 4), entry(4, 5)});
  EXPECT_THAT(jobs(*policy, 4), ElementsAre(1, 2, 3, 4));
  admit(*policy, {entry(3, 6), entry(2, 7), entry(1, 8)});
  EXPECT_THAT(jobs(*policy), ElementsAre(8, 7, 6, 5));  // 1 is new again
}

// F7
TEST(FairShare, EndlessNewGroupsOvertakeOnlySoManyTimes) {
  const auto policy = make_fair_share({}, {.overtakes_max = 3});
  admit(*policy, {entry(1, 1), entry(1, 1, 1), entry(1, 1, 2)});
  EXPECT_THAT(jobs(*policy, 1), ElementsAre(1));
  std::vector<std::uint64_t> order;
  for (std::uint64_t newcomer = 2; newcomer < 12; ++newcomer) {
    admit(*policy, {entry(newcomer, newcomer)});
    order.push_back(jobs(*policy, 1).front());
  }
  EXPECT_THAT(order, ElementsAre(2, 3, 4, 1, 6, 7, 8, 5, 1, 11));
}

// F7
TEST(FairShare, EndlessReturningGroupsOvertakeOnlySoManyTimes) {
  const auto policy = make_fair_share({}, {.overtakes_max = 2});
  for (std::uint64_t group = 1; group <= 20; ++group) admit(*policy, {entry(group, group)});
  EXPECT_EQ(jobs(*policy).size(), 20U);
  admit(*policy, {entry(20, 100)});
  std::size_t overtaken = 0;
  for (std::uint64_t group = 1; group < 20; ++group) {
    admit(*policy, {entry(group, group)});
    if (jobs(*policy, 1).front() == 100) break;
    ++overtaken;
  }
  EXPECT_LE(overtaken, 2U * 2U);  // a wait spans at most two rounds
}

// J1
TEST(JobRoundRobin, RetiringOneJobCostsNobodyATurn) {
  const auto policy = make_job_round_robin({}, {.active_jobs = 4, .turns_max = 100});
  for (std::uint32_t task = 0; task < 3; ++task) {
    for (const std::uint64_t job : {1U, 2U, 3U, 4U}) {
      if (job != 2 || task == 0) policy->admit(entry(1, job, task), kNow);
    }
  }
  EXPECT_THAT(jobs(*policy), ElementsAre(1, 2, 3, 4, 1, 3, 4, 1, 3, 4));
}

// J2
TEST(JobRoundRobin, DryJobKeepsItsPlaceUntilItsTurn) {
  const auto policy = make_job_round_robin({}, {.active_jobs = 3, .turns_max = 100});
  admit(*policy, {entry(1, 1), entry(1, 2), entry(1, 2, 1), entry(1, 3), entry(1, 3, 1), entry(1, 4)});
  EXPECT_THAT(jobs(*policy, 2), ElementsAre(1, 2));  // 1 is dry, 4 is pending
  admit(*policy, {entry(1, 1, 1)});
  EXPECT_THAT(jobs(*policy, 4), ElementsAre(3, 1, 2, 3));
  EXPECT_THAT(jobs(*policy), ElementsAre(4));
}

// J2
TEST(JobRoundRobin, OldestPendingJobReplacesOneThatIsStillDry) {
  const auto policy = make_job_round_robin({}, {.active_jobs = 2, .turns_max = 100});
  admit(*policy, {entry(1, 1), entry(1, 2), entry(1, 2, 1), entry(1, 3), entry(1, 3, 1), entry(1, 4)});
  EXPECT_THAT(jobs(*policy), ElementsAre(1, 2, 2, 3, 3, 4));
}

// J3
TEST(JobRoundRobin, AfterItsTurnsAnActiveJobMakesRoomForAPendingOne) {
  const auto policy = make_job_round_robin({}, {.active_jobs = 2, .turns_max = 2});
  for (const std::uint64_t job : {1U, 2U, 3U}) {
    for (std::uint32_t task = 0; task < 4; ++task) policy->admit(entry(1, job, task), kNow);
  }
  EXPECT_THAT(jobs(*policy), ElementsAre(1, 2, 1, 2, 3, 1, 3, 1, 2, 3, 2, 3));
}

// J3
TEST(JobRoundRobin, RefilledJobsDoNotStarveAPendingOne) {
  const auto policy = make_job_round_robin({}, {.active_jobs = 2, .turns_max = 4});
  admit(*policy, {entry(1, 1), entry(1, 2), entry(1, 3)});
  std::size_t dispatches = 1;
  for (std::uint32_t task = 1;; ++dispatches) {
    const auto job = jobs(*policy, 1).front();
    if (job == 3) break;
    ASSERT_LT(dispatches, 100U);
    policy->admit(entry(1, job, task++), kNow);
  }
  EXPECT_LE(dispatches, 2U + 4U * 2U * 2U);
}

TEST(Grouped, DropReachesEveryLevel) {
  const auto leaves = fifo_leaves();
  const auto policy = make_fair_share([leaves] { return make_job_round_robin(leaves); });
  admit(*policy, {entry(1, 1), entry(1, 2), entry(1, 1, 1), entry(2, 3)});
  EXPECT_EQ(policy->drop_job(JobId{1}), 2U);
  EXPECT_EQ(policy->drop_job(JobId{1}), 0U);
  EXPECT_EQ(policy->size(), 2U);
  EXPECT_THAT(jobs(*policy), ElementsAre(2, 3));
}

TEST(Grouped, JobOfSeveralClassesIsDroppedFromAllOfThem) {
  const auto policy = grouped(GroupBy::priority_class, fair_share_picker(), fifo_leaves());
  for (PriorityClass priority = 0; priority < 3; ++priority) {
    auto one = entry(1, 1, priority);
    one.priority = priority;
    policy->admit(one, kNow);
    one.job = JobId{2};
    policy->admit(one, kNow);
  }
  EXPECT_EQ(jobs(*policy, 1).size(), 1U);
  EXPECT_EQ(policy->drop_job(JobId{1}), 2U);
  EXPECT_THAT(jobs(*policy), ElementsAre(2, 2, 2));
}

TEST(Grouped, ClearForgetsEverything) {
  const auto policy = make_fair_share();
  admit(*policy, {entry(1, 1), entry(2, 2), entry(1, 3)});
  EXPECT_EQ(jobs(*policy, 1).size(), 1U);
  policy->clear();
  EXPECT_EQ(policy->size(), 0U);
  EXPECT_THAT(jobs(*policy), IsEmpty());
  admit(*policy, {entry(1, 1), entry(2, 2)});
  EXPECT_THAT(jobs(*policy), ElementsAre(1, 2));
}

TEST(Grouped, TraitsAreComposed) {
  const auto leaves = fifo_leaves();
  const auto traits =
      make_fair_share([leaves] { return make_job_round_robin(leaves); }, {.overtakes_max = 5})->traits();
  EXPECT_EQ(traits.name, "fair-share/job-round-robin/fifo");
  EXPECT_TRUE(traits.work_conserving);
  const auto bound = traits.starvation_bound({.entries_ahead = 2, .entries = 50, .jobs = 65, .groups = 3});
  EXPECT_EQ(bound, (3U + 10U) * (64U + 16U * 64U * 2U) * 3U);
}

/// Always the group that came first, entries or none.
class StuckPicker final : public GroupPicker {
 public:
  auto active(const GroupInfo&, TimePoint) -> void override {}
  auto idle(GroupKey) -> void override {}
  auto forget(GroupKey) -> void override {}
  auto pick(TimePoint) -> GroupKey override { return {}; }
  auto finished(GroupKey, Duration) -> void override {}
  auto clear() -> void override {}
  [[nodiscard]] auto turn(GroupKey) const -> std::uint64_t override { return 0; }
  [[nodiscard]] auto traits() const -> Traits override { return {"stuck", "none", {}}; }
};

TEST(Grouped, PickerThatChoosesAnIdleGroupIsRefused) {
  const auto policy = grouped(GroupBy::resource_group, std::make_unique<StuckPicker>(), fifo_leaves());
  admit(*policy, {entry(1, 1), entry(2, 2)});
  EXPECT_THAT(jobs(*policy, 1), ElementsAre(1));
  EXPECT_THROW((void)policy->next(kNow), std::logic_error);
  EXPECT_FALSE(policy->traits().starvation_bound({}).has_value());
}

}  // namespace
}  // namespace spider
