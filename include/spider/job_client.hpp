#pragma once

/// The storage as an application sees it: submit, look, wait, cancel.
///
/// Implemented by storages (storage.hpp); called by applications, mostly through `Scheduler`. Every
/// function may be called from any thread. Where a parameter is a span, what it refers to must live
/// until the call has completed.

#include "spider/async.hpp"
#include "spider/explanation.hpp"
#include "spider/job.hpp"
#include "spider/types.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {

struct Submitted {
  JobId job;
  bool existing = false;  ///< `job` was there before: it has the unique key, or does this work, too
  FoldOutcome fold = FoldOutcome::not_coalescible;  ///< `folded`: a queued job does this work, too
};

/// What is known of a job.
struct JobView {
  JobView() = default;

  JobId id;
  JobState state = JobState::ready;
  std::string resource_group;
  std::string queue;
  PriorityClass priority = 0;
  std::string unique_key;
  std::uint32_t submitters = 1;  ///< whose work it does; each may cancel once, the last one cancels
  TimePoint created_at{};
  TimePoint ended_at = kForever;                   ///< kForever while it has not ended
  std::array<std::uint32_t, kTaskStates> tasks{};  ///< regular tasks by TaskState
  std::string reason;  ///< why it failed or was cancelled: the culprit and its last error
};

/// What is known of one task.
struct TaskView {
  TaskView() = default;

  TaskId id;
  TaskState state = TaskState::pending;
  std::string handler;
  std::string name;
  std::uint32_t attempts = 0;  ///< spent, the running one included
  std::uint32_t deferrals = 0;
  TimePoint ready_at = kForever;
  TimePoint started_at = kForever;
  TimePoint ended_at = kForever;
  ManagerId manager;           ///< who runs it, or ran it last
  bool dead_lettered = false;  ///< failed for good after its attempts were used up
  TaskRef folded_into;         ///< whose run does, or did, its work; job 0: its own
  std::string error;           ///< of the last failed attempt
};

struct TaskOutput {
  TaskOutput() = default;
  TaskOutput(TaskId id, Bytes bytes) : task{id}, output{std::move(bytes)} {}

  TaskId task;
  Bytes output;
};

/// Part of a long list.
struct Page {
  std::uint32_t first = 0;   ///< a task index
  std::uint32_t max = 1000;  ///< clamped to StorageLimits::page_items_max
};

struct JobFilter {
  JobFilter() = default;

  std::optional<JobState> state;
  std::string resource_group;  ///< empty = any
  std::string queue;           ///< empty = any
  JobId after{};               ///< only jobs with a greater id: the last one of the page before
  std::size_t max = 100;       ///< clamped to StorageLimits::page_items_max
};
static_assert(AsyncArgument<JobFilter>);

/// Whose tasks are not offered while paused: a resource group's or a queue's.
struct PauseTarget {
  enum class Kind : std::uint8_t { resource_group, queue };

  PauseTarget(Kind what, std::string which) : kind{what}, name{std::move(which)} {}

  Kind kind;
  std::string name;
};

class JobClient {
 public:
  JobClient() = default;
  JobClient(const JobClient&) = delete;
  auto operator=(const JobClient&) -> JobClient& = delete;
  virtual ~JobClient() = default;

  /// Stores the jobs, each whole or not at all, and answers for each in order. A job whose unique
  /// key is taken within its resource group answers with the job that has it.
  ///
  /// A job that is a single task with a coalesce key, without a commit or cleanup task and without a
  /// unique key, is not stored when such a job with the same key waits to be started in the same group
  /// and queue, with the same deadline, and neither has to wait for a time that the other need not: the
  /// answer is that job, which then has one more submitter, and the more urgent class of the two. Check
  /// and insert are one step: of n concurrent submitters one inserts.
  ///
  /// Errors per job, with a detail that names the culprit: `cyclic_graph`, `unknown_parent`,
  /// `duplicate_name`, `empty_graph`, `invalid_name`, `invalid_time`, `invalid_argument` (a coalesce
  /// key without a column, on an array, on a commit or cleanup task, with instances_max above 1),
  /// `limit_exceeded` (StorageLimits). Errors of the call: `storage_unavailable` (the outcome is then
  /// unknown: a unique key makes the repetition safe), `limit_exceeded` (too many jobs in one call).
  [[nodiscard]] virtual auto submit(std::span<const JobSpec> jobs)
      -> Async<std::vector<Result<Submitted>>> = 0;

  /// Ends all unfinished tasks of the job in one step, and the job itself, or moves it to
  /// `cleanup_ready` if it has a cleanup task. Running instances learn of it at their manager's next
  /// renewal. A job that has ended, or is cleaning up, stays as it is. Returns the state after. A job
  /// with several submitters loses one, and goes on for the others; every call counts as another one's.
  /// Errors: `unknown_job`; `storage_unavailable`.
  [[nodiscard]] virtual auto cancel(JobId job) -> Async<JobState> = 0;

  /// Errors: `unknown_job`; `storage_unavailable`.
  [[nodiscard]] virtual auto view(JobId job) -> Async<JobView> = 0;

  /// Regular tasks by index; the commit and the cleanup task follow on the last page.
  /// Errors: `unknown_job`; `storage_unavailable`.
  [[nodiscard]] virtual auto view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> = 0;

  /// Why the task is not running, as far as a storage knows (TaskExplanation::exact is false): what it
  /// waits for, when it is due, what is paused, who polled it, who runs it. The place of one that is
  /// queued is an estimate by the storage's own order of offers; left out when that would be costly.
  /// Looks at a bounded number of tasks and jobs.
  /// Errors: `unknown_job`; `unknown_task`; `storage_unavailable`.
  [[nodiscard]] virtual auto explain(TaskRef task) -> Async<TaskExplanation> = 0;

  /// Jobs by increasing id. Errors: `storage_unavailable`.
  [[nodiscard]] virtual auto list(JobFilter filter) -> Async<std::vector<JobView>> = 0;

  /// Suspends until the job has ended, at most `timeout`; returns how it ended.
  /// Errors: `unknown_job`; `timed_out`; `cancelled`; `storage_unavailable`.
  [[nodiscard]] virtual auto wait(JobId job, Duration timeout) -> Async<JobState> = 0;

  /// The outputs of the succeeded regular tasks within the page, by index. Tasks without an output
  /// (an empty one) are left out. Errors: `unknown_job`; `storage_unavailable`.
  [[nodiscard]] virtual auto outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> = 0;

  /// Gives a failed job another chance: its failed and cancelled tasks are pending again with all
  /// attempts unspent, succeeded ones keep their outputs. A deadline that has passed applies no more.
  /// Errors: `unknown_job`; `job_not_running` unless it has failed; `storage_unavailable`.
  [[nodiscard]] virtual auto retry(JobId job) -> Async<void> = 0;

  /// While paused, tasks of the target are not offered to schedulers. What was polled before still
  /// runs. Idempotent; survives restarts of a durable storage.
  /// Errors: `invalid_name`; `limit_exceeded`; `storage_unavailable`.
  [[nodiscard]] virtual auto pause(PauseTarget target) -> Async<void> = 0;
  [[nodiscard]] virtual auto resume(PauseTarget target) -> Async<void> = 0;

  /// Whether any task of the resource group with this key has not ended: waits for its parents or its
  /// time, is queued, runs, or is folded into a run. The gate of those who submit again and again.
  /// Errors: those of `check_key`; `storage_unavailable`.
  [[nodiscard]] virtual auto has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> = 0;
};

}  // namespace v1
}  // namespace spider
