#pragma once

/// The `spider` program as a function.

#include "cli/command.hpp"
#include "spider/policies/registry.hpp"

namespace spider::cli {

/// Parses the arguments, runs the command that they name, and gives the exit status (`ExitStatus`).
/// No exception escapes.
[[nodiscard]] auto run_main(int argc, const char* const* argv, Console console,
                            const PolicyRegistry& registry = {}) -> int;

}  // namespace spider::cli
