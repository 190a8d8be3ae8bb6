#include "cli/sim_command.hpp"

#include "cli/json_output.hpp"
#include "spider/policies/registry.hpp"
#include "spider/sim/check.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <ostream>

namespace spider::cli {
namespace {

using Seconds = std::chrono::duration<double>;

auto to_json(const sim::SimReport& report, double wall_s) -> nlohmann::ordered_json {
  nlohmann::ordered_json json;
  json["seeds"] = report.seeds;
  json["violations"] = report.violations;
  json["dispatches"] = report.dispatches;
  json["first_failing_seed"] = nullptr;
  if (report.failure) json["first_failing_seed"] = report.failure->seed;
  json["virtual_s"] = to_seconds(report.virtual_time);
  json["wall_s"] = wall_s;
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    json["faults"][std::string{to_string(static_cast<sim::FaultKind>(kind))}] = report.faults[kind];
  }
  return json;
}

auto print(std::ostream& out, const sim::SimReport& report, double wall_s) -> void {
  std::size_t silent = 0;
  for (const auto count : report.faults) silent += count == 0 ? 1 : 0;
  out << report.seeds << " seeds, " << report.violations << " with violations, " << report.twice
      << " run twice\n"
      << report.dispatches << " dispatches, " << report.dispatches / std::max<std::uint64_t>(report.seeds, 1)
      << " per seed, " << static_cast<std::uint64_t>(static_cast<double>(report.dispatches) / wall_s)
      << " per second; " << to_seconds(report.virtual_time) << " s of virtual time in " << wall_s << " s\n"
      << sim::kFaultKinds - silent << " of " << sim::kFaultKinds << " kinds of faults fired\n"
      << "log " << std::hex << report.log_hash << std::dec << '\n';
}

/// What broke, and how to see it again.
auto print_failure(std::ostream& out, const SimCommandOptions& options, const sim::SimReport& report)
    -> void {
  out << report.to_text() << "\nagain: spider sim --seed " << report.failure->seed << " --seeds 1";
  if (!options.policy.empty()) out << " --policy '" << options.policy << '\'';
  out << "   (with --log: all that happened in it)\n";
}

/// What each seed means, and all that happened in it. Returns whether every promise was kept.
auto print_log(const SimCommandOptions& options, const sim::SimParts& parts, std::ostream& out) -> bool {
  bool clean = true;
  for (std::uint64_t seed = options.seed; seed < options.seed + options.seeds; ++seed) {
    const auto drawn = sim::expand(seed, options.policy);
    const auto outcome = sim::replay(drawn, parts, true);
    out << describe(drawn) << '\n' << outcome.log;
    for (const auto& broken : outcome.violations) {
      out << to_seconds(broken.at) << " s: " << broken.rule << ": " << broken.what << '\n';
    }
    clean = clean && outcome.clean();
  }
  return clean;
}

}  // namespace

auto run_sim(const SimCommandOptions& options, Console console) -> int {
  sim::SimParts parts;  // none where the policy ships
  if (!options.policy.empty()) {
    auto known = options.registry.make(options.policy);
    if (!known) {
      console.err << "spider sim: " << known.error() << '\n';
      return kBadInput;
    }
    if (!PolicyRegistry{}.make(options.policy)) parts.policy = std::move(known).value();
  }
  JsonOutput json{options.json, console};
  const auto logs_clean = !options.log || print_log(options, parts, console.out);
  const auto terminal = &console.err == &std::cerr && isatty(STDERR_FILENO) != 0;
  sim::SimOptions settings;
  settings.seed = options.seed;
  settings.seeds = options.log ? 0 : options.seeds;
  settings.policy = options.policy;
  settings.twice_each = options.twice_each;
  settings.on_seed = [&](std::uint64_t seed, const sim::SimOutcome&) {
    if (terminal && seed % 64 == 0)
      console.err << '\r' << seed - options.seed << " seeds\x1b[K" << std::flush;
    return true;
  };
  const auto began = std::chrono::steady_clock::now();
  const auto report = parts.policy ? sim::check_policy(parts.policy, settings) : sim::simulate(settings);
  const auto wall_s = Seconds(std::chrono::steady_clock::now() - began).count();
  if (terminal) console.err << "\r\x1b[K" << std::flush;
  if (report.failure) print_failure(console.err, options, report);
  if (options.json != "-" && !options.log) print(console.out, report, wall_s);
  json.write(to_json(report, wall_s));
  if (!json.finish()) {
    console.err << "spider sim: " << options.json << ": cannot be written\n";
    return kBadInput;
  }
  return report.clean() && logs_clean ? kSuccess : kTaskFailed;
}

auto add_sim_command(CLI::App& program, Console console, const PolicyRegistry& registry) -> Command {
  auto options = std::make_shared<SimCommandOptions>();
  options->registry = registry;
  auto* app = program.add_subcommand("sim", "Simulate the scheduler while everything goes wrong");
  app->footer(
      "Each seed is a world of its own: work, managers, and the faults that happen in it. Monitors watch "
      "every\n"
      "promise; the first seed that breaks one is shrunk, and printed as a unit test to be pasted. The same\n"
      "seed of the same version does the same. Status: 0, or 1 where a promise was broken.");
  app->add_option("--seeds", options->seeds, "How many seeds to run")->capture_default_str();
  app->add_option("--seed", options->seed, "The first one")->capture_default_str();
  app->add_option("--policy", options->policy, "Which policy decides; without it each seed draws one");
  app->add_option("--twice-each", options->twice_each,
                  "Run one of so many seeds twice and compare the logs; 0 for none")
      ->capture_default_str();
  app->add_option("--json", options->json, "Also write the figures as JSON to FILE; - for only that, here")
      ->type_name("FILE|-");
  app->add_flag("--log", options->log, "Print what each seed means and its log, instead of figures");
  return {app, [options, console] { return run_sim(*options, console); }};
}

}  // namespace spider::cli
