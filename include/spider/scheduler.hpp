#pragma once

/// The whole, wired: storage, core, dispatch channel, service and one local execution manager.
///
/// What most applications use. Everything has a default: memory storage, the `fair-share` policy,
/// sixteen slots. Wiring the parts by hand stays possible.
///
/// Threads: all functions may be called from any thread; the coroutines run on the given executor,
/// each part on a strand of its own. Spider starts no thread but the local manager's pool for plain
/// functions.

#include "spider/clock.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handlers.hpp"
#include "spider/job_builder.hpp"
#include "spider/local_execution_manager.hpp"
#include "spider/observer.hpp"
#include "spider/policy_core.hpp"
#include "spider/pull/sharded_storage_client.hpp"
#include "spider/storage.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {

struct SchedulerOptions {
  Handlers handlers{};
  std::shared_ptr<Storage> storage{};            ///< none: a memory storage of its own
  std::shared_ptr<ShardedStorageClient> pull{};  ///< one of several members; over `storage`
  std::string policy = "fair-share";             ///< see make_policy (policies/registry.hpp)
  std::shared_ptr<SchedulerCore> core{};         ///< instead of a PolicyCore with `policy` and `core_options`
  PolicyCoreOptions core_options{};              ///< member name, queues, buffers
  DispatchServiceOptions service{};              ///< when a manager is taken for dead
  LocalExecutionManagerOptions manager{};        ///< slots, pool, heartbeat
  std::size_t dispatch_capacity = 0;             ///< of the dispatch channel; 0: twice the slots, at least 64
  std::shared_ptr<Clock> clock{};                ///< none: a SystemClock
  std::shared_ptr<Observer> observer{};          ///< none: nobody looks
};

/// How a job ended, and what it produced.
class JobResult {
 public:
  JobResult() = default;
  JobResult(JobId id, JobState end, std::map<std::uint32_t, Bytes> outputs)
      : job_{id}, state_{end}, outputs_{std::move(outputs)} {}

  [[nodiscard]] auto job() const noexcept -> JobId { return job_; }
  [[nodiscard]] auto state() const noexcept -> JobState { return state_; }

  /// The decoded output of one task, or of one element of an array. A task that produced nothing
  /// decodes from no bytes. Errors: `payload_error`.
  template <class T>
  [[nodiscard]] auto try_output(TaskHandle task, std::uint32_t element = 0) const -> Result<T> {
    const auto found = outputs_.find(task.first_task().index() + element);
    return Codec<T>::decode(found == outputs_.end() ? Bytes{} : found->second);
  }

  /// The same for those who know the type: throws std::system_error where `try_output` fails.
  template <class T>
  [[nodiscard]] auto output(TaskHandle task, std::uint32_t element = 0) const -> T {
    return try_output<T>(task, element).value();
  }

 private:
  JobId job_;
  JobState state_ = JobState::ready;
  std::map<std::uint32_t, Bytes> outputs_;  // by task index
};

class Scheduler {
 public:
  /// Starts on `executor` at once. Options that do not make sense leave a scheduler that is stopped:
  /// every call answers with the reason (`invalid_argument`, `unknown_policy`, what Handlers recorded).
  /// The manager's heartbeat interval must be shorter than the service's cutoff and assignment lease.
  Scheduler(asio::any_io_executor executor, SchedulerOptions options);

  /// Asks everything to stop and waits for nobody; what still runs ends on the executor, and keeps
  /// what it needs alive. Call `stop` first for an orderly end.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  auto operator=(const Scheduler&) -> Scheduler& = delete;

  /// Stores a job; its tasks run as soon as they are ready. A repeated unique key answers with the
  /// first job. Errors: those of `JobClient::submit`; `closed` once stopped, or the reason why.
  [[nodiscard]] auto submit(JobSpec job) -> Async<JobId>;
  /// Errors, besides: the builder's own mistake, which names the task.
  [[nodiscard]] auto submit(const JobBuilder& job) -> Async<JobId>;

  /// Many at once, each whole or not at all.
  [[nodiscard]] auto submit_all(std::vector<JobSpec> jobs) -> Async<std::vector<Result<Submitted>>>;

  /// Suspends until the job has ended. Errors: `unknown_job`; `timed_out`; `cancelled`; `closed` when
  /// the scheduler stops, or the reason why its core ended.
  [[nodiscard]] auto wait(JobId job, Duration timeout) -> Async<JobState>;

  /// Submits, waits, and fetches the outputs. Errors: those of `submit` and `wait`; `job_failed`,
  /// `job_cancelled`, with the culprit and its last error.
  [[nodiscard]] auto submit_and_wait(JobSpec job) -> Async<JobResult>;
  [[nodiscard]] auto submit_and_wait(const JobBuilder& job) -> Async<JobResult>;

  /// See JobClient. Errors: as there.
  [[nodiscard]] auto cancel(JobId job) -> Async<JobState>;
  [[nodiscard]] auto view(JobId job) -> Async<JobView>;

  /// Why the task is not running, what would unblock it, and its place, from storage, policy and dispatch
  /// service together (TaskExplanation::exact; the storage's half only, if the core is no PolicyCore).
  /// Errors: `unknown_job`; `unknown_task`; those of `submit`.
  [[nodiscard]] auto explain(TaskRef task) -> Async<TaskExplanation>;

  /// Where a task stands that is queued or buffered; empty for others, and where the policy has no places.
  /// Show a user the one in the group: the global one explains it. Errors: as `explain`.
  [[nodiscard]] auto place(TaskRef task) -> Async<std::optional<QueuePlace>>;

  [[nodiscard]] auto pause(PauseTarget target) -> Async<void>;
  [[nodiscard]] auto resume(PauseTarget target) -> Async<void>;

  /// Ends everything: leaves the other members (`SchedulerOptions::pull`), takes no more work, lets running
  /// handlers end (`drain`) or asks them to (`cancel`), gives back what was polled and not started. Returns
  /// within `timeout`, if the storage and the directory answer; afterwards no handler starts. The report
  /// names the handlers that are still running. Idempotent; callable from within a handler (which then counts
  /// as still running). Errors: the reason why the core had ended by itself, if it had.
  [[nodiscard]] auto stop(StopMode mode, Duration timeout) -> Async<StopReport>;

  /// For what this face does not show. Lives as long as the scheduler.
  [[nodiscard]] auto storage() -> Storage&;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace spider
