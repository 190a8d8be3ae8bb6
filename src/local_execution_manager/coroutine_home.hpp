#pragma once

/// Where coroutine handlers run: a strand with one root coroutine that runs them one after the other. To
/// start a handler is then to resume a coroutine, not to spawn one, which costs several times as much.
///
/// Shared by the manager, which gives it a task at a time, and by its root coroutine, which may outlive
/// the manager: a handler that does not return keeps its home, its task and the mailbox, nothing else.

#include "local_execution_manager/mailbox.hpp"
#include "local_execution_manager/running_task.hpp"
#include "waiting.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <memory>

namespace spider::inline v1::detail {

class CoroutineHome final : public HoldsSuspensions, public std::enable_shared_from_this<CoroutineHome> {
 public:
  CoroutineHome(const asio::any_io_executor& executor, std::shared_ptr<Mailbox> mailbox);

  // Called by the manager. Every function runs its part on the strand.

  /// Runs the task's handler and puts the task into the mailbox when it has returned. Not before the
  /// task given before has come back.
  auto start(RunningTaskPtr task) -> void;
  /// Cancels the handler of `task` if it is still running.
  auto cancel(RunningTaskPtr task) -> void;
  /// Ends the root coroutine, after the handler that is running if there is one.
  auto close() -> void;

  auto drop_suspensions(const asio::execution_context& context) noexcept -> void override;

 private:
  static auto run(std::shared_ptr<CoroutineHome> self, RunningTaskPtr task) -> asio::awaitable<void>;
  [[nodiscard]] auto wait();
  auto spawn(RunningTaskPtr task) -> void;
  auto wake() -> void;

  const asio::any_io_executor strand_;
  const std::shared_ptr<Mailbox> mailbox_;

  // Of the strand. The task that runs belongs to the root coroutine: when an execution context destroys
  // that at its shutdown, the task goes, and with it its part in this.
  asio::cancellation_signal signal_;
  const RunningTask* running_ = nullptr;
  RunningTaskPtr next_;  // from its start to the root coroutine
  WakeHandler waiting_;  // the root coroutine, while it has nothing to run
  bool spawned_ = false;
  bool closed_ = false;
};

}  // namespace spider::inline v1::detail
