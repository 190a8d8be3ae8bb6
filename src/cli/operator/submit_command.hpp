#pragma once

/// `spider submit`: puts jobs into a durable storage, for whoever works on it.

#include "cli/command.hpp"
#include "cli/operator/operator_storage.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace spider::cli {

struct SubmitOptions {
  OperatorOptions of;
  std::vector<std::string> workloads;  ///< all their jobs; or else one job of `count` tasks for `handler`
  bool exec = false;                   ///< of workloads: tasks run their commands
  std::string handler;
  std::string input;
  std::uint32_t count = 1;
  std::string name;  ///< of the task
  std::string group = "default";
  std::string queue = "default";
  unsigned priority = 0;  ///< a class: 0 … 255
  std::string key;        ///< unique within the group: a repeated submit names the first job
  double delay_s = 0;     ///< not before so much later
  double deadline_s = 0;  ///< an unfinished job fails so much later; 0 = never
};

/// Says the number of each job. `kBadInput` for a job that was refused, or when neither or both of a
/// handler and workloads are named; `kStorageFailed`.
[[nodiscard]] auto run_submit(const SubmitOptions& options, Console console) -> int;

[[nodiscard]] auto add_submit_command(CLI::App& program, Console console) -> Command;

}  // namespace spider::cli
