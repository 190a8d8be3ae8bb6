#pragma once

/// What Spider has to say. Nothing in Spider logs: everything worth knowing is an `Event`.
///
/// Implemented by applications (metrics, logs, monitors); called by every part. `observe` may be
/// called from any thread, also concurrently, and while the caller is in the middle of its work: be
/// quick, do not throw, do not call back into Spider.

#include "spider/coalesce_key.hpp"
#include "spider/error.hpp"
#include "spider/types.hpp"

#include <cstdint>
#include <string_view>

namespace spider {
inline namespace v1 {

enum class EventKind : std::uint8_t {
  // The core. `count` where it says so, `error` where something failed.
  registered,           ///< scheduler, session
  register_failed,      ///< error, duration = until the next try
  poll_failed,          ///< error, duration = until the next try
  session_bumped,       ///< session = the new one, count = buffered entries cleared
  stale_batch_dropped,  ///< session = the batch's, count = entries
  duplicate_ignored,    ///< task
  dispatched,   ///< task, group, priority, queue, deferrals, deliveries, duration = wait since it was due
  job_dropped,  ///< task.job, count = buffered entries dropped because it ended or finalizes
  policy_idle,  ///< a work-conserving policy held count entries and returned none
  // The dispatch service.
  manager_joined,        ///< manager
  manager_left,          ///< manager, count = assignments handed back
  manager_lost,          ///< manager, count = assignments handed back
  assignment_expired,    ///< manager, task: not acknowledged within its lease, handed back
  foreign_acknowledged,  ///< manager, task, scheduler: skipped
  handed_back_refused,   ///< task: more was handed back than the stated bound; storage offers it again
  // Execution managers.
  start_refused,   ///< manager, task, error
  task_started,    ///< manager, task, group, duration = wait since ready; with a coalesce key: operation,
                   ///< fold, count = tasks folded into this run
  task_succeeded,  ///< manager, task, group, priority, queue, duration = run time
  task_failed,     ///< manager, task, group, priority, queue, error, duration = run time
  task_deferred,   ///< manager, task, group, priority, queue, duration = put off for
  task_released,   ///< manager, task, group, priority, queue, error = why
  finish_refused,  ///< manager, task, error: a late result was fenced
  task_overdue,    ///< manager, task: ran past its deadline, asked to stop
  storage_failed,  ///< manager, error: a call to the storage failed and is repeated
  // The scheduler's face.
  job_submitted,  ///< task.job, priority; of a job whose first task has a coalesce key: operation, fold
};
inline constexpr std::size_t kEventKinds = static_cast<std::size_t>(EventKind::job_submitted) + 1;

/// One event. Fields that its kind does not mention are at their defaults.
struct Event {
  EventKind kind{};
  TimePoint at{};
  SchedulerId scheduler{};
  SessionId session{};
  ManagerId manager{};
  TaskRef task{};
  ResourceGroupId group{};
  PriorityClass priority = 0;
  QueueId queue = 0;
  std::uint32_t deferrals = 0;
  std::uint32_t deliveries = 0;
  std::uint64_t count = 0;
  std::uint64_t total = 0;
  Duration duration{};
  FoldOutcome fold = FoldOutcome::not_coalescible;
  std::string_view operation{};  ///< of a coalesce key; valid during the call only
  const Error* error = nullptr;  ///< valid during the call only
};

/// The name of the kind, as written above.
[[nodiscard]] auto to_string(EventKind kind) noexcept -> std::string_view;

class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  auto operator=(const Observer&) -> Observer& = delete;
  virtual ~Observer() = default;

  virtual auto observe(const Event& event) noexcept -> void = 0;
};

/// An observer that looks away; the default everywhere. Lives until the program ends.
[[nodiscard]] auto null_observer() noexcept -> Observer&;

}  // namespace v1
}  // namespace spider
