#include "cli/compare_command.hpp"

#include "cli/json_output.hpp"
#include "cli/storage_option.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <iomanip>
#include <memory>
#include <ostream>
#include <sstream>
#include <tuple>
#include <utility>

namespace spider::cli {
namespace {

constexpr std::size_t kGroupsListed = 10;
constexpr int kLabelWidth = 26;

auto text(double value) -> std::string {
  std::ostringstream out;
  out << std::fixed << std::setprecision(value < 10 ? 3 : 1) << value;
  return out.str();
}

auto fits(const std::string& name, std::size_t width) -> std::string {
  return name.size() > width ? name.substr(0, width - 1) + "~" : name;
}

/// One line per figure, one column per policy, wide enough for its name.
class PolicyTable {
 public:
  PolicyTable(std::ostream& out, const std::vector<RunReport>& reports) : out_{out}, reports_{reports} {}

  auto line(const std::string& label, const std::function<std::string(const RunReport&)>& figure) -> void {
    out_ << std::left << std::setw(kLabelWidth) << fits(label, kLabelWidth - 1) << std::right;
    for (const auto& report : reports_) {
      const auto width = std::max<std::size_t>(14, report.policy.size() + 2);
      out_ << std::setw(static_cast<int>(width)) << figure(report);
    }
    out_ << '\n';
  }

 private:
  std::ostream& out_;
  const std::vector<RunReport>& reports_;
};

auto find(const RunReport& report, const std::string& group) -> const GroupFigures& {
  return *std::ranges::find(report.groups, group, &GroupFigures::name);
}

auto wait_of(const RunReport& report, const std::string& group) -> WaitFigures {
  auto waits = find(report, group).waits_ns;
  return wait_figures(waits);
}

auto print_groups(std::ostream& out, PolicyTable& table, const RunReport& first) -> void {
  std::vector<const GroupFigures*> groups;
  for (const auto& group : first.groups) groups.push_back(&group);
  std::ranges::sort(groups, [](const auto* a, const auto* b) {
    return std::tuple{b->tasks, a} < std::tuple{a->tasks, b};  // all of one vector
  });
  if (groups.size() > kGroupsListed) {
    out << "the " << kGroupsListed << " groups with the most tasks, of " << groups.size() << '\n';
    groups.resize(kGroupsListed);
  }
  for (const auto* group : groups) {
    const auto& name = group->name;
    table.line(name + ": wait p50, s", [&](const auto& run) { return text(wait_of(run, name).p50); });
    table.line("  wait p99, s", [&](const auto& run) { return text(wait_of(run, name).p99); });
    table.line("  share", [&](const auto& run) { return text(find(run, name).share()); });
  }
}

auto print_comparison(std::ostream& out, const std::vector<RunReport>& reports) -> void {
  const auto& first = reports.front();
  out << first.jobs << " jobs, " << first.tasks << " tasks, " << first.groups.size() << " groups, "
      << first.workers << " workers\n";
  PolicyTable table{out, reports};
  table.line("", [](const auto& run) { return run.policy; });
  table.line("makespan, s", [](const auto& run) { return text(run.makespan_s); });
  table.line("utilization", [](const auto& run) { return text(run.utilization); });
  table.line("wait p50, s", [](const auto& run) { return text(run.wait.p50); });
  table.line("wait p90, s", [](const auto& run) { return text(run.wait.p90); });
  table.line("wait p99, s", [](const auto& run) { return text(run.wait.p99); });
  table.line("wait max, s", [](const auto& run) { return text(run.wait.max); });
  table.line("Jain's index", [](const auto& run) { return text(jain_index(run.groups)); });
  table.line("largest lag, tasks", [](const auto& run) { return text(run.lag.largest); });
  table.line("  declared bound",
             [](const auto& run) { return run.lag.bound ? text(*run.lag.bound) : "none"; });
  table.line("violations", [](const auto& run) { return std::to_string(run.violations); });
  print_groups(out, table, first);
}

}  // namespace

auto split_policies(std::string_view policies) -> Result<std::vector<std::string>> {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char letter : policies) {
    depth += letter == '(' ? 1 : letter == ')' ? -1 : 0;
    if (letter == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  if (std::ranges::any_of(parts, &std::string::empty)) {
    return Error{Errc::parse_error, "--policies takes A,B,C, none of them empty"};
  }
  return parts;
}

auto run_compare(const CompareCommandOptions& options, Console console) -> int {
  const auto fail = [&](const Error& error) {
    console.err << "spider compare: " << error << '\n';
    return status_of(error);
  };
  const auto policies = split_policies(options.policies);
  if (!policies) return fail(policies.error());
  for (const auto& policy : policies.value()) {
    if (const auto made = options.each.run.registry.make(policy); !made) return fail(made.error());
  }
  JsonOutput json{options.each.json, console};
  const auto no_json = [&] { return fail(Error{Errc::io_error, options.each.json + ": cannot be written"}); };
  if (!json.finish()) return no_json();  // not only when all has run
  const auto workloads = load_all(options.each);
  if (!workloads) return fail(workloads.error());
  std::vector<RunReport> reports;
  for (const auto& policy : policies.value()) {
    auto settings = options.each.run;
    settings.policy = policy;
    auto report = run_workloads(workloads.value(), settings);
    if (!report) return fail(report.error());
    reports.push_back(std::move(report).value());
  }
  if (!options.each.quiet && options.each.json != "-") print_comparison(console.out, reports);
  auto by_policy = nlohmann::ordered_json::object();
  for (auto& report : reports) by_policy[report.policy] = to_json(report);
  json.write({{"policies", std::move(by_policy)}});
  if (!json.finish()) return no_json();
  const auto good = std::ranges::all_of(reports, [](const auto& run) { return run.all_succeeded(); });
  return good ? kSuccess : kTaskFailed;
}

auto add_compare_command(CLI::App& program, Console console, const PolicyRegistry& registry) -> Command {
  auto options = std::make_shared<CompareCommandOptions>();
  auto& each = options->each;
  each.run.registry = registry;
  auto* app = program.add_subcommand("compare", "Run workloads under several policies, side by side");
  app->add_option("WORKLOAD", each.workloads, "As for run")->required();
  app->add_option("--policies", options->policies, "Which policies; `spider policies` lists them")
      ->type_name("A,B,C")
      ->required();
  app->add_option("--workers", each.run.workers, "Task slots in all")->capture_default_str();
  app->add_option("--group", each.groups, "Put the jobs of a workload into a resource group")
      ->type_name("NAME=FILE");
  app->add_option("--seed", each.run.seed, "Of everything random")->capture_default_str();
  app->add_option("--json", each.json, "Also write the figures as JSON to FILE; - for only that, here")
      ->type_name("FILE|-");
  app->add_flag("--quiet", each.quiet, "No table");
  return {app, [options, console] { return run_compare(*options, console); }};
}

}  // namespace spider::cli
