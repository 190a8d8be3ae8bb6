// Whether finished jobs in the file make polls and starts slower.

#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"

#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace spider::bench {
namespace {

using WallClock = std::chrono::steady_clock;

constexpr const char* kFile = "spider_bench_history.db";
constexpr std::size_t kJobs = 2'000;

auto remove_file() -> void {
  for (const auto* end : {"", "-wal", "-shm"}) std::filesystem::remove(kFile + std::string{end});
}

struct Rig {
  Rig() {
    SqliteStorageOptions options{kFile};
    options.synchronous = SqliteStorageOptions::Synchronous::normal;
    options.limits.ended_jobs_max = 100'000'000;
    options.verify_bytes_max = 0;
    auto opened = open_sqlite_storage(std::move(options), clock);
    if (opened) storage = std::move(opened).value();
  }
  template <class T>
  auto run(Async<T> work) -> T {
    return block_on(context, std::move(work)).value();
  }
  auto submit(std::size_t jobs) -> void {
    JobSpec spec;
    spec.tasks.emplace_back().handler = "nothing";
    const std::vector<JobSpec> specs(jobs, spec);
    static_cast<void>(run(storage->submit(specs)));
  }
  auto join() -> void { me = run(storage->register_scheduler(SchedulerInfo{})); }
  auto poll() -> InboundEntry {
    PollRequest request;
    request.scheduler = me.scheduler;
    request.session = me.session;
    request.max_items = 1;
    return run(storage->poll_ready(std::move(request))).entries.at(0);
  }
  auto start(const InboundEntry& entry) -> TaskInstance {
    TaskAssignment assignment;
    assignment.id = AssignmentId{++assignments};
    assignment.job = entry.job;
    assignment.task = entry.task;
    assignment.scheduler = me.scheduler;
    assignment.session = me.session;
    return run(storage->start(std::span{&assignment, 1}, ManagerId{1})).at(0).value().instance;
  }

  asio::io_context context{1};
  SystemClock clock{context.get_executor()};
  std::unique_ptr<Storage> storage;
  Registration me;
  std::uint64_t assignments = 0;
};

/// One job that is run to its end, and copies of all its rows until there are `jobs`.
auto make_history(std::int64_t jobs) -> bool {
  remove_file();
  {
    Rig rig;
    if (!rig.storage) return false;
    rig.submit(1);
    rig.join();
    const FinishRequest finish{rig.start(rig.poll()), FinishRequest::Kind::succeeded};
    static_cast<void>(rig.run(rig.storage->finish(std::span{&finish, 1})));
  }
  std::string script = "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;";
  for (std::int64_t have = 1; have < jobs; have *= 2) {
    const auto more = std::to_string(have);
    const auto copied = std::to_string(std::min(have, jobs - have));
    const auto copy = [&](const std::string& table, const std::string& key, const std::string& change) {
      script += "CREATE TEMP TABLE copy AS SELECT * FROM main." + table + " WHERE " + key + " <= " + copied +
                "; UPDATE copy SET " + change + "; INSERT INTO main." + table +
                " SELECT * FROM copy; DROP TABLE copy;";
    };
    copy("job", "id", "id = id + " + more + ", ended_position = ended_position + " + more);
    copy("job_spec", "job", "job = job + " + more);
    copy("task", "job", "job = job + " + more);
    copy("ended", "position", "position = position + " + more + ", job = job + " + more);
  }
  script += "UPDATE counter SET job = " + std::to_string(jobs) + ", ended = " + std::to_string(jobs) +
            "; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)";
  sqlite3* handle = nullptr;
  const bool made = sqlite3_open(kFile, &handle) == SQLITE_OK &&
                    sqlite3_exec(handle, script.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  sqlite3_close(handle);
  return made;
}

auto median_us(std::vector<double>& values) -> double {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

/// Medians of single polls and starts, with `range(0)` finished jobs in the file.
auto history(benchmark::State& state) -> void {
  remove_file();
  if (state.range(0) > 0 && !make_history(state.range(0))) return state.SkipWithError("no history");
  std::vector<double> polls;
  std::vector<double> starts;
  for (auto _ : state) {
    Rig rig;
    if (!rig.storage) return state.SkipWithError("no storage");
    rig.join();
    rig.submit(kJobs);
    for (std::size_t job = 0; job < kJobs; ++job) {
      const auto began = WallClock::now();
      const auto entry = rig.poll();
      const auto polled = WallClock::now();
      static_cast<void>(rig.start(entry));
      const auto started = WallClock::now();
      polls.push_back(std::chrono::duration<double, std::micro>(polled - began).count());
      starts.push_back(std::chrono::duration<double, std::micro>(started - polled).count());
    }
  }
  remove_file();
  state.counters["poll_us"] = median_us(polls);
  state.counters["start_us"] = median_us(starts);
}
BENCHMARK(history)->Arg(0)->Arg(1'000)->Arg(1'000'000)->Iterations(1);

}  // namespace
}  // namespace spider::bench
