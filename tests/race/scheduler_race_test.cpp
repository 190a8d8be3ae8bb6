// The whole scheduler on real threads: nothing is lost, and every way to end it ends it.

#include "spider/scheduler.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
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

/// A handler that submits a job to the scheduler that runs it, and waits for that job.
class Nested {
 public:
  explicit Nested(std::shared_ptr<std::atomic<Scheduler*>> target) : target_{std::move(target)} {}
  auto operator()(std::int64_t number) const -> Async<std::int64_t> {
    JobBuilder inner;
    const auto doubled = inner.task("twice", number);
    auto waiting = target_->load()->submit_and_wait(inner);
    const auto result = co_await std::move(waiting);
    if (!result) co_return result.error();
    co_return result.value().try_output<std::int64_t>(doubled);
  }

 private:
  std::shared_ptr<std::atomic<Scheduler*>> target_;
};

TEST(SchedulerRace, HandlerMayReEnterTheSchedulerThatRunsIt) {
  asio::thread_pool threads{1};
  const auto target = std::make_shared<std::atomic<Scheduler*>>(nullptr);
  auto settings = options();
  settings.handlers.add("nested", Nested{target});
  Scheduler scheduler{threads.get_executor(), std::move(settings)};
  target->store(&scheduler);
  JobBuilder job;
  const auto outer = job.task("nested", std::int64_t{21});
  const auto result = block_on(threads, scheduler.submit_and_wait(job));
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(result.value().output<std::int64_t>(outer), 42);
}

/// Holds its thread, without ever yielding, until it is let go.
class Stubborn {
 public:
  Stubborn(std::shared_ptr<std::promise<void>> begun, std::shared_future<void> let_go)
      : begun_{std::move(begun)}, let_go_{std::move(let_go)} {}
  auto operator()() const -> Async<void> {
    begun_->set_value();
    let_go_.wait();
    co_return success();
  }

 private:
  std::shared_ptr<std::promise<void>> begun_;
  std::shared_future<void> let_go_;
};

/// Says that it ran.
class Arrives {
 public:
  explicit Arrives(std::shared_ptr<std::atomic<int>> count) : count_{std::move(count)} {}
  auto operator()() const -> Async<void> {
    count_->fetch_add(1);
    count_->notify_all();
    co_return success();
  }

 private:
  std::shared_ptr<std::atomic<int>> count_;
};

TEST(SchedulerRace, HandlerThatNeverYieldsHoldsUpNoOther) {
  asio::thread_pool threads{kThreads};
  const auto begun = std::make_shared<std::promise<void>>();
  std::promise<void> let_go;
  auto settings = options();
  settings.handlers.add("stubborn", Stubborn{begun, let_go.get_future().share()});
  Scheduler scheduler{threads.get_executor(), std::move(settings)};
  JobBuilder job;
  job.task("stubborn");
  auto held = asio::co_spawn(threads, rooted(scheduler.submit_and_wait(job)), asio::use_future);
  begun->get_future().wait();
  for (int number = 0; number < 20; ++number) {
    EXPECT_TRUE(block_on(threads, scheduler.submit_and_wait(small_job(number))));
  }
  const auto stopped = block_on(threads, scheduler.stop(StopMode::cancel, std::chrono::milliseconds{50}));
  EXPECT_TRUE(stopped) << "a stop does not wait for it either";
  if (stopped) {
    EXPECT_EQ(stopped.value().still_running.size(), 1U);
  }
  let_go.set_value();
  EXPECT_EQ(held.get().error(), Errc::closed);
}

TEST(SchedulerRace, HandlerThatNeverYieldsHoldsUpNoneOfItsBatch) {
  constexpr int kOthers = 6;
  asio::thread_pool threads{kThreads};
  const auto begun = std::make_shared<std::promise<void>>();
  std::promise<void> let_go;
  const auto others = std::make_shared<std::atomic<int>>(0);
  auto settings = options();
  settings.handlers.add("stubborn", Stubborn{begun, let_go.get_future().share()});
  settings.handlers.add("other", Arrives{others});
  Scheduler scheduler{threads.get_executor(), std::move(settings)};
  JobBuilder job;
  job.task("stubborn");
  job.array("other", kOthers);
  auto all = asio::co_spawn(threads, rooted(scheduler.submit_and_wait(job)), asio::use_future);
  for (auto arrived = others->load(); arrived < kOthers; arrived = others->load()) others->wait(arrived);
  let_go.set_value();
  const auto result = all.get();
  ASSERT_TRUE(result) << result.error();
}

/// Counts the tasks that were reported as done.
class Successes final : public Observer {
 public:
  auto observe(const Event& event) noexcept -> void override {
    if (event.kind != EventKind::task_succeeded) return;
    ++count_;
    count_.notify_all();
  }
  auto wait_for(int count) const -> void {
    for (auto seen = count_.load(); seen < count; seen = count_.load()) count_.wait(seen);
  }

 private:
  std::atomic<int> count_ = 0;
};

/// What has returned is reported, wherever in its batch the one is that does not return.
TEST(SchedulerRace, HandlerThatNeverYieldsHoldsUpNoReportOfItsBatch) {
  constexpr std::uint32_t kOthers = 6;
  for (std::uint32_t before = 0; before <= kOthers; ++before) {
    asio::thread_pool threads{kThreads};
    const auto begun = std::make_shared<std::promise<void>>();
    std::promise<void> let_go;
    const auto successes = std::make_shared<Successes>();
    auto settings = options();
    settings.observer = successes;
    settings.handlers.add("stubborn", Stubborn{begun, let_go.get_future().share()});
    settings.handlers.add("other", Arrives{std::make_shared<std::atomic<int>>(0)});
    Scheduler scheduler{threads.get_executor(), std::move(settings)};
    JobBuilder job;
    if (before > 0) job.array("other", before);
    job.task("stubborn");
    if (before < kOthers) job.array("other", kOthers - before);
    auto all = asio::co_spawn(threads, rooted(scheduler.submit_and_wait(job)), asio::use_future);
    successes->wait_for(kOthers);
    let_go.set_value();
    const auto result = all.get();
    ASSERT_TRUE(result) << result.error();
  }
}

TEST(SchedulerRace, LastReferenceMayBeDroppedOnAThreadOfThePool) {
  for (int round = 0; round < 20; ++round) {
    asio::thread_pool threads{kThreads};
    auto last = std::make_shared<Scheduler>(threads.get_executor(), options());
    for (int number = 0; number < 10; ++number) {
      asio::co_spawn(threads, rooted(last->submit(small_job(number))), asio::detached);
    }
    asio::post(threads, [held = std::move(last)]() mutable { held.reset(); });
    threads.join();
  }
}

}  // namespace
}  // namespace spider
