#pragma once

/// One child process, without a shell.

#include "cli/workload/workload.hpp"
#include "spider/async.hpp"

#include <cstddef>
#include <string>

namespace spider::cli {

struct ProcessEnd {
  ProcessEnd() = default;

  int exit_status = 0;     ///< of a process that ended by itself
  int signal = 0;          ///< the signal that ended it, or 0
  std::string output;      ///< standard output and standard error as they came, the first bytes of it
  bool truncated = false;  ///< there was more output than is kept

  [[nodiscard]] auto succeeded() const noexcept -> bool { return exit_status == 0 && signal == 0; }
};

/// Output that is kept of one process; the rest is read and dropped, so that it can go on.
inline constexpr std::size_t kProcessOutputBytesMax = std::size_t{1} << 20U;

/// Runs `command.program`, looked up in PATH, with exactly these arguments: no shell, an environment
/// of PATH and LC_ALL=C only, standard input empty, all other descriptors closed, a process group of its
/// own. Suspends until it has ended. Cancellation kills the group (SIGKILL) and waits for the process's end.
/// Errors: `io_error`, naming the program, when it cannot be started; `cancelled`.
[[nodiscard]] auto run_process(ProcessCommand command) -> Async<ProcessEnd>;

}  // namespace spider::cli
