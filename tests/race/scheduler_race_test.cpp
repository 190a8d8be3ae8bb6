// The whole scheduler on real threads: nothing is lost, and every way to end it ends it.

#include "spider/scheduler.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace spider {
namespace {

using std::chrono::seconds;

constexpr int kThreads = 3;

auto plus_one(std::int64_t number) -> std::int64_t { return number + 1; }
auto twice(std::int64_t number) -> Async<std::int64_t> { co_return number * 2; }

auto options() -> SchedulerOptions {
  SchedulerOptions options;
  options.handlers.add("plus-one", plus_one).add("twice", twice);
  options.manager.slots = 8;
  options.manager.threads = 2;
  return options;
}

auto small_job(int number) -> JobSpec {
  JobBuilder job{"group-" + std::to_string(number % 7)};
  const auto first = job.array("plus-one", 5, std::int64_t{number});
  job.task("twice", std::int64_t{number}).after(first);
  return job;
}

TEST(SchedulerRace, ManyJobsFromManyThreadsAllSucceed) {
  constexpr int kJobs = 200;
  asio::thread_pool threads{kThreads};
  Scheduler scheduler{threads.get_executor(), options()};
  std::vector<std::future<Result<JobResult>>> results;
  for (int number = 0; number < kJobs; ++number) {
    results.push_back(
        asio::co_spawn(threads, rooted(scheduler.submit_and_wait(small_job(number))), asio::use_future));
  }
  for (auto& pending : results) {
    const auto result = pending.get();
    ASSERT_TRUE(result) << result.error();
    EXPECT_EQ(result.value().state(), JobState::succeeded);
  }
  const auto report = block_on(threads, scheduler.stop(StopMode::drain, seconds{60}));
  ASSERT_TRUE(report) << report.error();
  EXPECT_TRUE(report.value().still_running.empty());
}

TEST(SchedulerRace, DestructionUnderLoadTouchesNothingAfterwards) {
  for (int round = 0; round < 20; ++round) {
    asio::thread_pool threads{kThreads};
    {
      Scheduler scheduler{threads.get_executor(), options()};
      for (int number = 0; number < 20; ++number) {
        asio::co_spawn(threads, rooted(scheduler.submit(small_job(number))), asio::detached);
      }
    }
    threads.join();
  }
}

TEST(SchedulerRace, PoolMayStopWithEverythingUnderWay) {
  for (int round = 0; round < 20; ++round) {
    asio::thread_pool threads{kThreads};
    Scheduler scheduler{threads.get_executor(), options()};
    for (int number = 0; number < 20; ++number) {
      asio::co_spawn(threads, rooted(scheduler.submit(small_job(number))), asio::detached);
    }
    threads.stop();
    threads.join();
  }
}

TEST(SchedulerRace, WhoWaitsIsReleasedByAStop) {
  asio::thread_pool threads{kThreads};
  Scheduler scheduler{threads.get_executor(), options()};
  auto spec = small_job(1);
  spec.not_before = kForever - seconds{1};
  auto waiting = asio::co_spawn(threads, rooted(scheduler.submit_and_wait(spec)), asio::use_future);
  ASSERT_TRUE(block_on(threads, scheduler.stop(StopMode::cancel, seconds{60})));
  const auto result = waiting.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), Errc::closed) << result.error();
}

/// A handler that stops the scheduler that runs it.
class Saboteur {
 public:
  Saboteur(std::shared_ptr<std::atomic<Scheduler*>> target, std::shared_ptr<std::promise<StopReport>> report)
      : target_{std::move(target)}, report_{std::move(report)} {}
  auto operator()() const -> Async<void> {
    auto stopped = co_await target_->load()->stop(StopMode::drain, std::chrono::milliseconds{50});
    report_->set_value(stopped ? stopped.value() : StopReport{});
    co_return success();
  }

 private:
  std::shared_ptr<std::atomic<Scheduler*>> target_;
  std::shared_ptr<std::promise<StopReport>> report_;
};

TEST(SchedulerRace, StopFromWithinAHandlerReturnsAndNamesIt) {
  asio::thread_pool threads{kThreads};
  const auto target = std::make_shared<std::atomic<Scheduler*>>(nullptr);
  const auto report = std::make_shared<std::promise<StopReport>>();
  auto settings = options();
  settings.handlers.add("sabotage", Saboteur{target, report});
  Scheduler scheduler{threads.get_executor(), std::move(settings)};
  target->store(&scheduler);
  JobBuilder job;
  job.task("sabotage");
  ASSERT_TRUE(block_on(threads, scheduler.submit(job)));
  const auto stopped = report->get_future().get();
  ASSERT_EQ(stopped.still_running.size(), 1U);
  EXPECT_EQ(stopped.still_running[0].name, "sabotage");
}

}  // namespace
}  // namespace spider
