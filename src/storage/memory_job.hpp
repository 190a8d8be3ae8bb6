#pragma once

/// One job as the memory storage keeps it: its graph, a compact record per task, and its ready work.
/// Plain data, guarded by the storage's mutex.

#include "spider/job_client.hpp"
#include "spider/slots.hpp"
#include "spider/storage/life_cycle.hpp"
#include "storage/ring.hpp"
#include "waiting.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace spider::inline v1::detail {

/// What is kept of one task: one cache line, also for each element of an array.
struct TaskRecord {
  static constexpr std::uint32_t kNone = 0;
  static constexpr std::uint32_t kTaken = UINT32_MAX;  ///< of `session`: by a poll that is under way

  TimePoint ready_at{};
  TimePoint started_at{};
  TimePoint ended_at{};
  ManagerId manager;
  InstanceId finished;  ///< the last instance whose `finish` was accepted
  std::uint32_t finished_epoch = 0;
  std::uint32_t epoch = 0;         ///< of the newest instance
  std::uint32_t session = kNone;   ///< that has polled it and holds the lease
  std::uint32_t instance = kNone;  ///< newest running one: position in the instance table, plus 1
  std::uint16_t attempts = 0;
  std::uint16_t deferrals = 0;
  std::uint16_t deliveries = 0;
  TaskState state = TaskState::pending;
  std::uint8_t finished_kind : 3 = 0;  ///< a FinishRequest::Kind
  bool delayed : 1 = false;            ///< ready, but not due before `ready_at`
  bool marked : 1 = false;             ///< scratch of lease compaction
  bool dead_lettered : 1 = false;
  bool kept_back : 1 = false;  ///< ready and due, but equivalent work is offered or runs
};
static_assert(sizeof(TaskRecord) <= 64);

/// The task with these TaskId::bits.
[[nodiscard]] auto id_of(std::uint32_t bits) -> TaskId;

/// Consecutive tasks of one node that wait for an offer.
struct ReadyRange {
  std::uint32_t first = 0;  ///< TaskId::bits
  std::uint32_t count = 0;
};

/// A job's ready tasks in the order in which they are offered: ranges, so that an array of n takes one
/// entry. May hold tasks that have been started in the meantime; whoever takes one looks at its record.
class ReadyFifo {
 public:
  [[nodiscard]] auto empty() const noexcept -> bool { return head_ == ranges_.size(); }
  auto push_back(ReadyRange range) -> void;
  auto push_front(std::uint32_t task_bits) -> void;
  /// Not empty. Returns TaskId::bits.
  auto pop() -> std::uint32_t;
  auto clear() -> void;

  /// A place among the tasks; good until anything but `skip` and `take` is called.
  struct Cursor {
    std::size_t range = 0;  ///< counted from the first one
    std::uint32_t offset = 0;
  };
  /// TaskId::bits; none at the end.
  [[nodiscard]] auto at(const Cursor& cursor) const -> std::optional<std::uint32_t>;
  auto skip(Cursor& cursor) const -> void;
  /// Takes out the task at the cursor, which then is at the next one. O(ranges before it).
  auto take(Cursor& cursor) -> void;
  /// What is before the cursor goes to the back.
  auto rotate(const Cursor& cursor) -> void;

  [[nodiscard]] auto size() const -> std::uint64_t;
  /// How many it gives out up to and including this one. O(ranges).
  [[nodiscard]] auto rank_of(std::uint32_t task_bits) const -> std::optional<std::uint64_t>;

 private:
  std::vector<ReadyRange> ranges_;
  std::size_t head_ = 0;
};

/// Which ready tasks a poll asks for, and how many more it may look at.
struct SlotScan {
  const SlotFilter& slots;
  TimePoint now{};
  std::uint64_t poll_number = 0;
  std::size_t looks_left = 0;
  TimePoint next_due = kForever;  ///< when the first of those that are held back is offered
};

/// What those who wait for a job share with it; outlives the job's record.
struct JobWait {
  std::shared_ptr<WaitingLine> line;
  std::optional<JobState> ended;  ///< guarded by the storage's mutex
};

