// What a session bump costs: by how much is queued, and by how many consumers wait.

#include "spider/dispatch_channel.hpp"
#include "spider/system_clock.hpp"
#include "support/assignments.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace spider::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// The counter `median_ns`: one bump in so many is hit by something else.
class Times {
 public:
  auto add(benchmark::State& state, SteadyClock::time_point start, int bumps) -> void {
    const auto seconds = std::chrono::duration<double>(SteadyClock::now() - start).count() / bumps;
    state.SetIterationTime(seconds);
    all_.push_back(seconds * 1e9);
  }
  auto report(benchmark::State& state) -> void {
    const auto middle = all_.begin() + static_cast<std::ptrdiff_t>(all_.size() / 2);
    std::ranges::nth_element(all_, middle);
    state.counters["median_ns"] = *middle;
  }

 private:
  std::vector<double> all_;
};

/// More than the caches hold. Filling a deep channel sweeps them, filling a shallow one does not: swept
/// before both, they do not count as a cost of depth.
class Sweep {
 public:
  auto operator()() -> void {
    for (std::size_t at = 0; at < bytes_.size(); at += 64) ++bytes_[at];
    benchmark::DoNotOptimize(bytes_.data());
  }

 private:
  std::vector<unsigned char> bytes_ = std::vector<unsigned char>(std::size_t{64} << 20U);
};

/// Each bump finds `depth` assignments of the session before.
auto bump_depth(benchmark::State& state, bool swept) -> void {
  const auto depth = static_cast<std::size_t>(state.range(0));
  asio::io_context context{1};
  SystemClock clock{context.get_executor()};
  auto channel = make_dispatch_channel({.capacity = depth, .session = kSession}, clock).value();
  auto session = kSession;
  Times times;
  Sweep sweep;
  for (auto _ : state) {
    auto item = assignment(1);
    item.session = session;
    for (std::size_t count = 0; count < depth; ++count) (void)channel.sink->try_enqueue(item);
    ++session.value;
    if (swept) sweep();
    const auto start = SteadyClock::now();
    const auto bumped = channel.sink->bump_session(session);
    times.add(state, start, 1);
    if (!bumped || channel.sink->free_slots() != depth) return state.SkipWithError("the bump was refused");
  }
  times.report(state);
}

auto wait_for_one(DispatchQueueSource& source) -> asio::awaitable<void> {
  (void)co_await source.dequeue(std::chrono::seconds{30});
}

/// Each of a run of bumps finds the same consumers waiting; the time is that of one.
auto bump_waiters(benchmark::State& state) -> void {
  constexpr int kBumps = 100;
  asio::io_context context{1};
  SystemClock clock{context.get_executor()};
  auto channel = make_dispatch_channel({.capacity = 1'024, .session = kSession}, clock).value();
  for (std::int64_t waiter = 0; waiter < state.range(0); ++waiter) {
    asio::co_spawn(context, wait_for_one(*channel.source), asio::detached);
  }
  context.poll();
  auto session = kSession;
  Times times;
  for (auto _ : state) {
    const auto start = SteadyClock::now();
    for (int bump = 0; bump < kBumps; ++bump) {
      ++session.value;
      benchmark::DoNotOptimize(channel.sink->bump_session(session));
    }
    times.add(state, start, kBumps);
  }
  times.report(state);
  channel.sink->close();
  context.restart();
  context.run();
}

BENCHMARK_CAPTURE(bump_depth, cold, true)->Arg(1'000)->Arg(1'000'000)->UseManualTime()->Iterations(50);
BENCHMARK_CAPTURE(bump_depth, warm, false)->Arg(1'000)->Arg(1'000'000)->UseManualTime()->Iterations(50);
BENCHMARK(bump_waiters)->Arg(0)->Arg(1'000)->UseManualTime()->Iterations(50);

}  // namespace
}  // namespace spider::bench
