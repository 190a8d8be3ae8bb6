// Policies alone: one admit and one next with the buffer full, and the places of one task.

#include "spider/policies/registry.hpp"
#include "spider/system_clock.hpp"
#include "support/endless_storage.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace spider::bench {
namespace {

constexpr auto kPolicy = "fair-share/job-round-robin";
constexpr std::size_t kBatch = 4'096;

/// The same entries again and again: the cost is the policy's.
auto policy_only(benchmark::State& state, Arrival arrival) -> void {
  asio::io_context context{1};
  SystemClock clock{context.get_executor()};
  EndlessStorage storage{{.groups = 500, .jobs = 10'000, .arrival = arrival}, clock};
  auto policy = make_policy(kPolicy).value();
  const auto now = clock.now();
  for (const auto& entry : storage.make(static_cast<std::size_t>(state.range(0)))) policy->admit(entry, now);
  for (auto _ : state) {
    state.PauseTiming();
    const auto arrivals = storage.make(kBatch);
    state.ResumeTiming();
    for (const auto& entry : arrivals) {
      benchmark::DoNotOptimize(policy->next(now));
      policy->admit(entry, now);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kBatch) * state.iterations());
}

auto place(benchmark::State& state) -> void {
  asio::io_context context{1};
  SystemClock clock{context.get_executor()};
  EndlessStorage storage{{.groups = 500, .jobs = 10'000}, clock};
  auto policy = make_policy(kPolicy).value();
  if (policy->traits().places == PlaceKind::none) return state.SkipWithError("this policy answers no places");
  const auto entries = storage.make(static_cast<std::size_t>(state.range(0)));
  for (const auto& entry : entries) policy->admit(entry, clock.now());
  std::uint64_t number = 0;
  for (auto _ : state) {
    const auto& asked = entries[mix64(number++) % entries.size()];
    const auto answer = policy->place(asked.job, asked.task);
    if (!answer) return state.SkipWithError("no place for a buffered task");
    benchmark::DoNotOptimize(answer);
  }
}

BENCHMARK_CAPTURE(policy_only, in_turn, Arrival::in_turn)->Arg(1'000'000);
BENCHMARK_CAPTURE(policy_only, random, Arrival::random)->Arg(1'000'000);
BENCHMARK(place)->Arg(1'000'000);

}  // namespace
}  // namespace spider::bench
