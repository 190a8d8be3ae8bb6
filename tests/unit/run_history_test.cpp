// The monitor's picture, rebuilt from what a storage holds.

#include "cli/run/run_history.hpp"
#include "spider/storage/memory.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/testing/forwarding_storage.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

namespace spider::cli {
namespace {

/// One job of a parent and its child, and a history that is not the storage's own.
class ForgedHistory final : public testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;

  auto list(JobFilter filter) -> Async<std::vector<JobView>> override {
    std::vector<JobView> found;
    if (filter.after.value == 0) found.push_back(job);
    co_return found;
  }
  auto view_tasks(JobId /*job*/, Page /*page*/) -> Async<std::vector<TaskView>> override { co_return tasks; }

  JobView job;
  std::vector<TaskView> tasks{2};
};

auto when(int second) -> TimePoint { return TimePoint{std::chrono::seconds{second}}; }

class RunHistoryTest : public ::testing::Test {
 protected:
  RunHistoryTest() {
    auto memory = make_memory_storage({}, clock_);
    storage_.emplace(std::shared_ptr<Storage>{std::move(memory).value()});
    auto& job = storage_->job;
    job.id = JobId{1};
    job.state = JobState::succeeded;
    job.unique_key = key_.of(0);
    job.created_at = when(1);
    job.ended_at = when(5);
    for (std::uint32_t task = 0; task < 2; ++task) {
      auto& view = storage_->tasks[task];
      view.id = TaskId{task};
      view.state = TaskState::succeeded;
      view.manager = ManagerId{7};
      view.started_at = when(task == 0 ? 2 : 3);
      view.ended_at = when(task == 0 ? 3 : 5);
    }
  }
  auto read() -> Result<RunHistory> {
    return block_on(clock_, read_run_history(*storage_, key_, 1, spec_of, monitor_));
  }
  static auto spec_of(std::size_t /*number*/) -> Result<JobSpec> {
    JobSpec spec;
    spec.tasks.resize(2);
    for (auto& task : spec.tasks) task.handler = "work";
    spec.tasks[1].parents = {0};
    return spec;
  }

  asio::io_context context_;
  VirtualClock clock_{context_};
  RunKey key_{{}, RunOptions{}};
  std::optional<ForgedHistory> storage_;
  Monitor monitor_{4};
};

TEST_F(RunHistoryTest, SoundHistoryHasNoViolationAndItsOwnTimes) {
  const auto history = read();
  ASSERT_TRUE(history) << history.error();
  EXPECT_EQ(history.value().jobs, std::vector<JobId>{JobId{1}});
  EXPECT_EQ(history.value().ended, 1U);
  EXPECT_EQ(history.value().begun, when(1));
  EXPECT_EQ(history.value().latest, when(5));
  EXPECT_EQ(history.value().manager, ManagerId{7});
  EXPECT_EQ(monitor_.violations(), 0U);
  EXPECT_DOUBLE_EQ(monitor_.busy_s(), 3);
  EXPECT_EQ(monitor_.last_end(), when(5));
}

TEST_F(RunHistoryTest, ChildStartedBeforeItsParentEndedIsAViolation) {
  storage_->tasks[1].started_at = when(2);
  ASSERT_TRUE(read());
  EXPECT_EQ(monitor_.violations(), 1U);
}

TEST_F(RunHistoryTest, JobThatSucceededWithoutATaskIsAViolation) {
  storage_->tasks[1].state = TaskState::ready;
  ASSERT_TRUE(read());
  EXPECT_EQ(monitor_.violations(), 1U);
}

TEST_F(RunHistoryTest, WhatRanAtTheKillWillStartAgain) {
  storage_->job.state = JobState::running;
  storage_->tasks[1].state = TaskState::running;
  const auto history = read();
  ASSERT_TRUE(history) << history.error();
  EXPECT_EQ(history.value().ended, 0U);
  monitor_.started({JobId{1}, TaskId{1}}, when(9));
  EXPECT_EQ(monitor_.violations(), 0U);
}

TEST_F(RunHistoryTest, JobOfSomethingElseIsRefused) {
  for (const auto& key : {std::string{}, key_.of(1), key_.of(0) + "x", std::string{"run:"}}) {
    storage_->job.unique_key = key;
    EXPECT_EQ(read().error().code, make_error_code(SqliteErrc::foreign_file)) << key;
  }
}

TEST(RunKey, DiffersByWhateverDecidesTheRun) {
  std::vector<Workload> workloads(1);
  auto& job = workloads[0].jobs.emplace_back();
  job.tasks.resize(2);
  RunOptions options;
  const auto same = RunKey{workloads, options}.of(0);
  EXPECT_EQ(RunKey(workloads, options).of(0), same);
  const auto differs = [&](auto change) {
    auto changed = workloads;
    auto with = options;
    change(changed[0].jobs[0], with);
    EXPECT_NE(RunKey(changed, with).of(0), same);
  };
  differs([](WorkloadJob& made, RunOptions&) { made.group = "alice"; });
  differs([](WorkloadJob& made, RunOptions&) { made.tasks[1].run_time = std::chrono::nanoseconds{1}; });
  differs([](WorkloadJob& made, RunOptions&) { made.tasks[1].parents = {0}; });
  differs([](WorkloadJob& made, RunOptions&) { made.tasks[1].command.emplace().program = "true"; });
  differs([](WorkloadJob& made, RunOptions&) { made.tasks.pop_back(); });
  differs([](WorkloadJob&, RunOptions& with) { with.policy = "fifo"; });
  differs([](WorkloadJob&, RunOptions& with) { with.workers = 5; });
  differs([](WorkloadJob&, RunOptions& with) { with.speed = 2; });
}

}  // namespace
}  // namespace spider::cli
