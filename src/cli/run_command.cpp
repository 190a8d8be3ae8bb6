#include "cli/run_command.hpp"

#include "cli/json_output.hpp"
#include "cli/report/make_page.hpp"
#include "cli/report/page_file.hpp"
#include "cli/storage_option.hpp"
#include "cli/workload/load.hpp"

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>

namespace spider::cli {
namespace {

/// One line that is written over and over, on a terminal only.
auto show_progress(std::ostream& err, const RunProgress& progress) -> void {
  const auto rate = progress.elapsed_s > 0 ? static_cast<double>(progress.ended) / progress.elapsed_s : 0;
  const auto left = progress.tasks - progress.ended;
  err << '\r' << progress.ended << '/' << progress.tasks << " tasks, " << static_cast<std::uint64_t>(rate)
      << "/s, " << progress.running << " running, " << progress.queued << " queued";
  if (rate > 0) err << ", ETA " << static_cast<std::uint64_t>(static_cast<double>(left) / rate) << " s";
  err << "\x1b[K" << std::flush;
}

auto hide_progress(std::ostream& err) -> void { err << "\r\x1b[K" << std::flush; }

/// Which workload goes into which group, from NAME=WORKLOAD. Errors: `invalid_argument`,
/// `invalid_name`.
auto groups_by_workload(const RunCommandOptions& options) -> Result<std::map<std::string, std::string>> {
  std::map<std::string, std::string> groups;
  for (const auto& pair : options.groups) {
    const auto equals = pair.find('=');
    const auto name = pair.substr(0, equals);
    if (equals == std::string::npos)
      return Error{Errc::invalid_argument, "--group takes NAME=FILE, not " + pair};
    if (!is_valid_name(name)) return Error{Errc::invalid_name, "--group " + pair};
    const auto file = pair.substr(equals + 1);
    if (std::ranges::find(options.workloads, file) == options.workloads.end()) {
      return Error{Errc::invalid_argument, "--group " + pair + ": no such workload on this command line"};
    }
    groups[file] = name;
  }
  return groups;
}

/// Each workflow file is in a group of its own, also when two files have the same name.
auto distinct(const std::string& group, std::set<std::string>& taken) -> std::string {
  auto name = group;
  for (int number = 2; !taken.insert(name).second; ++number) name = group + "-" + std::to_string(number);
  return name;
}

}  // namespace

auto load_all(const RunCommandOptions& options) -> Result<std::vector<Workload>> {
  SPIDER_TRY(const auto groups, groups_by_workload(options));
  std::vector<Workload> workloads;
  std::set<std::string> taken;
  for (const auto& specification : options.workloads) {
    SPIDER_TRY(auto workload, load_workload(specification));
    if (const auto group = groups.find(specification); group != groups.end()) {
      for (auto& job : workload.jobs) job.group = group->second;
    } else if (workload.jobs.size() == 1) {
      workload.jobs[0].group = distinct(workload.jobs[0].group, taken);
    }
    workloads.push_back(std::move(workload));
  }
  return workloads;
}

namespace {

auto how_to_go_on(const RunOptions& run) -> const char* {
  return run.storage == "memory:" ? "interrupted; nothing is kept. With --storage sqlite:FILE it could go on"
                                  : "interrupted; what is done is stored: give the same command to go on";
}

}  // namespace

auto run_run(const RunCommandOptions& options, Console console) -> int {
  const auto fail = [&](const Error& error) -> int {
    console.err << "spider run: " << error << '\n';
    return status_of(error);
  };
  std::optional<PageFile> page;
  if (!options.report.empty()) {
    auto file = PageFile::open(options.report);
    if (!file) return fail(file.error());
    page = std::move(file).value();
  }
  JsonOutput json{options.json, console};
  const auto no_json = [&] { return fail(Error{Errc::io_error, options.json + ": cannot be written"}); };
  if (!json.finish()) return no_json();  // not only when all has run
  const auto workloads = load_all(options);
  if (!workloads) return fail(workloads.error());
  auto settings = options.run;
  if (page) settings.recorder = std::make_shared<RunRecorder>();
  const auto terminal = !options.quiet && &console.err == &std::cerr && isatty(STDERR_FILENO) != 0;
  if (terminal) {
    settings.on_progress = [&](const RunProgress& progress) { show_progress(console.err, progress); };
  }
  auto report = run_workloads(workloads.value(), settings);
  if (terminal) hide_progress(console.err);
  if (!report && report.error() == Errc::cancelled) {
    console.err << "spider run: " << how_to_go_on(settings) << '\n';
    return kInterrupted;
  }
  if (!report) return fail(report.error());
  if (!options.quiet && options.json != "-") print_table(console.out, report.value());
  json.write(to_json(report.value()));
  if (!json.finish()) return no_json();
  if (page) {
    const PageSource source{workloads.value(), settings, settings.recorder->record()};
    const auto written = page->write(to_html(make_page(source, report.value())));
    if (!written) return fail(written.error());
  }
  return report.value().all_succeeded() ? kSuccess : kTaskFailed;
}

auto add_run_command(CLI::App& program, Console console, const PolicyRegistry& registry) -> Command {
  auto options = std::make_shared<RunCommandOptions>();
  auto& run = options->run;
  run.registry = registry;
  auto* app = program.add_subcommand("run", "Run workloads through the whole framework, and measure");
  app->add_option("WORKLOAD", options->workloads,
                  "WfFormat .json, SWF .swf, stage CSV .csv (also .gz), or "
                  "synthetic:jobs=J,tasks=T,groups=G,width=W,seconds=S,seed=N")
      ->required();
  app->add_option("--policy", run.policy, "Which policy decides; `spider policies` lists them")
      ->capture_default_str();
  app->add_option("--storage", run.storage,
                  "memory: or sqlite:PATH; with the latter the same command goes on where a run was ended")
      ->capture_default_str();
  app->add_option("--workers", run.workers, "Task slots in all")->capture_default_str();
  app->add_option("--schedulers", run.schedulers, "Members that share the storage, the work and the workers")
      ->capture_default_str();
  auto* kill = app->add_option("--kill-member", options->kill_member_s,
                               "Kill the last member so many seconds after the start, by the run's clock")
                   ->type_name("SECONDS");
  app->add_option("--member", run.member,
                  "Share the run with other processes that give the same command with another name")
      ->type_name("NAME");
  app->add_flag("--shed", run.shed, "Members take less while the machine is busy; in real time");
  const auto set_time = [&run](const std::string& mode) {
    run.time = mode == "real" ? TimeMode::real_time : TimeMode::virtual_time;
  };
  app->add_option_function<std::string>("--time", set_time,
                                        "virtual: hours of log in seconds; real: tasks sleep")
      ->check(CLI::IsMember({"virtual", "real"}));
  app->add_option("--speed", run.speed, "Real time: run times and arrivals are divided by this")
      ->capture_default_str();
  auto* exec = app->add_flag("--exec", run.exec,
                             "Run the commands of a WfFormat file as real processes, in real time");
  app->add_option("--group", options->groups, "Put the jobs of a workload into a resource group")
      ->type_name("NAME=FILE");
  app->add_option("--seed", run.seed, "Of everything random")->capture_default_str();
  app->add_option("--json", options->json, "Also write the figures as JSON to FILE; - for only that, here")
      ->type_name("FILE|-");
  app->add_option("--report", options->report,
                  "Also write a page to look at, one HTML file: workers, queue and waits over time")
      ->type_name("FILE.html");
  app->add_flag("--quiet", options->quiet, "No progress and no table");
  return {app, [options, exec, kill, console] {
            if (kill->count() > 0) options->run.kill_member = from_seconds(options->kill_member_s);
            if (exec->count() > 0) options->run.time = TimeMode::real_time;
            return run_run(*options, console);
          }};
}

}  // namespace spider::cli
