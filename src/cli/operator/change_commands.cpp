#include "cli/operator/change_commands.hpp"

#include "cli/json_output.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <ostream>
#include <utility>

namespace spider::cli {

namespace {

using Change = std::function<Result<JobState>(OperatorStorage&, JobId)>;

auto change_jobs(const char* command, const ChangeJobsOptions& options, Console console, const Change& change)
    -> int {
  JsonOutput json{options.of.json, console};
  OperatorStorage storage;
  const auto opened = storage.open(options.of.storage, OperatorStorage::Missing::refuse);
  if (!opened) return complain(console, command, opened.error());
  int status = kSuccess;
  for (const auto number : options.jobs) {
    auto state = change(storage, JobId{number});
    if (!state) {
      state.error().detail = "job " + std::to_string(number) + ' ' + state.error().detail;
      status = complain(console, command, state.error());
      continue;
    }
    const auto name = std::string{to_string(state.value())};
    if (options.of.json != "-") console.out << "job " << number << ": " << name << '\n';
    json.write({{"job", number}, {"state", name}});
  }
  if (!json.finish()) return complain(console, command, {Errc::io_error, options.of.json});
  return status;
}

auto pause_or_resume(bool pause, const PauseOptions& options, Console console) -> int {
  const auto* command = pause ? "pause" : "resume";
  if (options.groups.empty() && options.queues.empty()) {
    return complain(console, command, {Errc::invalid_argument, "name a --group or a --queue"});
  }
  std::vector<PauseTarget> targets;
  for (const auto& group : options.groups) targets.emplace_back(PauseTarget::Kind::resource_group, group);
  for (const auto& queue : options.queues) targets.emplace_back(PauseTarget::Kind::queue, queue);
  JsonOutput json{options.of.json, console};
  OperatorStorage storage;
  const auto opened = storage.open(options.of.storage, OperatorStorage::Missing::refuse);
  if (!opened) return complain(console, command, opened.error());
  for (const auto& target : targets) {
    const auto done = storage.run(pause ? storage->pause(target) : storage->resume(target));
    if (!done) return complain(console, command, done.error());
    const auto* kind = target.kind == PauseTarget::Kind::queue ? "queue" : "group";
    if (options.of.json != "-") {
      console.out << kind << ' ' << target.name << ": " << (pause ? "paused" : "resumed") << '\n';
    }
    json.write({{kind, target.name}, {"paused", pause}});
  }
  if (!json.finish()) return complain(console, command, {Errc::io_error, options.of.json});
  return kSuccess;
}

auto add_change(CLI::App& program, const char* name, const char* what, Console console,
                int (*run)(const ChangeJobsOptions&, Console)) -> Command {
  auto options = std::make_shared<ChangeJobsOptions>();
  auto* app = program.add_subcommand(name, what);
  app->add_option("JOB", options->jobs, "Numbers of jobs, as `list` shows them")->required();
  add_operator_options(*app, options->of);
  return {app, [options, console, run] { return run(*options, console); }};
}

auto add_pausing(CLI::App& program, const char* name, const char* what, Console console,
                 int (*run)(const PauseOptions&, Console)) -> Command {
  auto options = std::make_shared<PauseOptions>();
  auto* app = program.add_subcommand(name, what);
  add_operator_options(*app, options->of);
  app->add_option("--group", options->groups, "A resource group");
  app->add_option("--queue", options->queues, "A queue");
  return {app, [options, console, run] { return run(*options, console); }};
}

}  // namespace

auto run_cancel(const ChangeJobsOptions& options, Console console) -> int {
  return change_jobs("cancel", options, console,
                     [](OperatorStorage& storage, JobId job) { return storage.run(storage->cancel(job)); });
}

auto run_retry(const ChangeJobsOptions& options, Console console) -> int {
  return change_jobs("retry", options, console, [](OperatorStorage& storage, JobId job) -> Result<JobState> {
    SPIDER_TRY(storage.run(storage->retry(job)));
    return storage.run(storage->job_state(job));
  });
}

auto run_pause(const PauseOptions& options, Console console) -> int {
  return pause_or_resume(true, options, console);
}
auto run_resume(const PauseOptions& options, Console console) -> int {
  return pause_or_resume(false, options, console);
}

auto add_cancel_command(CLI::App& program, Console console) -> Command {
  return add_change(program, "cancel", "Cancel jobs; those that have ended stay as they are", console,
                    run_cancel);
}
auto add_retry_command(CLI::App& program, Console console) -> Command {
  return add_change(program, "retry", "Give failed jobs another chance", console, run_retry);
}
auto add_pause_command(CLI::App& program, Console console) -> Command {
  return add_pausing(program, "pause", "Offer no more tasks of resource groups or queues", console,
                     run_pause);
}
auto add_resume_command(CLI::App& program, Console console) -> Command {
  return add_pausing(program, "resume", "Offer them again", console, run_resume);
}

}  // namespace spider::cli
