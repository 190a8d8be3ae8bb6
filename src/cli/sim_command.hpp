#pragma once

/// `spider sim`: the fault simulator.

#include "cli/command.hpp"
#include "spider/policies/registry.hpp"

#include <cstdint>
#include <string>

namespace spider::cli {

struct SimCommandOptions {
  std::uint64_t seeds = 100;
  std::uint64_t seed = 1;
  std::string policy;  ///< of `registry`; empty: each seed draws one of those that ship
  PolicyRegistry registry;
  std::string json;                ///< a file, "-" for the console, or empty for none
  std::uint64_t twice_each = 100;  ///< every so many seeds one runs twice
  bool log = false;                ///< also print each seed's options and its log
};

/// Gives `kSuccess`; `kTaskFailed` when a promise was broken, with the shrunk case, and how to run its seed
/// again, on `console.err`;
/// `kBadInput` for an unknown policy.
[[nodiscard]] auto run_sim(const SimCommandOptions& options, Console console) -> int;

[[nodiscard]] auto add_sim_command(CLI::App& program, Console console, const PolicyRegistry& registry)
    -> Command;

}  // namespace spider::cli
