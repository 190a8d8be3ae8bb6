#include "cli/info.hpp"

#include "cli/json_output.hpp"
#include "cli/workload/load.hpp"
#include "cli/workload/metrics.hpp"
#include "cli/workload_json.hpp"

#include <CLI/App.hpp>

#include <iomanip>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>

namespace spider::cli {
namespace {

/// Digits in groups of three: "1,000,805".
auto grouped(std::uint64_t number) -> std::string {
  auto text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

/// Seconds, and from two minutes on also in larger units: "34361.000 s  (9.5 h)".
auto seconds_text(double seconds) -> std::string {
  struct Unit {
    double seconds;
    const char* name;
  };
  std::ostringstream text;
  text << std::fixed << std::setprecision(seconds < 1 ? 6 : 3) << seconds << " s" << std::setprecision(1);
  for (const auto& unit : {Unit{31'557'600, "years"}, Unit{86'400, "d"}, Unit{3'600, "h"}, Unit{60, "min"}}) {
    if (seconds < 2 * unit.seconds) continue;
    text << "  (" << seconds / unit.seconds << ' ' << unit.name << ')';
    break;
  }
  return text.str();
}

/// Lines of a label and what it is.
class FigureTable {
 public:
  explicit FigureTable(std::ostream& out) : out_{out} {}

  void row(std::string_view label, const std::string& text) {
    constexpr int kLabelWidth = 22;
    out_ << "  " << std::left << std::setw(kLabelWidth) << label << text << '\n';
  }
  void row(std::string_view label, std::uint64_t number) { row(label, grouped(number)); }

 private:
  std::ostream& out_;
};

void print_swf(FigureTable& table, const SwfFigures& swf, const WorkloadMetrics& metrics) {
  table.row("records", grouped(swf.records) + ", usable " + grouped(metrics.jobs));
  table.row("users", swf.users);
  table.row("user groups", swf.user_groups);
  table.row("queues", swf.queues);
  table.row("partitions", swf.partitions);
  table.row("submit span", seconds_text(to_seconds(swf.submit_span)));
  table.row("median run time", seconds_text(to_seconds(metrics.run_time_median)));
  table.row("processors per job", "at most " + grouped(swf.processors_max));
  table.row("machine",
            swf.machine_processors == 0 ? "not stated" : grouped(swf.machine_processors) + " processors");
}

void print_stages(FigureTable& table, const StageFigures& stages, const WorkloadMetrics& metrics) {
  table.row("stages",
            grouped(metrics.nodes) + ", the largest has " + grouped(metrics.tasks_per_node_max) + " tasks");
  table.row("single-stage jobs", metrics.single_node_jobs);
  table.row("repeated parents", stages.duplicate_parents);
  table.row("names without id", stages.outside_grammar);
  table.row("stage seconds", seconds_text(metrics.node_seconds));
  table.row("critical paths, sum", seconds_text(metrics.critical_path_sum_s));
}

void print(std::ostream& out, const Workload& workload, const WorkloadMetrics& metrics) {
  out << workload.name << "  [" << workload.format << "]\n";
  FigureTable table{out};
  table.row("jobs", metrics.jobs);
  table.row("tasks", metrics.tasks);
  table.row("edges", metrics.edges);
  table.row("resource groups", metrics.groups);
  table.row("critical path", seconds_text(to_seconds(metrics.critical_path)));
  table.row("work", seconds_text(metrics.work_seconds));
  table.row("width, levels", grouped(metrics.width) + ", " + grouped(metrics.levels));
  table.row("at once, unlimited", grouped(metrics.asap_peak) + " tasks");
  table.row("roots, leaves", grouped(metrics.roots) + ", " + grouped(metrics.leaves));
  table.row("components", metrics.components);
  table.row("parents, children",
            "at most " + grouped(metrics.parents_max) + ", " + grouped(metrics.children_max));
  table.row("longest task", seconds_text(to_seconds(metrics.run_time_max)));
  if (metrics.zero_time_nodes != 0) table.row("zero-time tasks", metrics.zero_time_nodes);
  if (metrics.last_arrival != Duration::zero()) {
    table.row("arrivals over", seconds_text(to_seconds(metrics.last_arrival)));
  }
  if (workload.swf) print_swf(table, *workload.swf, metrics);
  if (workload.stages) print_stages(table, *workload.stages, metrics);
  for (const auto& [reason, count] : workload.skipped) table.row("left out", grouped(count) + ": " + reason);
}

auto describe(const std::string& specification, bool for_people, JsonOutput& json, Console console)
    -> Result<void> {
  SPIDER_TRY(const auto workload, load_workload(specification));
  SPIDER_TRY(const auto metrics, measure(workload));
  if (for_people) print(console.out, workload, metrics);
  json.write(workload_json(workload, metrics));
  return success();
}

}  // namespace

auto run_info(const InfoOptions& options, Console console) -> int {
  JsonOutput json{options.json, console};
  int status = kSuccess;
  for (const auto& specification : options.workloads) {
    const auto described = describe(specification, options.json != "-", json, console);
    if (described) continue;
    console.err << "spider info: " << described.error() << '\n';
    status = kBadInput;
  }
  if (!json.finish()) {
    console.err << "spider info: " << Error{Errc::io_error, options.json + ": cannot be written"} << '\n';
    status = kBadInput;
  }
  return status;
}

auto add_info_command(CLI::App& program, Console console) -> Command {
  auto options = std::make_shared<InfoOptions>();
  auto* app = program.add_subcommand("info", "Tasks, edges, critical path, work, width, groups of workloads");
  app->add_option("WORKLOAD", options->workloads,
                  "WfFormat .json, SWF .swf, stage CSV .csv (also .gz), or "
                  "synthetic:jobs=J,tasks=T,groups=G,width=W,seconds=S,seed=N")
      ->required();
  app->add_option("--json", options->json,
                  "Also write one JSON object per workload to FILE; - for only that, here")
      ->type_name("FILE|-");
  return {app, [options, console] { return run_info(*options, console); }};
}

}  // namespace spider::cli
