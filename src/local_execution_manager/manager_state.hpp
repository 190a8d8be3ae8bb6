#pragma once

/// The heart of a LocalExecutionManager. Everything here happens on its one strand.
///
/// Five loops share the state, each waits for something of its own:
///   pull        takes assignments, starts them, launches their handlers; until stopped
///   report      sends results to the storage, all that have gathered at once
///   deadlines   asks overdue handlers to stop and reports them
///   renew       keeps the manager's lease while it holds anything
///   heartbeat   says that the manager is alive
/// `main` starts them, and ends them in an order in which no result is lost.

#include "local_execution_manager/bell.hpp"
#include "local_execution_manager/coroutine_runner.hpp"
#include "local_execution_manager/mailbox.hpp"
#include "local_execution_manager/plain_runner.hpp"
#include "spider/local_execution_manager.hpp"
#include "waiting.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <vector>

namespace spider::inline v1::detail {

class ManagerState {
 public:
  using Parts = LocalExecutionManager::Parts;

  /// Plain functions run on `plain_executor`, `plain_loops` of them at a time.
  ManagerState(asio::any_io_executor executor, asio::any_io_executor plain_executor, std::size_t plain_loops,
               Parts parts, Handlers handlers, LocalExecutionManagerOptions options);

  [[nodiscard]] auto strand() const noexcept -> const asio::any_io_executor& { return strand_; }
  [[nodiscard]] auto id() const noexcept -> ManagerId { return options_.id; }
  [[nodiscard]] auto mailbox() const noexcept -> const std::shared_ptr<Mailbox>& { return mailbox_; }

  auto main() -> Async<void>;
  auto stop(StopMode mode, Duration timeout) -> Async<StopReport>;
  auto request_stop(StopMode mode, TimePoint abandon_at) -> void;
  auto take_returned(std::vector<RunningTaskPtr> tasks) -> void;

 private:
  /// What is said about a result once the storage has answered.
  struct Report {
    Event event;
    Error error;
  };

  // The loops and what they share (manager_state.cpp).
  auto spawn(Async<void> child, asio::cancellation_slot slot) -> void;
  auto wind_down() -> Async<void>;
  auto rest(Duration duration) -> Async<void>;
  [[nodiscard]] auto abandoned() const -> bool;
  [[nodiscard]] auto next_backoff(Duration last) const -> Duration;
  [[nodiscard]] auto event(EventKind kind, TaskRef task = {}) const -> Event;
  auto observe(Event event, const Error* error = nullptr) const -> void;

  // Pull, start, launch (manager_pull.cpp).
  auto pull() -> Async<void>;
  [[nodiscard]] auto free_slots() const noexcept -> std::size_t;
  auto start(std::vector<TaskAssignment> assignments) -> Async<void>;
  auto launch(const TaskAssignment& assignment, StartedTask started, TimePoint now) -> void;
  auto prepare(RunningTaskPtr task) -> Async<void>;
  auto begin(const RunningTaskPtr& task, std::vector<std::vector<Bytes>> parents) -> void;
  auto run_begun() -> void;

  // Returned handlers and what is reported of them (manager_report.cpp).
  auto forget(RunningTask& task) -> void;
  auto settle(RunningTask& task, TimePoint now) -> void;
  [[nodiscard]] auto ended(const TaskAssignment& assignment, Duration duration) const -> Event;
  auto put_report(FinishRequest&& request, const Event& said, Error error) -> void;
  auto report() -> Async<void>;
  auto wake_report() -> void;
  auto conclude(const FinishRequest& request, Report& report, const Result<void>& answer) -> void;

  // Deadlines, leases, liveness (manager_watch.cpp).
  auto deadlines() -> Async<void>;
  auto overdue(RunningTask& task, TimePoint now) -> void;
  auto renew() -> Async<void>;
  auto fence_lost(const Renewal& renewal) -> void;
  auto fence_before(std::uint64_t sequence) -> void;
  auto heartbeat() -> Async<void>;
  auto ask_to_stop(const RunningTaskPtr& task) -> void;
  auto fence(RunningTask& task) -> void;

  LocalExecutionManagerOptions options_;
  Parts parts_;
  Handlers handlers_;
  asio::any_io_executor strand_;
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<PlainRunner> plain_runner_;
  std::shared_ptr<CoroutineRunner> coroutine_runner_;

  std::shared_ptr<Bell> slot_freed_;           // for pull
  std::shared_ptr<Bell> reported_;             // for report
  std::shared_ptr<WaitingLine> changed_;       // a loop ended, nothing runs any more, all is over
  std::shared_ptr<WaitingLine> deadline_set_;  // for deadlines
  std::shared_ptr<WaitingLine> holding_;       // for renew: there is something to renew
  std::shared_ptr<WaitingLine> ending_;        // for whoever rests

  std::vector<RunningTaskPtr> running_;
  std::vector<RunningTaskPtr> plain_begun_;  // in this pass, not yet with the runner
  std::vector<RunningTaskPtr> coroutines_begun_;
  Deadlines deadlines_;
  std::uint64_t sequence_ = 0;

  std::vector<FinishRequest> outbox_;
  std::vector<Report> outbox_reports_;  // one per request
  std::size_t in_report_ = 0;           // requests in the call under way

  asio::cancellation_signal cancel_pull_;
  bool in_next_tasks_ = false;
  bool begun_ = false;
  bool stopping_ = false;
  bool pulling_ = false;
  bool last_reports_ = false;  // report ends when the outbox is empty
  bool over_ = false;          // everything else ends
  bool ended_ = false;
  StopMode mode_ = StopMode::drain;
  TimePoint abandon_at_ = kForever;
  std::size_t children_ = 0;
  Error why_;  // why pull ended; code 0 = stopped
};

}  // namespace spider::inline v1::detail
