#pragma once

/// `spider policies`: what a policy specification may name, with each one's starvation bound.

#include "cli/command.hpp"
#include "spider/policies/registry.hpp"

namespace spider::cli {

[[nodiscard]] auto add_policies_command(CLI::App& program, Console console, const PolicyRegistry& registry)
    -> Command;

}  // namespace spider::cli
