#include "cli/workload/swf.hpp"

#include "cli/workload/text.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace spider::cli {
namespace {

constexpr std::size_t kSwfColumns = 18;
constexpr std::size_t kSubmitColumn = 2;
constexpr std::size_t kRunTimeColumn = 4;
constexpr std::int64_t kUnknown = -1;

struct Record {
  std::int64_t job_number = 0;
  std::optional<Duration> submit;    ///< nothing = unknown
  std::optional<Duration> run_time;  ///< nothing = unknown
  std::int64_t processors = 0;       ///< not positive = unknown
  std::int64_t user = 0;
  std::int64_t user_group = 0;
  std::int64_t queue = 0;
  std::int64_t partition = 0;
};

auto in_column(Error error, std::size_t column) -> Error {
  return located(std::move(error), "column " + std::to_string(column));
}

auto time_in(const std::vector<std::string_view>& fields, std::size_t column)
    -> Result<std::optional<Duration>> {
  const auto field = fields[column - 1];
  const auto number = parse_number(field);
  if (number && number.value() == static_cast<double>(kUnknown)) return std::optional<Duration>{};
  const auto time = parse_seconds(field);
  if (!time) return in_column(time.error(), column);
  return std::optional{time.value()};
}

/// Also the columns that nobody uses are numbers. The times say more precisely what is wrong with them.
auto check_numbers(const std::vector<std::string_view>& fields) -> Result<void> {
  for (std::size_t column = 1; column <= kSwfColumns; ++column) {
    if (column == kSubmitColumn || column == kRunTimeColumn) continue;
    const auto number = parse_number(fields[column - 1]);
    if (!number) return in_column(number.error(), column);
  }
  return success();
}

auto parse_record(const std::vector<std::string_view>& fields) -> Result<Record> {
  if (fields.size() != kSwfColumns) {
    return Error{Errc::parse_error, "expected 18 fields, found " + std::to_string(fields.size())};
  }
  SPIDER_TRY(check_numbers(fields));
  Record record;
  SPIDER_TRY(record.submit, time_in(fields, kSubmitColumn));
  SPIDER_TRY(record.run_time, time_in(fields, kRunTimeColumn));
  std::int64_t allocated = 0;
  std::int64_t requested = 0;
  struct Target {
    std::size_t column;
    std::int64_t& value;
  };
  for (const auto& [column, value] :
       {Target{1, record.job_number}, Target{5, allocated}, Target{8, requested}, Target{12, record.user},
        Target{13, record.user_group}, Target{15, record.queue}, Target{16, record.partition}}) {
    const auto number = parse_integer(fields[column - 1]);
    if (!number) return in_column(number.error(), column);
    value = number.value();
  }
  record.processors = allocated > 0 ? allocated : requested;
  return record;
}

/// Builds the workload record by record.
class LogReader {
 public:
  explicit LogReader(const WorkloadLimits& limits) : limits_{limits} {}

  void read_header(std::string_view line);
  auto add(const Record& record) -> Result<void>;
  [[nodiscard]] auto finish() && -> Result<Workload>;

 private:
  enum Reason { kNoSubmit, kNoRunTime, kNoProcessors, kReasons };
  using Values = std::unordered_set<std::int64_t>;

  void count(const Record& record);
  auto refused(Reason reason) -> Result<void> {
    ++skipped_[reason];
    return success();
  }

  const WorkloadLimits& limits_;
  std::vector<WorkloadJob> jobs_;
  SwfFigures figures_;
  Values users_, user_groups_, queues_, partitions_;
  Duration submit_min_ = Duration::max();
  Duration submit_max_{};
  std::uint64_t skipped_[kReasons]{};
  bool queues_named_ = false;
};

void LogReader::read_header(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of("; \t"), line.size()));
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const auto key = trimmed(line.substr(0, colon));
  if (key == "Queue") queues_named_ = true;
  if (key != "MaxProcs") return;
  const auto processors = parse_integer(trimmed(line.substr(colon + 1)));
  if (processors && processors.value() > 0) {
    figures_.machine_processors = static_cast<std::uint64_t>(processors.value());
  }
}

