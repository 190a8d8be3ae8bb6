// What the page of `spider run --report` is made of: the curve, the rows and the recorder.

#include "cli/report/colours.hpp"
#include "cli/report/load_curve.hpp"
#include "cli/report/run_recorder.hpp"
#include "cli/report/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace spider::cli {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

auto second(int number) -> TimePoint { return TimePoint{seconds{number}}; }

TEST(LoadCurve, WhatLastedIsSeenExactly) {
  LoadCurve curve;
  curve.add(TimePoint{microseconds{10}}, 5, 1);
  curve.add(TimePoint{microseconds{10}}, 3, 2);  // the 5 came and went
  curve.add(TimePoint{microseconds{11}}, 1, 4);
  curve.add(TimePoint{microseconds{13}}, 0, 0);
  const auto bins = curve.bins();
  ASSERT_EQ(bins.size(), 3U);
  EXPECT_EQ(bins[0].queued_max, 3U);
  EXPECT_EQ(bins[0].running_max, 2U);
  EXPECT_DOUBLE_EQ(bins[2].queued_mean, 1);
  EXPECT_DOUBLE_EQ(bins[2].running_mean, 4);
}

TEST(LoadCurve, ThinningKeepsTheGreatestLevelsAndTheMeans) {
  LoadCurve curve;
  constexpr int kSeconds = 100'000;
  for (int i = 0; i < kSeconds; ++i) curve.add(second(i), i == 777 ? 1'000'000 : 2, 3);
  curve.add(second(kSeconds), 0, 0);
  const auto bins = curve.bins();
  EXPECT_LE(bins.size(), LoadCurve::kBinsMax);
  EXPECT_GE(bins.size(), LoadCurve::kBinsMax / 2 - 1);
  EXPECT_EQ(std::ranges::max(bins, {}, &LoadCurve::Bin::queued_max).queued_max, 1'000'000U);
  for (const auto& bin : bins) EXPECT_NEAR(bin.running_mean, 3, 1e-9);
  EXPECT_EQ(curve.end(), second(kSeconds));
}

