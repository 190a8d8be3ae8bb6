// What it costs to claim an idle worker and to release it, by how many workers there are; next to a scan
// of their records.

#include "spider/rng.hpp"
#include "spider/sharded_worker_pool.hpp"
#include "spider/system_clock.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace spider::bench {
namespace {

constexpr int kClaims = 10'000;

auto add_workers(WorkerPool& pool, std::uint64_t workers) -> Async<void> {
  for (std::uint64_t worker = 1; worker <= workers; ++worker) {
    WorkerInfo info{WorkerId{worker}};
    auto adding = pool.add(std::move(info));
    SPIDER_CO_TRY(co_await std::move(adding));
  }
  co_return success();
}

struct Rig {
  explicit Rig(std::int64_t workers) {
    pool = make_sharded_worker_pool({}, clock).value();
    ready = block_on(context, add_workers(*pool, static_cast<std::uint64_t>(workers))).has_value();
  }

  asio::io_context context{1};
  SystemClock clock{context.get_executor()};
  std::unique_ptr<ShardedWorkerPool> pool;
  bool ready = false;
};

/// Each worker is released before the next is claimed.
auto claim_in_turn(WorkerPool& pool) -> Async<void> {
  const ClaimRequest request{ClaimantId{1}};
  for (int number = 0; number < kClaims; ++number) {
    auto claiming = pool.claim(request);
    const auto claimed = co_await std::move(claiming);
    if (!claimed || !claimed.value()) co_return Errc::internal;
    SPIDER_CO_TRY(co_await pool.release(*claimed.value()));
  }
  co_return success();
}

auto claim_release(benchmark::State& state) -> void {
  Rig rig{state.range(0)};
  for (auto _ : state) {
    const auto done = block_on(rig.context, claim_in_turn(*rig.pool));
    if (!rig.ready || !done) return state.SkipWithError("a claim found no worker");
  }
  state.counters["claim_release_ns"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kClaims * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// Half of the workers are claimed all the time; who is released next is drawn at random. So records, and
/// the index's links, are cold.
auto claim_at_random(WorkerPool& pool, std::vector<Claim>& held, Rng& rng) -> Async<void> {
  const ClaimRequest request{ClaimantId{1}};
  for (int number = 0; number < kClaims; ++number) {
    auto& claim = held[rng.below(held.size())];
    SPIDER_CO_TRY(co_await pool.release(claim));
    auto claiming = pool.claim(request);
    const auto claimed = co_await std::move(claiming);
    if (!claimed || !claimed.value()) co_return Errc::internal;
    claim = *claimed.value();
  }
  co_return success();
}

auto hold_half(WorkerPool& pool, std::size_t count, std::vector<Claim>& held) -> Async<void> {
  const ClaimRequest request{ClaimantId{1}};
  while (held.size() < count) {
    auto claiming = pool.claim(request);
    const auto claimed = co_await std::move(claiming);
    if (!claimed || !claimed.value()) co_return Errc::internal;
    held.push_back(*claimed.value());
  }
  co_return success();
}

auto claim_release_cold(benchmark::State& state) -> void {
  Rig rig{state.range(0)};
  std::vector<Claim> held;
  Rng rng{4711};
  const auto half = static_cast<std::size_t>(state.range(0) / 2);
  if (!rig.ready || !block_on(rig.context, hold_half(*rig.pool, half, held)))
    return state.SkipWithError("a claim found no worker");
  for (auto _ : state) {
    const auto done = block_on(rig.context, claim_at_random(*rig.pool, held, rng));
    if (!done) return state.SkipWithError("a claim found no worker");
  }
  state.counters["claim_release_ns"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kClaims * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// What a user would keep without a pool.
struct alignas(64) ScannedWorker {
  WorkerId worker;
  ClaimantId owner;
  std::uint64_t epoch = 0;
  TimePoint lease_until{};
  bool idle = false;
};

/// The first idle worker of contiguous records, at a random position; marked, and freed again.
auto scan(benchmark::State& state) -> void {
  std::vector<ScannedWorker> workers(static_cast<std::size_t>(state.range(0)));
  Rng rng{4711};
  for (auto _ : state) {
    workers[rng.below(workers.size())].idle = true;
    for (auto& worker : workers) {
      if (!worker.idle) continue;
      worker.idle = false;
      ++worker.epoch;
      worker.owner = ClaimantId{1};
      benchmark::DoNotOptimize(worker);
      break;
    }
  }
}

BENCHMARK(claim_release)->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(claim_release_cold)->Arg(100)->Arg(10'000)->Arg(1'000'000);
BENCHMARK(scan)->Arg(10'000);

}  // namespace
}  // namespace spider::bench
