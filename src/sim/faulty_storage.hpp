#pragma once

/// The three views of a storage, each with its faults. What stands behind outlives them. One thread.

#include "sim/member_link.hpp"
#include "spider/execution_client.hpp"
#include "spider/job_client.hpp"
#include "spider/storage_client.hpp"

#include <array>

namespace spider::inline v1::sim {

class FaultyStorageClient final : public StorageClient {
 public:
  FaultyStorageClient(StorageClient& behind, MemberLink& link, SimContext& context)
      : behind_{behind}, link_{link}, context_{context} {}

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override;
  auto unregister_scheduler(Registration registration) -> Async<void> override;
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll(TaskKind::regular, std::move(request));
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll(TaskKind::commit, std::move(request));
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    return poll(TaskKind::cleanup, std::move(request));
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override;
  auto job_state(JobId job) -> Async<JobState> override;

  /// What the core was last told; where nobody is registered, session 0.
  [[nodiscard]] auto registration() const -> const Registration& { return registration_; }

 private:
  auto poll(TaskKind lane, PollRequest request) -> Async<InboundBatch>;
  auto poll_behind(TaskKind lane, PollRequest request) -> Async<InboundBatch>;
  auto poll_asleep(TaskKind lane, PollRequest request) -> Async<InboundBatch>;
  auto disturb(TaskKind lane, InboundBatch& batch) -> void;

  StorageClient& behind_;
  MemberLink& link_;
  SimContext& context_;
  Registration registration_;
  std::array<InboundBatch, kTaskKinds> earlier_;  // the last batch with entries, by lane
};

class FaultyExecutionClient final : public ExecutionClient {
 public:
  FaultyExecutionClient(ExecutionClient& behind, MemberLink& link, SimContext& context)
      : behind_{behind}, link_{link}, context_{context} {}

  auto start(std::span<const TaskAssignment> assignments, ManagerId manager)
      -> Async<std::vector<Result<StartedTask>>> override;
  auto parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> override {
    return behind_.parent_outputs(instance);
  }
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override;
  auto renew(ManagerId manager) -> Async<Renewal> override;

 private:
  ExecutionClient& behind_;
  MemberLink& link_;
  SimContext& context_;
};

/// Only what the simulated applications call.
class FaultyJobClient {
 public:
  FaultyJobClient(JobClient& behind, SimContext& context) : behind_{behind}, context_{context} {}

  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>>;
  auto cancel(JobId job) -> Async<JobState>;
  auto retry(JobId job) -> Async<void>;
  auto set_paused(PauseTarget target, bool paused) -> Async<void>;

 private:
  JobClient& behind_;
  SimContext& context_;
};

}  // namespace spider::inline v1::sim
