#pragma once

/// `spider run WORKLOAD...`: runs workloads through the whole framework and reports.

#include "cli/command.hpp"
#include "cli/run/driver.hpp"

#include <string>
#include <vector>

namespace spider::cli {

struct RunCommandOptions {
  std::vector<std::string> workloads;  ///< as `load_workload` takes them
  std::vector<std::string> groups;     ///< NAME=WORKLOAD: that workload's jobs go into this group
  std::string json;                    ///< a file, "-" for the console, or empty for none
  std::string report;                  ///< the file of an HTML page, or empty for none
  bool quiet = false;                  ///< no progress and no table
  double kill_member_s = 0;            ///< of the option, if it is given
  RunOptions run;
};

/// Gives `kSuccess` when every task succeeded and no invariant broke, `kTaskFailed` when not,
/// `kBadInput`, `kStorageFailed`, or `kInterrupted`.
[[nodiscard]] auto run_run(const RunCommandOptions& options, Console console) -> int;

/// All workloads, each in its group. Errors: `invalid_argument`, `invalid_name`, those of `load_workload`.
[[nodiscard]] auto load_all(const RunCommandOptions& options) -> Result<std::vector<Workload>>;

[[nodiscard]] auto add_run_command(CLI::App& program, Console console, const PolicyRegistry& registry)
    -> Command;

}  // namespace spider::cli
