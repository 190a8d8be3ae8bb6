#include "cli/program.hpp"

#include "cli/compare_command.hpp"
#include "cli/info.hpp"
#include "cli/operator/change_commands.hpp"
#include "cli/operator/explain_command.hpp"
#include "cli/operator/look_commands.hpp"
#include "cli/operator/submit_command.hpp"
#include "cli/operator/upkeep_commands.hpp"
#include "cli/policies_command.hpp"
#include "cli/run_command.hpp"
#include "cli/sim_command.hpp"
#include "spider/cli/run_main.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <exception>
#include <iostream>
#include <ostream>
#include <vector>

namespace spider::cli {
namespace {

auto run_program(int argc, const char* const* argv, Console console, const PolicyRegistry& registry) -> int {
  CLI::App app{"Spider: an in-process scheduler framework, its workloads and its operator's tool", "spider"};
  app.set_version_flag("--version", "spider " SPIDER_VERSION);
  app.require_subcommand(1);
  const std::vector<Command> commands{
      add_run_command(app, console, registry),
      add_compare_command(app, console, registry),
      add_info_command(app, console),
      add_submit_command(app, console),
      add_list_command(app, console),
      add_status_command(app, console),
      add_explain_command(app, console),
      add_place_command(app, console),
      add_cancel_command(app, console),
      add_retry_command(app, console),
      add_pause_command(app, console),
      add_resume_command(app, console),
      add_check_command(app, console),
      add_purge_command(app, console),
      add_policies_command(app, console, registry),
      add_sim_command(app, console, registry),
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& fault) {
    return app.exit(fault, console.out, console.err) == 0 ? kSuccess : kBadInput;
  }
  for (const auto& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return kBadInput;
}

}  // namespace

auto run_main(int argc, const char* const* argv, const PolicyRegistry& registry) -> int {
  return run_main(argc, argv, {std::cout, std::cerr}, registry);
}

auto run_main(int argc, const char* const* argv, Console console, const PolicyRegistry& registry) -> int {
  try {
    return run_program(argc, argv, console, registry);
  } catch (const std::exception& fault) {
    console.err << "spider: " << fault.what() << '\n';
    return kBadInput;
  }
}

}  // namespace spider::cli
