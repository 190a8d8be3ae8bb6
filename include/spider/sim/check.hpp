#pragma once

/// The simulator in one call: many seeds, each one a world of its own in which everything goes wrong
/// for a while, watched by monitors that keep their own books.
///
///     TEST(MyPolicy, SurvivesTheSimulator) {
///       const auto report = spider::sim::check_policy([] { return std::make_unique<MyPolicy>(); });
///       EXPECT_TRUE(report.clean()) << report.to_text();
///     }
///
/// The first failing seed is shrunk to the fewest events that still break the same rule. Everything runs
/// on the calling thread; a seed takes some milliseconds in an optimised build.

#include "spider/sim/case.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace spider {
inline namespace v1 {
namespace sim {

struct SimOptions {
  std::uint64_t seed = 1;        ///< the first
  std::uint64_t seeds = 200;     ///< how many, one after the other
  std::string policy{};          ///< a specification; empty: each seed draws one
  std::uint64_t twice_each = 0;  ///< every so many seeds one runs twice, and must log the same; 0 = none
  std::size_t shrink_runs_max = 2000;  ///< 0: the failing case is reported as it is
  /// Called after each seed; false ends the check.
  std::function<bool(std::uint64_t seed, const SimOutcome& outcome)> on_seed{};
};

struct SimFailure {
  std::uint64_t seed = 0;
  std::string drawn;  ///< what the seed means, as `describe` has it
  Violation broken;   ///< by the shrunk case
  SimCase shrunk;
  std::size_t events = 0;  ///< of the shrunk case: submits, managers and faults
  std::string test;        ///< the shrunk case as a unit test
};

struct SimReport {
  std::uint64_t seeds = 0;
  std::uint64_t violations = 0;  ///< seeds in which a promise was broken
  std::uint64_t dispatches = 0;
  std::uint64_t twice = 0;  ///< seeds that ran twice
  Duration virtual_time{};
  std::uint64_t log_hash = 0;  ///< over the logs of all seeds
  FaultCounts faults{};
  std::optional<SimFailure> failure;  ///< the first

  [[nodiscard]] auto clean() const -> bool { return violations == 0; }
  /// A few lines for people; if there is a failure, what broke when, how to run that seed again, and the unit
  /// test.
  [[nodiscard]] auto to_text() const -> std::string;
};

/// Spider's own parts: memory storage, shipped policies.
[[nodiscard]] auto simulate(const SimOptions& options = {}) -> SimReport;

/// The same with a policy of yours.
[[nodiscard]] auto check_policy(PolicyFactory policy, const SimOptions& options = {}) -> SimReport;

/// The same with a storage of yours.
[[nodiscard]] auto check_storage(StorageFactory storage, const SimOptions& options = {}) -> SimReport;

/// The fewest events of `failing` that still break `rule`, by delta debugging (Zeller and Hildebrandt,
/// 2002) over the events, then over the tasks of its jobs. At most `runs_max` runs.
[[nodiscard]] auto shrink(const SimCase& failing, const std::string& rule, const SimParts& parts,
                          std::size_t runs_max) -> SimCase;

}  // namespace sim
}  // namespace v1
}  // namespace spider