TEST(LoadCurve, ALongSilenceAndTimeThatStandsStill) {
  LoadCurve curve;
  curve.add(second(5), 1, 1);
  curve.add(second(4), 2, 2);
  curve.add(second(1'000'000'000), 0, 0);
  const auto bins = curve.bins();
  EXPECT_LE(bins.size(), LoadCurve::kBinsMax);
  EXPECT_EQ(bins.front().queued_max, 2U);
  EXPECT_EQ(bins.back().queued_max, 2U);
}

auto instance(int begin, int end, std::uint16_t member = 0) -> InstanceRecord {
  return {.begin = second(begin), .end = second(end), .member = member};
}

TEST(TimelineRows, TheLowestFreeRowOfTheMember) {
  const std::deque<InstanceRecord> instances{instance(0, 4), instance(0, 2), instance(1, 3, 1),
                                             instance(2, 5), instance(3, 3), instance(4, 6)};
  const auto rows = assign_rows(instances, 3);
  EXPECT_EQ(rows.of, (std::vector<std::uint32_t>{0, 1, 0, 1, 2, 0}));
  EXPECT_EQ(rows.per_member, (std::vector<std::uint32_t>{3, 1, 0}));
}

TEST(WorkerTime, IsSpreadOverTheColumnsItCovers) {
  WorkerTime time{{2, 4, 2}, second(0), second(8)};
  time.add(instance(1, 5), 1, 1);
  time.add(instance(0, 0), 1, 1);
  time.add(instance(7, 99), 0, 0);
  EXPECT_DOUBLE_EQ(time.busy(1, 0, 1), 0.5);
  EXPECT_DOUBLE_EQ(time.busy(1, 1, 1), 1);
  EXPECT_DOUBLE_EQ(time.busy(1, 2, 1), 0.5);
  EXPECT_DOUBLE_EQ(time.busy(1, 3, 1), 0);
  EXPECT_DOUBLE_EQ(time.busy(1, 1, 0), 0);
  EXPECT_DOUBLE_EQ(time.busy(0, 3, 0), 0.5);
}

class Forwarded final : public Observer {
 public:
  auto observe(const Event& /*event*/) noexcept -> void override { ++events; }
  int events = 0;
};

class RunRecorderTest : public ::testing::Test {
 protected:
  RunRecorderTest() {
    JobSpec spec;
    spec.resource_group = "alice";
    spec.tasks.resize(3);
    monitor_.submitted(JobId{1}, spec, second(0));
    recorder_.begin({forwarded_, &monitor_, ManagerId{5}});
  }
  auto tell(EventKind kind, std::uint32_t task, int at, std::uint64_t manager = 5, Duration duration = {})
      -> void {
    Event event;
    event.kind = kind;
    event.at = second(at);
    event.manager = ManagerId{manager};
    event.task = {JobId{1}, TaskId{task}};
    event.duration = duration;
    recorder_.observe(event);
  }
  auto end(std::optional<TimePoint> lost_at = {}) -> const RunRecord& {
    recorder_.end(
        {.jobs = {{JobId{1}, &job_}}, .first_submit = second(0), .now = second(9), .lost_at = lost_at});
    return recorder_.record();
  }

  Monitor monitor_{2};
  WorkloadJob job_;
  std::shared_ptr<Forwarded> forwarded_ = std::make_shared<Forwarded>();
  RunRecorder recorder_;
};

TEST_F(RunRecorderTest, AnInstanceLastsAsLongAsItsHandlerDid) {
  tell(EventKind::task_started, 0, 1);
  tell(EventKind::task_started, 1, 2, 6);
  tell(EventKind::task_succeeded, 0, 5, 5, seconds{3});
  tell(EventKind::task_failed, 1, 6, 6, seconds{4});
  tell(EventKind::poll_failed, 0, 7);
  const auto& record = end();
  EXPECT_EQ(forwarded_->events, 5);
  ASSERT_EQ(record.instances.size(), 2U);
  EXPECT_EQ(record.instances[0].begin, second(1));
  EXPECT_EQ(record.instances[0].end, second(4));
  EXPECT_EQ(record.instances[0].how, InstanceEnd::succeeded);
  EXPECT_EQ(record.instances[1].end, second(6));
  EXPECT_EQ(record.instances[1].how, InstanceEnd::failed);
  EXPECT_EQ(record.instances[1].member, 1);
  EXPECT_EQ(record.members, 2U);
  EXPECT_EQ(record.load.end(), second(9));
}

TEST_F(RunRecorderTest, WhatWasGivenBackMayStartAgain) {
  tell(EventKind::task_started, 0, 1);
  tell(EventKind::task_released, 0, 2);
  tell(EventKind::task_started, 0, 3);
  tell(EventKind::finish_refused, 0, 4);
  tell(EventKind::task_succeeded, 0, 5);  // of nothing that runs
  const auto& record = end();
  ASSERT_EQ(record.instances.size(), 2U);
  EXPECT_EQ(record.instances[0].how, InstanceEnd::given_back);
  EXPECT_EQ(record.instances[1].how, InstanceEnd::given_back);
  EXPECT_EQ(record.instances[1].end, second(4));
}

TEST_F(RunRecorderTest, WhatStillRunsWasLost) {
  tell(EventKind::task_started, 0, 1);
  tell(EventKind::task_started, 0, 3);
  tell(EventKind::task_started, 1, 8, 6);
  const auto& record = end(second(5));
  ASSERT_EQ(record.instances.size(), 3U);
  EXPECT_EQ(record.instances[0].end, second(3)) << "started again";
  EXPECT_EQ(record.instances[1].end, second(5)) << "its member was killed";
  EXPECT_EQ(record.instances[2].end, second(8)) << "never before it began";
  for (const auto& instance : record.instances) EXPECT_EQ(instance.how, InstanceEnd::lost);
}

TEST_F(RunRecorderTest, TheQueueIsTheMonitors) {
  monitor_.started({JobId{1}, TaskId{0}}, second(1));
  tell(EventKind::task_started, 0, 1);
  const auto bins = end().load.bins();
  EXPECT_EQ(bins.front().queued_max, 2U);
  EXPECT_EQ(bins.front().running_max, 1U);
}

auto task(const std::string& name, std::uint32_t count = 1) -> WorkloadTask {
  WorkloadTask made;
  made.name = name;
  made.count = count;
  return made;
}

TEST(Colours, AreOfGroupsByTheirTasks) {
  WorkloadJob alice{.name = "a", .group = "alice", .tasks = {task("t")}};
  WorkloadJob bob{.name = "b", .group = "bob", .tasks = {task("t", 2)}};
  const Colours colours{{{JobId{7}, &bob}, {JobId{3}, &alice}},
                        {{.name = "alice", .tasks = 1}, {.name = "bob", .tasks = 2}}};
  EXPECT_TRUE(colours.by_group());
  EXPECT_EQ(colours.names(), (std::vector<std::string>{"bob", "alice"}));
  EXPECT_EQ(colours.find(JobId{3}, TaskId{0}).colour, 1U);
  EXPECT_EQ(colours.find(JobId{7}, TaskId{1}).colour, 0U);
  EXPECT_EQ(colours.find(JobId{8}, TaskId{0}).colour, colours.others());
  EXPECT_EQ(colours.find(JobId{3}, TaskId{9}).task, nullptr);
}

TEST(Colours, AreOfKindsWhereAllIsOneGroup) {
  WorkloadJob job{.name = "a", .group = "alice", .tasks = {task("cut"), task("sew_1", 3), task("sew_2")}};
  const Colours colours{{{JobId{1}, &job}}, {{.name = "alice", .tasks = 5}}};
  EXPECT_FALSE(colours.by_group());
  EXPECT_EQ(colours.names(), (std::vector<std::string>{"sew", "cut"}));
  EXPECT_EQ(colours.find(JobId{1}, TaskId{3}).task, &job.tasks[1]);
  EXPECT_EQ(colours.find(JobId{1}, TaskId{4}).task, &job.tasks[2]);
  EXPECT_EQ(colours.find(JobId{1}, TaskId{0}).colour, 1U);
}

TEST(Colours, TheTenMostFrequentHaveOneEach) {
  WorkloadJob job{.name = "a", .group = "alice", .tasks = {}};
  for (char letter = 'a'; letter < 'a' + 12; ++letter) job.tasks.push_back(task(std::string(1, letter)));
  const Colours colours{{{JobId{1}, &job}}, {{.name = "alice", .tasks = 12}}};
  EXPECT_EQ(colours.names().size(), 10U);
  EXPECT_EQ(colours.find(JobId{1}, TaskId{11}).colour, colours.others());
}

TEST(Colours, AKindIsWhatTheWorkloadSaysItIs) {
  auto one = task("mProject_ID0000001");
  EXPECT_EQ(kind_of(one), "mProject_ID");
  one.command = ProcessCommand{"/usr/bin/mProject", {}};
  EXPECT_EQ(kind_of(one), "mProject");
  one.category = one.name;
  EXPECT_EQ(kind_of(one), "mProject") << "a category for each task is none";
  one.category = "project";
  EXPECT_EQ(kind_of(one), "project");
  EXPECT_EQ(kind_of(task("42")), "42");
}

}  // namespace
}  // namespace spider::cli
