#pragma once

/// What one row of each table of the file is in memory. Plain data.

#include "spider/execution_client.hpp"
#include "spider/job_client.hpp"
#include "spider/storage/life_cycle.hpp"
#include "waiting.hpp"

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace spider::inline v1::detail {

inline constexpr std::uint32_t kSingleBits = TaskId::commit().bits();  // from here on: no regular task

[[nodiscard]] constexpr auto task_of(std::uint32_t bits) -> TaskId {
  if (bits < kSingleBits) return TaskId{bits};
  return bits == kSingleBits ? TaskId::commit() : TaskId::cleanup();
}

/// Where a group's ready work stands in line.
struct BacklogKey {
  int lane = 0;
  QueueId queue = 0;
  PriorityClass priority = 0;
  ResourceGroupId group;

  friend auto operator<=>(const BacklogKey&, const BacklogKey&) = default;
};

struct NodeRow {
  std::uint32_t parents_left = 0;
  std::uint32_t tasks_left = 0;
  TimePoint ready_at{};  ///< counts while `parents_left` is 0
};

struct TaskRow {
  TaskId id;
  TaskState state = TaskState::pending;
  std::uint32_t attempts = 0;
  std::uint32_t deferrals = 0;
  std::uint32_t deliveries = 0;
  TimePoint ready_at{};
  TimePoint started_at{};
  TimePoint ended_at{};
  ManagerId manager;
  std::uint64_t epoch = 0;  ///< of the newest instance
  SessionId session;        ///< that has polled it and holds the lease
  std::uint64_t lease = 0;  ///< the lease's number
  bool delayed = false;     ///< ready, but not due before `ready_at`
  InstanceId finished;      ///< the last instance whose `finish` was accepted
  std::uint64_t finished_epoch = 0;
  std::uint32_t finished_kind = 0;
  bool dead_lettered = false;
};

/// Consecutive ready tasks of one job. It has the positions from `position` on, as many as tasks, to itself.
struct ReadyRange {
  std::int64_t position = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// Taken from a job's ready tasks.
struct PoppedTask {
  std::uint32_t bits = 0;
  bool more = false;  ///< there is another one behind it
};

struct InstanceRow {
  TaskInstance instance;
  ManagerId manager;
  std::uint32_t attempt = 1;
  TimePoint deadline = kForever;
};

/// A task's row, and the newest of its instances that run.
struct KeptTask {
  TaskRow row;
  std::optional<InstanceRow> instance;
};

struct JobRow {
  JobId id;
  ResourceGroupId group;
  QueueId queue = 0;
  PriorityClass priority = 0;
  life_cycle::JobMove state;
  TimePoint created_at{};
  TimePoint not_before{};
  TimePoint begin_at{};  ///< since when nodes without parents are ready
  TimePoint deadline = kForever;
  TimePoint ended_at = kForever;
  std::uint64_t ended_position = 0;
  std::optional<TimePoint> stopped_at;  ///< tasks without a row are cancelled since then
  life_cycle::JobShape shape;
  std::uint32_t nodes_left = 0;  ///< with unfinished tasks
  int lane = 0;
  std::uint64_t turn = 0;  ///< in its group's rotation; 0 = takes no part
  ReadyRange head;         ///< the first of its ready tasks
  std::array<std::uint32_t, kTaskStates> counts{};
  std::string unique_key;
  std::string reason;
  std::uint32_t submitters = 1;
  bool dirty = false;
  bool may_have_task_rows = true;   ///< not before one of a new job's tasks is stored
  bool may_have_ready_rows = true;  ///< ranges behind the head
  bool may_be_delayed = true;       ///< has rows in `delayed`; not before one of a new job's is put off
  std::map<std::uint32_t, KeptTask> kept;  ///< unfinished tasks, by bits, as they are stored

  [[nodiscard]] auto complete() const -> bool { return nodes_left == 0; }
  [[nodiscard]] auto backlog() const -> BacklogKey { return {lane, queue, priority, group}; }
};

/// Some tasks that one poll has answered.
struct LeaseRow {
  std::uint32_t unstarted = 0;
  bool dirty = false;
};

struct SchedulerRow {
  SchedulerId id;
  SessionId session;     ///< the live one; 0 = none
  SessionId registered;  ///< drawn by the last registration
  bool left = false;
  std::uint64_t incarnation = 0;
  TimePoint lease_until{};  ///< as other processes see it
  bool dirty = false;
};

struct ManagerRow {
  ManagerId id;
  TimePoint lease_until{};
  std::uint32_t running = 0;
  bool dirty = false;
};

struct Counters {
  std::uint64_t job = 0;
  std::uint64_t session = 0;
  std::uint64_t instance = 0;
  std::uint64_t turn = 0;
  std::uint64_t ended = 0;

  friend auto operator==(const Counters&, const Counters&) -> bool = default;
};

struct JobTurn {
  JobId id;
  std::uint64_t turn = 0;
};

/// What never changes of a job.
struct JobBody {
  std::shared_ptr<const JobSpec> spec;
  life_cycle::JobGraph graph;
  std::string packed;

  [[nodiscard]] auto task(TaskId id) const -> const TaskSpec& {
    if (id.kind() == TaskKind::commit) return *spec->commit;
    if (id.kind() == TaskKind::cleanup) return *spec->cleanup;
    return spec->tasks[graph.node_of(id.index())];
  }
  [[nodiscard]] auto has(TaskId id) const -> bool {
    if (id.kind() == TaskKind::commit) return spec->commit.has_value();
    if (id.kind() == TaskKind::cleanup) return spec->cleanup.has_value();
    return id.index() < graph.tasks();
  }
};
using BodyPtr = std::shared_ptr<const JobBody>;

/// What those of this process who wait for a job share.
struct JobWait {
  static constexpr int kNotEnded = -1;

  explicit JobWait(std::shared_ptr<WaitingLine> waiting) : line{std::move(waiting)} {}

  std::shared_ptr<WaitingLine> line;
  std::atomic<int> ended{kNotEnded};  ///< or a JobState
};

}  // namespace spider::inline v1::detail
