#include "cli/workload/stage_csv.hpp"

#include "cli/workload/graph.hpp"
#include "cli/workload/text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

namespace spider::cli {
namespace {

constexpr std::size_t kStageColumns = 7;

/// What a stage's name says. `key` is the id's digits, or the whole name outside the grammar.
struct StageName {
  std::string key;
  std::string category;              ///< the letters
  std::vector<std::string> parents;  ///< keys, as listed
  bool in_grammar = false;
};

auto is_letter(char c) -> bool { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
auto is_digit(char c) -> bool { return c >= '0' && c <= '9'; }

/// Cuts an id off the front: digits up to the end or '_', without leading zeros. Empty if there is none.
auto take_id(std::string_view& text) -> std::string {
  const auto end =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  if (end == 0 || (end < text.size() && text[end] != '_')) return {};
  auto digits = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return std::string{digits};
}

auto parse_stage_name(std::string_view name) -> StageName {
  StageName outside{std::string{name}, {}, {}, false};
  auto rest = name;
  rest.remove_prefix(
      static_cast<std::size_t>(std::find_if_not(name.begin(), name.end(), is_letter) - name.begin()));
  StageName stage;
  stage.category = name.substr(0, name.size() - rest.size());
  stage.key = take_id(rest);
  if (stage.category.empty() || stage.key.empty() || name.ends_with('_')) return outside;
  while (!rest.empty()) {
    stage.parents.push_back(take_id(rest));
    if (stage.parents.back().empty()) return outside;
  }
  stage.in_grammar = true;
  return stage;
}

struct Row {
  Duration arrival{};
  std::string_view job;
  std::string_view stage;
  Duration run_time{};
  std::uint32_t instances = 0;
};

auto parse_instances(std::string_view field) -> Result<std::uint32_t> {
  SPIDER_TRY(const auto instances, parse_integer(field));
  if (instances < 1)
    return Error{Errc::parse_error, "expected at least one instance, found " + in_quotes(field)};
  if (instances > TaskId::kIndexMax) {
    return Error{Errc::limit_exceeded, std::to_string(instances) + " instances, at most " +
                                           std::to_string(TaskId::kIndexMax) + " are allowed"};
  }
  return static_cast<std::uint32_t>(instances);
}

auto parse_row(const std::vector<std::string_view>& fields) -> Result<Row> {
  if (fields.size() != kStageColumns) {
    return Error{Errc::parse_error,
                 "expected 7 fields (arrival, job, stage, duration, CPU, memory, "
                 "instances), found " +
                     std::to_string(fields.size())};
  }
  Row row;
  row.job = fields[1];
  row.stage = fields[2];
  if (row.job.empty() || row.stage.empty()) {
    return Error{Errc::parse_error, "expected the name of a job and of a stage in columns 2 and 3"};
  }
  auto arrival = parse_seconds(fields[0]);
  if (!arrival) return located(arrival.error(), "column 1");
  auto run_time = parse_seconds(fields[3]);
  if (!run_time) return located(run_time.error(), "column 4");
  auto instances = parse_instances(fields[6]);
  if (!instances) return located(instances.error(), "column 7");
  row.arrival = arrival.value();
  row.run_time = run_time.value();
  row.instances = instances.value();
  return row;
}

/// What is needed beside a job until all its lines are known.
struct OpenJob {
  WorkloadJob job;
  std::unordered_map<std::string, std::uint32_t> positions;  ///< of stages by key
  std::vector<std::vector<std::string>> parents;             ///< of each stage, as listed
  std::vector<std::size_t> lines;                            ///< of each stage
};

class StageReader {
 public:
  auto add(const Row& row, std::size_t line) -> Result<void>;
  /// `file` is for errors.
  [[nodiscard]] auto finish(const std::string& file, const WorkloadLimits& limits) -> Result<Workload>;

 private:
  auto link(OpenJob& open, const std::string& file) -> Result<void>;

  std::vector<OpenJob> jobs_;
  std::unordered_map<std::string, std::size_t> job_positions_;
  StageFigures figures_;
};

auto StageReader::add(const Row& row, std::size_t line) -> Result<void> {
  const auto [found, is_new] = job_positions_.emplace(row.job, jobs_.size());
  if (is_new) {
    jobs_.emplace_back();
    jobs_.back().job.name = row.job;
    jobs_.back().job.arrival = row.arrival;
  }
  auto& open = jobs_[found->second];
  auto name = parse_stage_name(row.stage);
  if (!name.in_grammar) ++figures_.outside_grammar;
  const auto position = static_cast<std::uint32_t>(open.job.tasks.size());
  if (!open.positions.emplace(name.key, position).second) {
    return Error{Errc::duplicate_name,
                 "job " + in_quotes(row.job) + " has two stages " + in_quotes(name.key)};
  }
  WorkloadTask task;
  task.name = row.stage;
  task.category = std::move(name.category);
  task.run_time = row.run_time;
  task.count = row.instances;
  open.job.tasks.push_back(std::move(task));
  open.parents.push_back(std::move(name.parents));
  open.lines.push_back(line);
  return success();
}

auto StageReader::link(OpenJob& open, const std::string& file) -> Result<void> {
  for (std::size_t stage = 0; stage < open.parents.size(); ++stage) {
    auto& parents = open.job.tasks[stage].parents;
    for (const auto& key : open.parents[stage]) {
      const auto found = open.positions.find(key);
      if (found == open.positions.end()) {
        return located({Errc::unknown_parent, "stage " + in_quotes(open.job.tasks[stage].name) + " of job " +
                                                  in_quotes(open.job.name) + " waits for stage " +
                                                  in_quotes(key) + ", which the job does not have"},
                       file, open.lines[stage]);
      }
      if (std::find(parents.begin(), parents.end(), found->second) == parents.end()) {
        parents.push_back(found->second);
      } else {
        ++figures_.duplicate_parents;
      }
    }
  }
  return success();
}

auto StageReader::finish(const std::string& file, const WorkloadLimits& limits) -> Result<Workload> {
  if (jobs_.empty()) return Error{Errc::parse_error, file + ": expected at least one line"};
  Workload workload;
  workload.name = file;
  workload.format = "stage CSV";
  workload.first_arrival = Duration::max();
  const auto group = group_of_file(file);
  for (auto& open : jobs_) {
    SPIDER_TRY(link(open, file));
    const auto checked = check_graph(open.job, limits);
    if (!checked) return located(checked.error(), file, open.lines.front());
    open.job.group = group;
    workload.first_arrival = std::min(workload.first_arrival, open.job.arrival);
    workload.jobs.push_back(std::move(open.job));
  }
  for (auto& job : workload.jobs) job.arrival -= workload.first_arrival;
  workload.stages = figures_;
  return workload;
}

}  // namespace

auto parse_stage_csv(std::string_view text, const std::string& file, const WorkloadLimits& limits)
    -> Result<Workload> {
  StageReader reader;
  LineReader lines{text};
  std::vector<std::string_view> fields;
  std::size_t rows = 0;
  for (std::string_view line; lines.next(line);) {
    if (trimmed(line).empty()) continue;
    if (++rows > limits.nodes_max) {
      return located({Errc::limit_exceeded, "more than " + std::to_string(limits.nodes_max) + " stages"},
                     file, lines.number());
    }
    split_comma_separated(line, fields);
    const auto row = parse_row(fields);
    if (!row) return located(row.error(), file, lines.number());
    const auto added = reader.add(row.value(), lines.number());
    if (!added) return located(added.error(), file, lines.number());
  }
  return reader.finish(file, limits);
}

}  // namespace spider::cli
