#pragma once

/// An independent witness of a storage: it sees every call and every answer where the storage gives it,
/// keeps its own picture of all jobs, and complains about every broken promise. It shares no code with
/// the storage. One thread.

#include "sim/poll_monitor.hpp"
#include "sim/sim_context.hpp"
#include "spider/execution_client.hpp"
#include "spider/job_client.hpp"
#include "spider/storage_client.hpp"
#include "work_witness.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace spider::inline v1::sim {

class StorageMonitor {
 public:
  StorageMonitor(SimContext& context, const StorageLimits& limits) : context_{context}, limits_{limits} {}

  // Sessions, and what is leased under them (I3, I13, R4, R5).
  auto registered(SchedulerId scheduler, SessionId session) -> void;
  auto unregistered(SchedulerId scheduler, SessionId session) -> void;
  /// `slots`: what was asked for; null = everything.
  auto polled(TaskKind lane, SchedulerId scheduler, const SlotFilter* slots, const InboundBatch& batch)
      -> void;
  [[nodiscard]] auto live_session(SchedulerId scheduler) const -> SessionId;
  /// Of how soon work is found (I11); it is told by `polled` what was offered.
  [[nodiscard]] auto polls() -> PollMonitor& { return polls_; }

  // Jobs (I1, I14).
  auto submitted(const JobSpec& spec, const Result<Submitted>& answer) -> void;
  /// The application was told so.
  auto acknowledged(const std::string& unique_key, JobId job) -> void;
  auto cancelled(JobId job, JobState after) -> void;
  auto retried(JobId job) -> void;
  /// Or resumed.
  auto paused(const std::string& group, bool paused) -> void;
  auto ended(EndedCursor from, const EndedBatch& batch) -> void;

  // Executions (I2, I4, I5, I13, Q5). `live` is the scheduler's session when the call began.
  auto started(const TaskAssignment& assignment, ManagerId manager, SessionId live,
               const Result<StartedTask>& answer) -> void;
  auto finished(const FinishRequest& request, const Result<void>& answer) -> void;
  auto renewed(ManagerId manager, const Result<Renewal>& answer) -> void;

  /// The run is over: what the storage says of each job, and of its tasks.
  auto close(JobId job, const Result<JobView>& view) -> void;

  [[nodiscard]] auto jobs() const -> const std::vector<JobId>& { return job_order_; }
  [[nodiscard]] auto group_of(JobId job) const -> const std::string& {
    return jobs_.at(job).spec.resource_group;
  }
  /// Whose submit was acknowledged; by unique key.
  [[nodiscard]] auto acknowledged_jobs() const -> const std::map<std::string, JobId>& {
    return acknowledged_;
  }
  [[nodiscard]] auto folded() const -> std::uint64_t { return folded_; }
  [[nodiscard]] auto starts() const -> std::uint64_t { return starts_; }

 private:
  /// A renewal that comes too late begins another lease, which covers nothing that was started before.
  struct Lease {
    std::uint64_t starts_before = 0;  // of all tasks, when it was begun
    TimePoint until{};
  };
  struct Instance {
    InstanceId id;
    std::uint64_t epoch = 0;
    ManagerId manager;
    AssignmentId assignment;
    std::uint64_t started = 0;  // as the how-many-th of all
    TimePoint deadline = kForever;
    bool lost = false;
    bool finished = false;
    FinishRequest::Kind kind{};
  };
  /// Lapses when nobody has polled under it for a while.
  struct Session {
    SessionId id;
    TimePoint until{};
  };
  struct Task {
    std::vector<Instance> instances;  // accepted starts, oldest first
    SchedulerId leased_to;            // since it was last ready
    SessionId leased_under;
    std::uint64_t starts_before = 0;  // of all tasks, when it was leased
    TimePoint changed_at{};           // by the storage's clock: when it was last heard of
    bool succeeded = false;
    bool failed = false;  // for good
  };
  struct Run {
    TaskRef task;
    std::uint64_t started = 0;  // as the how-many-th start of all
  };
  struct Node {
    std::uint32_t first = 0;
    std::uint32_t parents_left = 0;
    std::uint32_t tasks_left = 0;
    std::vector<std::uint32_t> children{};
  };
  struct Group {
    bool paused = false;
    TimePoint resumed_at{};  // by the storage's clock
  };
  struct Job {
    JobSpec spec;
    TimePoint submitted_at{};  // by the storage's clock
    std::vector<Node> nodes;
    std::vector<Task> tasks;  // the commit and the cleanup task at the end
    std::uint32_t regular = 0;
    std::uint32_t succeeded = 0;
    bool cancelled = false;  // a cancel was accepted before it ended
    bool over = false;       // regular tasks may not start any more
    bool failed = false;     // a task failed for good
    std::uint64_t ended_at_cursor = 0;
  };

  auto add(JobId id, const JobSpec& spec) -> void;
  auto find(TaskRef ref) -> std::pair<Job*, Task*>;
  auto check_lease(SchedulerId scheduler, SessionId session, const SlotFilter* slots,
                   const InboundEntry& entry, Task& task) -> void;
  [[nodiscard]] auto is_leased(const Job& job, TaskRef ref, const Task& task) -> bool;
  auto check_wait(const Job& job, const InboundEntry& entry, const Task& task) -> void;
  auto check_order(const Job& job, TaskRef ref, const Task& task) -> void;
  auto check_owner(const Job& job, TaskRef ref, const Task& task, const StartedTask& started) -> void;
  [[nodiscard]] static auto key_of(const Job& job, TaskRef ref) -> const CoalesceKey*;
  [[nodiscard]] auto run_of(const Job& job, TaskRef ref) -> Run*;
  auto check_alone(const Job& job, TaskRef ref) -> void;
  [[nodiscard]] auto may_be_over(const Job& job) -> bool;
  auto owns(const Instance& instance) -> bool;
  auto may_have_succeeded(JobId id, const Job& job) const -> std::uint32_t;
  auto end_task(Job& job, TaskRef ref, Task& task, FinishRequest::Kind kind, bool last) -> void;
  [[nodiscard]] static auto node_of(const Job& job, std::uint32_t index) -> std::uint32_t;

  SimContext& context_;
  const StorageLimits& limits_;
  PollMonitor polls_{context_};
  std::unordered_map<JobId, Job> jobs_;
  std::vector<JobId> job_order_;
  std::map<std::string, JobId> by_key_;
  std::map<std::string, JobId> acknowledged_;
  std::map<std::string, Group> groups_;
  std::unordered_map<SchedulerId, Session> live_;
  std::unordered_map<ManagerId, Lease> leases_;
  detail::WorkWitness witness_;
  std::map<std::string, Run> runs_;  // by group and coalesce key: what was started last
  std::uint64_t folded_ = 0;
  std::uint64_t starts_ = 0;
  SessionId last_session_{};
};

}  // namespace spider::inline v1::sim
