// The whole framework with a memory storage: from submit to the last success.

#include "spider/scheduler.hpp"
#include "spider/storage/memory.hpp"
#include "support/latencies.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <utility>
#include <vector>

namespace spider::bench {
namespace {

using std::chrono::milliseconds;

constexpr Duration kTimeout = std::chrono::minutes{5};

auto do_nothing() -> Async<void> { co_return success(); }

auto sleep_10ms() -> Async<void> {
  asio::steady_timer timer{co_await asio::this_coro::executor, milliseconds{10}};
  co_await timer.async_wait(asio::use_awaitable);
  co_return success();
}

/// How long each task was ready before its handler was started. One manager says so, on its strand.
class StartLatencies final : public Observer {
 public:
  auto observe(const Event& event) noexcept -> void override {
    if (event.kind == EventKind::task_started) workers[0].add(event.duration);
  }

  std::vector<Latencies> workers = std::vector<Latencies>(1);
};

auto make_scheduler(asio::thread_pool& threads, std::size_t slots, std::shared_ptr<Observer> observer = {})
    -> std::unique_ptr<Scheduler> {
  Handlers handlers;
  handlers.add("nothing", do_nothing);
  handlers.add("sleep", sleep_10ms);
  SchedulerOptions options;
  options.handlers = handlers;
  options.manager.slots = slots;
  options.observer = std::move(observer);
  return std::make_unique<Scheduler>(threads.get_executor(), std::move(options));
}

auto job_of(const char* handler, std::uint32_t tasks) -> JobSpec {
  JobBuilder builder{"bench"};
  builder.array(handler, tasks);
  return builder.spec();
}

/// False when a job did not succeed.
auto run_jobs(Scheduler& scheduler, std::vector<JobSpec> jobs) -> Async<bool> {
  const auto submitted = co_await scheduler.submit_all(std::move(jobs));
  if (!submitted) co_return submitted.error();
  for (const auto& job : submitted.value()) {
    if (!job) co_return job.error();
    const auto end = co_await scheduler.wait(job.value().job, kTimeout);
    if (!end) co_return end.error();
    if (end.value() != JobState::succeeded) co_return false;
  }
  co_return true;
}

auto run_all(asio::thread_pool& threads, Scheduler& scheduler, std::vector<JobSpec> jobs) -> bool {
  const auto done = block_on(threads, run_jobs(scheduler, std::move(jobs)));
  return done && done.value();
}

auto stop(asio::thread_pool& threads, Scheduler& scheduler) -> void {
  (void)block_on(threads, scheduler.stop(StopMode::drain, kTimeout));
}

/// `jobs` jobs, each an array of `tasks` no-op tasks, submitted in one call and waited for one by one.
auto whole(benchmark::State& state, std::size_t slots, std::size_t jobs, std::uint32_t tasks) -> void {
  const auto latencies = std::make_shared<StartLatencies>();
  for (auto _ : state) {
    state.PauseTiming();
    asio::thread_pool threads{2};
    auto scheduler = make_scheduler(threads, slots, latencies);
    std::vector<JobSpec> specs(jobs, job_of("nothing", tasks));
    state.ResumeTiming();
    const auto succeeded = run_all(threads, *scheduler, std::move(specs));
    state.PauseTiming();
    stop(threads, *scheduler);
    scheduler.reset();
    threads.join();
    state.ResumeTiming();
    if (!succeeded) return state.SkipWithError("a job did not succeed");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(jobs * tasks) * state.iterations());
  report(state, latencies->workers);
}

/// Tasks of 10 ms on 16 workers.
auto sleeping_tasks(benchmark::State& state) -> void {
  const auto tasks = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) {
    asio::thread_pool threads{2};
    auto scheduler = make_scheduler(threads, 16);
    if (!run_all(threads, *scheduler, {job_of("sleep", tasks)})) return state.SkipWithError("no success");
    state.PauseTiming();
    stop(threads, *scheduler);
    state.ResumeTiming();
  }
}

auto sleep_in_turn(std::int64_t times) -> asio::awaitable<void> {
  for (; times > 0; --times) (void)co_await sleep_10ms();
}

/// The same by timers alone.
auto sleeping_timers(benchmark::State& state) -> void {
  for (auto _ : state) {
    asio::thread_pool threads{2};
    for (int worker = 0; worker < 16; ++worker) {
      asio::co_spawn(threads, sleep_in_turn(state.range(0) / 16), asio::detached);
    }
    threads.join();
  }
}

BENCHMARK_CAPTURE(whole, single, 1, 10, 1'000)->UseRealTime();
BENCHMARK_CAPTURE(whole, default, 16, 100, 1'000)->UseRealTime();
BENCHMARK_CAPTURE(whole, batched, 256, 100, 1'000)->UseRealTime();
BENCHMARK_CAPTURE(whole, one_task_jobs, 256, 50'000, 1)->UseRealTime();
BENCHMARK(sleeping_tasks)->Arg(160)->Arg(10'000)->Iterations(1)->UseRealTime();
BENCHMARK(sleeping_timers)->Arg(160)->Arg(10'000)->Iterations(1)->UseRealTime();

}  // namespace
}  // namespace spider::bench
