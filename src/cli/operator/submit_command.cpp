#include "cli/operator/submit_command.hpp"

#include "cli/json_output.hpp"
#include "cli/run/replayed_job.hpp"
#include "cli/workload/load.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <ostream>
#include <utility>

namespace spider::cli {

namespace {

auto one_job(const SubmitOptions& options, TimePoint now) -> JobSpec {
  JobSpec job;
  job.resource_group = options.group;
  job.queue = options.queue;
  job.priority = static_cast<PriorityClass>(options.priority);
  job.unique_key = options.key;
  if (options.delay_s > 0) job.not_before = saturating_add(now, from_seconds(options.delay_s));
  if (options.deadline_s > 0) job.deadline = saturating_add(now, from_seconds(options.deadline_s));
  auto& task = job.tasks.emplace_back();
  task.handler = options.handler;
  task.name = options.name;
  task.input = options.input;
  task.count = options.count;
  return job;
}

auto jobs_to_submit(const SubmitOptions& options, TimePoint now) -> Result<std::vector<JobSpec>> {
  std::vector<JobSpec> jobs;
  if (options.handler.empty() == options.workloads.empty()) {
    return Error{Errc::invalid_argument, "name either workloads or a --handler"};
  }
  if (!options.handler.empty()) {
    jobs.push_back(one_job(options, now));
    return jobs;
  }
  RunOptions run;
  run.exec = options.exec;
  for (const auto& specification : options.workloads) {
    SPIDER_TRY(const auto workload, load_workload(specification));
    for (const auto& job : workload.jobs) {
      SPIDER_TRY(auto spec, to_job_spec(job, run));
      spec.queue = options.queue;
      spec.not_before = saturating_add(now, job.arrival);
      jobs.push_back(std::move(spec));
    }
  }
  return jobs;
}

/// Tells what became of each; whether all were taken.
auto tell(const std::vector<Result<Submitted>>& answers, const SubmitOptions& options, Console console,
          JsonOutput& json) -> bool {
  bool all = true;
  for (const auto& answer : answers) {
    if (!answer) {
      all = false;
      complain(console, "submit", answer.error());
      continue;
    }
    const auto job = answer.value().job.value;
    const bool existing = answer.value().existing;
    if (options.of.json != "-") {
      console.out << "job " << job << (existing ? ": was there already\n" : ": submitted\n");
    }
    json.write({{"job", job}, {"existing", existing}});
  }
  return all;
}

}  // namespace

auto run_submit(const SubmitOptions& options, Console console) -> int {
  constexpr std::size_t kBatch = 1'000;
  JsonOutput json{options.of.json, console};
  OperatorStorage storage;
  // What cannot be submitted leaves no new file behind.
  const auto made = jobs_to_submit(options, storage.now());
  if (!made) return complain(console, "submit", made.error());
  const auto opened = storage.open(options.of.storage, OperatorStorage::Missing::create);
  if (!opened) return complain(console, "submit", opened.error());
  const std::span<const JobSpec> jobs{made.value()};
  int status = kSuccess;
  for (std::size_t first = 0; first < jobs.size(); first += kBatch) {
    const auto batch = jobs.subspan(first, std::min(kBatch, jobs.size() - first));
    const auto answers = storage.run(storage->submit(batch));
    if (!answers) return complain(console, "submit", answers.error());
    if (!tell(answers.value(), options, console, json)) status = kBadInput;
  }
  if (!json.finish()) return complain(console, "submit", {Errc::io_error, options.of.json});
  return status;
}

auto add_submit_command(CLI::App& program, Console console) -> Command {
  auto options = std::make_shared<SubmitOptions>();
  auto* app = program.add_subcommand("submit", "Put jobs into a durable storage, for whoever works on it");
  app->add_option("WORKLOAD", options->workloads, "Workloads as `run` takes them: all their jobs");
  add_operator_options(*app, options->of);
  app->add_flag("--exec", options->exec, "Of workloads: tasks run their commands");
  app->add_option("--handler", options->handler, "Without workloads: one job, whose tasks this handler runs");
  app->add_option("--input", options->input, "The input of its tasks, as it is");
  app->add_option("--count", options->count, "How many tasks it has")->capture_default_str();
  app->add_option("--name", options->name, "A label for its tasks");
  app->add_option("--group", options->group, "Its resource group")->capture_default_str();
  app->add_option("--queue", options->queue, "The queue")->capture_default_str();
  app->add_option("--priority", options->priority, "Its class, 0 is the most urgent")
      ->check(CLI::Range(0, 255))
      ->capture_default_str();
  app->add_option("--key", options->key, "Unique in its group: a repeated submit names the first job");
  app->add_option("--delay", options->delay_s, "Not before so many seconds")->check(CLI::NonNegativeNumber);
  app->add_option("--deadline", options->deadline_s, "It fails if unfinished after so many seconds")
      ->check(CLI::NonNegativeNumber);
  return {app, [options, console] { return run_submit(*options, console); }};
}

}  // namespace spider::cli
