#pragma once

/// A storage that forwards every call to another one and tells a Monitor what was acknowledged. On
/// one strand only, as the monitor is.

#include "cli/run/monitor.hpp"
#include "spider/clock.hpp"
#include "spider/storage.hpp"

#include <memory>
#include <unordered_map>

namespace spider::cli {

class MonitoredStorage final : public Storage {
 public:
  /// Monitor and clock outlive the storage.
  MonitoredStorage(std::unique_ptr<Storage> inner, Monitor& monitor, Clock& clock)
      : inner_{std::move(inner)}, monitor_{monitor}, clock_{clock} {}

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
  std::unique_ptr<Storage> inner_;
  Monitor& monitor_;
  Clock& clock_;
  std::unordered_map<InstanceId, bool> last_attempts_;  // of running instances: whether no other follows
};

}  // namespace spider::cli
