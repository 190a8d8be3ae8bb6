#pragma once

/// Why a task is not running, and where it stands in line: what `explain` and `place` answer.
///
/// A storage knows the states, the parents, what is due and paused, and who polled; a scheduler adds
/// what its policy and its dispatch service know. Plain values, no threads.

#include "spider/job.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spider {
inline namespace v1 {

/// Where a queued task stands; 1 = next.
struct QueuePlace {
  std::uint64_t in_group = 0;              ///< among the queued tasks of its resource group
  std::optional<std::uint64_t> in_global;  ///< among all, if the policy has such an order
  bool exact = false;                      ///< or an estimate

  friend auto operator==(const QueuePlace&, const QueuePlace&) -> bool = default;
};

/// What the places of a policy mean. `within_group`: `in_group` is exact, `in_global` is left out.
enum class PlaceKind : std::uint8_t { none, estimate, within_group, exact };

/// Where a task stands between its submission and its end.
enum class TaskStanding : std::uint8_t {
  pending,     ///< waits for tasks, see `waits_for`; a cleanup task: for a reason to run
  not_due,     ///< ready, but not before `until`
  paused,      ///< ready, but its resource group or its queue is paused
  queued,      ///< ready, and no scheduler has polled it
  coalesced,   ///< equivalent work is queued before it or runs: folds into that, or follows it
  polled,      ///< a scheduler has polled it; a storage knows no more
  buffered,    ///< in a scheduler's policy, behind others: see `place`
  dispatched,  ///< decided: in the dispatch queue, or with `manager` that has not started it yet
  running,     ///< on `manager`, since `since`
  ended,       ///< at `since`, as `state` says
};
[[nodiscard]] auto to_string(TaskStanding standing) noexcept -> std::string_view;

struct TaskExplanation {
  static constexpr std::size_t kWaitsForMax = 16;

  TaskExplanation() = default;

  TaskRef task;
  TaskStanding standing = TaskStanding::pending;
  TaskState state = TaskState::pending;
  JobState job_state = JobState::ready;
  std::string resource_group;
  std::string queue;
  PriorityClass priority = 0;
  bool group_paused = false;
  bool queue_paused = false;

  bool kept_back = false;           ///< ready, but equivalent work is queued before it or runs
  TaskRef folded_into;              ///< whose run does, or did, its work; job 0: its own
  std::vector<TaskId> waits_for;    ///< unfinished tasks that it waits for, the first kWaitsForMax by index
  bool waits_for_more = false;      ///< or there may be more
  TimePoint until = kForever;       ///< `not_due`: when it will be
  TimePoint since = kForever;       ///< ready since, running since, ended at; kForever while pending
  SchedulerId scheduler;            ///< who polled it
  ManagerId manager;                ///< who was given it, or runs it
  std::uint32_t attempts = 0;       ///< spent, the running one included
  std::uint32_t deferrals = 0;      ///< how often a handler put it off
  std::uint32_t deliveries = 0;     ///< how often it was polled
  std::optional<QueuePlace> place;  ///< of one that is queued or buffered, where it is known
  bool exact = false;  ///< a scheduler looked at policy and dispatch queue too; otherwise the storage's half
};

/// One sentence for people: what keeps the task, and what would unblock it.
[[nodiscard]] auto describe(const TaskExplanation& explanation, TimePoint now) -> std::string;

}  // namespace v1
}  // namespace spider
