#pragma once

/// Stands directly before a storage and tells the monitor of every answer, as the storage gave it.

#include "sim/storage_monitor.hpp"
#include "spider/storage.hpp"

namespace spider::inline v1::sim {

class WatchedStorage final : public StorageClient, public JobClient, public ExecutionClient {
 public:
  /// All outlive the watch.
  WatchedStorage(Storage& behind, StorageMonitor& monitor) : behind_{behind}, monitor_{monitor} {}

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override;
  auto unregister_scheduler(Registration registration) -> Async<void> override;
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override;
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override;
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override;
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override;
  auto job_state(JobId job) -> Async<JobState> override { return behind_.job_state(job); }

  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override;
  auto cancel(JobId job) -> Async<JobState> override;
  auto view(JobId job) -> Async<JobView> override { return behind_.view(job); }
  auto view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> override {
    return behind_.view_tasks(job, page);
  }
  auto explain(TaskRef task) -> Async<TaskExplanation> override { return behind_.explain(task); }
  auto list(JobFilter filter) -> Async<std::vector<JobView>> override {
    return behind_.list(std::move(filter));
  }
  auto wait(JobId job, Duration timeout) -> Async<JobState> override { return behind_.wait(job, timeout); }
  auto outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> override {
    return behind_.outputs(job, page);
  }
  auto retry(JobId job) -> Async<void> override;
  auto pause(PauseTarget target) -> Async<void> override;
  auto resume(PauseTarget target) -> Async<void> override;
  auto has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> override {
    return behind_.has_pending(std::move(resource_group), std::move(key));
  }

  auto start(std::span<const TaskAssignment> assignments, ManagerId manager)
      -> Async<std::vector<Result<StartedTask>>> override;
  auto parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> override {
    return behind_.parent_outputs(instance);
  }
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override;
  auto renew(ManagerId manager) -> Async<Renewal> override;

 private:
  auto poll(TaskKind lane, PollRequest request) -> Async<InboundBatch>;
  auto poll_behind(TaskKind lane, PollRequest request) -> Async<InboundBatch>;

  Storage& behind_;
  StorageMonitor& monitor_;
};

}  // namespace spider::inline v1::sim
