#pragma once

/// What every command of the `spider` program is made of: one header with one function
/// `add_<name>_command(CLI::App&, Console) → Command`, called from program.cpp.

#include <functional>
#include <iosfwd>

namespace CLI {
class App;
}

namespace spider::cli {

/// Where a command writes; outlives the command.
struct Console {
  std::ostream& out;
  std::ostream& err;
};

/// The exit status of the program.
enum ExitStatus : int {
  kSuccess = 0,
  kTaskFailed = 1,  ///< some task failed, or an invariant broke
  kBadInput = 2,    ///< bad arguments, or a file that cannot be used
  kStorageFailed = 3,
  kInterrupted = 130,  ///< ended by a signal, in an orderly way
};

/// A command that was added to the program.
struct Command {
  CLI::App* app;             ///< owned by the program's CLI::App; tells whether it was asked for
  std::function<int()> run;  ///< after parsing; gives the exit status
};

}  // namespace spider::cli
