#pragma once

/// The shipped core: runs any SchedulingPolicy.
///
/// It keeps one long poll in flight per lane and one for ended jobs, buffers what they bring, and
/// asks the policy for the next entry only when a slot of the dispatch queue is free, so that an
/// urgent arrival overtakes all that is still buffered. It is event-driven: an idle core does nothing
/// but wait for its long polls.
///
/// Lanes take turns: up to `lane_quantum` commit assignments, one cleanup assignment, then up to
/// `lane_quantum` regular ones; an empty lane loses nothing but its turn.
///
/// Storage trouble never ends it: a failed poll is repeated after a jittered exponential back-off
/// (0.1 s doubling to 15 s; each pause is between half of that and all of it), lane by lane, and after
/// every `reregister_after` failures in a row of one lane the core registers anew, which brings back
/// entries that were leased to it and never started. Even one poll that fails may have leased some, its
/// answer lost on its way: `recover_after` the first failure since it registered the core does so anew, too.
/// An empty answer that comes before `poll_wait` is over is not repeated sooner than `backoff_first` after
/// it was asked for.
///
/// What is dropped because its job has ended, or has come to its commit or cleanup task, may live again: a
/// retry can overtake the news of the end. So the storage is asked for the state of each job of which
/// something was dropped, and when the job is alive the core registers anew.
///
/// A decision that the queue refuses because another producer was faster is kept and goes first.
///
/// Cancellation: nothing is enqueued once it was requested. `run` ends when its storage calls have
/// answered the cancellation; leaving the storage is given up after `leave_timeout`.
///
/// Bounds: at most `buffered_max` regular entries and as many commit and cleanup entries each, plus
/// what is handed back (which its HandedBack bounds); the deduplication index holds one record per
/// buffered entry; at most `finalizing_max` jobs are remembered as finalizing, the oldest go first.
/// All of them can be read as `gauges()`.

#include "spider/scheduler_core.hpp"
#include "spider/scheduling_policy.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {

struct PolicyCoreOptions {
  std::string member = "scheduler";               ///< see SchedulerInfo
  std::vector<std::string> queues = {"default"};  ///< served in strict order
  std::size_t buffered_max = 16'384;              ///< 1 … 2^26
  std::size_t poll_items_max = 4'096;             ///< entries per poll; ≥ 1
  std::size_t lane_quantum = 16;                  ///< ≥ 1
  Duration poll_wait = std::chrono::seconds{20};  ///< of one long poll; > 0, below the session's lease
  Duration finalizing_expiry = std::chrono::minutes{5};
  std::size_t finalizing_max = 65'536;  ///< ≥ 1
  Duration backoff_first = std::chrono::milliseconds{100};
  Duration backoff_max = std::chrono::seconds{15};
  std::uint32_t reregister_after = 5;                ///< failures in a row; ≥ 1
  Duration recover_after = std::chrono::minutes{1};  ///< after the first failed poll; > 0
  Duration leave_timeout = std::chrono::seconds{5};
  std::uint64_t seed = 1;  ///< of the back-off's jitter
};

/// A snapshot of every buffer, next to its bound.
struct PolicyCoreGauges {
  std::size_t buffered = 0;  ///< regular entries, and copies of those that moved to another class
  std::size_t buffered_max = 0;
  std::size_t commit = 0;   ///< commit entries; bound: buffered_max
  std::size_t cleanup = 0;  ///< cleanup entries; bound: buffered_max
  std::size_t indexed = 0;  ///< deduplication keys of all lanes
  std::size_t finalizing = 0;
  std::size_t finalizing_max = 0;
  std::uint64_t dispatched = 0;  ///< assignments enqueued since construction
};

/// What a core knows of one task.
struct BufferedTask {
  BufferedTask() = default;

  bool buffered = false;            ///< waits in the policy, or in the lane of commit or cleanup tasks
  std::optional<QueuePlace> place;  ///< in the policy, if that has places
};

class PolicyCore final : public SchedulerCore {
 public:
  ~PolicyCore() override;

  [[nodiscard]] auto run(CoreContext& context) -> Async<void> override;

  /// Whether and where the task waits. Suspends until the strand that runs `run` gets to it; without
  /// one nothing is buffered. Callable from any thread; the strand's executor must be running.
  /// Errors: `policy_failed`.
  [[nodiscard]] auto look(TaskRef task) -> Async<BufferedTask>;

  /// Feedback: a task that was dispatched ended after running for `cost`, or 0 where that does not count.
  /// Whoever hears of the end calls this: `Scheduler` by the events of its manager. Job, task, group,
  /// queue and class of `entry` count. Taken into account before the next decision; ignored unless the
  /// policy uses costs; of more than 65,536 between two decisions the rest is dropped. Callable from any
  /// thread, also by an observer.
  auto finished(const InboundEntry& entry, Duration cost) -> void;

  /// Callable from any thread.
  [[nodiscard]] auto gauges() const -> PolicyCoreGauges;

 private:
  class Impl;
  explicit PolicyCore(std::shared_ptr<Impl> impl);
  friend auto make_policy_core(std::unique_ptr<SchedulingPolicy> policy, PolicyCoreOptions options)
      -> Result<std::unique_ptr<PolicyCore>>;

  std::shared_ptr<Impl> impl_;
};

/// Errors: `invalid_argument` for an option outside its range or no policy; `invalid_name` for the
/// member or a queue; `invalid_time` for a duration that is not positive; `policy_failed` when the
/// policy's `traits` throws.
[[nodiscard]] auto make_policy_core(std::unique_ptr<SchedulingPolicy> policy, PolicyCoreOptions options)
    -> Result<std::unique_ptr<PolicyCore>>;

}  // namespace v1
}  // namespace spider
