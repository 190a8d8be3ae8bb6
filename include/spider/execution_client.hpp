#pragma once

/// The storage as an execution manager sees it: start, finish, renew. Here stale writers are fenced.
///
/// Implemented by storages (storage.hpp); called by execution managers. Every function may be called from
/// any thread. What a span refers to must live until the call has completed. A manager's id is new with each
/// of its lives: a lease knows no more, and a renewal under an older one would keep alive what nobody runs.
///
/// Fencing: a start is accepted only under the live session of the assignment's scheduler. An accepted
/// start draws a task instance with an epoch of its own; only that instance, while it runs, can finish
/// the task. Everything older is refused and changes nothing.
///
/// Unknown outcomes: when a call ended in `storage_unavailable`, repeat it with the same arguments.
/// A start repeated by the same manager for the same assignment answers with the instance it made the
/// first time, a finish repeated for the same instance with success.

#include "spider/async.hpp"
#include "spider/job.hpp"
#include "spider/types.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {

/// One registered attempt to run a task.
struct TaskInstance {
  InstanceId id;
  std::uint64_t epoch = 0;  ///< of the task: grows with each instance
  TaskRef task;

  friend auto operator==(const TaskInstance&, const TaskInstance&) -> bool = default;
};

/// All that a manager needs to run the task.
struct StartedTask {
  StartedTask() = default;

  TaskInstance instance;
  std::shared_ptr<const TaskSpec> spec;  ///< handler, input, retry policy, …
  std::uint32_t element = 0;             ///< which one of its array, from 0
  std::uint32_t attempt = 1;             ///< from 1
  std::uint32_t deferrals = 0;
  TimePoint deadline = kForever;  ///< of this attempt, by the storage's clock
  std::uint32_t folded = 0;       ///< tasks whose work this run does, too; 0 when a start is repeated
  FoldOutcome fold = FoldOutcome::not_coalescible;
};

/// How an attempt ended.
struct FinishRequest {
  enum class Kind : std::uint8_t {
    succeeded,  ///< with `output`
    failed,     ///< with `reason`; spends the attempt; retried by the task's policy if `retry`
    deferred,   ///< spends no attempt; ready again after `delay`, or by the ladder of StorageLimits
    released,   ///< spends no attempt and does not count as a deferral; ready again after `delay`
  };

  FinishRequest() = default;
  FinishRequest(TaskInstance which, Kind how) : instance{which}, kind{how} {}

  TaskInstance instance;
  Kind kind = Kind::succeeded;
  Bytes output;
  std::string reason;
  bool retry = true;
  Duration delay{};
};
static_assert(AsyncArgument<StartedTask> && AsyncArgument<FinishRequest>);

struct Renewal {
  Renewal() = default;

  Duration lease{};                ///< from now, by the storage's clock; renew well before it ends
  std::vector<TaskInstance> lost;  ///< of this manager, and fenced: ask their handlers to stop
};

class ExecutionClient {
 public:
  ExecutionClient() = default;
  ExecutionClient(const ExecutionClient&) = delete;
  auto operator=(const ExecutionClient&) -> ExecutionClient& = delete;
  virtual ~ExecutionClient() = default;

  /// Registers an instance for each assignment that is still to be run, and answers for each in
  /// order. Starts the manager's lease with the first. An assignment without an id (0) is never taken
  /// for a repetition. Of the tasks with one coalesce key one runs at a time; its start folds the others
  /// that are queued, in the same transaction.
  /// Errors per assignment: `stale_session` (its scheduler's session is not live),
  /// `task_not_runnable` (ended, pending, not due, folded, or an equivalent runs), `job_not_running`,
  /// `instance_limit`, `unknown_job`, `unknown_task`, `unknown_scheduler`. Errors of the call:
  /// `storage_unavailable`; `invalid_argument` (manager 0).
  [[nodiscard]] virtual auto start(std::span<const TaskAssignment> assignments, ManagerId manager)
      -> Async<std::vector<Result<StartedTask>>> = 0;

  /// The outputs of the parents of a running instance: one vector per entry of TaskSpec::parents,
  /// in that order, with one output per task of that parent.
  /// Errors: `stale_instance`; `storage_unavailable`.
  [[nodiscard]] virtual auto parent_outputs(TaskInstance instance)
      -> Async<std::vector<std::vector<Bytes>>> = 0;

  /// Ends instances, and answers for each in order. A success stores the output and makes children
  /// ready in the same transaction; the end of the last task and the job's new state are one, too.
  /// Errors per request, all of which leave everything unchanged: `stale_instance` (not the running
  /// instance: fenced, cancelled, or ended otherwise), `limit_exceeded` (output over the cap),
  /// `invalid_time` (negative delay). Errors of the call: `storage_unavailable`.
  [[nodiscard]] virtual auto finish(std::span<const FinishRequest> requests)
      -> Async<std::vector<Result<void>>> = 0;

  /// Extends the manager's lease, which covers all its instances. When it lapses they are fenced and
  /// their tasks ready again (an attempt spent), or failed if no attempt is left. A lost instance is
  /// reported once. Errors: `unknown_manager` when it runs nothing and has lost nothing: its lease has
  /// lapsed, or all it ran is finished; `storage_unavailable`.
  [[nodiscard]] virtual auto renew(ManagerId manager) -> Async<Renewal> = 0;
};

}  // namespace v1
}  // namespace spider
