#pragma once

/// An independent witness of a run. It is told what was submitted, started and finished, keeps its own
/// picture of every job's graph, counts every broken promise as a violation, and measures waits and
/// shares. It shares no code with the storage that it watches. Not thread-safe: one strand.

#include "spider/execution_client.hpp"
#include "spider/job.hpp"
#include "spider/types.hpp"
#include "work_witness.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace spider::cli {

/// What a resource group waited for and got.
///
/// Shares: while a group has ready tasks waiting (backlog), it is entitled to an equal part of the
/// busy workers among all groups with backlog. `share` = worker-seconds received during its backlog ÷
/// that entitlement; 1 is a fair part. A group without any backlog wanted nothing more and has none.
struct GroupFigures {
  std::string name;
  std::uint64_t tasks = 0;
  std::vector<std::int64_t> waits_ns{};  ///< ready to start, one per start
  double received_s = 0;
  double entitled_s = 0;

  [[nodiscard]] auto share() const -> double { return entitled_s > 0 ? received_s / entitled_s : 0; }
};

/// Jain's index over the shares of the groups that had an entitlement: (Σs)² ÷ (n·Σs²); 1 if none had.
[[nodiscard]] auto jain_index(const std::vector<GroupFigures>& groups) -> double;

class Monitor {
 public:
  /// `workers` is how many tasks may run at once.
  explicit Monitor(std::size_t workers) : workers_{workers} {}

  auto submitted(JobId job, const JobSpec& spec, TimePoint now) -> void;
  auto started(TaskRef task, TimePoint now) -> void;
  auto finished(TaskRef task, FinishRequest::Kind kind, bool will_retry, TimePoint now) -> void;
  /// A handler begins and returns: what really occupies a worker. (A manager may start the next task
  /// while the storage is still being told of the end of the last one.)
  auto occupied() -> void;
  auto vacated() -> void;
  /// The storage says that the job has ended.
  auto ended(JobId job, JobState state, TimePoint now) -> void;
  /// The run is over: what was submitted must have ended.
  auto close(TimePoint now) -> void;

  [[nodiscard]] auto violations() const noexcept -> std::uint64_t { return violations_; }
  /// The first few, in words.
  [[nodiscard]] auto complaints() const noexcept -> const std::vector<std::string>& { return complaints_; }
  [[nodiscard]] auto groups() const noexcept -> const std::vector<GroupFigures>& { return groups_; }

  [[nodiscard]] auto jobs_open() const noexcept -> std::size_t { return jobs_.size(); }
  [[nodiscard]] auto tasks_submitted() const noexcept -> std::uint64_t { return tasks_submitted_; }
  [[nodiscard]] auto tasks_ended() const noexcept -> std::uint64_t { return tasks_ended_; }
  [[nodiscard]] auto starts() const noexcept -> std::uint64_t { return starts_; }
  [[nodiscard]] auto running() const noexcept -> std::uint64_t { return busy_; }
  [[nodiscard]] auto waiting() const noexcept -> std::uint64_t { return waiting_; }
  [[nodiscard]] auto first_submit() const noexcept -> TimePoint { return first_submit_; }
  [[nodiscard]] auto last_end() const noexcept -> TimePoint { return last_end_; }
  [[nodiscard]] auto busy_s() const noexcept -> double { return busy_seconds_; }

 private:
  enum class State : std::uint8_t { pending, running, succeeded, failed };

  struct Node {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t parents_left = 0;
    std::uint32_t tasks_left = 0;  // not succeeded yet
    TimePoint ready_at{};
    std::vector<std::uint32_t> children{};
  };
  struct Job {
    std::uint32_t group = 0;
    bool has_cleanup = false;
    std::vector<Node> nodes;
    std::vector<State> tasks;  // by index; the commit and the cleanup task at the end
    std::unordered_map<std::uint32_t, TimePoint> ready_again;  // after a retry or a deferral
  };
  struct Group {
    std::uint64_t waiting = 0;
    std::uint64_t running = 0;
    TimePoint since{};         // received_s is counted up to here
    double entitled_then = 0;  // the integral when its backlog began
  };

  auto complain(TaskRef task, const char* what) -> void;
  auto group_of(const std::string& name) -> std::uint32_t;
  auto advance(TimePoint now) -> void;
  auto change(std::uint32_t group, std::int64_t waiting, std::int64_t running, TimePoint now) -> void;
  auto make_ready(Job& job, std::uint32_t node, TimePoint now) -> void;
  auto succeed(Job& job, Node& node, TimePoint now) -> void;
  [[nodiscard]] static auto node_of(Job& job, std::uint32_t index) -> Node*;
  [[nodiscard]] static auto slot_of(const Job& job, TaskId task) -> std::size_t;

  std::size_t workers_;
  std::unordered_map<JobId, Job> jobs_;
  std::unordered_map<std::string, std::uint32_t> group_index_;
  std::vector<GroupFigures> groups_;
  std::vector<Group> state_;
  detail::WorkWitness witness_;

  std::uint64_t violations_ = 0;
  std::vector<std::string> complaints_;
  std::uint64_t tasks_submitted_ = 0;
  std::uint64_t tasks_ended_ = 0;
  std::uint64_t starts_ = 0;
  std::size_t occupied_ = 0;
  std::uint64_t busy_ = 0;
  std::uint64_t waiting_ = 0;
  std::uint64_t backlogged_ = 0;  // groups with waiting tasks
  double entitlement_ = 0;        // integral of busy ÷ backlogged groups
  double busy_seconds_ = 0;
  TimePoint now_{};
  TimePoint first_submit_ = kForever;
  TimePoint last_end_{};
};

}  // namespace spider::cli
