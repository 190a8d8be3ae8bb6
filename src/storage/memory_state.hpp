#pragma once

/// All that a MemoryStorage knows, behind one mutex. `MemoryState` acts and never suspends; the
/// coroutines that wait for it are in memory.cpp.
///
/// Functions are called with a `Locked` guard alive. What others may be waiting for is noted during the
/// critical section, and their waiting lines are notified after it.

#include "spider/clock.hpp"
#include "spider/storage/equivalent_work.hpp"
#include "spider/storage/memory.hpp"
#include "storage/memory_instances.hpp"
#include "storage/memory_job.hpp"
#include "storage/memory_lane.hpp"
#include "storage/polled.hpp"
#include "waiting.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spider::inline v1::detail {

/// Names and their numbers, from 1.
template <class Number>
class Names {
 public:
  /// None when the name is new and there are `max` names already.
  auto intern(const std::string& name, std::size_t max) -> std::optional<Number> {
    if (const auto known = find(name)) return known;
    if (names_.size() >= max) return std::nullopt;
    names_.push_back(name);
    const auto number = static_cast<Number>(names_.size());
    numbers_.emplace(name, number);
    return number;
  }
  [[nodiscard]] auto find(const std::string& name) const -> std::optional<Number> {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? std::nullopt : std::optional{found->second};
  }
  [[nodiscard]] auto name(Number number) const -> const std::string& {
    return names_[number - std::size_t{1}];
  }

 private:
  std::deque<std::string> names_;
  std::unordered_map<std::string, Number> numbers_;
};

/// What became ready in one lane during a critical section.
struct Arrivals {
  bool any = false;
  bool all = false;  ///< too many to say in which slots, or unknown
  SlotSet slots;
};

/// A registered member. Its session is live while `session` is not 0.
struct SchedulerRecord {
  SchedulerId id;
  SessionId session;     ///< the live one
  SessionId registered;  ///< drawn by the last registration; later ones replaced it after a lapse
  bool left = false;     ///< by `unregister_scheduler`
  std::uint64_t incarnation = 0;
  std::size_t polls = 0;        ///< under way: they keep the session alive
  TimePoint lease_until{};      ///< counts while no poll is under way
  bool watched = false;         ///< has a timer
  std::vector<TaskRef> leased;  ///< polled under the live session; some are started or over by now
  std::size_t compact_at = 1024;

  /// Its polls of one lane that wait for some slots only.
  struct SlotWatch {
    std::shared_ptr<WaitingLine> line;  ///< made by the first
    std::shared_ptr<const SlotFilter> slots;
    std::size_t polls = 0;
    TimePoint next_look = kForever;  ///< unless it is woken

    [[nodiscard]] auto is_woken_by(const Arrivals& arrived, TimePoint now) const -> bool;
  };
  std::array<SlotWatch, kTaskKinds> watches;
};

struct Timer {
  enum class Kind : std::uint8_t { session, manager, attempt, job };

  TimePoint at{};
  Kind kind = Kind::session;
  InstanceId instance{};  ///< for attempts: of several due at once, the older instance goes first
  std::uint64_t id = 0;   ///< of the scheduler, manager, job, or position of the instance

  friend auto operator<=>(const Timer&, const Timer&) = default;
};

/// Ready tasks that are not due yet.
struct Delayed {
  TimePoint at{};
  JobId job;
  std::uint32_t first = 0;  ///< TaskId::bits
  std::uint32_t count = 0;

  friend auto operator<=>(const Delayed&, const Delayed&) = default;
};

class MemoryState {
 public:
  MemoryState(StorageLimits storage_limits, Clock& storage_clock);

  /// Holds the mutex; notifies after it was released.
  class Locked {
   public:
    explicit Locked(MemoryState& state) : state_{state}, lock_{state.mutex_} {
      state.now_ = state.clock.now();
    }
    Locked(const Locked&) = delete;
    auto operator=(const Locked&) -> Locked& = delete;
    ~Locked();

   private:
    MemoryState& state_;
    std::unique_lock<std::mutex> lock_;
  };

