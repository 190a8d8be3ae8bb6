// How fast PolicyCore decides while its buffer stays full, and what a buffered task costs.

#include "core/core_rig.hpp"
#include "support/memory_use.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>

namespace spider::bench {
namespace {

constexpr std::uint64_t kDecisions = 200'000;

/// One decision: a task leaves by the policy's choice, another is polled, checked and admitted.
auto decisions(benchmark::State& state, Arrival arrival) -> void {
  const auto buffered = state.range(0);
  const auto before = resident_bytes();
  CoreRig rig{{.buffered = static_cast<std::size_t>(buffered),
               .entries = {.groups = 500, .jobs = 10'000, .arrival = arrival}}};
  const auto grown = resident_bytes() - before;
  rig.decide(kDecisions);
  for (auto _ : state) rig.decide(kDecisions);
  state.SetItemsProcessed(static_cast<std::int64_t>(kDecisions) * state.iterations());
  state.counters["bytes_per_task"] = static_cast<double>(grown) / static_cast<double>(buffered);
}

BENCHMARK_CAPTURE(decisions, in_turn, Arrival::in_turn)
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Arg(10'000'000)
    ->UseRealTime();
BENCHMARK_CAPTURE(decisions, random, Arrival::random)->Arg(10'000)->Arg(1'000'000)->UseRealTime();

}  // namespace
}  // namespace spider::bench
