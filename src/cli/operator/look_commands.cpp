#include "cli/operator/look_commands.hpp"

#include "cli/json_output.hpp"
#include "cli/operator/job_text.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

namespace spider::cli {

namespace {

auto state_of(const std::string& name) -> Result<JobState> {
  std::string known;
  for (std::size_t i = 0; i < kJobStates; ++i) {
    const auto state = static_cast<JobState>(i);
    if (to_string(state) == name) return state;
    known += i == 0 ? "" : ", ";
    known += to_string(state);
  }
  return Error{Errc::invalid_argument, "--state " + name + ": not one of " + known};
}

auto filter_of(const ListOptions& options) -> Result<JobFilter> {
  JobFilter filter;
  if (!options.state.empty()) {
    SPIDER_TRY(filter.state, state_of(options.state));
  }
  filter.resource_group = options.group;
  filter.queue = options.queue;
  filter.after = JobId{options.after};
  return filter;
}

/// All tasks of the job, page by page.
auto each_page_of_tasks(OperatorStorage& storage, JobId job,
                        const std::function<void(std::span<const TaskView>)>& use) -> Result<void> {
  for (Page page;; page.first += page.max) {
    SPIDER_TRY(const auto tasks, storage.run(storage->view_tasks(job, page)));
    use(tasks);
    const auto regular =
        std::ranges::count_if(tasks, [](const auto& task) { return task.id.kind() == TaskKind::regular; });
    if (regular < static_cast<std::ptrdiff_t>(page.max)) return success();
  }
}

auto show(OperatorStorage& storage, JobId job, const StatusOptions& options, Console console,
          JsonOutput& json) -> Result<void> {
  SPIDER_TRY(const auto view, storage.run(storage->view(job)));
  const auto for_people = options.of.json != "-";
  auto line = to_json(view);
  if (for_people) print_job(console.out, view);
  if (options.tasks) {
    auto lines = nlohmann::ordered_json::array();
    SPIDER_TRY(each_page_of_tasks(storage, job, [&](std::span<const TaskView> tasks) {
      if (for_people) print_tasks(console.out, tasks);
      for (const auto& task : tasks) lines.push_back(to_json(task));
    }));
    line["task_list"] = std::move(lines);
  }
  json.write(line);
  return success();
}

}  // namespace

auto run_list(const ListOptions& options, Console console) -> int {
  JsonOutput json{options.of.json, console};
  auto filter = filter_of(options);
  if (!filter) return complain(console, "list", filter.error());
  OperatorStorage storage;
  const auto opened = storage.open(options.of.storage, OperatorStorage::Missing::refuse);
  if (!opened) return complain(console, "list", opened.error());
  std::size_t left = options.max == 0 ? SIZE_MAX : options.max;
  while (left > 0) {
    auto& wanted = filter.value();
    wanted.max = std::min<std::size_t>(left, storage->limits().page_items_max);
    const auto jobs = storage.run(storage->list(wanted));
    if (!jobs) return complain(console, "list", jobs.error());
    if (options.of.json != "-") print_jobs(console.out, jobs.value());
    for (const auto& job : jobs.value()) json.write(to_json(job));
    if (jobs.value().size() < wanted.max) break;
    left -= jobs.value().size();
    wanted.after = jobs.value().back().id;
  }
  if (!json.finish()) return complain(console, "list", {Errc::io_error, options.of.json});
  return kSuccess;
}

auto run_status(const StatusOptions& options, Console console) -> int {
  JsonOutput json{options.of.json, console};
  OperatorStorage storage;
  const auto opened = storage.open(options.of.storage, OperatorStorage::Missing::refuse);
  if (!opened) return complain(console, "status", opened.error());
  int status = kSuccess;
  for (const auto job : options.jobs) {
    auto shown = show(storage, JobId{job}, options, console, json);
    if (shown) continue;
    shown.error().detail = "job " + std::to_string(job) + ' ' + shown.error().detail;
    status = complain(console, "status", shown.error());
  }
  if (!json.finish()) return complain(console, "status", {Errc::io_error, options.of.json});
  return status;
}

auto add_list_command(CLI::App& program, Console console) -> Command {
  auto options = std::make_shared<ListOptions>();
  auto* app = program.add_subcommand("list", "List the jobs of a durable storage");
  add_operator_options(*app, options->of);
  app->add_option("--state", options->state, "Only jobs in this state");
  app->add_option("--group", options->group, "Only jobs of this resource group");
  app->add_option("--queue", options->queue, "Only jobs in this queue");
  app->add_option("--after", options->after, "Only jobs with a greater number");
  app->add_option("--max", options->max, "At most so many; 0 for all")->capture_default_str();
  return {app, [options, console] { return run_list(*options, console); }};
}

auto add_status_command(CLI::App& program, Console console) -> Command {
  auto options = std::make_shared<StatusOptions>();
  auto* app = program.add_subcommand("status", "Show jobs of a durable storage");
  app->add_option("JOB", options->jobs, "Numbers of jobs, as `list` shows them")->required();
  add_operator_options(*app, options->of);
  app->add_flag("--tasks", options->tasks, "Each of their tasks, too");
  return {app, [options, console] { return run_status(*options, console); }};
}

}  // namespace spider::cli
