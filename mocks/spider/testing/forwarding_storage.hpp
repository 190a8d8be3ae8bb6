#pragma once

/// A storage in front of another: every call goes on unchanged. A test derives from it and overrides
/// the calls that it is about, to record them, to fail them, to break a promise.
///
/// Threads, errors and lifetimes are those of the storage behind it, which lives as long as this one.

#include "spider/storage.hpp"

#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

class ForwardingStorage : public Storage {
 public:
  /// Precondition: `behind` is not empty.
  explicit ForwardingStorage(std::shared_ptr<Storage> behind) : behind_{std::move(behind)} {}

  [[nodiscard]] auto behind() const noexcept -> Storage& { return *behind_; }

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override {
    return behind_->register_scheduler(std::move(info));
  }
  auto unregister_scheduler(Registration registration) -> Async<void> override {
    return behind_->unregister_scheduler(registration);
  }
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    return behind_->poll_ready(std::move(request));
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    return behind_->poll_commit_ready(std::move(request));
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    return behind_->poll_cleanup_ready(std::move(request));
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    return behind_->poll_ended(cursor, wait);
  }
  auto job_state(JobId job) -> Async<JobState> override { return behind_->job_state(job); }

  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override {
    return behind_->submit(jobs);
  }
  auto cancel(JobId job) -> Async<JobState> override { return behind_->cancel(job); }
  auto view(JobId job) -> Async<JobView> override { return behind_->view(job); }
  auto view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> override {
    return behind_->view_tasks(job, page);
  }
  auto explain(TaskRef task) -> Async<TaskExplanation> override { return behind_->explain(task); }
  auto list(JobFilter filter) -> Async<std::vector<JobView>> override {
    return behind_->list(std::move(filter));
  }
  auto wait(JobId job, Duration timeout) -> Async<JobState> override { return behind_->wait(job, timeout); }
  auto outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> override {
    return behind_->outputs(job, page);
  }
  auto retry(JobId job) -> Async<void> override { return behind_->retry(job); }
  auto pause(PauseTarget target) -> Async<void> override { return behind_->pause(std::move(target)); }
  auto resume(PauseTarget target) -> Async<void> override { return behind_->resume(std::move(target)); }
  auto has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> override {
    return behind_->has_pending(std::move(resource_group), std::move(key));
  }

  auto start(std::span<const TaskAssignment> assignments, ManagerId manager)
      -> Async<std::vector<Result<StartedTask>>> override {
    return behind_->start(assignments, manager);
  }
  auto parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> override {
    return behind_->parent_outputs(instance);
  }
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override {
    return behind_->finish(requests);
  }
  auto renew(ManagerId manager) -> Async<Renewal> override { return behind_->renew(manager); }

  auto sweep(std::size_t limit) -> Async<SweepReport> override { return behind_->sweep(limit); }
  [[nodiscard]] auto limits() const -> const StorageLimits& override { return behind_->limits(); }
  auto run() -> Async<void> override { return behind_->run(); }

 private:
  std::shared_ptr<Storage> behind_;
};

}  // namespace testing
}  // namespace v1
}  // namespace spider
