#include "spider/storage/memory.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

namespace spider {
namespace {

using namespace std::chrono_literals;

class MemoryStorageTest : public ::testing::Test {
 protected:
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock, std::move(work));
  }
  auto submit(const JobSpec& job) -> JobId {
    return run(storage->submit(std::span{&job, 1})).value().at(0).value().job;
  }
  auto poll(std::size_t max = 64, Duration wait = {}) -> InboundBatch {
    PollRequest request;
    request.scheduler = registration.scheduler;
    request.session = registration.session;
    request.max_items = max;
    request.wait = wait;
    return run(storage->poll_ready(std::move(request))).value();
  }
  auto assign(const InboundEntry& entry) -> TaskAssignment {
    TaskAssignment assignment;
    assignment.id = AssignmentId{++assignments};
    assignment.job = entry.job;
    assignment.task = entry.task;
    assignment.group = entry.group;
    assignment.scheduler = registration.scheduler;
    assignment.session = registration.session;
    return assignment;
  }
  auto start(const InboundEntry& entry) -> Result<StartedTask> {
    const auto assignment = assign(entry);
    return run(storage->start(std::span{&assignment, 1}, ManagerId{7})).value().at(0);
  }
  auto succeed(const StartedTask& task, Bytes output = {}) -> Result<void> {
    FinishRequest request{task.instance, FinishRequest::Kind::succeeded};
    request.output = std::move(output);
    return run(storage->finish(std::span{&request, 1})).value().at(0);
  }

  asio::io_context context;
  VirtualClock clock{context};
  std::unique_ptr<Storage> storage = make_memory_storage({}, clock).value();
  Registration registration = run(storage->register_scheduler(SchedulerInfo{})).value();
  std::uint64_t assignments = 0;
};

auto task(std::string handler, std::vector<std::uint32_t> parents = {}, std::uint32_t count = 1) -> TaskSpec {
  TaskSpec spec;
  spec.handler = std::move(handler);
  spec.parents = std::move(parents);
  spec.count = count;
  return spec;
}

TEST_F(MemoryStorageTest, DiamondRunsToItsEnd) {
  JobSpec job;
  job.tasks = {task("a"), task("b", {0}), task("c", {0}, 3), task("d", {1, 2})};
  const auto id = submit(job);
  std::vector<std::uint32_t> order;
  for (int round = 0; round < 3; ++round) {
    for (const auto& entry : poll().entries) {
      order.push_back(entry.task.index());
      ASSERT_TRUE(succeed(start(entry).value(), "out"));
    }
  }
  EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(run(storage->wait(id, 0s)).value(), JobState::succeeded);
  EXPECT_EQ(run(storage->outputs(id, {})).value().size(), 6U);
}

TEST_F(MemoryStorageTest, WaitersOfAJobAreWokenByItsEndOnly) {
  JobSpec job;
  job.tasks = {task("a")};
  const auto first = submit(job);
  submit(job);
  auto waiting = asio::co_spawn(context, rooted(storage->wait(first, 10s)), asio::use_future);
  const auto batch = poll();
  ASSERT_TRUE(succeed(start(batch.entries.at(1)).value()));
  clock.drain();
  EXPECT_NE(waiting.wait_for(0s), std::future_status::ready);
  ASSERT_TRUE(succeed(start(batch.entries.at(0)).value()));
  clock.drain();
  EXPECT_EQ(waiting.get().value(), JobState::succeeded);
}

TEST_F(MemoryStorageTest, WaitingPollIsWokenByWhatBecomesDue) {
  JobSpec job;
  job.not_before = TimePoint{5s};
  job.tasks = {task("a")};
  submit(job);
  EXPECT_EQ(poll(64, 60s).entries.size(), 1U);
  EXPECT_EQ(clock.now(), TimePoint{5s});
}

TEST_F(MemoryStorageTest, LapsedSessionIsReplacedAndItsEntriesOfferedAgain) {
  JobSpec job;
  job.tasks = {task("a", {}, 3)};
  submit(job);
  EXPECT_EQ(poll(2).entries.size(), 2U);
  clock.run_until(TimePoint{61s});
  const auto batch = poll();
  EXPECT_GT(batch.session, registration.session);
  ASSERT_EQ(batch.entries.size(), 3U);
  EXPECT_EQ(batch.entries[0].task, TaskId{0});
  EXPECT_EQ(start(batch.entries[0]).error(), Errc::stale_session);
  registration.session = batch.session;
  EXPECT_TRUE(start(batch.entries[0]));
}

}  // namespace
}  // namespace spider
