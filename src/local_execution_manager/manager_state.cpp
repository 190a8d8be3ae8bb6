#include "local_execution_manager/manager_state.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <utility>

namespace spider::inline v1::detail {

ManagerState::ManagerState(asio::any_io_executor executor, asio::any_io_executor plain_executor,
                           std::size_t plain_loops, Parts parts, Handlers handlers,
                           LocalExecutionManagerOptions options)
    : options_{std::move(options)},
      parts_{parts},
      handlers_{std::move(handlers)},
      strand_{make_strand_of(executor)},
      mailbox_{std::make_shared<Mailbox>(strand_, this)},
      plain_runner_{std::make_shared<PlainRunner>(std::move(plain_executor), plain_loops, mailbox_)},
      coroutine_runner_{std::make_shared<CoroutineRunner>(std::move(executor), mailbox_)},
      slot_freed_{std::make_shared<Bell>()},
      reported_{std::make_shared<Bell>()},
      changed_{WaitingLine::make(parts.clock)},
      deadline_set_{WaitingLine::make(parts.clock)},
      holding_{WaitingLine::make(parts.clock)},
      ending_{WaitingLine::make(parts.clock)} {}

auto ManagerState::main() -> Async<void> {
  begun_ = true;
  if (!stopping_) {
    pulling_ = true;
    spawn(report(), {});
    spawn(deadlines(), {});
    spawn(renew(), {});
    spawn(heartbeat(), {});
    spawn(pull(), cancel_pull_.slot());
    SPIDER_CO_TRY(co_await wind_down());
  }
  ended_ = true;
  coroutine_runner_->close();
  mailbox_->close();
  changed_->notify_all();
  if (why_.code) co_return why_;
  co_return success();
}

// Pull first: nothing starts any more. Then the handlers, their results, the leases, the record.
auto ManagerState::wind_down() -> Async<void> {
  while (pulling_ || (!running_.empty() && !abandoned())) {
    const auto until = pulling_ ? kForever : abandon_at_;
    (void)co_await changed_->wait(changed_->ticket(), until);
  }
  last_reports_ = true;
  reported_->ring();
  while (last_reports_) (void)co_await changed_->wait(changed_->ticket(), kForever);
  over_ = true;
  deadline_set_->notify_all();
  holding_->notify_all();
  ending_->notify_all();
  while (children_ > 0) (void)co_await changed_->wait(changed_->ticket(), kForever);
  std::vector<TaskAssignment> nothing_more;
  (void)co_await parts_.dispatch.leave(options_.id, std::move(nothing_more));
  co_return success();
}

auto ManagerState::spawn(Async<void> child, asio::cancellation_slot slot) -> void {
  ++children_;
  auto joined = [this](const std::exception_ptr&, const Result<void>&) {
    --children_;
    changed_->notify_all();
  };
  asio::co_spawn(strand_, rooted(std::move(child)), asio::bind_cancellation_slot(slot, std::move(joined)));
}

auto ManagerState::request_stop(StopMode mode, TimePoint abandon_at) -> void {
  stopping_ = true;
  abandon_at_ = std::min(abandon_at_, abandon_at);
  if (mode == StopMode::cancel) mode_ = StopMode::cancel;
  if (in_next_tasks_) cancel_pull_.emit(asio::cancellation_type::terminal);
  take_returned(plain_runner_->take_back());
  take_returned(coroutine_runner_->take_back());
  if (mode_ == StopMode::cancel) {
    for (const auto& task : running_) {
      task->stopped_by_user = true;
      ask_to_stop(task);
    }
  }
  slot_freed_->ring();
  ending_->notify_all();
  changed_->notify_all();
}

auto ManagerState::stop(StopMode mode, Duration timeout) -> Async<StopReport> {
  const auto abandon_at = saturating_add(parts_.clock.now(), std::max(timeout, Duration::zero()));
  request_stop(mode, abandon_at);
  while (begun_ && !ended_ && parts_.clock.now() < abandon_at) {
    (void)co_await changed_->wait(changed_->ticket(), abandon_at);
  }
  StopReport report;
  for (const auto& task : running_) {
    report.still_running.push_back({task->assignment.ref(), task->started.spec->handler, task->began});
  }
  co_return report;
}

auto ManagerState::abandoned() const -> bool { return stopping_ && parts_.clock.now() >= abandon_at_; }

auto ManagerState::rest(Duration duration) -> Async<void> {
  const auto until = std::min(saturating_add(parts_.clock.now(), duration), abandon_at_);
  co_return co_await ending_->wait(ending_->ticket(), until);
}

auto ManagerState::next_backoff(Duration last) const -> Duration {
  return last >= options_.backoff_max / 2 ? options_.backoff_max : std::max(2 * last, options_.backoff_first);
}

auto ManagerState::event(EventKind kind, TaskRef task) const -> Event {
  Event event;
  event.kind = kind;
  event.manager = options_.id;
  event.task = task;
  return event;
}

auto ManagerState::observe(Event event, const Error* error) const -> void {
  event.at = parts_.clock.now();
  event.error = error;
  parts_.observer.observe(event);
}

}  // namespace spider::inline v1::detail
