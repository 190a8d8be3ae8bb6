#pragma once

/// `spider check` and `spider purge`: the upkeep of a durable storage's file.

#include "cli/command.hpp"
#include "cli/operator/operator_storage.hpp"

namespace spider::cli {

/// Looks at every page and every row. `kStorageFailed` when the file cannot be opened or is damaged; each
/// complaint is a line on the error stream.
[[nodiscard]] auto run_check(const OperatorOptions& options, Console console) -> int;

struct PurgeOptions {
  OperatorOptions of;
  double older_than_s = 0;  ///< since they ended
};
/// Removes jobs that have ended, step by step, so that others can work meanwhile.
[[nodiscard]] auto run_purge(const PurgeOptions& options, Console console) -> int;

[[nodiscard]] auto add_check_command(CLI::App& program, Console console) -> Command;
[[nodiscard]] auto add_purge_command(CLI::App& program, Console console) -> Command;

}  // namespace spider::cli
