#pragma once

/// The `spider` program as a function, so that a few lines make one that knows your own policies:
///
///     int main(int argc, char** argv) {
///       spider::PolicyRegistry registry;
///       if (const auto added = registry.add(my_part()); !added) return 2;
///       return spider::cli::run_main(argc, argv, registry);
///     }
///
/// Link `spider::cli`.

#include "spider/policies/registry.hpp"

namespace spider::cli {

/// Parses the arguments, runs the command that they name, on the standard streams, and gives the exit
/// status: 0 all succeeded, 1 some task failed, 2 bad arguments or input, 3 storage, 130 a run that a signal
/// interrupted. `run`, `compare` and `policies` know what `registry` knows, which outlives the call. No
/// exception escapes. Call it from one thread at a time: `run` handles SIGINT, SIGTERM and SIGHUP meanwhile.
[[nodiscard]] auto run_main(int argc, const char* const* argv, const PolicyRegistry& registry) -> int;

}  // namespace spider::cli
