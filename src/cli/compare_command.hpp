#pragma once

/// `spider compare WORKLOAD... --policies A,B,C`: the same work under several policies, side by side.

#include "cli/command.hpp"
#include "cli/run_command.hpp"
#include "spider/error.hpp"
#include "spider/policies/registry.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace spider::cli {

struct CompareCommandOptions {
  RunCommandOptions each;  ///< of every run, but for the policy
  std::string policies;    ///< specifications, separated by commas outside of parentheses
};

/// Errors: `parse_error` for an empty one.
[[nodiscard]] auto split_policies(std::string_view policies) -> Result<std::vector<std::string>>;

/// As `run_run`: `kTaskFailed` when any run was not a success.
[[nodiscard]] auto run_compare(const CompareCommandOptions& options, Console console) -> int;

[[nodiscard]] auto add_compare_command(CLI::App& program, Console console, const PolicyRegistry& registry)
    -> Command;

}  // namespace spider::cli
