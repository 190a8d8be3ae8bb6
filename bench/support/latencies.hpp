#pragma once

/// Latencies of one worker, and how a benchmark reports those of all.

#include "spider/types.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace spider::bench {

/// Keeps the first `kKept` of them. Not thread-safe.
class Latencies {
 public:
  static constexpr std::size_t kKept = 100'000;

  auto add(Duration latency) -> void {
    if (kept_.size() < kKept) kept_.push_back(latency.count());
  }
  [[nodiscard]] auto kept() const -> const std::vector<std::int64_t>& { return kept_; }

 private:
  std::vector<std::int64_t> kept_;
};

/// Adds p50_us, p99_us and p999_us to the benchmark's counters.
inline auto report(benchmark::State& state, const std::vector<Latencies>& workers) -> void {
  std::vector<std::int64_t> all;
  for (const auto& worker : workers) all.insert(all.end(), worker.kept().begin(), worker.kept().end());
  if (all.empty()) return;
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(all.size() - 1));
    std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(rank));
    return static_cast<double>(all[rank]) / 1e3;
  };
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
  state.counters["p999_us"] = at(0.999);
}

}  // namespace spider::bench
