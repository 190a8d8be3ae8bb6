#include "cli/workload/wfformat.hpp"

#include "cli/workload/graph.hpp"
#include "cli/workload/json_text.hpp"
#include "cli/workload/text.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace spider::cli {
namespace {

using nlohmann::json;

/// A JSON value and where it is, as far as that is known: the path is put together on errors only.
struct Element {
  const json& value;
  std::string_view list;
  std::size_t index;

  [[nodiscard]] auto fault(Errc code, std::string_view member, const std::string& text) const -> Error {
    std::string where{list};
    where += '[' + std::to_string(index) + ']';
    if (!member.empty()) where.append(".").append(member);
    return {code, where + ": " + text};
  }
  [[nodiscard]] auto find(const char* member) const -> const json* {
    const auto found = value.find(member);
    return found == value.end() ? nullptr : &*found;
  }
  [[nodiscard]] auto string(const char* member) const -> Result<std::string> {
    const json* found = find(member);
    if (found != nullptr && found->is_string()) return found->get<std::string>();
    return fault(Errc::parse_error, member, "expected a string");
  }
};

/// What the two schema versions call things.
struct Schema {
  const char* format;
  std::string_view task_list;
  std::string_view run_list;
  const char* key;       ///< the unique name of a task, which parents and children refer to
  const char* category;  ///< the type of work
};
constexpr Schema kSchema14{"WfFormat 1.4", "workflow.tasks", "workflow.tasks", "name", "category"};
constexpr Schema kSchema15{"WfFormat 1.5", "workflow.specification.tasks", "workflow.execution.tasks", "id",
                           "name"};

/// Reads one document, in the order of the functions.
class Reader {
 public:
  Reader(const Schema& schema, const WorkloadLimits& limits) : schema_{schema}, limits_{limits} {}

  auto read_tasks(const json& list) -> Result<void>;
  auto read_edges(const json& list) -> Result<void>;
  auto read_runs(const json& list) -> Result<void>;
  [[nodiscard]] auto take_tasks() && -> std::vector<WorkloadTask> { return std::move(tasks_); }

 private:
  auto read_references(const Element& element, const char* member) const
      -> Result<std::vector<std::uint32_t>>;
  auto add_edge(std::uint32_t parent, std::uint32_t child) -> bool;
  auto read_run(const Element& element, WorkloadTask& task) -> Result<void>;
  auto read_command(const Element& element, WorkloadTask& task) -> Result<void>;

  const Schema& schema_;
  const WorkloadLimits& limits_;
  std::vector<WorkloadTask> tasks_;
  std::unordered_map<std::string, std::uint32_t> positions_;
  std::unordered_set<std::uint64_t> edges_;
};

auto Reader::read_tasks(const json& list) -> Result<void> {
  if (list.size() > limits_.nodes_max) {
    return Error{Errc::limit_exceeded, std::string{schema_.task_list} + ": " + std::to_string(list.size()) +
                                           " tasks, at most " + std::to_string(limits_.nodes_max) +
                                           " are allowed"};
  }
  tasks_.reserve(list.size());
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    const Element element{list[i], schema_.task_list, i};
    if (!element.value.is_object()) return element.fault(Errc::parse_error, {}, "expected an object");
    WorkloadTask task;
    SPIDER_TRY(task.name, element.string(schema_.key));
    if (element.find(schema_.category) != nullptr) {
      SPIDER_TRY(task.category, element.string(schema_.category));
    }
    if (!positions_.emplace(task.name, i).second) {
      return element.fault(Errc::duplicate_name, schema_.key, in_quotes(task.name) + " occurs twice");
    }
    tasks_.push_back(std::move(task));
  }
  return success();
}

auto Reader::read_references(const Element& element, const char* member) const
    -> Result<std::vector<std::uint32_t>> {
  std::vector<std::uint32_t> positions;
  const json* list = element.find(member);
  if (list == nullptr) return positions;
  if (!list->is_array()) return element.fault(Errc::parse_error, member, "expected an array of strings");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto entry = std::string{member} + '[' + std::to_string(i) + ']';
    const json& name = (*list)[i];
    if (!name.is_string()) return element.fault(Errc::parse_error, entry, "expected a string");
    const auto found = positions_.find(name.get_ref<const std::string&>());
    if (found == positions_.end()) {
      return element.fault(Errc::unknown_parent, entry,
                           "no task has the " + std::string{schema_.key} + ' ' +
                               in_quotes(name.get_ref<const std::string&>()));
    }
    positions.push_back(found->second);
  }
  return positions;
}

auto Reader::add_edge(std::uint32_t parent, std::uint32_t child) -> bool {
  if (!edges_.insert((std::uint64_t{parent} << 32U) | child).second) return false;
  tasks_[child].parents.push_back(parent);
  return true;
}

auto Reader::read_edges(const json& list) -> Result<void> {
  for (std::uint32_t task = 0; task < list.size(); ++task) {
    SPIDER_TRY(const auto parents, read_references({list[task], schema_.task_list, task}, "parents"));
    for (const auto parent : parents) add_edge(parent, task);
  }
  for (std::uint32_t task = 0; task < list.size(); ++task) {
    SPIDER_TRY(auto children, read_references({list[task], schema_.task_list, task}, "children"));
    for (const auto child : children) add_edge(task, child);
    if (!std::is_sorted(children.begin(), children.end())) tasks_[task].children_order = std::move(children);
  }
  return success();
}

