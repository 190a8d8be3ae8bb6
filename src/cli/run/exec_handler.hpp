#pragma once

/// The handler that runs a task's command as a real process, and how commands travel as inputs.

#include "cli/run/process.hpp"
#include "spider/codec.hpp"

#include <string>

/// A JSON array: the program, then its arguments. Bytes that are no UTF-8 do not survive.
template <>
struct spider::Codec<spider::cli::ProcessCommand> {
  static auto encode(const cli::ProcessCommand& command) -> Bytes;
  static auto decode(const Bytes& bytes) -> Result<cli::ProcessCommand>;
};

namespace spider::cli {

/// Runs the command; the task's output is what the process wrote. Errors: `io_error` when it cannot be
/// started; `handler_failed` with its exit status or signal and the end of its output.
[[nodiscard]] auto execute_command(ProcessCommand command) -> Async<std::string>;

}  // namespace spider::cli
