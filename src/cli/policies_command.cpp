#include "cli/policies_command.hpp"

#include <CLI/App.hpp>

#include <ostream>

namespace spider::cli {
namespace {

auto print(const PolicyListing& policy, std::ostream& out) -> void {
  out << policy.name;
  for (std::size_t i = 0; i < policy.arguments.size(); ++i) {
    out << (i == 0 ? "(" : ",") << policy.arguments[i] << "=N";
  }
  out << (policy.arguments.empty() ? "\n  " : ")\n  ") << policy.summary << "\n  bound: " << policy.bound
      << '\n';
}

}  // namespace

auto add_policies_command(CLI::App& program, Console console, const PolicyRegistry& registry) -> Command {
  auto* app = program.add_subcommand("policies", "What --policy may name, with each one's starvation bound");
  return {app, [console, registry] {
            console.out << "Specifications are stacks, outermost first: fair-share/job-round-robin/fifo\n\n";
            for (const auto& policy : registry.list()) print(policy, console.out);
            return kSuccess;
          }};
}

}  // namespace spider::cli
