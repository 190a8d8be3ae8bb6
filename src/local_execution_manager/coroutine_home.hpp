#pragma once

/// Where coroutine handlers run: a strand with one root coroutine, which takes tasks from the runner and
/// runs their handlers one after the other. To start a handler is then to call a function in a coroutine
/// that runs, which costs a fraction of spawning one.
///
/// Shared by the runner while it is idle, and by its root coroutine, which may outlive the manager: a
/// handler that does not return keeps its home, its task and the mailbox, nothing else.

#include "local_execution_manager/bell.hpp"
#include "local_execution_manager/mailbox.hpp"
#include "local_execution_manager/running_task.hpp"
#include "posting.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <memory>

namespace spider::inline v1::detail {

class CoroutineRunner;

class CoroutineHome final : public std::enable_shared_from_this<CoroutineHome> {
 public:
  CoroutineHome(const asio::any_io_executor& executor, std::weak_ptr<CoroutineRunner> runner,
                std::shared_ptr<Mailbox> mailbox);

  // Callable from any thread. Every function runs its part on the strand.

  /// Takes tasks until the runner has no more for it. It is idle, and nobody else wakes it.
  auto wake(Next next) -> void;
  /// Cancels the handler of `task` if it is still running.
  auto cancel(RunningTaskPtr task) -> void;

 private:
  static auto run(std::shared_ptr<CoroutineHome> self) -> asio::awaitable<void>;
  auto spawn() -> void;

  const asio::any_io_executor strand_;
  const Poster poster_;
  const std::weak_ptr<CoroutineRunner> runner_;
  const std::shared_ptr<Mailbox> mailbox_;
  const std::shared_ptr<Bell> woken_ = std::make_shared<Bell>();  // for the root coroutine, while it is idle

  // Of the strand. The task that runs belongs to the root coroutine: when an execution context destroys
  // that at its shutdown, the task goes, and with it its part in this.
  asio::cancellation_signal signal_;
  const RunningTask* running_ = nullptr;
  bool spawned_ = false;
};

}  // namespace spider::inline v1::detail
