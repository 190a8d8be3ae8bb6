// A case as the C++ that makes it.

#include "spider/sim/case.hpp"

#include <algorithm>
#include <limits>
#include <sstream>
#include <string_view>

namespace spider {
inline namespace v1 {
namespace sim {

namespace {

auto write(std::ostream& out, Duration duration) -> void {
  out << "std::chrono::nanoseconds{" << duration.count() << '}';
}

/// Whatever it holds: columns are any bytes.
auto write(std::ostream& out, std::string_view text) -> void {
  constexpr auto kPlain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?'; };
  const auto has_nul = text.find('\0') != std::string_view::npos;
  out << (has_nul ? "std::string{\"" : "\"");
  for (const auto c : text) {
    if (kPlain(c)) {
      out << c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out << '\\' << char('0' + (byte >> 6U)) << char('0' + (byte >> 3U & 7U)) << char('0' + (byte & 7U));
    }
  }
  out << '"';
  if (has_nul) out << ", " << text.size() << '}';
}

/// As a comment: a policy's own words may be among them.
auto one_line(std::string text) -> std::string {
  std::ranges::replace_if(
      text, [](char c) { return c == '\\' || (c >= 0 && c < ' '); }, ' ');
  return text;
}

auto write(std::ostream& out, const CoalesceKey& key) -> void {
  out << "spider::CoalesceKey{";
  write(out, key.operation);
  out << ", {";
  for (std::size_t column = 0; column < key.target.size(); ++column) {
    out << (column == 0 ? "" : ", ");
    if (key.target[column]) {
      write(out, *key.target[column]);
    } else {
      out << "std::nullopt";
    }
  }
  out << "}}";
}

auto write(std::ostream& out, const std::string& name, const TaskSpec& task) -> void {
  const auto write_text = [&](const char* field, std::string_view value) {
    if (value.empty()) return;
    out << "  " << name << '.' << field << " = ";
    write(out, value);
    out << ";\n";
  };
  write_text("handler", task.handler);
  write_text("name", task.name);
  write_text("input", task.input);
  if (task.count != 1) out << "  " << name << ".count = " << task.count << ";\n";
  if (!task.parents.empty()) {
    out << "  " << name << ".parents = {";
    for (std::size_t i = 0; i < task.parents.size(); ++i)
      out << (i == 0 ? "" : ", ") << task.parents[i] << 'U';
    out << "};\n";
  }
  const auto write_time = [&](const char* field, Duration value) {
    out << "  " << name << '.' << field << " = ";
    write(out, value);
    out << ";\n";
  };
  constexpr RetryPolicy kUsual;
  if (task.retry.attempts_max != kUsual.attempts_max) {
    out << "  " << name << ".retry.attempts_max = " << task.retry.attempts_max << ";\n";
  }
  if (task.retry.backoff_first != kUsual.backoff_first)
    write_time("retry.backoff_first", task.retry.backoff_first);
  if (task.retry.backoff_max != kUsual.backoff_max) write_time("retry.backoff_max", task.retry.backoff_max);
  if (task.retry.backoff_factor != kUsual.backoff_factor) {
    out << "  " << name << ".retry.backoff_factor = " << task.retry.backoff_factor << ";\n";
  }
  if (task.timeout != Duration::zero()) write_time("timeout", task.timeout);
  if (task.estimate != Duration::zero()) write_time("estimate", task.estimate);
  if (task.instances_max != 1) out << "  " << name << ".instances_max = " << task.instances_max << ";\n";
  if (task.coalesce) {
    out << "  " << name << ".coalesce = ";
    write(out, *task.coalesce);
    out << ";\n";
  }
}

auto write(std::ostream& out, const std::string& name, const std::optional<TaskSpec>& task) -> void {
  if (!task) return;
  out << "  " << name << ".emplace();\n";
  write(out, name + ".value()", *task);
}

auto write(std::ostream& out, std::size_t number, const SubmitEvent& submit) -> void {
  const auto job = "job" + std::to_string(number);
  out << "  spider::JobSpec " << job << ";\n"
      << "  " << job << ".resource_group = ";
  write(out, submit.job.resource_group);
  out << ";\n";
  if (submit.job.queue != JobSpec{}.queue) {
    out << "  " << job << ".queue = ";
    write(out, submit.job.queue);
    out << ";\n";
  }
  if (submit.job.priority != 0) out << "  " << job << ".priority = " << int{submit.job.priority} << ";\n";
  if (submit.job.weight != 1.0) out << "  " << job << ".weight = " << submit.job.weight << ";\n";
  if (submit.job.not_before != TimePoint{}) {
    out << "  " << job << ".not_before = spider::TimePoint{";
    write(out, submit.job.not_before.time_since_epoch());
    out << "};\n";
  }
  if (submit.job.deadline != kForever) {
    out << "  " << job << ".deadline = spider::TimePoint{";
    write(out, submit.job.deadline.time_since_epoch());
    out << "};\n";
  }
  out << "  " << job << ".tasks.resize(" << submit.job.tasks.size() << ");\n";
  for (std::size_t i = 0; i < submit.job.tasks.size(); ++i) {
    write(out, job + ".tasks[" + std::to_string(i) + "]", submit.job.tasks[i]);
  }
  write(out, job + ".commit", submit.job.commit);
  write(out, job + ".cleanup", submit.job.cleanup);
  out << "  failing.submits.push_back({.at = ";
  write(out, submit.at);
  out << ", .job = " << job << (submit.refused ? ", .refused = true" : "") << "});\n";
}

}  // namespace

auto to_test(const SimCase& what, const Violation& broken, const std::string& parts) -> std::string {
  std::ostringstream out;
  out.precision(std::numeric_limits<double>::max_digits10);
  out << "#include \"spider/sim/case.hpp\"\n\n#include <gtest/gtest.h>\n\n"
      << "// " << broken.rule << ": " << one_line(broken.what) << '\n'
      << "TEST(Simulation, Seed" << what.seed << "Breaks" << broken.rule << ") {\n"
      << "  using spider::sim::FaultKind;\n"
      << "  spider::sim::SimCase failing;\n"
      << "  failing.seed = " << what.seed << "U;\n"
      << "  failing.policy = ";
  write(out, what.policy);
  out << ";\n"
      << "  failing.capacity = " << what.capacity << ";\n"
      << "  failing.buffered_max = " << what.buffered_max << ";\n"
      << "  failing.latency_max = ";
  write(out, what.latency_max);
  out << ";\n  failing.task_seconds_max = ";
  write(out, what.task_seconds_max);
  out << ";\n  failing.safety = ";
  write(out, what.safety);
  out << ";\n";
  if (what.idle_workers > 0) {
    out << "  failing.idle_workers = " << what.idle_workers << ";\n"
        << "  failing.claimants = " << what.claimants << ";\n";
  }
  if (what.members > 1) out << "  failing.members = " << what.members << ";\n";
  for (std::size_t i = 0; i < what.submits.size(); ++i) write(out, i + 1, what.submits[i]);
  for (const auto& manager : what.managers) {
    out << "  failing.managers.push_back({.at = ";
    write(out, manager.at);
    out << ", .batch = " << manager.batch << ", .lanes = " << manager.lanes << "});\n";
  }
  for (const auto& fault : what.faults) {
    out << "  failing.faults.push_back({FaultKind::" << to_string(fault.kind) << ", " << fault.opportunity
        << "});\n";
  }
  out << "  const auto outcome = spider::sim::replay(failing, " << parts << ");\n";
  if (broken.rule == "replay") {
    out << "  EXPECT_EQ(outcome.log_hash, spider::sim::replay(failing, " << parts << ").log_hash);\n}\n";
  } else {
    out << "  EXPECT_TRUE(outcome.clean()) << outcome.violations.front().what;\n}\n";
  }
  return out.str();
}

}  // namespace sim
}  // namespace v1
}  // namespace spider
