#pragma once

/// A storage that forwards every call to another one and tells a Monitor what was acknowledged: the storage
/// as one member sees it. It knows what its member holds, and can be cut off. On one strand only, as the
/// monitor is.

#include "cli/run/monitor.hpp"
#include "cli/run/takeover_meter.hpp"
#include "spider/clock.hpp"
#include "spider/storage.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>

namespace spider::cli {

class MonitoredStorage final : public Storage {
 public:
  /// Monitor, clock and meter outlive the storage; without a meter it cannot be cut off.
  MonitoredStorage(std::shared_ptr<Storage> inner, Monitor& monitor, Clock& clock,
                   TakeoverMeter* takeovers = nullptr)
      : inner_{std::move(inner)}, monitor_{monitor}, clock_{clock}, takeovers_{takeovers} {}

  /// The member is gone, as by a `kill -9`: nothing reaches the storage any more, every call answers
  /// `storage_unavailable`. What it held is told to the monitor and the meter. Precondition: a meter.
  auto cut_off() -> void;

  /// The call, or the refusal of one that is cut off.
  template <class T>
  [[nodiscard]] auto unless_cut_off(Async<T> call) -> Async<T> {
    return cut_off_ ? refuse<T>() : std::move(call);
  }

  /// Tasks that ended here for good.
  [[nodiscard]] auto tasks_ended() const noexcept -> std::uint64_t { return tasks_ended_; }

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override;
  auto unregister_scheduler(Registration registration) -> Async<void> override;
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override;
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override;
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override;
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override;
  auto job_state(JobId job) -> Async<JobState> override;

  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override;
  auto cancel(JobId job) -> Async<JobState> override;
  auto view(JobId job) -> Async<JobView> override;
  auto view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> override;
  auto explain(TaskRef task) -> Async<TaskExplanation> override;
  auto list(JobFilter filter) -> Async<std::vector<JobView>> override;
  auto wait(JobId job, Duration timeout) -> Async<JobState> override;
  auto outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> override;
  auto retry(JobId job) -> Async<void> override;
  auto pause(PauseTarget target) -> Async<void> override;
  auto resume(PauseTarget target) -> Async<void> override;
  auto has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> override;

  auto start(std::span<const TaskAssignment> assignments, ManagerId manager)
      -> Async<std::vector<Result<StartedTask>>> override;
  auto parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> override;
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override;
  auto renew(ManagerId manager) -> Async<Renewal> override;

  auto sweep(std::size_t limit) -> Async<SweepReport> override;
  [[nodiscard]] auto limits() const -> const StorageLimits& override;
  auto run() -> Async<void> override;

 private:
  template <class T>
  static auto refuse() -> Async<T> {
    co_return Error{Errc::storage_unavailable, "this member was killed"};
  }
  auto polled(Async<InboundBatch> poll) -> Async<InboundBatch>;
  auto lose(TaskRef task) -> void;
  auto begin(const StartedTask& task) -> void;

  std::shared_ptr<Storage> inner_;
  Monitor& monitor_;
  Clock& clock_;
  TakeoverMeter* takeovers_;
  bool cut_off_ = false;
  std::uint64_t tasks_ended_ = 0;
  std::unordered_set<InstanceId> last_attempts_;  // of those that run
  // Only with a meter: what is lost when it is cut off.
  std::unordered_map<InstanceId, TaskRef> running_;
  std::unordered_set<TaskRef> leased_;  // polled and not started
};

}  // namespace spider::cli
