#pragma once

/// `spider explain JOB [TASK...]` and `spider place JOB [TASK...]`: why tasks are not running, and where they
/// stand in line.

#include "cli/command.hpp"
#include "cli/operator/operator_storage.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace spider::cli {

struct ExplainOptions {
  OperatorOptions of;
  std::uint64_t job = 0;
  std::vector<std::string> tasks = {"0"};  ///< indices, "commit", "cleanup"
};
/// A sentence for each task, as far as a storage knows. `kBadInput` for a job or a task that there is not.
[[nodiscard]] auto run_explain(const ExplainOptions& options, Console console) -> int;
/// The places of those that are queued.
[[nodiscard]] auto run_place(const ExplainOptions& options, Console console) -> int;

[[nodiscard]] auto add_explain_command(CLI::App& program, Console console) -> Command;
[[nodiscard]] auto add_place_command(CLI::App& program, Console console) -> Command;

}  // namespace spider::cli
