// What a task costs as a function of how many tasks, groups and workers there are. bench/curves/run makes
// the tables of docs/performance.md from it.

#include "core/core_rig.hpp"
#include "spider/scheduler.hpp"
#include "support/memory_use.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace spider::bench {
namespace {

constexpr Duration kTimeout = std::chrono::minutes{10};

auto set_bytes(benchmark::State& state, std::int64_t grown, std::int64_t tasks) -> void {
  state.counters["bytes_per_task"] = static_cast<double>(grown) / static_cast<double>(tasks);
}

/// A decision of PolicyCore with the buffer kept full; ten jobs per group, at most one per task.
auto core(benchmark::State& state) -> void {
  constexpr std::uint64_t kDecisions = 100'000;
  const auto tasks = state.range(0);
  const auto groups = static_cast<std::uint64_t>(state.range(1));
  const auto before = resident_bytes();
  CoreRig rig{
      {.buffered = static_cast<std::size_t>(tasks), .entries = {.groups = groups, .jobs = 10 * groups}}};
  set_bytes(state, resident_bytes() - before, tasks);
  rig.decide(kDecisions);
  for (auto _ : state) rig.decide(kDecisions);
  state.SetItemsProcessed(static_cast<std::int64_t>(kDecisions) * state.iterations());
}

auto run_jobs(Scheduler& scheduler, std::vector<JobSpec> jobs) -> Async<bool> {
  const auto submitted = co_await scheduler.submit_all(std::move(jobs));
  if (!submitted) co_return submitted.error();
  for (const auto& job : submitted.value()) {
    if (!job) co_return job.error();
    const auto end = co_await scheduler.wait(job.value().job, kTimeout);
    if (!end || end.value() != JobState::succeeded) co_return false;
  }
  co_return true;
}

auto do_nothing() -> Async<void> { co_return success(); }

/// Memory storage to success on two threads: `tasks` no-op tasks in arrays of up to 1,000, the jobs spread
/// over `groups`, `workers` at a time.
auto whole(benchmark::State& state) -> void {
  const auto tasks = state.range(0);
  const auto groups = state.range(1);
  const auto jobs = std::max<std::int64_t>({1, tasks / 1'000, groups});
  for (auto _ : state) {
    state.PauseTiming();
    const auto before = resident_bytes();
    asio::thread_pool threads{2};
    SchedulerOptions options;
    options.handlers.add("nothing", do_nothing);
    options.manager.slots = static_cast<std::size_t>(state.range(2));
    Scheduler scheduler{threads.get_executor(), std::move(options)};
    std::vector<JobSpec> specs;
    for (std::int64_t job = 0; job < jobs; ++job) {
      JobBuilder builder{"group-" + std::to_string(job % groups)};
      builder.array("nothing", tasks / jobs);
      specs.push_back(builder.spec());
    }
    state.ResumeTiming();
    const auto done = block_on(threads, run_jobs(scheduler, std::move(specs)));
    state.PauseTiming();
    set_bytes(state, resident_bytes() - before, tasks);
    (void)block_on(threads, scheduler.stop(StopMode::drain, kTimeout));
    state.ResumeTiming();
    if (!done || !done.value()) return state.SkipWithError("a job did not succeed");
  }
  state.SetItemsProcessed(tasks / jobs * jobs * state.iterations());
}

auto core_points(benchmark::internal::Benchmark* all) -> void {
  for (std::int64_t tasks = 1'000; tasks <= 10'000'000; tasks *= 10) all->Args({tasks, 50});
  for (std::int64_t groups = 1; groups <= 100'000; groups *= 10) all->Args({1'000'000, groups});
}

auto whole_points(benchmark::internal::Benchmark* all) -> void {
  for (std::int64_t tasks = 1'000; tasks <= 10'000'000; tasks *= 10) all->Args({tasks, 1, 256});
  for (std::int64_t groups = 1; groups <= 100'000; groups *= 10) all->Args({100'000, groups, 256});
  for (std::int64_t workers = 1; workers <= 100'000; workers *= 10) all->Args({100'000, 1, workers});
}

BENCHMARK(core)->Apply(core_points)->UseRealTime();
BENCHMARK(whole)->Apply(whole_points)->UseRealTime();

}  // namespace
}  // namespace spider::bench
