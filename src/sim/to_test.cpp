// A case as the C++ that makes it.

#include "spider/sim/case.hpp"

#include <sstream>

namespace spider {
inline namespace v1 {
namespace sim {

namespace {

auto write(std::ostream& out, Duration duration) -> void {
  out << "std::chrono::nanoseconds{" << duration.count() << '}';
}

auto write(std::ostream& out, const std::string& name, const TaskSpec& task) -> void {
  out << "  " << name << ".handler = \"" << task.handler << "\";\n";
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
  if (task.retry.attempts_max != RetryPolicy{}.attempts_max) {
    out << "  " << name << ".retry.attempts_max = " << task.retry.attempts_max << ";\n";
  }
  write_time("retry.backoff_first", task.retry.backoff_first);
  write_time("retry.backoff_max", task.retry.backoff_max);
  if (task.timeout != Duration::zero()) write_time("timeout", task.timeout);
  if (task.instances_max != 1) out << "  " << name << ".instances_max = " << task.instances_max << ";\n";
  if (task.coalesce) {
    out << "  " << name << ".coalesce = spider::CoalesceKey{\"" << task.coalesce->operation << "\", {\""
        << task.coalesce->target.front().value_or("") << "\"}};\n";
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
      << "  " << job << ".resource_group = \"" << submit.job.resource_group << "\";\n";
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
  out << "// " << broken.rule << ": " << broken.what << '\n'
      << "TEST(Simulation, Seed" << what.seed << "Breaks" << broken.rule << ") {\n"
      << "  using spider::sim::FaultKind;\n"
      << "  spider::sim::SimCase failing;\n"
      << "  failing.seed = " << what.seed << "U;\n"
      << "  failing.policy = \"" << what.policy << "\";\n"
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
  out << "  const auto outcome = spider::sim::replay(failing, " << parts << ");\n"
      << "  EXPECT_TRUE(outcome.clean()) << outcome.violations.front().what;\n"
      << "}\n";
  return out.str();
}

}  // namespace sim
}  // namespace v1
}  // namespace spider
