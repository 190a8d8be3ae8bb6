// The durable storage, from submit to the last success, on a file in the folder where it is run from.

#include "spider/scheduler.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace spider::bench {
namespace {

using Synchronous = SqliteStorageOptions::Synchronous;

constexpr Duration kTimeout = std::chrono::minutes{10};
constexpr const char* kFile = "spider_bench.db";

auto remove_file() -> void {
  for (const auto* end : {"", "-wal", "-shm"}) std::filesystem::remove(kFile + std::string{end});
}

auto do_nothing() -> Async<void> { co_return success(); }

/// A storage on an empty file.
struct Rig {
  explicit Rig(Synchronous synchronous) {
    remove_file();
    SqliteStorageOptions options{kFile};
    options.synchronous = synchronous;
    auto opened = open_sqlite_storage(std::move(options), *clock);
    if (opened) storage = std::move(opened).value();
  }
  Rig(const Rig&) = delete;
  auto operator=(const Rig&) -> Rig& = delete;
  ~Rig() {
    storage.reset();
    threads.join();
    remove_file();
  }

  asio::thread_pool threads{2};
  std::shared_ptr<SystemClock> clock = std::make_shared<SystemClock>(threads.get_executor());
  std::shared_ptr<Storage> storage;
};

auto job_of(std::uint32_t tasks) -> JobSpec {
  JobBuilder builder{"bench"};
  builder.array("nothing", tasks);
  return builder.spec();
}

/// `batch` jobs per call, each awaited before the next.
auto submit(Storage& storage, std::size_t jobs, std::size_t batch, std::uint32_t tasks) -> Async<void> {
  const std::vector<JobSpec> specs(batch, job_of(tasks));
  for (std::size_t done = 0; done < jobs; done += batch) {
    SPIDER_CO_TRY(const auto answers, co_await storage.submit(specs));
    for (const auto& answer : answers) {
      if (!answer) co_return answer.error();
    }
  }
  co_return success();
}

auto wait_for_ends(Storage& storage, std::size_t jobs) -> Async<void> {
  EndedCursor cursor{1};
  while (jobs > 0) {
    SPIDER_CO_TRY(const auto batch, co_await storage.poll_ended(cursor, kTimeout));
    if (batch.jobs.empty()) co_return Errc::timed_out;
    cursor = batch.cursor;
    jobs -= batch.jobs.size();
  }
  co_return success();
}

auto run(Rig& rig, std::size_t jobs) -> Result<void> {
  SchedulerOptions options;
  options.storage = rig.storage;
  options.clock = rig.clock;
  options.manager.slots = 256;
  options.handlers.add("nothing", do_nothing);
  Scheduler scheduler{rig.threads.get_executor(), std::move(options)};
  SPIDER_TRY(block_on(rig.threads, wait_for_ends(*rig.storage, jobs)));
  SPIDER_TRY(block_on(rig.threads, scheduler.stop(StopMode::drain, kTimeout)));
  return success();
}

/// Submits `range(0)` tasks, `batch` jobs of `tasks` tasks at a time, then runs them.
auto whole(benchmark::State& state, Synchronous synchronous, std::size_t batch, std::uint32_t tasks) -> void {
  const auto jobs = static_cast<std::size_t>(state.range(0)) / tasks;
  for (auto _ : state) {
    state.PauseTiming();
    Rig rig{synchronous};
    if (!rig.storage) return state.SkipWithError("no storage");
    state.ResumeTiming();
    const auto submitted = block_on(rig.threads, submit(*rig.storage, jobs, std::min(batch, jobs), tasks));
    const auto ran = submitted ? run(rig, jobs) : submitted;
    state.PauseTiming();
    if (!ran) return state.SkipWithError(ran.error().message().c_str());
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.range(0) * state.iterations());
}

auto both_sizes(benchmark::internal::Benchmark* of) -> void {
  of->Arg(500)->Arg(20'000)->Iterations(1)->UseRealTime();
}
BENCHMARK_CAPTURE(whole, one_by_one, Synchronous::normal, 1, 1)->Name("one_by_one")->Apply(both_sizes);
BENCHMARK_CAPTURE(whole, batched, Synchronous::normal, 1'000, 1)->Name("batched")->Apply(both_sizes);
BENCHMARK_CAPTURE(whole, arrays, Synchronous::normal, 1, 500)->Name("arrays")->Apply(both_sizes);
BENCHMARK_CAPTURE(whole, full, Synchronous::full, 1'000, 1)->Name("full")->Apply(both_sizes);

/// What the file system can do: 4 KiB written and synced, again and again.
auto fsync_rate(benchmark::State& state) -> void {
  remove_file();
  const int file = ::open(kFile, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const std::array<char, 4096> page{};
  for (auto _ : state) {
    if (::write(file, page.data(), page.size()) != static_cast<ssize_t>(page.size()) || ::fsync(file) != 0) {
      return state.SkipWithError("cannot write");
    }
  }
  ::close(file);
  remove_file();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(fsync_rate)->Name("fsync")->UseRealTime();

}  // namespace
}  // namespace spider::bench
