#include "storage/validation.hpp"

#include "spider/storage/life_cycle.hpp"
#include "weight_limits.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace spider::inline v1::life_cycle {

namespace {

constexpr std::size_t kQuotedBytesMax = 128;
constexpr std::uint32_t kAttemptsMax = 1000;
constexpr double kBackoffFactorMax = 100.0;

auto in_quotes(std::string_view text) -> std::string {
  std::string out = "'";
  for (const char letter : text.substr(0, kQuotedBytesMax)) {
    out += letter >= ' ' && letter <= '~' ? letter : '?';
  }
  return out + (text.size() > kQuotedBytesMax ? "…'" : "'");
}

auto refuse(Errc code, std::string where, std::string_view what) -> Error {
  return {code, std::move(where.append(": ").append(what))};
}

auto check_name(std::string_view name, std::string_view what) -> Result<void> {
  if (is_valid_name(name)) return success();
  return refuse(Errc::invalid_name, std::string{what}, in_quotes(name));
}

auto check_retry(const RetryPolicy& retry, const std::string& where) -> Result<void> {
  if (retry.attempts_max < 1 || retry.attempts_max > kAttemptsMax) {
    return refuse(Errc::invalid_argument, where, "attempts_max is outside 1 … 1,000");
  }
  if (retry.backoff_first < Duration::zero() || retry.backoff_max < Duration::zero()) {
    return refuse(Errc::invalid_time, where, "a back-off is negative");
  }
  if (!(retry.backoff_factor >= 1.0 && retry.backoff_factor <= kBackoffFactorMax)) {
    return refuse(Errc::invalid_argument, where, "backoff_factor is outside 1 … 100");
  }
  return success();
}

auto check_task(const TaskSpec& task, const std::string& where, const StorageLimits& limits) -> Result<void> {
  SPIDER_TRY(check_name(task.handler, where + ": handler"));
  if (!task.name.empty()) {
    SPIDER_TRY(check_name(task.name, where + ": name"));
  }
  if (task.input.size() > limits.payload_bytes_max) {
    return refuse(Errc::limit_exceeded, where, "the input is larger than payload_bytes_max");
  }
  if (task.count < 1) return refuse(Errc::invalid_argument, where, "count is 0");
  if (task.instances_max < 1) return refuse(Errc::invalid_argument, where, "instances_max is 0");
  if (task.timeout < Duration::zero()) return refuse(Errc::invalid_time, where, "the timeout is negative");
  if (task.estimate < Duration::zero()) return refuse(Errc::invalid_time, where, "the estimate is negative");
  return check_retry(task.retry, where);
}

auto check_coalesce(const TaskSpec& task, const std::string& where) -> Result<void> {
  if (!task.coalesce) return success();
  if (auto checked = check_key(*task.coalesce); !checked) {
    return refuse(checked.error() == Errc::invalid_name     ? Errc::invalid_name
                  : checked.error() == Errc::limit_exceeded ? Errc::limit_exceeded
                                                            : Errc::invalid_argument,
                  where, checked.error().detail);
  }
  if (task.count != 1) return refuse(Errc::invalid_argument, where, "a coalesce key on an array");
  if (task.instances_max != 1) {
    return refuse(Errc::invalid_argument, where, "a coalesce key, and instances_max above 1");
  }
  return success();
}

auto check_single(const std::optional<TaskSpec>& task, const std::string& where, const StorageLimits& limits)
    -> Result<void> {
  if (!task) return success();
  SPIDER_TRY(check_task(*task, where, limits));
  if (task->coalesce) return refuse(Errc::invalid_argument, where, "it cannot have a coalesce key");
  if (task->count != 1) return refuse(Errc::invalid_argument, where, "it cannot be an array");
  if (!task->parents.empty()) return refuse(Errc::invalid_argument, where, "it cannot have parents");
  return success();
}

auto check_header(const JobSpec& job) -> Result<void> {
  SPIDER_TRY(check_name(job.resource_group, "resource group"));
  SPIDER_TRY(check_name(job.queue, "queue"));
  if (job.unique_key.size() > kUniqueKeyBytesMax) {
    return refuse(Errc::limit_exceeded, "unique key " + in_quotes(job.unique_key), "longer than 1,024 bytes");
  }
  if (!(job.weight >= detail::kWeightMin && job.weight <= detail::kWeightMax)) {
    return refuse(Errc::invalid_argument, "job", "the weight is outside 0.001 … 1,000,000");
  }
  if (job.not_before < TimePoint{}) return refuse(Errc::invalid_time, "job", "not_before is negative");
  if (job.not_before == kForever) return refuse(Errc::invalid_time, "job", "not_before never comes");
  if (job.deadline < TimePoint{}) return refuse(Errc::invalid_time, "job", "the deadline is negative");
  if (job.deadline <= job.not_before) {
    return refuse(Errc::invalid_time, "job", "the deadline is not after not_before");
  }
  if (job.tasks.empty() && !job.commit) {
    return refuse(Errc::empty_graph, "job", "neither a task nor a commit task");
  }
  return success();
}

// Sums are of 32-bit values in 64 bits, over at most 2^32 of them: they cannot overflow.
auto check_sizes(const JobSpec& job, const StorageLimits& limits) -> Result<void> {
  if (job.tasks.size() > limits.nodes_per_job_max) {
    return refuse(Errc::limit_exceeded, "job", "more nodes than nodes_per_job_max");
  }
  const std::uint64_t tasks_max = std::min(limits.tasks_per_job_max, TaskId::kIndexMax);
  std::uint64_t tasks = 0;
  std::uint64_t edges = 0;
  for (std::uint32_t node = 0; node < job.tasks.size(); ++node) {
    tasks += job.tasks[node].count;
    edges += job.tasks[node].parents.size();
    if (tasks > tasks_max) {
      return refuse(Errc::limit_exceeded, describe_node(job, node), "more tasks than tasks_per_job_max");
    }
    if (edges > limits.edges_per_job_max) {
      return refuse(Errc::limit_exceeded, describe_node(job, node), "more edges than edges_per_job_max");
    }
  }
  return success();
}

auto check_unique_names(const JobSpec& job) -> Result<void> {
  std::unordered_set<std::string_view> names;
  const auto taken = [&](const TaskSpec& task) {
    return !task.name.empty() && !names.insert(task.name).second;
  };
  for (std::uint32_t node = 0; node < job.tasks.size(); ++node) {
    if (taken(job.tasks[node])) {
      return refuse(Errc::duplicate_name, describe_node(job, node), "an earlier task has this name");
    }
  }
  if (job.commit && taken(*job.commit))
    return refuse(Errc::duplicate_name, "commit task", in_quotes(job.commit->name));
  if (job.cleanup && taken(*job.cleanup)) {
    return refuse(Errc::duplicate_name, "cleanup task", in_quotes(job.cleanup->name));
  }
  return success();
}

}  // namespace

