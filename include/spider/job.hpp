#pragma once

/// Jobs and tasks as they are submitted, their states, and every legal move between states.
///
/// `JobSpec` is the plain description that a storage takes; `JobBuilder` (job_builder.hpp) is the
/// comfortable way to make one. Plain values, no threads.

#include "spider/async.hpp"
#include "spider/coalesce_key.hpp"
#include "spider/types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spider {
inline namespace v1 {

/// How often a failing task is attempted, and how long it rests in between: `backoff_first`, then
/// `backoff_factor` times the rest before, never more than `backoff_max`.
struct RetryPolicy {
  std::uint32_t attempts_max = 3;  ///< 1 … 1,000; 1 = never retried
  Duration backoff_first = std::chrono::seconds{1};
  Duration backoff_max = std::chrono::minutes{5};
  double backoff_factor = 2.0;  ///< 1 … 100
};

/// One node of a job's graph: a single task, or an array of `count` like tasks.
struct TaskSpec {
  TaskSpec() = default;

  std::string handler;                 ///< who runs it; a valid name (`is_valid_name`)
  std::string name;                    ///< optional label, unique within the job; empty or a valid name
  Bytes input;                         ///< shared by all tasks of an array
  std::uint32_t count = 1;             ///< ≥ 1; the array's tasks take consecutive task indices
  std::vector<std::uint32_t> parents;  ///< positions in JobSpec::tasks; all tasks there before any here
  RetryPolicy retry;
  Duration timeout{};                   ///< of one attempt; 0 = none
  Duration estimate{};                  ///< expected run time; 0 = unknown
  std::uint32_t instances_max = 1;      ///< how many instances of one task may run at once; ≥ 1
  std::optional<CoalesceKey> coalesce;  ///< regular tasks only, with a count and instances_max of 1
};
static_assert(AsyncArgument<TaskSpec>);

/// A job: a graph of tasks owned by one resource group.
///
/// The regular tasks are numbered through: node i covers the task indices
/// [sum of counts before i, that + tasks[i].count).
struct JobSpec {
  JobSpec() = default;

  std::string resource_group = "default";  ///< the tenant; a valid name
  std::string queue = "default";           ///< routes the tasks to the schedulers that serve it
  PriorityClass priority = 0;              ///< 0 = most urgent
  double weight = 1.0;     ///< of the resource group, where shares are weighted: 0.001 … 1,000,000
  std::string unique_key;  ///< if not empty: a submit that repeats it within its group returns the first job
  TimePoint not_before{};  ///< no task is ready earlier
  TimePoint deadline = kForever;  ///< an unfinished job fails then
  std::vector<TaskSpec> tasks;
  std::optional<TaskSpec> commit;   ///< runs after all tasks succeeded; sees no parents' outputs
  std::optional<TaskSpec> cleanup;  ///< runs when the job is cancelled, or its commit failed for good
};
static_assert(AsyncArgument<JobSpec>);

/// The states of a job. Every legal move, with what causes it:
///
/// | from          | to                                   | cause                                   |
/// |---------------|--------------------------------------|-----------------------------------------|
/// | ready         | running                              | the first start, or fold, of a task     |
/// | ready         | commit_ready                         | no regular tasks, a commit task         |
/// | ready         | cancelled, cleanup_ready             | cancel without / with a cleanup task    |
/// | ready         | failed                               | deadline passed                         |
/// | running       | commit_ready                         | all tasks succeeded, a commit task      |
/// | running       | succeeded                            | all tasks succeeded, no commit task     |
/// | running       | failed                               | a task failed for good, deadline passed |
/// | running       | cancelled, cleanup_ready             | cancel without / with a cleanup task    |
/// | commit_ready  | succeeded                            | the commit task succeeded               |
/// | commit_ready  | failed, cleanup_ready                | commit failed for good, without / with  |
/// | commit_ready  | cancelled, cleanup_ready             | cancel without / with a cleanup task    |
/// | cleanup_ready | cancelled                            | cleanup ended, and a cancel led there   |
/// | cleanup_ready | failed                               | cleanup ended, and a failure led there  |
/// | failed        | ready                                | `JobClient::retry`                      |
///
/// `succeeded`, `failed` and `cancelled` are the ends. A job that leaves `ready` or `running` other
/// than to `commit_ready` or `succeeded` ends all its unfinished tasks in the same step.
enum class JobState : std::uint8_t {
  ready,
  running,
  commit_ready,
  cleanup_ready,
  succeeded,
  failed,
  cancelled,
};
inline constexpr std::size_t kJobStates = 7;

/// The states of a task. Every legal move, with what causes it:
///
/// | from    | to        | cause                                                                     |
/// |---------|-----------|---------------------------------------------------------------------------|
/// | pending | ready     | the last parent succeeded                                                 |
/// | ready   | running   | `ExecutionClient::start`, and nothing else                                |
/// | running | succeeded | `finish` with a value                                                     |
/// | running | ready     | a retry (spends an attempt), deferral, release, lapsed lease              |
/// | running | failed    | the last attempt failed, or the handler said never                        |
/// | pending, ready, running, folded | cancelled | the job failed or was cancelled                   |
/// | ready   | folded    | an equivalent task started (coalescing), and works for this one, too      |
/// | folded  | succeeded | the equivalent task succeeded                                             |
/// | folded  | ready     | its run ended otherwise: this one is queued again, and may run itself     |
/// | failed, cancelled | pending | `JobClient::retry`                                                |
enum class TaskState : std::uint8_t {
  pending,
  ready,
  running,
  succeeded,
  failed,
  cancelled,
  folded,
};
inline constexpr std::size_t kTaskStates = 7;

[[nodiscard]] auto can_move(JobState from, JobState to) noexcept -> bool;
[[nodiscard]] auto can_move(TaskState from, TaskState to) noexcept -> bool;
[[nodiscard]] auto has_ended(JobState state) noexcept -> bool;
[[nodiscard]] auto has_ended(TaskState state) noexcept -> bool;
[[nodiscard]] auto to_string(JobState state) noexcept -> std::string_view;
[[nodiscard]] auto to_string(TaskState state) noexcept -> std::string_view;

}  // namespace v1
}  // namespace spider