  // Sessions and lanes (memory_sessions.cpp).
  auto register_scheduler(const std::string& member) -> Result<Registration>;
  auto unregister_scheduler(const Registration& registration) -> Result<void>;
  auto poll(TaskKind kind, const PollRequest& request) -> Result<Polled>;
  auto poll_begins(SchedulerId scheduler) -> void;
  auto poll_ends(SchedulerId scheduler) -> void;
  /// Takes the lock itself. For a poll whose frame is destroyed: touches neither clock nor waiting lines.
  auto abandon_poll(SchedulerId scheduler) -> void;
  /// Where a poll that asks for `slots` waits: it is woken by arrivals in them alone. Null for a scheduler
  /// that is not known.
  auto watch_slots(TaskKind kind, SchedulerId scheduler, std::shared_ptr<const SlotFilter> slots)
      -> std::shared_ptr<WaitingLine>;
  /// Takes the lock itself; touches neither clock nor waiting lines.
  auto unwatch_slots(TaskKind kind, SchedulerId scheduler) -> void;

  // Jobs (memory_jobs.cpp).
  /// Without the lock: all of the job that does not depend on the storage's contents.
  [[nodiscard]] static auto make_job(const JobSpec& spec, life_cycle::JobGraph graph) -> std::unique_ptr<Job>;
  auto submit(std::unique_ptr<Job> job) -> Result<Submitted>;
  auto cancel(JobId id) -> Result<JobState>;
  auto retry(JobId id) -> Result<void>;
  auto pause(const PauseTarget& target, bool paused) -> Result<void>;
  auto ended_after(EndedCursor cursor) -> EndedBatch;
  auto wait_for(JobId id) -> Result<std::shared_ptr<JobWait>>;
  auto has_pending(const std::string& group, const CoalesceKey& key) -> Result<bool>;

  // Views (memory_views.cpp).
  auto job_state(JobId id) -> Result<JobState>;
  auto view(JobId id) -> Result<JobView>;
  auto view_tasks(JobId id, Page page) -> Result<std::vector<TaskView>>;
  auto outputs(JobId id, Page page) -> Result<std::vector<TaskOutput>>;
  auto explain(TaskRef task) -> Result<TaskExplanation>;  // memory_explain.cpp
  /// Appends to `out`; looks at a bounded number of jobs. Returns where to go on, or 0 at the end.
  auto list(const JobFilter& filter, JobId after, std::vector<JobView>& out) -> JobId;

  // Executions (memory_executions.cpp).
  auto start(const TaskAssignment& assignment, ManagerId manager) -> Result<StartedTask>;
  auto finish(const FinishRequest& request) -> Result<void>;
  auto renew(ManagerId manager) -> Result<Renewal>;
  auto parent_outputs(const TaskInstance& instance) -> Result<std::vector<std::vector<Bytes>>>;

  // Leases and deadlines (memory_sweep.cpp).
  auto sweep(std::size_t limit) -> SweepReport;

  const StorageLimits limits;
  Clock& clock;
  const std::array<std::shared_ptr<WaitingLine>, kTaskKinds> arrivals;  ///< by lane
  const std::shared_ptr<WaitingLine> endings;                           ///< poll_ended
  const std::shared_ptr<WaitingLine> timers_line;                       ///< run: an earlier timer was set

 private:
  // Ready work.
  auto offer(Job& job, TaskId first, std::uint32_t count, TimePoint at) -> void;
  auto offer_now(Job& job, std::uint32_t first_bits, std::uint32_t count) -> void;
  auto delay(Job& job, TaskId first, std::uint32_t count, TimePoint at) -> void;
  auto drop_delay(Job& job, TaskId task, TaskRecord& record) -> void;
  auto offer_due(TaskKind kind) -> void;
  auto ready_node(Job& job, std::uint32_t node, TimePoint at) -> void;
  auto lease(SchedulerRecord& scheduler, const Offer& offer) -> InboundEntry;
  auto compact_leases(SchedulerRecord& scheduler) -> void;
  auto all_arrived() -> void;
  auto note_arrival(JobId job, std::uint32_t first_bits, std::uint32_t count) -> void;
  auto find_woken(std::vector<std::shared_ptr<WaitingLine>>& lines) -> std::array<bool, kTaskKinds>;

  // Sessions.
  auto find_scheduler(SchedulerId id) -> SchedulerRecord*;
  auto requeue(const std::vector<TaskRef>& leased, std::uint32_t session) -> void;
  auto draw_session(SchedulerRecord& scheduler) -> void;
  auto supersede(SchedulerRecord& scheduler) -> void;
  auto has_lapsed(const SchedulerRecord& scheduler) const -> bool;
  auto renew_session(SchedulerRecord& scheduler) -> void;
  auto session_of_poll(SchedulerRecord& scheduler, SessionId asked) -> Result<void>;

