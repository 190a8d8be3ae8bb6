// Real threads on a storage: n concurrent submitters of one key insert exactly one job, and what
// arrives while it runs makes exactly one more.

#include "spider/storage/memory.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <boost/asio/thread_pool.hpp>

#include <array>
#include <atomic>
#include <barrier>
#include <set>
#include <thread>
#include <vector>

namespace spider {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSubmitters = 8;
constexpr int kRounds = 200;

struct CoalescingRace : ::testing::Test {
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    asio::io_context context;
    return block_on(context, std::move(work));
  }

  auto submit(const std::string& key) -> Submitted {
    JobSpec spec;
    auto& task = spec.tasks.emplace_back();
    task.handler = "work";
    task.coalesce = CoalesceKey{"work", {key}};
    return run(storage->submit(std::span{&spec, 1})).value().at(0).value();
  }
  auto start(JobId job) -> Result<StartedTask> {
    TaskAssignment assignment;
    assignment.job = job;
    assignment.scheduler = me.scheduler;
    assignment.session = me.session;
    return run(storage->start(std::span{&assignment, 1}, ManagerId{1})).value().at(0);
  }

  asio::thread_pool timers{1};
  SystemClock clock{timers.get_executor()};
  std::unique_ptr<Storage> storage = make_memory_storage({}, clock).value();
  Registration me = run(storage->register_scheduler(SchedulerInfo{})).value();
};

TEST_F(CoalescingRace, OfConcurrentSubmittersExactlyOneInserts) {
  std::vector<std::atomic<int>> inserted(kRounds);
  std::vector<std::atomic<std::uint64_t>> jobs(kRounds);
  std::barrier together{static_cast<std::ptrdiff_t>(kSubmitters)};
  std::vector<std::thread> threads;
  for (std::uint64_t number = 0; number < kSubmitters; ++number) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        together.arrive_and_wait();
        const auto answer = submit("round" + std::to_string(round));
        const auto at = static_cast<std::size_t>(round);
        if (!answer.existing) inserted[at].fetch_add(1);
        if (!answer.existing) jobs[at].store(answer.job.value);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t round = 0; round < kRounds; ++round) {
    EXPECT_EQ(inserted[round].load(), 1) << "round " << round;
    const auto view = run(storage->view(JobId{jobs[round].load()}));
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view.value().submitters, kSubmitters);
  }
}

// Submitters, starters and finishers at once: every job ends, one run at a time.
TEST_F(CoalescingRace, EveryJobEndsAndNoKeyRunsTwiceAtOnce) {
  std::atomic<std::uint64_t> submitting{kSubmitters / 2};
  std::atomic<int> running{0};
  std::atomic<std::uint64_t> runs{0};
  std::vector<std::thread> threads;
  for (std::uint64_t number = 0; number < kSubmitters / 2; ++number) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) submit("one");
      submitting.fetch_sub(1);
    });
  }
  for (std::uint64_t number = 0; number < kSubmitters / 2; ++number) {
    threads.emplace_back([&] {
      PollRequest request;
      request.scheduler = me.scheduler;
      request.session = me.session;
      request.wait = 5ms;
      const auto open = [&] {
        return submitting.load() > 0 ||
               run(storage->has_pending("default", CoalesceKey{"work", {"one"}})).value();
      };
      while (open()) {
        const auto batch = run(storage->poll_ready(request)).value();
        for (const auto& entry : batch.entries) {
          const auto started = start(entry.job);
          ASSERT_TRUE(started) << started.error() << ": what is offered can be started";
          runs.fetch_add(1);
          EXPECT_LE(running.fetch_add(1), 0) << "two runs of one key at once";
          const FinishRequest request_end{started.value().instance, FinishRequest::Kind::succeeded};
          running.fetch_sub(1);
          (void)run(storage->finish(std::span{&request_end, 1}));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  JobFilter filter;
  filter.max = 10'000;
  const auto jobs = run(storage->list(filter)).value();
  for (const auto& job : jobs) {
    EXPECT_EQ(job.state, JobState::succeeded);
  }
  EXPECT_LE(runs.load(), kSubmitters / 2 * kRounds);
}

// Two connections, as two processes would have them.
TEST(CoalescingRaceOfSqlite, OfConcurrentSubmittersOnOneFileExactlyOneInserts) {
  constexpr std::size_t kRoundsOfSqlite = 20;
  const TemporaryFolder folder;
  asio::thread_pool timers{1};
  SystemClock clock{timers.get_executor()};
  const auto open = [&] { return open_sqlite_storage(SqliteStorageOptions{folder / "file"}, clock).value(); };
  const std::array storages{open(), open()};
  std::array<std::atomic<int>, kRoundsOfSqlite> inserted{};
  std::barrier together{static_cast<std::ptrdiff_t>(kSubmitters)};
  std::vector<std::thread> threads;
  for (std::uint64_t number = 0; number < kSubmitters; ++number) {
    threads.emplace_back([&, number] {
      for (std::size_t round = 0; round < kRoundsOfSqlite; ++round) {
        JobSpec spec;
        spec.tasks.emplace_back().handler = "work";
        spec.tasks[0].coalesce = CoalesceKey{"work", {std::to_string(round)}};
        together.arrive_and_wait();
        asio::io_context context;
        const auto answers = block_on(context, storages[number % 2]->submit(std::span{&spec, 1}));
        if (!answers.value().at(0).value().existing) inserted[round].fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  asio::io_context context;
  const auto jobs = block_on(context, storages[0]->list(JobFilter{})).value();
  ASSERT_EQ(jobs.size(), kRoundsOfSqlite);
  for (const auto& job : jobs) EXPECT_EQ(job.submitters, kSubmitters) << "job " << job.id.value;
  for (std::size_t round = 0; round < kRoundsOfSqlite; ++round) EXPECT_EQ(inserted[round].load(), 1) << round;
}

}  // namespace
}  // namespace spider
