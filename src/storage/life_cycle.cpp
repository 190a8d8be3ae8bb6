#include "spider/storage/life_cycle.hpp"

#include <algorithm>
#include <cmath>

namespace spider::inline v1::life_cycle {

namespace {

/// `by` · `factor`^`steps`, at most `max`; the products stay finite because the sum is clamped first.
auto grown(Duration first, double factor, std::uint32_t steps, Duration max) -> Duration {
  const auto value = to_seconds(first) * std::pow(factor, static_cast<double>(steps));
  return value >= to_seconds(max) ? max : std::min(max, from_seconds(value));
}

auto failed_move(JobState from, JobShape shape) -> JobMove {
  if (from == JobState::commit_ready && shape.has_cleanup) return {JobState::cleanup_ready, JobState::failed};
  return {JobState::failed, JobState::failed};
}

auto may_still_move(JobState job) -> bool { return !has_ended(job) && job != JobState::cleanup_ready; }

}  // namespace

auto backoff(const RetryPolicy& policy, std::uint32_t attempts_spent) -> Duration {
  return grown(policy.backoff_first, policy.backoff_factor, std::max(attempts_spent, 1U) - 1,
               policy.backoff_max);
}

auto deferral_delay(const StorageLimits& limits, std::uint32_t deferrals) -> Duration {
  return grown(limits.deferral_first, 2.0, std::max(deferrals, 1U) - 1, limits.deferral_max);
}

auto attempt_end(const FinishRequest& request) -> AttemptEnd {
  switch (request.kind) {
    case FinishRequest::Kind::succeeded: return AttemptEnd::succeeded;
    case FinishRequest::Kind::failed: return request.retry ? AttemptEnd::failed : AttemptEnd::refused;
    case FinishRequest::Kind::deferred: return AttemptEnd::deferred;
    case FinishRequest::Kind::released: return AttemptEnd::released;
  }
  return AttemptEnd::failed;
}

auto check_finish(const FinishRequest& request, const StorageLimits& limits) -> Result<void> {
  if (request.output.size() > limits.payload_bytes_max || request.reason.size() > limits.payload_bytes_max) {
    return Error{Errc::limit_exceeded, "finish: larger than payload_bytes_max"};
  }
  if (request.delay < Duration::zero()) return Error{Errc::invalid_time, "finish: the delay is negative"};
  return success();
}

auto check_poll(const PollRequest& request) -> Result<void> {
  if (request.max_items == 0 || request.per_group_max == 0 || request.per_job_max == 0) {
    return Error{Errc::invalid_argument, "poll: a maximum of 0"};
  }
  if (request.queues.empty()) return Error{Errc::invalid_argument, "poll: no queue"};
  return success();
}

auto range_of(Page page, std::uint32_t tasks, const StorageLimits& limits) -> TaskRange {
  const auto first = std::min(page.first, tasks);
  const auto end = first + std::min({page.max, limits.page_items_max, tasks - first});
  return {first, end, end == tasks && (first < tasks || page.first == 0) && page.max > 0};
}

auto after_attempt(AttemptEnd how, Attempt attempt, const RetryPolicy& policy, const StorageLimits& limits)
    -> TaskVerdict {
  TaskVerdict verdict{.to = TaskState::ready,
                      .attempts = attempt.attempts,
                      .deferrals = attempt.deferrals,
                      .ready_at = attempt.now};
  switch (how) {
    case AttemptEnd::succeeded: verdict.to = TaskState::succeeded; return verdict;
    case AttemptEnd::refused: verdict.to = TaskState::failed; return verdict;
    case AttemptEnd::deferred:
      --verdict.attempts;
      ++verdict.deferrals;
      verdict.ready_at = saturating_add(attempt.now, attempt.delay > Duration::zero()
                                                         ? attempt.delay
                                                         : deferral_delay(limits, verdict.deferrals));
      return verdict;
    case AttemptEnd::released:
      --verdict.attempts;
      verdict.ready_at = saturating_add(attempt.now, attempt.delay);
      return verdict;
    case AttemptEnd::failed:
    case AttemptEnd::overran:
    case AttemptEnd::lapsed: break;
  }
  if (attempt.attempts >= policy.attempts_max) {
    verdict.to = TaskState::failed;
    verdict.dead_lettered = true;
  } else if (how != AttemptEnd::lapsed) {
    verdict.ready_at = saturating_add(attempt.now, backoff(policy, attempt.attempts));
  }
  return verdict;
}

auto check_start(const StartFacts& facts) -> Result<void> {
  if (has_ended(facts.job)) return Errc::job_not_running;
  if (facts.job == JobState::cleanup_ready && facts.kind != TaskKind::cleanup) return Errc::job_not_running;
  if (facts.task == TaskState::running) {
    if (facts.instances >= facts.instances_max) return Errc::instance_limit;
    return success();
  }
  if (facts.task != TaskState::ready || !facts.due || facts.equivalent_runs) return Errc::task_not_runnable;
  return success();
}

auto at_begin(bool complete, JobShape shape) -> std::optional<JobMove> {
  if (!complete || !shape.has_commit) return std::nullopt;
  return JobMove{JobState::commit_ready};
}

auto after_start(JobState job) -> std::optional<JobMove> {
  if (job != JobState::ready) return std::nullopt;
  return JobMove{JobState::running};
}

auto after_task(JobMove job, TaskKind kind, TaskState task, bool complete, JobShape shape)
    -> std::optional<JobMove> {
  if (kind == TaskKind::cleanup) return JobMove{job.ends_as, job.ends_as};
  if (task == TaskState::failed) return failed_move(job.to, shape);
  if (kind == TaskKind::commit) return JobMove{JobState::succeeded};
  if (!complete) return std::nullopt;
  return JobMove{shape.has_commit ? JobState::commit_ready : JobState::succeeded};
}

auto after_cancel(JobState job, JobShape shape) -> std::optional<JobMove> {
  if (!may_still_move(job)) return std::nullopt;
  return JobMove{shape.has_cleanup ? JobState::cleanup_ready : JobState::cancelled, JobState::cancelled};
}

auto after_deadline(JobState job, JobShape shape) -> std::optional<JobMove> {
  if (!may_still_move(job)) return std::nullopt;
  return failed_move(job, shape);
}

auto standing(const TaskExplanation& explained) -> TaskStanding {
  if (has_ended(explained.state)) return TaskStanding::ended;
  if (explained.state == TaskState::running) return TaskStanding::running;
  if (explained.state == TaskState::pending) return TaskStanding::pending;
  if (explained.state == TaskState::folded) return TaskStanding::coalesced;
  if (explained.until != kForever) return TaskStanding::not_due;
  if (explained.kept_back) return TaskStanding::coalesced;
  if (explained.scheduler) return TaskStanding::polled;
  return explained.group_paused || explained.queue_paused ? TaskStanding::paused : TaskStanding::queued;
}

}  // namespace spider::inline v1::life_cycle
