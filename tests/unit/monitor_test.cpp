#include "cli/run/monitor.hpp"

#include <gtest/gtest.h>

#include <string>

namespace spider::cli {
namespace {

using std::chrono::seconds;
using Kind = FinishRequest::Kind;

auto at(int second) -> TimePoint { return TimePoint{seconds{second}}; }
auto task(std::uint64_t job, std::uint32_t index) -> TaskRef { return {JobId{job}, TaskId{index}}; }

/// `counts[i]` tasks in node i, each node after the one before it.
auto chain(std::initializer_list<std::uint32_t> counts, const std::string& group = "alice") -> JobSpec {
  JobSpec spec;
  spec.resource_group = group;
  for (const auto count : counts) {
    TaskSpec node;
    node.handler = "work";
    node.count = count;
    if (!spec.tasks.empty()) node.parents = {static_cast<std::uint32_t>(spec.tasks.size() - 1)};
    spec.tasks.push_back(node);
  }
  return spec;
}

TEST(Monitor, OrderlyRunHasNoViolation) {
  Monitor monitor{2};
  monitor.submitted(JobId{1}, chain({2, 1}), at(0));
  monitor.started(task(1, 0), at(0));
  monitor.started(task(1, 1), at(1));
  monitor.finished(task(1, 0), Kind::succeeded, false, at(2));
  monitor.finished(task(1, 1), Kind::succeeded, false, at(3));
  monitor.started(task(1, 2), at(5));
  monitor.finished(task(1, 2), Kind::succeeded, false, at(6));
  monitor.ended(JobId{1}, JobState::succeeded, at(6));
  monitor.close(at(6));
  EXPECT_EQ(monitor.violations(), 0U);
  EXPECT_EQ(monitor.tasks_ended(), 3U);
  EXPECT_DOUBLE_EQ(monitor.busy_s(), 2 + 2 + 1);
  const auto& waits = monitor.groups()[0].waits_ns;
  EXPECT_EQ(waits, (std::vector<std::int64_t>{0, 1'000'000'000, 2'000'000'000}));
}

TEST(Monitor, StartBeforeParentIsAViolation) {
  Monitor monitor{2};
  monitor.submitted(JobId{1}, chain({1, 1}), at(0));
  monitor.started(task(1, 1), at(0));
  EXPECT_EQ(monitor.violations(), 1U);
}

TEST(Monitor, SecondStartAfterSuccessIsAViolation) {
  Monitor monitor{2};
  monitor.submitted(JobId{1}, chain({2}), at(0));
  monitor.started(task(1, 0), at(0));
  monitor.finished(task(1, 0), Kind::succeeded, false, at(1));
  EXPECT_EQ(monitor.violations(), 0U);
  monitor.started(task(1, 0), at(2));
  EXPECT_EQ(monitor.violations(), 1U);
}

TEST(Monitor, StartWhileRunningIsAViolation) {
  Monitor monitor{2};
  monitor.submitted(JobId{1}, chain({1}), at(0));
  monitor.started(task(1, 0), at(0));
  monitor.started(task(1, 0), at(0));
  EXPECT_EQ(monitor.violations(), 1U);
}

TEST(Monitor, MoreHandlersThanWorkersIsAViolation) {
  Monitor monitor{1};
  monitor.occupied();
  monitor.vacated();
  monitor.occupied();
  EXPECT_EQ(monitor.violations(), 0U);
  monitor.occupied();
  EXPECT_EQ(monitor.violations(), 1U);
}

TEST(Monitor, FinishWithoutRunningIsAViolation) {
  Monitor monitor{1};
  monitor.submitted(JobId{1}, chain({1}), at(0));
  monitor.finished(task(1, 0), Kind::succeeded, false, at(0));
  EXPECT_EQ(monitor.violations(), 1U);
}

TEST(Monitor, SuccessOfAJobWithoutOneOfItsTasksIsAViolation) {
  Monitor monitor{1};
  monitor.submitted(JobId{1}, chain({1}), at(0));
  monitor.ended(JobId{1}, JobState::succeeded, at(1));
  EXPECT_EQ(monitor.violations(), 1U);
}

TEST(Monitor, JobThatNeverEndsIsAViolation) {
  Monitor monitor{1};
  monitor.submitted(JobId{1}, chain({1}), at(0));
  monitor.close(at(9));
  EXPECT_EQ(monitor.violations(), 1U);
  EXPECT_EQ(monitor.complaints().size(), 1U);
}

TEST(Monitor, JobThatEndsTwiceIsAViolation) {
  Monitor monitor{1};
  monitor.submitted(JobId{1}, chain({1}), at(0));
  monitor.ended(JobId{1}, JobState::cancelled, at(1));
  EXPECT_EQ(monitor.violations(), 0U);
  monitor.ended(JobId{1}, JobState::cancelled, at(1));
  EXPECT_EQ(monitor.violations(), 1U);
}

TEST(Monitor, RetriedTaskWaitsFromItsFailure) {
  Monitor monitor{1};
  monitor.submitted(JobId{1}, chain({1}), at(0));
  monitor.started(task(1, 0), at(1));
  monitor.finished(task(1, 0), Kind::failed, true, at(3));
  monitor.started(task(1, 0), at(4));
  EXPECT_EQ(monitor.violations(), 0U);
  EXPECT_EQ(monitor.groups()[0].waits_ns, (std::vector<std::int64_t>{1'000'000'000, 1'000'000'000}));
}

/// Two groups with backlog on two workers for ten seconds: one gets both, the other nothing.
TEST(Monitor, SharesAreReceivedOverEntitled) {
  Monitor monitor{2};
  monitor.submitted(JobId{1}, chain({4}, "greedy"), at(0));
  monitor.submitted(JobId{2}, chain({1}, "patient"), at(0));
  monitor.started(task(1, 0), at(0));
  monitor.started(task(1, 1), at(0));
  monitor.finished(task(1, 0), Kind::succeeded, false, at(10));
  monitor.finished(task(1, 1), Kind::succeeded, false, at(10));
  monitor.started(task(2, 0), at(10));
  const auto& groups = monitor.groups();
  EXPECT_DOUBLE_EQ(groups[1].received_s, 0);
  EXPECT_DOUBLE_EQ(groups[1].entitled_s, 10);
  EXPECT_DOUBLE_EQ(groups[0].received_s, 20);
}

TEST(Monitor, JainIndexIsOneForEqualAndOneNthForOne) {
  std::vector<GroupFigures> groups(4);
  for (auto& group : groups) group.entitled_s = group.received_s = 5;
  EXPECT_DOUBLE_EQ(jain_index(groups), 1);
  for (auto& group : groups) group.received_s = 0;
  groups[2].received_s = 20;
  EXPECT_DOUBLE_EQ(jain_index(groups), 0.25);
}

TEST(Monitor, JainIndexLeavesOutGroupsThatWantedNothingMore) {
  std::vector<GroupFigures> groups(2);
  groups[0].entitled_s = groups[0].received_s = 5;
  groups[1].received_s = 100;
  EXPECT_DOUBLE_EQ(jain_index(groups), 1);
  EXPECT_DOUBLE_EQ(jain_index({}), 1);
}

auto keyed(const std::string& table, const std::string& group = "alice") -> JobSpec {
  auto spec = chain({1}, group);
  spec.tasks[0].coalesce = CoalesceKey{"reindex", {table}};
  return spec;
}

TEST(Monitor, WorkThatAnEquivalentRunDidIsNoViolation) {
  Monitor monitor{1};
  monitor.submitted(JobId{1}, keyed("orders"), at(0));
  monitor.submitted(JobId{2}, keyed("orders"), at(0));
  monitor.started(task(1, 0), at(1));
  monitor.finished(task(1, 0), Kind::succeeded, false, at(2));
  monitor.ended(JobId{1}, JobState::succeeded, at(2));
  monitor.ended(JobId{2}, JobState::succeeded, at(2));
  monitor.close(at(2));
  EXPECT_EQ(monitor.violations(), 0U);
  EXPECT_EQ(monitor.tasks_ended(), 2U);
  EXPECT_EQ(monitor.waiting(), 0U);
}

TEST(Monitor, SuccessByARunThatBeganBeforeTheSubmitIsAViolation) {
  Monitor monitor{1};
  monitor.submitted(JobId{1}, keyed("orders"), at(0));
  monitor.started(task(1, 0), at(0));
  monitor.submitted(JobId{2}, keyed("orders"), at(1));
  monitor.finished(task(1, 0), Kind::succeeded, false, at(2));
  monitor.ended(JobId{2}, JobState::succeeded, at(2));
  EXPECT_EQ(monitor.violations(), 1U);
}

TEST(Monitor, SuccessByOtherWorkIsAViolation) {
  for (const auto& other : {keyed("parts"), keyed("orders", "bob"), chain({1})}) {
    Monitor monitor{1};
    monitor.submitted(JobId{1}, keyed("orders"), at(0));
    monitor.submitted(JobId{2}, other, at(0));
    monitor.started(task(1, 0), at(0));
    monitor.finished(task(1, 0), Kind::succeeded, false, at(2));
    monitor.ended(JobId{2}, JobState::succeeded, at(2));
    EXPECT_EQ(monitor.violations(), 1U);
  }
}

TEST(Monitor, SuccessByAFailedRunIsAViolation) {
  Monitor monitor{1};
  monitor.submitted(JobId{1}, keyed("orders"), at(0));
  monitor.submitted(JobId{2}, keyed("orders"), at(0));
  monitor.started(task(1, 0), at(0));
  monitor.finished(task(1, 0), Kind::failed, false, at(2));
  monitor.ended(JobId{2}, JobState::succeeded, at(2));
  EXPECT_EQ(monitor.violations(), 1U);
}

}  // namespace
}  // namespace spider::cli
