#include "cli/operator/explain_command.hpp"

#include "cli/json_output.hpp"
#include "cli/operator/job_text.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <charconv>
#include <functional>
#include <memory>
#include <ostream>
#include <utility>

namespace spider::cli {

namespace {

using Json = nlohmann::ordered_json;
using Tell = std::function<std::string(const TaskExplanation&, Json& line)>;

auto parse_task(const std::string& text) -> Result<TaskId> {
  if (text == "commit") return TaskId::commit();
  if (text == "cleanup") return TaskId::cleanup();
  std::uint32_t index = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, index);
  if (fault != std::errc{} || stop != end || index > TaskId::kIndexMax) {
    return Error{Errc::invalid_argument, "task '" + text + "': an index, commit or cleanup"};
  }
  return TaskId{index};
}

auto json_of(const std::optional<QueuePlace>& place) -> Json {
  if (!place) return {};
  return {{"in_group", place->in_group},
          {"in_global", place->in_global ? Json(*place->in_global) : Json()},
          {"exact", place->exact}};
}

auto place_text(const TaskExplanation& found) -> std::string {
  if (!found.place) return std::string{to_string(found.standing)} + ", no place in line";
  auto text = (found.place->exact ? "place " : "about place ") + std::to_string(found.place->in_group) +
              " in group " + found.resource_group;
  if (found.place->in_global) text += ", " + std::to_string(*found.place->in_global) + " of all";
  return text;
}

auto tell_each(const char* command, const ExplainOptions& options, Console console, const Tell& tell) -> int {
  JsonOutput json{options.of.json, console};
  OperatorStorage storage;
  const auto opened = storage.open(options.of.storage, OperatorStorage::Missing::refuse);
  if (!opened) return complain(console, command, opened.error());
  int status = kSuccess;
  for (const auto& text : options.tasks) {
    const auto task = parse_task(text);
    if (!task) return complain(console, command, task.error());
    auto found = storage.run(storage->explain({JobId{options.job}, task.value()}));
    if (!found) {
      found.error().detail = "job " + std::to_string(options.job) + " task " + text;
      status = complain(console, command, found.error());
      continue;
    }
    Json line{{"job", options.job},
              {"task", text},
              {"standing", std::string{to_string(found.value().standing)}},
              {"place", json_of(found.value().place)}};
    const auto sentence = tell(found.value(), line);
    if (options.of.json != "-") {
      console.out << "job " << options.job << " task " << text << ": " << sentence << '\n';
    }
    json.write(line);
  }
  if (!json.finish()) return complain(console, command, {Errc::io_error, options.of.json});
  return status;
}

auto add_command(CLI::App& program, const char* name, const char* what, Console console,
                 int (*run)(const ExplainOptions&, Console)) -> Command {
  auto options = std::make_shared<ExplainOptions>();
  auto* app = program.add_subcommand(name, what);
  app->add_option("JOB", options->job, "The number of a job, as `list` shows it")->required();
  app->add_option("TASK", options->tasks, "Indices of its tasks, commit, cleanup")->capture_default_str();
  add_operator_options(*app, options->of);
  return {app, [options, console, run] { return run(*options, console); }};
}

}  // namespace

auto run_explain(const ExplainOptions& options, Console console) -> int {
  asio::io_context context;
  const SystemClock clock{context.get_executor()};
  return tell_each("explain", options, console, [&](const TaskExplanation& found, Json& line) {
    auto waits_for = Json::array();
    for (const auto task : found.waits_for) waits_for.push_back(to_string(task));
    line["waits_for"] = std::move(waits_for);
    line["since"] = found.since == kForever ? Json() : Json(time_text(found.since));
    line["until"] = found.until == kForever ? Json() : Json(time_text(found.until));
    line["why"] = describe(found, clock.now());
    return line["why"].get<std::string>();
  });
}

auto run_place(const ExplainOptions& options, Console console) -> int {
  return tell_each("place", options, console,
                   [](const TaskExplanation& found, Json& /*line*/) { return place_text(found); });
}

auto add_explain_command(CLI::App& program, Console console) -> Command {
  return add_command(program, "explain", "Say why tasks are not running, and what would unblock them",
                     console, run_explain);
}
auto add_place_command(CLI::App& program, Console console) -> Command {
  return add_command(program, "place", "Say where tasks stand in line", console, run_place);
}

}  // namespace spider::cli
