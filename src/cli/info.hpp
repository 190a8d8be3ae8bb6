#pragma once

/// `spider info WORKLOAD... [--json FILE|-]`: what a workload is, without running it.

#include "cli/command.hpp"

#include <string>
#include <vector>

namespace spider::cli {

struct InfoOptions {
  std::vector<std::string> workloads;  ///< as `load_workload` takes them
  std::string json;                    ///< a file, "-" for the console, or empty for none
};

/// Describes each workload: for people on the console, unless `json` is "-", and as one JSON object
/// per line (workload_json.hpp) where `json` says. A workload that cannot be used is reported on
/// the error stream with what was expected, and the others are still described. Gives `kSuccess`
/// or `kBadInput`.
[[nodiscard]] auto run_info(const InfoOptions& options, Console console) -> int;

[[nodiscard]] auto add_info_command(CLI::App& program, Console console) -> Command;

}  // namespace spider::cli