  // Jobs.
  auto intern_group(const std::string& name) -> Result<ResourceGroupId>;
  auto intern_queue(const std::string& name) -> Result<QueueId>;
  auto begin_job(Job& job) -> void;
  auto move_job(Job& job, life_cycle::JobMove move) -> void;
  auto cancel_unfinished(Job& job) -> void;
  auto cancel_task(Job& job, TaskId task) -> void;
  auto end_job(Job& job) -> void;
  auto drop_oldest_ended() -> void;

  // Views.
  auto explain_ready(const Job& job, const TaskRecord& record, TaskExplanation& explained) -> void;
  // Coalescing (memory_coalescing.cpp).
  auto find_work(const Job& job, TaskId task) -> life_cycle::EquivalentWork*;
  auto hold_work(Job& job) -> void;
  auto join_queued(const Job& made) -> Submitted;
  auto promote(Job& job, TaskId task, PriorityClass priority) -> void;
  auto end_work(const std::string& key, TaskRef task, bool succeeded, const Bytes& output) -> void;
  auto carry_out(const life_cycle::EquivalentWork::Steps& steps, TaskRef leader, const Bytes& output) -> void;
  auto fold(Job& job, TaskId task, TaskRef leader) -> void;

  // Executions.
  auto find_instance(const TaskInstance& instance) -> std::optional<std::uint32_t>;
  auto find_repeated(const TaskRecord& record, const TaskAssignment& assignment, ManagerId manager)
      -> std::optional<std::uint32_t>;
  auto admit(const TaskAssignment& assignment, SchedulerRecord& scheduler, const Job& job,
             const TaskRecord& record) -> Result<void>;
  auto add_instance(const TaskAssignment& assignment, ManagerId manager, Job& job, TaskRecord& record)
      -> std::uint32_t;
  auto started(const Job& job, const TaskRecord& record, std::uint32_t position) const -> StartedTask;
  auto drop_instance(TaskRecord& record, std::uint32_t position) -> void;
  auto lose_instance(TaskRecord& record, std::uint32_t position) -> void;
  auto lose_instances(TaskRecord& record) -> void;
  auto verdict_on(Job& job, TaskId task, life_cycle::AttemptEnd how, Duration delay)
      -> life_cycle::TaskVerdict;
  auto apply(Job& job, TaskId task, life_cycle::AttemptEnd how, const life_cycle::TaskVerdict& verdict)
      -> void;
  auto end_task_run(Job& job, TaskId task, const life_cycle::TaskVerdict& verdict) -> void;

  // Timers.
  auto set_timer(const Timer& timer) -> void;
  auto act_on(const Timer& timer) -> bool;
  auto look_at_session(SchedulerRecord& scheduler, TimePoint at) -> bool;
  auto look_at_manager(ManagerId id, TimePoint at) -> bool;
  auto overrun(std::uint32_t position) -> void;
  auto pass_deadline(JobId id) -> bool;

  std::mutex mutex_;
  TimePoint now_{};  // of this critical section

  Names<std::uint64_t> group_names_;
  Names<QueueId> queue_names_;
  std::deque<Group> groups_;         // by ResourceGroupId, from 1
  std::vector<bool> paused_queues_;  // by QueueId

  JobTable jobs_;
  std::uint64_t last_job_ = 0;
  std::unordered_map<std::string, JobId> unique_keys_;                 // "<group>\n<key>"
  std::unordered_map<std::string, life_cycle::EquivalentWork> works_;  // by work_name; none is empty
  std::deque<JobId> ended_;        // the log; 0 where a job was given another chance
  std::uint64_t ended_first_ = 1;  // position of the log's front

  std::array<Lane, kTaskKinds> lanes_;
  std::array<std::set<Delayed>, kTaskKinds> delayed_;
  std::vector<Offer> offers_;  // scratch of a poll
  std::vector<std::uint32_t> ready_nodes_;
  std::uint64_t polls_ = 0;

  std::deque<SchedulerRecord> schedulers_;  // by SchedulerId, from 1
  std::unordered_map<std::string, SchedulerId> members_;
  std::uint32_t last_session_ = 0;

  InstanceTable instances_;
  std::set<Timer> timers_;

  std::array<Arrivals, kTaskKinds> arrived_;
  std::array<std::size_t, kTaskKinds> slot_watches_{};
  bool ended_any_ = false;
  bool earlier_timer_ = false;
  std::vector<std::shared_ptr<WaitingLine>> ended_lines_;
};

}  // namespace spider::inline v1::detail
