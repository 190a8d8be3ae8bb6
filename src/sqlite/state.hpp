#pragma once

/// All that a SqliteStorage does inside a transaction, on the writer's thread. Follows the life cycle of
/// storage/life_cycle.hpp; what it decides is written to the tables of schema.cpp. Throws `SqlFailure`.
///
/// Rows of jobs, schedulers and managers are kept over transactions while no other connection commits,
/// and written at the end of each. Everything else is read and written where it is needed.

#include "spider/storage/equivalent_work.hpp"
#include "spider/storage/sqlite.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/offer_poll.hpp"
#include "sqlite/rows.hpp"
#include "storage/polled.hpp"

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spider::inline v1::detail {

/// The exact leases of the sessions that this process polls under. Thread-safe.
class OwnSessions {
 public:
  auto begin_poll(SchedulerId scheduler) -> void;
  auto end_poll(SchedulerId scheduler, TimePoint lease_until) -> void;
  auto renew(SchedulerId scheduler, SessionId session, TimePoint lease_until) -> void;
  auto forget(SchedulerId scheduler) -> void;
  /// None when the session is not this process's; kForever while one of its polls is under way.
  [[nodiscard]] auto lease(SchedulerId scheduler, SessionId session) const -> std::optional<TimePoint>;

 private:
  struct Own {
    SessionId session;
    TimePoint lease_until{};
    std::size_t polls = 0;
  };
  mutable std::mutex mutex_;
  std::map<SchedulerId, Own> sessions_;
};

class SqliteState {
 public:
  SqliteState(std::unique_ptr<Connection> file, const SqliteStorageOptions& options, Clock& storage_clock);

  // The transaction (state_transaction.cpp).
  auto begin() -> void;
  auto commit() -> void;
  auto rollback() noexcept -> void;
  /// After a commit: wakes who may have waited for what it holds.
  auto notify() -> void;
  /// Outside a transaction: whether another connection has committed; wakes everybody then.
  auto peek() -> void;
  /// The time of the request that follows.
  auto tick() -> void { now_ = clock.now(); }

  // Sessions and lanes (state_sessions.cpp, state_lane.cpp).
  auto register_scheduler(const std::string& member) -> Result<Registration>;
  auto unregister_scheduler(const Registration& registration) -> Result<void>;
  auto poll(TaskKind kind, const PollRequest& request) -> Result<Polled>;

  // Jobs (state_jobs.cpp).
  auto submit(std::shared_ptr<JobBody> body) -> Result<Submitted>;
  auto cancel(JobId id) -> Result<JobState>;
  auto retry(JobId id) -> Result<void>;
  auto pause(const PauseTarget& target, bool paused) -> Result<void>;
  auto ended_after(EndedCursor cursor) -> Result<EndedBatch>;
  auto wait_for(JobId id) -> Result<std::shared_ptr<JobWait>>;
  auto has_pending(const std::string& group, const CoalesceKey& key) -> Result<bool>;

  // Views (state_views.cpp).
  auto job_state(JobId id) -> Result<JobState>;
  auto view(JobId id) -> Result<JobView>;
  auto view_tasks(JobId id, Page page) -> Result<std::vector<TaskView>>;
  auto outputs(JobId id, Page page) -> Result<std::vector<TaskOutput>>;
  auto list(const JobFilter& filter) -> Result<std::vector<JobView>>;
  auto explain(TaskRef task) -> Result<TaskExplanation>;  // state_explain.cpp

  // Executions (state_executions.cpp).
  auto start(const TaskAssignment& assignment, ManagerId manager) -> Result<StartedTask>;
  auto finish(const FinishRequest& request) -> Result<void>;
  auto renew(ManagerId manager) -> Result<Renewal>;
  auto parent_outputs(const TaskInstance& instance) -> Result<std::vector<std::vector<Bytes>>>;

  // Leases and deadlines (state_sweep.cpp).
  auto sweep(std::size_t limit) -> Result<SweepReport>;

  /// For parts with tables of their own in the file.
  [[nodiscard]] auto connection() noexcept -> Connection& { return *file_; }

  const SqliteStorageOptions options;
  const StorageLimits& limits;
  Clock& clock;
  OwnSessions own_sessions;
  const std::array<std::shared_ptr<WaitingLine>, kTaskKinds> arrivals;  ///< by lane
  const std::shared_ptr<WaitingLine> endings;                           ///< poll_ended
  const std::shared_ptr<WaitingLine> timers_line;                       ///< run: an earlier timer was set

 private:
  // Rows.
  auto find_job(JobId id) -> JobRow*;
  auto body_of(JobId id) -> BodyPtr;
  static auto read_job(const Rows& rows, JobRow& job) -> void;
  /// The row has been changed: it is written at the end of the transaction.
  auto touch(JobRow& job) -> void;
  auto insert_job(JobRow& job, const JobBody& body) -> void;
  auto flush() -> void;
  auto read_counters() -> void;
  [[nodiscard]] auto found_counters() const -> Counters;
  auto forget_rows() -> void;
  /// Before rows of its tasks are changed other than by store_task.
  auto forget_tasks(JobId job) -> void;
  auto find_scheduler(SchedulerId id) -> SchedulerRow*;
  auto manager_row(ManagerId id) -> ManagerRow*;
  auto load_node(const JobRow& job, const JobBody& body, std::uint32_t node) -> NodeRow;
  auto store_node(JobId job, std::uint32_t node, const NodeRow& row) -> void;
  auto kept_task(TaskRef task) -> KeptTask*;
  auto stored_task(JobId job, TaskId task) -> std::optional<TaskRow>;
  auto load_task(const JobRow& job, const JobBody& body, TaskId task) -> TaskRow;
  auto derived_task(const JobRow& job, const JobBody& body, TaskId task) -> TaskRow;
  auto store_task(JobId job, const TaskRow& row) -> void;
  auto error_of(JobId job, TaskId task) -> std::string;
  auto output_of(JobId job, TaskId task) -> Bytes;
  auto store_output(JobId job, TaskId task, const Bytes& output) -> void;
  auto store_error(JobId job, TaskId task, const std::string& error) -> void;
  auto move_task(JobRow& job, TaskRow& row, TaskState to) -> void;

  // Ready work.
  auto offer(JobRow& job, TaskId first, std::uint32_t count, TimePoint at) -> void;
  auto offer_now(JobRow& job, std::uint32_t first_bits, std::uint32_t count) -> void;
  auto delay(JobRow& job, TaskId first, std::uint32_t count, TimePoint at) -> void;
  auto offer_due(TaskKind kind) -> void;
  auto offer_due_range(JobRow& job, TimePoint at, std::uint32_t first, std::uint32_t count) -> void;
  auto offer_due_tasks(JobRow& job, std::uint32_t first, std::uint32_t count) -> void;
  auto push_back(JobRow& job, std::uint32_t first_bits, std::uint32_t count) -> void;
  auto push_front(JobRow& job, std::uint32_t bits) -> void;
  auto pop_ready(JobRow& job) -> std::optional<PoppedTask>;
  auto fill_head(JobRow& job) -> void;
  auto store_head(const JobRow& job) -> void;
  auto store_head_row(JobRow& job) -> void;
  auto insert_ready(JobRow& job, const ReadyRange& range) -> void;
  auto drop_ready(JobRow& job) -> void;
  auto take_ready(JobRow& job, bool& more) -> std::optional<TaskRow>;
  auto ready_node(JobRow& job, const JobBody& body, std::uint32_t node, TimePoint at, bool may_have_rows)
      -> void;

  // Rotations.
  auto join(JobRow& job, int lane) -> void;
  auto withdraw(JobRow& job) -> void;
  auto drop_backlog(const BacklogKey& key) -> void;
  auto enter_rotation(JobRow& job) -> void;
  auto leave_rotation(JobRow& job) -> void;
  auto find_turn(JobRow& job) -> void;
  auto has_jobs(const BacklogKey& key) -> bool;
  auto set_turn(const BacklogKey& key, bool in_rotation) -> void;
  auto is_paused(ResourceGroupId group) -> bool;
  auto next_class(int lane, QueueId queue, int from) -> std::optional<int>;
  auto choose_group(int lane, QueueId queue, bool& alone) -> std::optional<BacklogKey>;
  auto front_group(int lane, QueueId queue, PriorityClass priority) -> ResourceGroupId;
  auto take(int lane, const std::vector<std::string>& queues, OfferPoll& poll) -> void;
  auto delete_passed_turns(OfferPoll& poll) -> void;
  auto front_jobs(const BacklogKey& key, OfferPoll& poll) -> std::deque<JobTurn>&;
  auto offer_one(const BacklogKey& key, bool alone, OfferPoll& poll) -> bool;
  auto offer_from(JobRow& job, const BacklogKey& key, bool& others, OfferPoll& poll) -> bool;
  auto restore(OfferPoll& poll) -> void;
  auto lease(OfferPoll& poll, JobRow& job, TaskRow task) -> InboundEntry;

  // Polls that ask for some slots (state_slots.cpp).
  struct Front;
  auto begin_search(const SlotFilter& slots, int lane, OfferPoll& poll) -> void;
  auto end_search(int lane, OfferPoll& poll) -> bool;
  auto take_slots(int lane, QueueId queue, OfferPoll& poll) -> void;
  auto front_from(int lane, QueueId queue, int from, const OfferPoll& poll) -> std::optional<Front>;
  auto choose_front(int lane, QueueId queue, OfferPoll& poll) -> std::optional<Front>;
  auto offer_slots(const Front& front, OfferPoll& poll) -> bool;
  static auto count_offer(const Front& front, ClassShare& share) -> void;
  auto find_in_slots(JobRow& job, OfferPoll& poll) -> std::optional<TaskRow>;
  auto look_at(JobRow& job, const JobBody& body, std::uint32_t bits, OfferPoll& poll)
      -> std::pair<bool, std::optional<TaskRow>>;
  auto ready_row(JobId job, std::int64_t from) -> std::optional<ReadyRange>;
  auto split(JobId job, const ReadyRange& row, std::uint32_t offset, std::uint32_t taken) -> void;
  auto has_ready(const JobRow& job) -> bool;

  // Sessions.
  using LeaseKey = std::pair<SessionId, std::uint64_t>;  // and its number
  auto insert_lease(OfferPoll& poll) -> void;
  auto lease_row(const LeaseKey& key) -> LeaseRow&;
  auto flush_leases() -> void;
  auto leased_tasks(SessionId session) -> std::vector<TaskRef>;
  auto requeue(SessionId session) -> void;
  auto supersede(SchedulerRow& scheduler) -> void;
  auto lease_of(const SchedulerRow& scheduler) const -> TimePoint;
  auto has_lapsed(const SchedulerRow& scheduler) const -> bool;
  auto renew_session(SchedulerRow& scheduler) -> void;
  auto session_of_poll(SchedulerRow& scheduler, SessionId asked) -> Result<void>;

  // Jobs.
  using NumbersByName = std::unordered_map<std::string, std::uint64_t>;
  auto find_name(const char* select, const std::string& name) -> std::uint64_t;
  auto known_name(NumbersByName& known, const char* select, const std::string& name) -> std::uint64_t;
  auto intern_group(const std::string& name) -> Result<ResourceGroupId>;
  auto intern_queue(const std::string& name) -> Result<QueueId>;
  auto begin_job(JobRow& job, const JobBody& body, bool may_have_rows) -> void;
  auto move_job(JobRow& job, const JobBody& body, life_cycle::JobMove move) -> void;
  auto make_ready(JobRow& job, const JobBody& body, TaskId task, TimePoint at) -> void;
  auto cancel_unfinished(JobRow& job) -> void;
  auto cancel_rows(JobRow& job) -> void;
  auto cancel_task(JobRow& job, TaskRow& row) -> void;
  auto end_work_without_rows(const JobRow& job) -> void;
  auto cancel_stored(JobRow& job, TaskId task) -> void;
  auto end_job(JobRow& job) -> void;
  auto drop_oldest_ended() -> void;
  auto remove_job(JobId id) -> void;
  auto oldest_ended() -> std::optional<std::pair<std::uint64_t, JobId>>;

  // Coalescing (state_coalescing.cpp).
  static auto held_task(const JobRow& job, const JobBody& body, TaskId task)
      -> life_cycle::EquivalentWork::Task;
  auto work_of(const std::string& name) -> life_cycle::EquivalentWork&;
  auto work_name_of(JobId job, const JobBody& body, TaskId task) -> std::string;
  auto is_kept_back(const JobRow& job, const JobBody& body, TaskId task) -> bool;
  auto keep(const std::string& name, TaskRef task) -> void;
  auto hold_work(const JobRow& job, const JobBody& body) -> void;
  auto join_queued(const JobRow& made, const JobBody& body) -> Submitted;
  auto promote(JobRow& job, TaskId task, PriorityClass priority) -> void;
  auto ready_work(const std::string& name, TaskRef task, TimePoint at) -> void;
  auto due_work(const std::string& name, TaskRef task) -> void;
  auto start_work(const std::string& name, TaskRef task, StartedTask& answer) -> void;
  auto end_work(const std::string& name, TaskRef task, bool succeeded, const Bytes& output) -> void;
  auto carry_out(const std::string& name, const life_cycle::EquivalentWork::Steps& steps, TaskRef leader,
                 const Bytes& output) -> void;
  auto queue_again(JobRow& job, TaskRow& task, TimePoint at) -> void;
  auto fold(JobRow& job, const JobBody& body, TaskRow& task, TaskRef leader) -> void;
  auto folded_into(TaskRef task) -> TaskRef;

  // Executions.
  auto find_instance(const TaskInstance& instance) -> std::optional<InstanceRow>;
  auto count_instances(TaskRef task) -> std::uint32_t;
  auto find_repeated(const TaskAssignment& assignment, ManagerId manager) -> std::optional<InstanceRow>;
  auto admit(const TaskAssignment& assignment, SchedulerRow& scheduler, const JobRow& job,
             const JobBody& body, const TaskRow& task) -> Result<void>;
  auto add_instance(const TaskAssignment& assignment, ManagerId manager, const TaskSpec& spec, TaskRow& task)
      -> InstanceRow;
  auto started(const BodyPtr& body, const InstanceRow& running, std::uint32_t deferrals) const -> StartedTask;
  auto drop_lease(TaskRow& task) -> void;
  auto drop_instance(const InstanceRow& gone) -> void;
  auto lose_instance(const InstanceRow& gone) -> void;
  auto lose_instances(TaskRef task) -> void;
  auto apply(JobRow& job, const JobBody& body, TaskRow& task, life_cycle::AttemptEnd how, Duration delay)
      -> void;
  auto end_task_run(JobRow& job, const JobBody& body, TaskRow& task, const life_cycle::TaskVerdict& verdict)
      -> void;
  auto count_down(JobRow& job, const JobBody& body, std::uint32_t node) -> std::vector<std::uint32_t>;

  // Views.
  auto view_of(const JobRow& job) -> JobView;
  auto view_of(const JobBody& body, JobId job, const TaskRow& task) -> TaskView;

  auto find_unfinished(const JobBody& body, TaskRef task, TaskExplanation& explained) -> void;
  auto add_unfinished(JobId job, std::uint32_t first, std::uint32_t count, TaskExplanation& explained)
      -> void;
  auto explain_ready(const JobRow& job, const TaskRow& task, TaskExplanation& explained) -> void;
  auto place_of(const JobRow& job, TaskId task) -> std::optional<QueuePlace>;

  // Timers.
  struct Due {
    TimePoint at = kForever;
    int kind = 0;
    std::uint64_t id = 0;
  };
  auto set_timer(TimePoint at) -> void;
  auto next_timer() -> Due;
  auto act_on(const Due& due) -> bool;
  auto lapse_manager(ManagerId id) -> bool;
  auto overrun(InstanceId id) -> void;
  auto pass_deadline(JobId id) -> bool;
  auto remove_old_jobs(std::size_t& removed) -> TimePoint;

  std::unique_ptr<Connection> file_;
  TimePoint now_{};
  std::int64_t data_version_ = -1;
  std::int64_t peeked_version_ = -1;
  Counters counters_;
  Counters stored_counters_;
  JobTurn newest_job_;  // as its row is stored: so a transaction that only submits need not write counters

  std::unordered_map<JobId, JobRow> jobs_;
  std::unordered_map<SchedulerId, SchedulerRow> schedulers_;
  std::unordered_map<ManagerId, ManagerRow> managers_;
  std::set<BacklogKey> backlogs_;  // that are known to be stored
  std::map<LeaseKey, LeaseRow> leases_;
  std::vector<LeaseKey> dirty_leases_;
  std::vector<JobId> dirty_jobs_;
  std::unordered_map<JobId, BodyPtr> bodies_;
  std::size_t bodies_bytes_ = 0;
  std::unordered_map<std::string, life_cycle::EquivalentWork> works_;  // by work_name
  std::unordered_map<JobId, std::weak_ptr<JobWait>> waits_;
  std::map<std::pair<SchedulerId, int>, SlotCursors> searches_;  // that were cut short, by lane
  NumbersByName groups_;  // names that were stored keep their numbers for ever
  NumbersByName queues_;
  std::uint64_t oldest_ended_ = 0;  // positions before it have been dropped

  std::array<bool, kTaskKinds> arrived_{};
  std::vector<std::pair<JobId, JobState>> ended_jobs_;
  TimePoint known_timer_ = kForever;
  bool earlier_timer_ = false;
};

}  // namespace spider::inline v1::detail