struct GroupBacklog;

/// What a node's coalesce key comes to.
struct Keyed {
  std::string work;  ///< life_cycle::work_name
  std::uint64_t number = 0;
};

struct Job {
  RingLink<Job> link;
  GroupBacklog* backlog = nullptr;  ///< in whose rotation it takes part
  std::uint64_t poll_number = 0;    ///< of the poll that `poll_taken` counts for
  std::size_t poll_taken = 0;
  ReadyFifo ready;
  std::uint64_t scan_number = 0;  ///< of the poll that `scanned` counts for
  ReadyFifo::Cursor scanned;      ///< before it stands nothing that the poll asks for

  JobId id;
  ResourceGroupId group;
  QueueId queue = 0;
  PriorityClass priority = 0;
  std::uint32_t submitters = 1;
  life_cycle::JobMove state;
  std::array<std::uint32_t, kTaskStates> counts{};  ///< regular tasks by state
  TimePoint created_at{};
  TimePoint ended_at = kForever;
  TimePoint deadline = kForever;
  std::uint64_t ended_position = 0;  ///< in the log of ended jobs
  std::shared_ptr<const JobSpec> spec;
  life_cycle::JobGraph graph;
  life_cycle::GraphProgress progress;
  std::vector<TaskRecord> tasks;
  std::unique_ptr<TaskRecord> commit;
  std::unique_ptr<TaskRecord> cleanup;
  std::vector<std::vector<Bytes>> outputs;  ///< by node, then element; inner ones made when needed
  std::unordered_map<std::uint32_t, std::string> errors;   ///< by TaskId::bits: of the last failure
  std::vector<std::optional<Keyed>> keys;                  ///< by node; empty when none has a key
  std::unordered_map<std::uint32_t, TaskRef> folded_into;  ///< by TaskId::bits
  std::string reason;
  std::shared_ptr<JobWait> wait;        ///< made by the first who waits
  mutable std::uint32_t node_seen = 0;  ///< by node_of, most recently

  /// Null when the job has no such task.
  [[nodiscard]] auto find(TaskId task) -> TaskRecord*;
  [[nodiscard]] auto record(TaskId task) -> TaskRecord&;
  [[nodiscard]] auto task_spec(TaskId task) const -> const TaskSpec&;
  /// Of a regular task. O(1) for the node that was asked for last.
  [[nodiscard]] auto node_of(std::uint32_t task_index) const -> std::uint32_t;
  /// Null for a task without a coalesce key.
  [[nodiscard]] auto find_key(TaskId task) const -> const Keyed*;
  [[nodiscard]] auto shape() const -> life_cycle::JobShape;
  /// The only way in which a task's state changes.
  auto move_task(TaskId task, TaskRecord& record, TaskState to) -> void;
  /// Takes the next task to offer: ready, due and not leased. Drops what is none of that.
  [[nodiscard]] auto take_ready() -> std::optional<TaskId>;
  /// The same, of those that the scan asks for; the others keep their order. When no look is left, those
  /// before the place where it ended go to the back: whoever looks next begins behind them.
  [[nodiscard]] auto take_ready(SlotScan& scan) -> std::optional<TaskId>;
  auto store_output(TaskId task, Bytes output) -> void;
  /// Of a regular task; empty where it has none.
  [[nodiscard]] auto output(TaskId task) const -> Bytes;
};

/// Jobs by id, in order. Ids are drawn in sequence, so they are found by chunk and position.
class JobTable {
 public:
  [[nodiscard]] auto find(JobId id) const -> Job*;
  auto insert(std::unique_ptr<Job> job) -> Job&;
  auto erase(JobId id) -> void;
  /// The job with the smallest id above `id`; null when there is none.
  [[nodiscard]] auto after(JobId id) const -> Job*;

 private:
  static constexpr std::uint64_t kChunk = 512;
  struct Chunk {
    std::array<std::unique_ptr<Job>, kChunk> jobs;
    std::size_t used = 0;
  };
  std::map<std::uint64_t, std::unique_ptr<Chunk>> chunks_;
};

}  // namespace spider::inline v1::detail
