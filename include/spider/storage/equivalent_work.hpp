#pragma once

/// The unfinished tasks of one coalesce key in one resource group, and all decisions about them, without
/// I/O or clock: who is offered, who is kept back, who folds into whose run, and what follows.
///
/// A storage holds one `EquivalentWork` for each such key, tells it what happens to its tasks, and carries
/// out the steps that it answers with, in their order and in the same transaction. Not thread-safe.
///
/// The rules: of one key one task runs at a time. A start folds the queued others into its run, unless a
/// task waits for one of the two (what waits must see that very run), or the other may not run yet
/// (JobSpec::not_before). When the run succeeds, what was folded has succeeded; when it ends in any other
/// way, that is queued again, at the time at which the task itself may run again, in its own class: the
/// most urgent, then the oldest, is offered. What arrives during a run is kept back until it ends. Of what
/// is queued and due, only the first of each queue is offered; the others would fold into it anyway.
///
/// Costs: O(log n) in the tasks of the key; a start or an end besides O(1) for each task that it folds,
/// ends or queues again.

#include "spider/coalesce_key.hpp"
#include "spider/job.hpp"

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

namespace spider {
inline namespace v1 {
namespace life_cycle {

/// Whether a job may be taken for another one at its submit, and another one for it: `folded` if so;
/// `not_coalescible` unless it is a single task with a key, without a unique key; `has_dependencies` if it
/// is a single task with a commit or cleanup task.
[[nodiscard]] auto may_join(const JobSpec& job) -> FoldOutcome;

/// The name of a key within the whole storage; different groups and keys have different names.
[[nodiscard]] auto work_name(const std::string& resource_group, const CoalesceKey& key) -> std::string;

class EquivalentWork {
 public:
  enum class State : std::uint8_t {
    pending,    ///< waits for its parents
    later,      ///< ready, but not due yet
    kept_back,  ///< due, but an equivalent is offered or runs
    offered,    ///< due: in its lane, or polled
    running,    ///< at most one
    folded,     ///< into the running one
  };

  /// What does not change, but for the class, which a promotion raises.
  struct Task {
    TaskRef ref;
    QueueId queue = 0;
    PriorityClass priority = 0;
    TimePoint not_before{};
    TimePoint deadline = kForever;
    bool has_dependents = false;  ///< other tasks of its job wait for it
    bool joinable = false;        ///< `may_join` of its job
    State state = State::pending;
    TimePoint ready_at{};  ///< counts from `later` on
  };

  struct Step {
    enum class Kind : std::uint8_t {
      queue,      ///< the task is ready from `ready_at` on; if that is yet to come, call `due` then
      offer,      ///< into its lane, in its class of now; a lease on it is void
      keep_back,  ///< out of its lane; a lease on it is void
      fold,       ///< the task is folded: out of its lane and its delays; a lease on it is void
      succeed,    ///< the folded task has succeeded, with the output of the run; it is not held any more
    };
    Kind kind = Kind::queue;
    TaskRef task;
    TimePoint ready_at{};
  };
  using Steps = std::vector<Step>;

  /// Holds one more task, in whatever state: a new one, or one that a storage has kept.
  auto add(const Task& task) -> void;

  /// A pending task, or the running one, is ready from `at` on.
  auto ready(TaskRef task, TimePoint at, TimePoint now, Steps& steps) -> void;
  /// The time of a task in `later` has come; others are not affected.
  auto due(TaskRef task, Steps& steps) -> void;

  /// Whether nothing else of the key runs.
  [[nodiscard]] auto may_start(TaskRef task) const -> bool { return !running_ || *running_ == task; }
  /// The task starts. Precondition: it is ready, and `may_start`. Steps of kind `fold` name what folds.
  auto start(TaskRef task, Steps& steps) -> FoldOutcome;
  /// The task has ended, and is not held any more.
  auto end(TaskRef task, bool succeeded, TimePoint now, Steps& steps) -> void;

  /// A queued task that a job which may join can be taken for, or why there is none.
  struct Found {
    FoldOutcome outcome = FoldOutcome::key_differs;
    TaskRef task;
  };
  [[nodiscard]] auto find(QueueId queue, const JobSpec& job, TimePoint now) const -> Found;
  /// Raises the class of a queued task.
  auto promote(TaskRef task, PriorityClass priority, Steps& steps) -> void;

  [[nodiscard]] auto empty() const noexcept -> bool { return tasks_.empty(); }
  /// Precondition: `holds`.
  [[nodiscard]] auto task(TaskRef task) const -> const Task& { return tasks_.at(task); }
  [[nodiscard]] auto holds(TaskRef task) const -> bool { return tasks_.contains(task); }

 private:
  using Line = std::tuple<QueueId, PriorityClass, TaskRef>;
  using Joinable = std::tuple<QueueId, TimePoint, TimePoint, TaskRef>;  // deadline, ready_at

  auto put(Task& task, State state) -> void;
  auto take_out(const Task& task) -> void;
  auto queue(Task& task, TimePoint at, TimePoint now, Steps& steps) -> void;
  auto release_folded(TimePoint at, TimePoint now, Steps& steps) -> void;
  auto offer_first(Steps& steps) -> void;

  std::map<TaskRef, Task> tasks_;
  std::optional<TaskRef> running_;
  std::set<TaskRef> folded_;
  std::set<TaskRef> foldable_;   // queued, allowed to run, nobody waits for them
  std::set<Line> due_;           // kept back or offered
  std::set<TaskRef> offered_;    // few: at most one of each queue and class
  std::set<Joinable> joinable_;  // queued
};

/// How many tasks the steps of a start fold.
[[nodiscard]] auto folded_in(const EquivalentWork::Steps& steps) -> std::uint32_t;

}  // namespace life_cycle
}  // namespace v1
}  // namespace spider
