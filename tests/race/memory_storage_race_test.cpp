// The memory storage under real threads: nothing is lost, nothing ends twice.

#include "spider/storage/memory.hpp"
#include "spider/system_clock.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

namespace spider {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kJobs = 400;
constexpr std::uint32_t kWorkers = 3;

auto two_steps(std::uint32_t number) -> JobSpec {
  JobSpec spec;
  spec.resource_group = "group" + std::to_string(number % 5);
  spec.tasks.resize(2);
  for (auto& task : spec.tasks) {
    task.handler = "work";
    task.count = 5;
  }
  spec.tasks[1].parents = {0};
  return spec;
}

class MemoryStorageRace : public ::testing::Test {
 protected:
  template <class T>
  static auto run(Async<T> work) -> Result<T> {
    asio::io_context context;
    return block_on(context, std::move(work));
  }

  auto submit_and_cancel() -> void {
    for (std::uint32_t number = 0; number < kJobs; ++number) {
      const auto spec = two_steps(number);
      const auto job = run(storage->submit(std::span{&spec, 1})).value().at(0).value().job;
      const bool cancels = number % 7 == 0;
      EXPECT_TRUE(!cancels || run(storage->cancel(job)).has_value());
    }
  }

  /// One scheduler and one manager: polls, starts, finishes, registers again from time to time.
  auto work(std::uint64_t number) -> void {
    const SchedulerInfo me{"member" + std::to_string(number)};
    auto registered = run(storage->register_scheduler(me)).value();
    std::uint64_t rounds = 0;
    while (ended.load() < kJobs) {
      if (++rounds % 50 == 0) registered = run(storage->register_scheduler(me)).value();
      PollRequest request;
      request.scheduler = registered.scheduler;
      request.session = registered.session;
      request.max_items = 16;
      request.wait = 5ms;
      const auto batch = run(storage->poll_ready(std::move(request)));
      ASSERT_TRUE(batch) << batch.error();
      run_entries(batch.value().entries, registered, ManagerId{number + 1}, rounds);
    }
  }

  auto run_entries(const std::vector<InboundEntry>& entries, const Registration& registered,
                   ManagerId manager, std::uint64_t rounds) -> void {
    std::vector<TaskAssignment> assignments;
    for (const auto& entry : entries) {
      auto& assignment = assignments.emplace_back();
      assignment.id = AssignmentId{next_assignment.fetch_add(1)};
      assignment.job = entry.job;
      assignment.task = entry.task;
      assignment.scheduler = registered.scheduler;
      assignment.session = registered.session;
    }
    if (rounds % 11 == 0 && !assignments.empty()) assignments.pop_back();  // lost until the next registration
    const auto started = run(storage->start(assignments, manager)).value();
    std::vector<FinishRequest> requests;
    for (const auto& task : started) {
      if (!task) continue;  // cancelled in between
      const bool release = (task.value().instance.id.value + rounds) % 9 == 0;
      requests.emplace_back(task.value().instance,
                            release ? FinishRequest::Kind::released : FinishRequest::Kind::succeeded);
    }
    const auto finished = run(storage->finish(requests)).value();
    for (std::size_t i = 0; i < finished.size(); ++i) {
      if (finished[i] && requests[i].kind == FinishRequest::Kind::succeeded) successes.fetch_add(1);
    }
  }

  auto count_ended(EndedCursor cursor) -> void {
    while (ended.load() < kJobs) {
      const auto batch = run(storage->poll_ended(cursor, 20ms)).value();
      cursor = batch.cursor;
      ended.fetch_add(static_cast<std::uint32_t>(batch.jobs.size()));
    }
  }

  asio::thread_pool timers{1};
  SystemClock clock{timers.get_executor()};
  std::unique_ptr<Storage> storage = make_memory_storage({}, clock).value();
  std::atomic<std::uint64_t> next_assignment{1};
  std::atomic<std::uint64_t> successes{0};
  std::atomic<std::uint32_t> ended{0};
};

TEST_F(MemoryStorageRace, EveryTaskEndsOnce) {
  const auto cursor = run(storage->poll_ended({}, 0s)).value().cursor;
  std::vector<std::thread> threads;
  threads.emplace_back([this] { submit_and_cancel(); });
  threads.emplace_back([this, cursor] { count_ended(cursor); });
  for (std::uint64_t number = 0; number < kWorkers; ++number) {
    threads.emplace_back([this, number] { work(number); });
  }
  for (auto& thread : threads) thread.join();

  JobFilter filter;
  filter.max = kJobs;
  const auto jobs = run(storage->list(filter)).value();
  ASSERT_EQ(jobs.size(), kJobs);
  std::uint64_t succeeded = 0;
  for (const auto& job : jobs) {
    EXPECT_TRUE(has_ended(job.state));
    const auto& counts = job.tasks;
    const auto done = counts[static_cast<std::size_t>(TaskState::succeeded)];
    EXPECT_EQ(done + counts[static_cast<std::size_t>(TaskState::cancelled)], 10U);
    succeeded += done;
  }
  EXPECT_EQ(succeeded, successes.load());
  EXPECT_EQ(ended.load(), kJobs);
}

}  // namespace
}  // namespace spider
