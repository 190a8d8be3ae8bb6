#include "policy_core/core_run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace spider::inline v1::detail {

auto CoreRun::spawn(const asio::any_io_executor& executor, Async<void> child) -> void {
  ++children_;
  auto& signal = signals_.emplace_back();
  asio::co_spawn(
      executor, rooted(std::move(child)),
      asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr failure, Result<void>) {
        --children_;
        if (failure) end(Error{Errc::internal, "a core's child ended by an exception"});
        main_->notify_all();
      }));
}

auto CoreRun::drive() -> Async<void> {
  const auto executor = co_await asio::this_coro::executor;
  spawn(executor, poll_lane(TaskKind::commit));
  spawn(executor, poll_lane(TaskKind::cleanup));
  spawn(executor, poll_lane(TaskKind::regular));
  spawn(executor, poll_ended());
  spawn(executor, watch_slots());
  spawn(executor, watch_handed_back());
  const auto ended = co_await supervise();
  co_await finish();
  co_return ended.error();
}

auto CoreRun::supervise() -> Async<void> {
  while (running()) {
    const auto ticket = main_->ticket();
    if (!registered_) {
      const auto done = co_await register_anew();
      if (!done && done.error() == Errc::cancelled) co_return Errc::cancelled;
      continue;
    }
    const auto wake_at = blocked_ ? std::optional<TimePoint>{} : buffer_.wake_at();
    const auto woken = co_await main_->wait(ticket, wake_at.value_or(kForever));
    if (woken) continue;
    if (woken.error() == Errc::cancelled) co_return Errc::cancelled;
    pump();
  }
  co_return why_ ? *why_ : Error{Errc::cancelled};
}

auto CoreRun::register_anew() -> Async<void> {
  SchedulerInfo info{options_.member};
  const auto registration = co_await context_.storage.register_scheduler(std::move(info));
  if (!registration) {
    if (registration.error() == Errc::cancelled) co_return Errc::cancelled;
    co_return co_await rest(registration.error(), EventKind::register_failed, ++register_failures_);
  }
  registration_ = registration.value();
  registered_ = true;
  failures_ = register_failures_ = 0;
  context_.observer.observe({.kind = EventKind::registered,
                             .at = context_.clock.now(),
                             .scheduler = registration_.scheduler,
                             .session = registration_.session});
  if (adopt(registration_.session)) lanes_->notify_all();
  co_return success();
}

auto CoreRun::rest(Error error, EventKind kind, std::uint32_t failures) -> Async<void> {
  const auto doublings = std::min(failures - 1, 30U);
  const auto full = std::min(to_seconds(options_.backoff_first) * static_cast<double>(1U << doublings),
                             to_seconds(options_.backoff_max));
  const auto pause = from_seconds(full * (0.5 + 0.5 * rng_.unit()));
  context_.observer.observe({.kind = kind,
                             .at = context_.clock.now(),
                             .scheduler = registration_.scheduler,
                             .session = session_,
                             .duration = pause,
                             .error = &error});
  return context_.clock.sleep_until(saturating_add(context_.clock.now(), pause));
}

auto CoreRun::poll_lane(TaskKind kind) -> Async<void> {
  while (running()) {
    const auto ticket = lanes_->ticket();
    if (!wants_poll(kind)) {
      const auto woken = co_await lanes_->wait(ticket, kForever);
      if (!woken) co_return Errc::cancelled;
      continue;
    }
    const auto batch = co_await poll(kind);
    if (batch) {
      failures_ = 0;
      ingest(batch.value());
      continue;
    }
    if (batch.error() == Errc::cancelled) co_return Errc::cancelled;
    poll_failed(kind, batch.error());
    const auto rested = co_await rest(batch.error(), EventKind::poll_failed, failures_);
    if (!rested) co_return Errc::cancelled;
  }
  co_return success();
}

auto CoreRun::poll(TaskKind kind) -> Async<InboundBatch> {
  auto request = request_for(kind);
  switch (kind) {
    case TaskKind::commit: return context_.storage.poll_commit_ready(std::move(request));
    case TaskKind::cleanup: return context_.storage.poll_cleanup_ready(std::move(request));
    case TaskKind::regular: break;
  }
  return context_.storage.poll_ready(std::move(request));
}

auto CoreRun::poll_ended() -> Async<void> {
  EndedCursor cursor;
  while (running()) {
    auto batch = co_await context_.storage.poll_ended(cursor, options_.poll_wait);
    if (!batch) {
      if (batch.error() == Errc::cancelled) co_return Errc::cancelled;
      const auto rested = co_await rest(batch.error(), EventKind::poll_failed, 1 + failures_);
      if (!rested) co_return Errc::cancelled;
      continue;
    }
    cursor = batch.value().cursor;
    for (const auto job : batch.value().jobs) {
      const auto dropped = buffer_.end_job(job);
      if (!dropped) end(dropped.error());
      if (!dropped || dropped.value() == 0) continue;
      context_.observer.observe({.kind = EventKind::job_dropped,
                                 .at = context_.clock.now(),
                                 .task = {job, TaskId{}},
                                 .count = dropped.value()});
    }
    if (batch.value().gap) {
      registered_ = false;
      main_->notify_all();
    }
    if (running() && wants_poll(TaskKind::regular)) lanes_->notify_all();
  }
  co_return success();
}

auto CoreRun::watch_slots() -> Async<void> {
  while (running()) {
    const auto ticket = slots_->ticket();
    if (!blocked_) {
      const auto woken = co_await slots_->wait(ticket, kForever);
      if (!woken) co_return Errc::cancelled;
      continue;
    }
    const auto free = co_await context_.sink.wait_for_slots();
    if (!free) {
      if (free.error() != Errc::cancelled) end(free.error());
      co_return free.error();
    }
    blocked_ = false;
    pump();
  }
  co_return success();
}

auto CoreRun::watch_handed_back() -> Async<void> {
  constexpr std::size_t kSnapshot = 65'536;
  while (running()) {
    const auto some = co_await context_.handed_back.wait();
    if (!some) co_return some.error();
    for (const auto& assignment : context_.handed_back.take(kSnapshot)) {
      if (assignment.session != session_ || assignment.scheduler != registration_.scheduler) continue;
      InboundEntry entry;
      entry.job = assignment.job;
      entry.group = assignment.group;
      entry.created_at = assignment.created_at;
      entry.ready_at = assignment.ready_at;
      entry.task = assignment.task;
      entry.queue = assignment.queue;
      entry.priority = assignment.priority;
      entry.deliveries = 1;
      ingest_entry(entry);
      if (!running()) break;
    }
    pump();
  }
  co_return success();
}

auto CoreRun::finish() -> Async<void> {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  stopping_ = true;
  for (auto& signal : signals_) signal.emit(asio::cancellation_type::terminal);
  while (children_ > 0) {
    const auto ticket = main_->ticket();
    if (children_ == 0) break;
    co_await main_->wait(ticket, kForever);
  }
  static_cast<void>(buffer_.clear());
  if (registered_) co_await context_.storage.unregister_scheduler(registration_);
  co_return success();
}

}  // namespace spider::inline v1::detail
