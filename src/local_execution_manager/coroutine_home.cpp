#include "local_execution_manager/coroutine_home.hpp"

#include "local_execution_manager/coroutine_runner.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace spider::inline v1::detail {

CoroutineHome::CoroutineHome(const asio::any_io_executor& executor, std::weak_ptr<CoroutineRunner> runner,
                             std::shared_ptr<Mailbox> mailbox)
    : strand_{make_strand_of(executor)},
      poster_{strand_},
      runner_{std::move(runner)},
      mailbox_{std::move(mailbox)} {}

// Posted: a dispatch from the manager's strand may run the handler within that strand, and one that blocks
// its thread would hold up everything of its manager.
auto CoroutineHome::wake(Next next) -> void {
  poster_.post(next, [self = shared_from_this()] { self->spawned_ ? self->woken_->ring() : self->spawn(); });
}

auto CoroutineHome::cancel(RunningTaskPtr task) -> void {
  poster_.post(Next::may_take_long, [self = shared_from_this(), task = std::move(task)] {
    if (self->running_ == task.get()) self->signal_.emit(asio::cancellation_type::terminal);
  });
}

auto CoroutineHome::spawn() -> void {
  spawned_ = true;
  // Asio touches the slot until the completion handler has run, which therefore keeps the signal.
  auto ended = [self = shared_from_this()](const std::exception_ptr&) { self->spawned_ = false; };
  asio::co_spawn(strand_, run(shared_from_this()),
                 asio::bind_cancellation_slot(signal_.slot(), std::move(ended)));
}

/// What one handler has done to the cancellation state does not reach the next.
auto CoroutineHome::run(std::shared_ptr<CoroutineHome> self) -> asio::awaitable<void> {
  CoroutineRunner::Turn turn;
  while (true) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    co_await asio::this_coro::throw_if_cancelled(false);
    auto task = CoroutineRunner::next(self->runner_, self, turn);
    if (turn.over) break;
    if (!task) {
      auto waiting = self->woken_->wait();
      co_await std::move(waiting);
      continue;
    }
    if (!task->unwanted) {
      self->running_ = task.get();
      task->begun = true;
      try {
        auto running = task->handler->start(*task->context, task->started.spec->input);
        auto answer = co_await std::move(running);
        task->answer = std::move(answer);
      } catch (...) {
        task->answer = current_exception_as_error();
      }
      self->running_ = nullptr;
    }
    self->mailbox_->keep(std::move(task));
  }
  self->mailbox_->send(Next::suspends);  // without a runner nobody else does, and the task holds its home
}

}  // namespace spider::inline v1::detail
