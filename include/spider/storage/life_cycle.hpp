#pragma once

/// The life cycle of jobs and tasks as pure functions: what a storage must refuse, what follows from
/// each event, and who becomes ready. Adapters call these and act; nothing here does I/O, reads a
/// clock or locks. Values and const functions may be used from any thread.
///
///   submit:  compile → store the job, offer its roots; at_begin
///   start:   check_start → store a new instance
///   finish:  after_attempt → what the task becomes; GraphProgress::succeeded → which nodes are ready;
///            after_task → what the job becomes
///   cancel, deadline: after_cancel, after_deadline

#include "spider/job.hpp"
#include "spider/storage.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace spider {
inline namespace v1 {
namespace life_cycle {

inline constexpr std::size_t kUniqueKeyBytesMax = 1024;

/// Errors: `invalid_argument` for a limit out of its range: a maximum of 0, a lease or ladder that is not
/// positive, a `lower_class_share` of 1, more than 65,535 queues.
[[nodiscard]] auto check_limits(const StorageLimits& limits) -> Result<void>;

/// The dependencies of a valid job, ready for counting down: an array is one node, and a dependency
/// between arrays one edge. Immutable. Sizes are O(nodes + edges), whatever the arrays hold.
class JobGraph {
 public:
  JobGraph() = default;

  [[nodiscard]] auto nodes() const noexcept -> std::uint32_t {
    return static_cast<std::uint32_t>(parents_.size());
  }
  /// Regular tasks, arrays counted in full.
  [[nodiscard]] auto tasks() const noexcept -> std::uint32_t { return first_.empty() ? 0 : first_.back(); }
  /// The task indices of `node` are [first_task(node), first_task(node) + task_count(node)).
  [[nodiscard]] auto first_task(std::uint32_t node) const -> std::uint32_t { return first_[node]; }
  [[nodiscard]] auto task_count(std::uint32_t node) const -> std::uint32_t {
    return first_[node + 1] - first_[node];
  }
  /// O(1) in a job without arrays, O(log nodes) otherwise.
  [[nodiscard]] auto node_of(std::uint32_t task_index) const -> std::uint32_t;
  /// How many entries TaskSpec::parents has.
  [[nodiscard]] auto parents(std::uint32_t node) const -> std::uint32_t { return parents_[node]; }
  /// The nodes that depend on `node`, by position; one that names it twice stands here twice.
  [[nodiscard]] auto children(std::uint32_t node) const -> std::span<const std::uint32_t>;

 private:
  friend auto compile(const JobSpec& job, const StorageLimits& limits) -> Result<JobGraph>;

  std::vector<std::uint32_t> first_;  // nodes + 1 prefix sums
  std::vector<std::uint32_t> parents_;
  std::vector<std::uint32_t> child_begin_;  // nodes + 1 offsets into children_
  std::vector<std::uint32_t> children_;
};

/// Checks all that a storage promises to refuse, and compiles the graph. O(nodes + edges), without
/// recursion. Errors, with a detail that names the culprit: `invalid_name`, `invalid_time` (negative;
/// `not_before` at kForever; a deadline not after `not_before`), `invalid_argument` (count 0,
/// instances_max 0, a retry policy out of range, a commit or cleanup task that is an array, has parents or
/// a coalesce key; such a key without a column, on an array, or with instances_max above 1),
/// `limit_exceeded`, `duplicate_name`, `unknown_parent`, `cyclic_graph`, `empty_graph`.
[[nodiscard]] auto compile(const JobSpec& job, const StorageLimits& limits) -> Result<JobGraph>;

/// Which nodes have unfinished parents or tasks: 8 bytes per node.
class GraphProgress {
 public:
  GraphProgress() = default;
  explicit GraphProgress(const JobGraph& graph);

  /// Nodes without parents, by position.
  [[nodiscard]] static auto roots(const JobGraph& graph) -> std::vector<std::uint32_t>;

  /// One more task of `node` has succeeded: appends the nodes whose tasks are ready by that, in the
  /// order in which they were declared. O(1), and O(children) when it was the node's last.
  auto succeeded(const JobGraph& graph, std::uint32_t node, std::vector<std::uint32_t>& ready) -> void;

  /// Whether all parents of the node have succeeded.
  [[nodiscard]] auto is_ready(std::uint32_t node) const -> bool { return left_[node].parents == 0; }
  /// Whether all tasks of all nodes have succeeded.
  [[nodiscard]] auto complete() const noexcept -> bool { return unfinished_nodes_ == 0; }

 private:
  struct Left {
    std::uint32_t parents = 0;
    std::uint32_t tasks = 0;
  };
  std::vector<Left> left_;
  std::uint32_t unfinished_nodes_ = 0;
};

/// The rest before the attempt that follows `attempts_spent` ≥ 1 failed ones.
[[nodiscard]] auto backoff(const RetryPolicy& policy, std::uint32_t attempts_spent) -> Duration;

/// How long a task rests that is put off for the `deferrals`-th time (from 1) without a stated delay.
[[nodiscard]] auto deferral_delay(const StorageLimits& limits, std::uint32_t deferrals) -> Duration;

/// How an attempt came to its end.
enum class AttemptEnd : std::uint8_t {
  succeeded,
  failed,    ///< may be retried, after the back-off
  refused,   ///< failed, and the handler said never again
  overran,   ///< past its deadline: a failed attempt
  lapsed,    ///< its manager's lease ended: a spent attempt, ready again at once
  deferred,  ///< after the stated delay, or by the ladder when that is 0; spends nothing
  released,  ///< after the stated delay; spends nothing, and is no deferral
};

[[nodiscard]] auto attempt_end(const FinishRequest& request) -> AttemptEnd;

/// Errors: `limit_exceeded` (output or reason over payload_bytes_max), `invalid_time` (negative delay).
[[nodiscard]] auto check_finish(const FinishRequest& request, const StorageLimits& limits) -> Result<void>;

/// Errors: `invalid_argument` (a maximum of 0, no queue).
[[nodiscard]] auto check_poll(const PollRequest& request) -> Result<void>;

/// The regular tasks of a page: [first, end), and whether the commit and cleanup task follow them.
struct TaskRange {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  bool last = false;
};
[[nodiscard]] auto range_of(Page page, std::uint32_t tasks, const StorageLimits& limits) -> TaskRange;

/// What the storage knows of the attempt's task.
struct Attempt {
  std::uint32_t attempts = 1;   ///< spent, this one included
  std::uint32_t deferrals = 0;  ///< before this one
  TimePoint now{};
  Duration delay{};  ///< of a deferral or a release, as stated by `finish`
};

/// What becomes of the task.
struct TaskVerdict {
  TaskState to = TaskState::succeeded;  ///< succeeded, failed or ready
  std::uint32_t attempts = 0;           ///< spent, from now on
  std::uint32_t deferrals = 0;
  TimePoint ready_at{};        ///< if `ready`: when it is due
  bool dead_lettered = false;  ///< failed because no attempt is left
};
[[nodiscard]] auto after_attempt(AttemptEnd how, Attempt attempt, const RetryPolicy& policy,
                                 const StorageLimits& limits) -> TaskVerdict;

/// What `start` looks at.
struct StartFacts {
  JobState job = JobState::ready;
  TaskKind kind = TaskKind::regular;
  TaskState task = TaskState::ready;
  bool due = true;
  bool equivalent_runs = false;  ///< another task with its coalesce key
  std::uint32_t instances = 0;   ///< that run now
  std::uint32_t instances_max = 1;
};
/// Errors: `job_not_running`, `task_not_runnable`, `instance_limit`.
[[nodiscard]] auto check_start(const StartFacts& facts) -> Result<void>;

/// What a job has besides its regular tasks.
struct JobShape {
  bool has_commit = false;
  bool has_cleanup = false;
};

/// A job's new state. For `cleanup_ready`, `ends_as` says what it becomes when the cleanup ended.
struct JobMove {
  JobState to = JobState::ready;
  JobState ends_as = JobState::cancelled;

  friend auto operator==(const JobMove&, const JobMove&) -> bool = default;
};

/// At a submit or a retry, with nothing running: a job of whose regular tasks all have succeeded (it may
/// have none) moves to `commit_ready`, others stay.
[[nodiscard]] auto at_begin(bool complete, JobShape shape) -> std::optional<JobMove>;
/// The first start of a task moves `ready` to `running`; others move nothing.
[[nodiscard]] auto after_start(JobState job) -> std::optional<JobMove>;
/// A task ended as `task` (succeeded or failed); `complete` says whether all regular tasks have
/// succeeded; `ends_as` is what an earlier move to `cleanup_ready` said. Nothing when the job stays.
[[nodiscard]] auto after_task(JobMove job, TaskKind kind, TaskState task, bool complete, JobShape shape)
    -> std::optional<JobMove>;
/// Nothing when the job has ended or is cleaning up.
[[nodiscard]] auto after_cancel(JobState job, JobShape shape) -> std::optional<JobMove>;
/// Nothing when the job has ended or is cleaning up: a cleanup is given its time.
[[nodiscard]] auto after_deadline(JobState job, JobShape shape) -> std::optional<JobMove>;

/// Where a task stands, from the other fields that a storage fills in: `state`, `until`, what is paused,
/// `scheduler`.
[[nodiscard]] auto standing(const TaskExplanation& explained) -> TaskStanding;

}  // namespace life_cycle
}  // namespace v1
}  // namespace spider
