#pragma once

/// `spider cancel|retry JOB...` and `spider pause|resume --group NAME --queue NAME`.

#include "cli/command.hpp"
#include "cli/operator/operator_storage.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace spider::cli {

struct ChangeJobsOptions {
  OperatorOptions of;
  std::vector<std::uint64_t> jobs;
};
/// Each goes on after a job that was refused; then `kBadInput`.
[[nodiscard]] auto run_cancel(const ChangeJobsOptions& options, Console console) -> int;
[[nodiscard]] auto run_retry(const ChangeJobsOptions& options, Console console) -> int;

struct PauseOptions {
  OperatorOptions of;
  std::vector<std::string> groups;
  std::vector<std::string> queues;
};
/// `kBadInput` when nothing is named.
[[nodiscard]] auto run_pause(const PauseOptions& options, Console console) -> int;
[[nodiscard]] auto run_resume(const PauseOptions& options, Console console) -> int;

[[nodiscard]] auto add_cancel_command(CLI::App& program, Console console) -> Command;
[[nodiscard]] auto add_retry_command(CLI::App& program, Console console) -> Command;
[[nodiscard]] auto add_pause_command(CLI::App& program, Console console) -> Command;
[[nodiscard]] auto add_resume_command(CLI::App& program, Console console) -> Command;

}  // namespace spider::cli