auto Reader::read_command(const Element& element, WorkloadTask& task) -> Result<void> {
  const json* command = element.find("command");
  if (command == nullptr || command->is_null()) return success();
  if (!command->is_object()) return element.fault(Errc::parse_error, "command", "expected an object");
  const auto program = command->find("program");
  if (program == command->end() || program->is_null()) return success();
  if (!program->is_string()) {
    return element.fault(Errc::parse_error, "command.program", "expected a string");
  }
  ProcessCommand process{program->get<std::string>(), {}};
  if (process.program.empty()) return success();
  const auto arguments = command->find("arguments");
  if (arguments != command->end()) {
    const bool strings = arguments->is_array() && std::all_of(arguments->begin(), arguments->end(),
                                                              [](const json& a) { return a.is_string(); });
    if (!strings)
      return element.fault(Errc::parse_error, "command.arguments", "expected an array of strings");
    process.arguments = arguments->get<std::vector<std::string>>();
  }
  task.command = std::move(process);
  return success();
}

auto Reader::read_run(const Element& element, WorkloadTask& task) -> Result<void> {
  constexpr const char* kRunTime = "runtimeInSeconds";
  const json* seconds = element.find(kRunTime);
  if (seconds == nullptr || !seconds->is_number()) {
    return element.fault(Errc::parse_error, kRunTime, "expected a number of seconds");
  }
  const auto run_time = checked_seconds(seconds->get<double>());
  if (!run_time) {
    return element.fault(Errc::invalid_time, kRunTime,
                         "expected a time from 0 to 9.2e9 seconds, found " + seconds->dump());
  }
  task.run_time = *run_time;
  return read_command(element, task);
}

auto Reader::read_runs(const json& list) -> Result<void> {
  std::vector<bool> seen(tasks_.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Element element{list[i], schema_.run_list, i};
    if (!element.value.is_object()) return element.fault(Errc::parse_error, {}, "expected an object");
    SPIDER_TRY(const auto name, element.string(schema_.key));
    const auto found = positions_.find(name);
    if (found == positions_.end()) {
      return element.fault(Errc::unknown_task, schema_.key, in_quotes(name) + " is not specified as a task");
    }
    if (seen[found->second]) {
      return element.fault(Errc::duplicate_name, schema_.key, in_quotes(name) + " occurs twice");
    }
    seen[found->second] = true;
    SPIDER_TRY(read_run(element, tasks_[found->second]));
  }
  const auto missing = std::find(seen.begin(), seen.end(), false);
  if (missing == seen.end()) return success();
  const auto& task = tasks_[static_cast<std::size_t>(missing - seen.begin())];
  return Error{Errc::parse_error,
               std::string{schema_.run_list} + ": expected an element for task " + in_quotes(task.name)};
}

/// The array at `path`, member names separated by dots. Errors: `parse_error`.
auto find_list(const json& document, std::string_view path) -> Result<const json*> {
  const json* value = &document;
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    const auto found = value->find(path.substr(begin, end - begin));
    if (found == value->end()) {
      return Error{Errc::parse_error, std::string{path.substr(0, end)} + ": expected, but missing"};
    }
    value = &*found;
    begin = end + 1;
  }
  if (value->is_array()) return value;
  return Error{Errc::parse_error, std::string{path} + ": expected an array"};
}

auto schema_of(const json& document) -> Result<const Schema*> {
  const auto version = document.find("schemaVersion");
  if (version != document.end() && *version != "1.4" && *version != "1.5") {
    return Error{Errc::parse_error,
                 "schemaVersion: expected \"1.4\" or \"1.5\", found " +
                     in_quotes(version->dump(-1, ' ', true, json::error_handler_t::replace))};
  }
  const auto workflow = document.find("workflow");
  if (workflow == document.end() || !workflow->is_object()) {
    return Error{Errc::parse_error, "workflow: expected an object"};
  }
  return workflow->contains("specification") ? &kSchema15 : &kSchema14;
}

auto read_job(const json& document, const Schema& schema, const WorkloadLimits& limits)
    -> Result<WorkloadJob> {
  SPIDER_TRY(const json* tasks, find_list(document, schema.task_list));
  SPIDER_TRY(const json* runs, find_list(document, schema.run_list));
  Reader reader{schema, limits};
  SPIDER_TRY(reader.read_tasks(*tasks));
  SPIDER_TRY(reader.read_edges(*tasks));
  SPIDER_TRY(reader.read_runs(*runs));
  WorkloadJob job;
  const auto name = document.find("name");
  if (name != document.end() && name->is_string()) job.name = name->get<std::string>();
  job.tasks = std::move(reader).take_tasks();
  SPIDER_TRY(check_graph(job, limits));
  return job;
}

}  // namespace

auto parse_wfformat(std::string_view text, const std::string& file, const WorkloadLimits& limits)
    -> Result<Workload> {
  const auto document = parse_json(text, limits.json_depth_max);
  if (!document) return located(document.error(), file);
  if (!document.value().is_object()) {
    return Error{Errc::parse_error, file + ": document: expected an object"};
  }
  const auto schema = schema_of(document.value());
  if (!schema) return located(schema.error(), file);
  auto job = read_job(document.value(), *schema.value(), limits);
  if (!job) return located(job.error(), file);

  Workload workload;
  workload.name = file;
  workload.format = schema.value()->format;
  workload.jobs.push_back(std::move(job).value());
  auto& only = workload.jobs.front();
  if (only.name.empty()) only.name = file;
  only.group = group_of_file(file);
  return workload;
}

}  // namespace spider::cli