auto describe_node(const JobSpec& job, std::uint32_t node) -> std::string {
  const auto& task = job.tasks[node];
  return "task " + std::to_string(node) + ' ' + in_quotes(task.name.empty() ? task.handler : task.name);
}

auto check_values(const JobSpec& job, const StorageLimits& limits) -> Result<void> {
  SPIDER_TRY(check_header(job));
  SPIDER_TRY(check_sizes(job, limits));
  for (std::uint32_t node = 0; node < job.tasks.size(); ++node) {
    const auto& task = job.tasks[node];
    const auto check = [&](const std::string& where) -> Result<void> {
      SPIDER_TRY(check_task(task, where, limits));
      return check_coalesce(task, where);
    };
    if (!check({})) return check(describe_node(job, node));  // to describe it costs more than to check it
    for (const auto parent : task.parents) {
      if (parent < job.tasks.size()) continue;
      return refuse(Errc::unknown_parent, describe_node(job, node), "parent " + std::to_string(parent));
    }
  }
  SPIDER_TRY(check_single(job.commit, "commit task", limits));
  SPIDER_TRY(check_single(job.cleanup, "cleanup task", limits));
  return check_unique_names(job);
}

auto check_limits(const StorageLimits& limits) -> Result<void> {
  const auto refuse = [](const char* what) { return Error{Errc::invalid_argument, what}; };
  if (limits.poll_items_max == 0) return refuse("poll_items_max is 0");
  if (limits.page_items_max == 0) return refuse("page_items_max is 0");
  if (limits.jobs_per_submit_max == 0) return refuse("jobs_per_submit_max is 0");
  if (limits.ended_jobs_max == 0) return refuse("ended_jobs_max is 0");
  if (limits.groups_max == 0) return refuse("groups_max is 0");
  if (limits.queues_max == 0 || limits.queues_max > 65'535) return refuse("queues_max is outside 1 … 65,535");
  if (limits.lower_class_share == 1) return refuse("lower_class_share is 1");
  if (limits.session_lease <= Duration::zero()) return refuse("session_lease is not positive");
  if (limits.manager_lease <= Duration::zero()) return refuse("manager_lease is not positive");
  if (limits.deferral_first <= Duration::zero()) return refuse("deferral_first is not positive");
  if (limits.deferral_max < limits.deferral_first) return refuse("deferral_max is below deferral_first");
  return success();
}

}  // namespace spider::inline v1::life_cycle