void LogReader::count(const Record& record) {
  ++figures_.records;
  const auto note = [](Values& values, std::int64_t value) {
    if (value != kUnknown) values.insert(value);
  };
  note(users_, record.user);
  note(user_groups_, record.user_group);
  note(queues_, record.queue);
  note(partitions_, record.partition);
  if (record.processors > 0) {
    figures_.processors_max =
        std::max(figures_.processors_max, static_cast<std::uint64_t>(record.processors));
  }
  if (!record.submit) return;
  submit_min_ = std::min(submit_min_, *record.submit);
  submit_max_ = std::max(submit_max_, *record.submit);
}

auto LogReader::add(const Record& record) -> Result<void> {
  count(record);
  if (figures_.records > limits_.nodes_max) {
    return Error{Errc::limit_exceeded, "more than " + std::to_string(limits_.nodes_max) + " records"};
  }
  if (!record.submit) return refused(kNoSubmit);
  if (record.run_time.value_or(Duration::zero()) == Duration::zero()) return refused(kNoRunTime);
  if (record.processors <= 0) return refused(kNoProcessors);
  const auto processors = static_cast<std::uint64_t>(record.processors);
  if (processors > limits_.tasks_per_job_max) {
    return Error{Errc::limit_exceeded, std::to_string(processors) + " processors, at most " +
                                           std::to_string(limits_.tasks_per_job_max) + " are allowed"};
  }
  WorkloadJob job;
  job.name = std::to_string(record.job_number);
  job.group = "user-" + (record.user == kUnknown ? std::string{"unknown"} : std::to_string(record.user));
  job.priority = static_cast<PriorityClass>(
      std::clamp<std::int64_t>(record.queue, 0, std::numeric_limits<PriorityClass>::max()));
  job.arrival = *record.submit;
  job.tasks.resize(1);
  job.tasks.front().name = job.name;
  job.tasks.front().run_time = *record.run_time;
  job.tasks.front().count = static_cast<std::uint32_t>(processors);
  jobs_.push_back(std::move(job));
  return success();
}

auto LogReader::finish() && -> Result<Workload> {
  if (figures_.records == 0) return Error{Errc::parse_error, "expected at least one record"};
  Workload workload;
  workload.format = "SWF";
  const bool any_submit = submit_min_ <= submit_max_;
  workload.first_arrival = any_submit ? submit_min_ : Duration::zero();
  for (auto& job : jobs_) {
    job.arrival -= workload.first_arrival;
    if (!queues_named_) job.priority = 0;
  }
  workload.jobs = std::move(jobs_);
  figures_.users = users_.size();
  figures_.user_groups = user_groups_.size();
  figures_.queues = queues_.size();
  figures_.partitions = partitions_.size();
  figures_.submit_span = any_submit ? submit_max_ - submit_min_ : Duration::zero();
  workload.swf = figures_;
  constexpr const char* kReasonTexts[] = {"submit time unknown", "run time not positive", "no processors"};
  for (int reason = 0; reason < kReasons; ++reason) {
    if (skipped_[reason] != 0) workload.skipped.push_back({kReasonTexts[reason], skipped_[reason]});
  }
  return workload;
}

}  // namespace

auto parse_swf(std::string_view text, const std::string& file, const WorkloadLimits& limits)
    -> Result<Workload> {
  LogReader reader{limits};
  LineReader lines{text};
  std::vector<std::string_view> fields;
  for (std::string_view line; lines.next(line);) {
    const auto content = trimmed(line);
    if (content.empty()) continue;
    if (content.front() == ';') {
      reader.read_header(content);
      continue;
    }
    split_blank_separated(content, fields);
    const auto record = parse_record(fields);
    if (!record) return located(record.error(), file, lines.number());
    const auto added = reader.add(record.value());
    if (!added) return located(added.error(), file, lines.number());
  }
  auto workload = std::move(reader).finish();
  if (!workload) return located(workload.error(), file);
  workload.value().name = file;
  return workload;
}

}  // namespace spider::cli
