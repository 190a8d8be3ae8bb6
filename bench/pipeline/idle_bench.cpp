// An idle system gets one task: how long until its handler starts, next to a bare post.

#include "spider/scheduler.hpp"
#include "support/latencies.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

namespace spider::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kRest = std::chrono::microseconds{200};  // until all is idle again

std::atomic<std::int64_t> started_at{0};

auto now_ns() -> std::int64_t { return SteadyClock::now().time_since_epoch().count(); }

auto note_start() -> Async<void> {
  started_at.store(now_ns());
  started_at.notify_all();
  co_return success();
}

auto submit(Scheduler& scheduler, JobSpec job) -> asio::awaitable<void> {
  (void)co_await scheduler.submit(std::move(job));
}

/// From the call that submits until the coroutine handler starts, which is on another thread.
auto idle_dispatch(benchmark::State& state) -> void {
  asio::thread_pool threads{2};
  SchedulerOptions options;
  options.handlers.add("note", note_start);
  Scheduler scheduler{threads.get_executor(), std::move(options)};
  JobBuilder builder{"bench"};
  builder.task("note");
  const auto job = builder.spec();
  std::vector<Latencies> latencies(1);
  for (auto _ : state) {
    started_at.store(0);
    const auto asked_at = now_ns();
    asio::co_spawn(threads, submit(scheduler, job), asio::detached);
    started_at.wait(0);
    const auto latency = started_at.load() - asked_at;
    state.SetIterationTime(static_cast<double>(latency) * 1e-9);
    latencies[0].add(Duration{latency});
    std::this_thread::sleep_for(kRest);
  }
  report(state, latencies);
  (void)block_on(threads, scheduler.stop(StopMode::drain, std::chrono::seconds{10}));
}

/// A post to the same kind of executor, and back to the caller.
auto bare_post(benchmark::State& state) -> void {
  asio::thread_pool threads{2};
  std::vector<Latencies> latencies(1);
  for (auto _ : state) {
    started_at.store(0);
    const auto asked_at = now_ns();
    asio::post(threads, [] {
      started_at.store(1);
      started_at.notify_all();
    });
    started_at.wait(0);
    const auto latency = now_ns() - asked_at;
    state.SetIterationTime(static_cast<double>(latency) * 1e-9);
    latencies[0].add(Duration{latency});
    std::this_thread::sleep_for(kRest);
  }
  report(state, latencies);
}

BENCHMARK(idle_dispatch)->UseManualTime()->Iterations(2'000);
BENCHMARK(bare_post)->UseManualTime()->Iterations(2'000);
BENCHMARK(idle_dispatch)->Name("few_idle_dispatches")->UseManualTime()->Iterations(100);
BENCHMARK(bare_post)->Name("few_bare_posts")->UseManualTime()->Iterations(100);

}  // namespace
}  // namespace spider::bench
