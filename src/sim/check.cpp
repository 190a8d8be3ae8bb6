#include "spider/sim/check.hpp"

#include "sim/chance.hpp"

#include <sstream>
#include <utility>

namespace spider {
inline namespace v1 {
namespace sim {

namespace {

auto count_events(const SimCase& what) -> std::size_t {
  return what.submits.size() + what.managers.size() + what.faults.size();
}

/// Shrunk, or as it is; run once more to see what it breaks.
auto explain(const SimCase& drawn, const SimOutcome& outcome, const SimParts& parts,
             const std::string& written, std::size_t runs_max) -> SimFailure {
  SimFailure failure;
  failure.seed = drawn.seed;
  failure.drawn = describe(drawn);
  failure.broken = outcome.violations.front();
  failure.shrunk = drawn;
  failure.shrunk.rates.reset();
  failure.shrunk.faults = outcome.faults;
  if (runs_max > 0) {
    failure.shrunk = shrink(failure.shrunk, failure.broken.rule, parts, runs_max);
    for (const auto& broken : replay(failure.shrunk, parts).violations) {
      if (broken.rule != failure.broken.rule) continue;
      failure.broken = broken;
      break;
    }
  }
  failure.events = count_events(failure.shrunk);
  failure.test = to_test(failure.shrunk, failure.broken, written);
  return failure;
}

auto run_seeds(const SimOptions& options, const SimParts& parts, const std::string& written) -> SimReport {
  SimReport report;
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    const auto seed = options.seed + i;
    const auto drawn = expand(seed, options.policy);
    auto outcome = replay(drawn, parts);
    if (options.twice_each > 0 && i % options.twice_each == 0) {
      ++report.twice;
      const auto again = replay(drawn, parts);
      if (again.log_hash != outcome.log_hash || again.events != outcome.events) {
        outcome.violations.push_back({"replay", "the same seed logged something else", {}});
      }
    }
    ++report.seeds;
    report.dispatches += outcome.dispatches;
    report.virtual_time += outcome.virtual_time;
    report.log_hash = mix64(report.log_hash ^ outcome.log_hash);
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind) report.faults[kind] += outcome.fired[kind];
    if (!outcome.clean() && report.violations++ == 0) {
      report.failure = explain(drawn, outcome, parts, written, options.shrink_runs_max);
    }
    if (options.on_seed && !options.on_seed(seed, outcome)) break;
  }
  return report;
}

}  // namespace

auto SimReport::to_text() const -> std::string {
  std::ostringstream text;
  text << seeds << " seeds, " << dispatches << " dispatches, " << violations << " with violations";
  if (failure) {
    text << "\nseed " << failure->seed << " breaks " << failure->broken.rule << ": " << failure->broken.what
         << "\n  drawn: " << failure->drawn << "\n  again: SimOptions{.seed = " << failure->seed
         << ", .seeds = 1}\n  shrunk to " << failure->events
         << " events (submits, managers, faults), in which it breaks after " << to_seconds(failure->broken.at)
         << " s of virtual time:\n\n"
         << failure->test;
  }
  return text.str();
}

auto simulate(const SimOptions& options) -> SimReport { return run_seeds(options, {}, "{}"); }

auto check_policy(PolicyFactory policy, const SimOptions& options) -> SimReport {
  SimParts parts;
  parts.policy = std::move(policy);
  return run_seeds(options, parts, "{.policy = make_my_policy /* what was checked */}");
}

auto check_storage(StorageFactory storage, const SimOptions& options) -> SimReport {
  SimParts parts;
  parts.storage = std::move(storage);
  return run_seeds(options, parts, "{.storage = open_my_storage /* what was checked */}");
}

}  // namespace sim
}  // namespace v1
}  // namespace spider
