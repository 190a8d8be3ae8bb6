#include "cli/operator/job_text.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <ctime>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace spider::cli {

namespace {

using Json = nlohmann::ordered_json;

auto json_time(TimePoint at) -> Json { return at == kForever ? Json() : Json(time_text(at)); }

auto total(const JobView& job) -> std::uint64_t {
  std::uint64_t sum = 0;
  for (const auto count : job.tasks) sum += count;
  return sum;
}

auto count(const JobView& job, TaskState state) -> std::uint64_t {
  return job.tasks[static_cast<std::size_t>(state)];
}

auto row(std::ostream& out, const char* label, const std::string& value) -> void {
  out << "  " << std::left << std::setw(16) << label << value << '\n';
}

}  // namespace

auto time_text(TimePoint at) -> std::string {
  if (at == kForever) return "-";
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const std::time_t whole = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(at - seconds).count();
  std::ostringstream text;
  text << std::put_time(&parts, "%Y-%m-%dT%H:%M:%S") << '.' << std::setw(3) << std::setfill('0')
       << milliseconds << 'Z';
  return text.str();
}

auto to_json(const JobView& job) -> Json {
  Json tasks{{"total", total(job)}};
  for (std::size_t state = 0; state < kTaskStates; ++state) {
    tasks[std::string{to_string(static_cast<TaskState>(state))}] = job.tasks[state];
  }
  return {{"job", job.id.value},
          {"state", std::string{to_string(job.state)}},
          {"group", job.resource_group},
          {"queue", job.queue},
          {"priority", job.priority},
          {"key", job.unique_key},
          {"created_at", json_time(job.created_at)},
          {"ended_at", json_time(job.ended_at)},
          {"tasks", std::move(tasks)},
          {"reason", job.reason}};
}

auto to_json(const TaskView& task) -> Json {
  return {{"task", to_string(task.id)},
          {"state", std::string{to_string(task.state)}},
          {"handler", task.handler},
          {"name", task.name},
          {"attempts", task.attempts},
          {"deferrals", task.deferrals},
          {"ready_at", json_time(task.ready_at)},
          {"started_at", json_time(task.started_at)},
          {"ended_at", json_time(task.ended_at)},
          {"dead_lettered", task.dead_lettered},
          {"error", task.error}};
}

auto print_jobs(std::ostream& out, std::span<const JobView> jobs) -> void {
  out << std::right << std::setw(10) << "job"
      << "  " << std::left << std::setw(14) << "state" << std::setw(20) << "group" << std::setw(12) << "queue"
      << std::right << std::setw(12) << "done" << std::setw(12) << "tasks"
      << "  created\n";
  for (const auto& job : jobs) {
    out << std::right << std::setw(10) << job.id.value << "  " << std::left << std::setw(14)
        << to_string(job.state) << std::setw(20) << job.resource_group << std::setw(12) << job.queue
        << std::right << std::setw(12) << count(job, TaskState::succeeded) + count(job, TaskState::folded)
        << std::setw(12) << total(job) << "  " << time_text(job.created_at) << '\n';
  }
}

auto print_job(std::ostream& out, const JobView& job) -> void {
  out << "job " << job.id.value << '\n';
  row(out, "state", std::string{to_string(job.state)});
  row(out, "group", job.resource_group);
  row(out, "queue", job.queue + ", class " + std::to_string(job.priority));
  if (!job.unique_key.empty()) row(out, "key", job.unique_key);
  row(out, "created", time_text(job.created_at));
  if (job.ended_at != kForever) row(out, "ended", time_text(job.ended_at));
  std::string tasks = std::to_string(total(job));
  for (std::size_t state = 0; state < kTaskStates; ++state) {
    if (job.tasks[state] == 0) continue;
    tasks += ", " + std::to_string(job.tasks[state]) + ' ';
    tasks += to_string(static_cast<TaskState>(state));
  }
  row(out, "tasks", tasks);
  if (!job.reason.empty()) row(out, "reason", job.reason);
}

auto print_tasks(std::ostream& out, std::span<const TaskView> tasks) -> void {
  out << std::right << std::setw(10) << "task"
      << "  " << std::left << std::setw(11) << "state" << std::setw(20) << "handler" << std::right
      << std::setw(9) << "attempts"
      << "  " << std::left << std::setw(25) << "started" << std::setw(25) << "ended"
      << "error\n";
  for (const auto& task : tasks) {
    out << std::right << std::setw(10) << to_string(task.id) << "  " << std::left << std::setw(11)
        << to_string(task.state) << std::setw(20) << task.handler << std::right << std::setw(9)
        << task.attempts << "  " << std::left << std::setw(25) << time_text(task.started_at) << std::setw(25)
        << time_text(task.ended_at) << task.error << '\n';
  }
}

}  // namespace spider::cli
