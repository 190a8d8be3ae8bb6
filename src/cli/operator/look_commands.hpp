#pragma once

/// `spider list` and `spider status JOB...`: what is in a durable storage.

#include "cli/command.hpp"
#include "cli/operator/operator_storage.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace spider::cli {

struct ListOptions {
  OperatorOptions of;
  std::string state;  ///< a JobState by name; empty = any
  std::string group;  ///< empty = any
  std::string queue;  ///< empty = any
  std::uint64_t after = 0;
  std::size_t max = 100;  ///< 0 = all
};
/// `kBadInput` for a state that there is not, `kStorageFailed`.
[[nodiscard]] auto run_list(const ListOptions& options, Console console) -> int;

struct StatusOptions {
  OperatorOptions of;
  std::vector<std::uint64_t> jobs;
  bool tasks = false;  ///< each task, too
};
/// Goes on after an unknown job; then `kBadInput`.
[[nodiscard]] auto run_status(const StatusOptions& options, Console console) -> int;

[[nodiscard]] auto add_list_command(CLI::App& program, Console console) -> Command;
[[nodiscard]] auto add_status_command(CLI::App& program, Console console) -> Command;

}  // namespace spider::cli
