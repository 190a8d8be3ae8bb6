#include "policy_core/core_run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace spider::inline v1::detail {

namespace {

auto may_run_regular(JobState state) -> bool {
  return state == JobState::ready || state == JobState::running;
}

}  // namespace

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
  // An exception here would leave the children behind with a dangling `this`.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  stop_ = co_await asio::this_coro::cancellation_state;
  const auto executor = co_await asio::this_coro::executor;
  spawn(executor, poll_lane(TaskKind::commit));
  spawn(executor, poll_lane(TaskKind::cleanup));
  spawn(executor, poll_lane(TaskKind::regular));
  spawn(executor, poll_ended());
  spawn(executor, watch_slots());
  spawn(executor, watch_handed_back());
  spawn(executor, watch_dropped());
  static_cast<void>(co_await supervise());
  // Of its own cancellation: nothing cuts the farewell short.
  auto farewell =
      asio::co_spawn(executor, rooted(finish()),
                     asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::use_awaitable));
  static_cast<void>(co_await std::move(farewell));
  co_await asio::this_coro::throw_if_cancelled(throwing);
  co_return why_ ? *why_ : Error{Errc::cancelled};
}

auto CoreRun::supervise() -> Async<void> {
  std::uint32_t failures = 0;
  while (running()) {
    const auto ticket = main_->ticket();
    if (!registered_) {
      const auto done = co_await register_anew();
      failures = done ? 0 : failures + 1;
      if (!done && running()) {
        static_cast<void>(co_await rest(done.error(), EventKind::register_failed, failures));
      }
      continue;
    }
    if (std::exchange(undecided_, false)) pump();
    if (context_.clock.now() >= recover_at_) {
      lose_registration();
      continue;
    }
    const auto deadline = std::min(policy_wakes_at(), recover_at_);
    const auto woken = co_await main_->wait(ticket, deadline);
    if (!woken && woken.error() == Errc::timed_out) pump();
  }
  co_return success();
}

auto CoreRun::register_anew() -> Async<void> {
  SchedulerInfo info{options_.member};
  const auto registration = co_await context_.storage.register_scheduler(std::move(info));
  if (!registration) co_return registration.error();
  registration_ = registration.value();
  registered_ = true;
  recover_at_ = kForever;
  context_.observer.observe({.kind = EventKind::registered,
                             .at = context_.clock.now(),
                             .scheduler = registration_.scheduler,
                             .session = registration_.session});
  if (running()) adopt(registration_.session);
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
  std::uint32_t failures = 0;
  while (running()) {
    const auto ticket = lanes_->ticket();
    if (!wants_poll(kind)) {
      static_cast<void>(co_await lanes_->wait(ticket, kForever));
      continue;
    }
    const auto asked_at = context_.clock.now();
    const auto polled_under = registration_;
    const auto batch = co_await poll(kind);
    if (!running()) break;
    if (!batch) {
      lane_failed(batch.error(), polled_under, ++failures);
      if (polled_under.session == session_) {
        static_cast<void>(co_await rest(batch.error(), EventKind::poll_failed, failures));
      }
      continue;
    }
    failures = 0;
    const auto fresh = batch.value().session > session_;
    const auto nothing = batch.value().entries.empty() || batch.value().session < session_;
    ingest(batch.value());
    if (nothing && !fresh) {
      static_cast<void>(
          co_await context_.clock.sleep_until(saturating_add(asked_at, options_.backoff_first)));
    }
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
  std::uint32_t failures = 0;
  while (running()) {
    const auto asked_at = context_.clock.now();
    const auto batch = co_await context_.storage.poll_ended(cursor, options_.poll_wait);
    if (!running()) break;
    if (!batch) {
      static_cast<void>(co_await rest(batch.error(), EventKind::poll_failed, ++failures));
      continue;
    }
    failures = 0;
    cursor = batch.value().cursor;
    ingest_ended(batch.value());
    if (batch.value().jobs.empty()) {
      static_cast<void>(
          co_await context_.clock.sleep_until(saturating_add(asked_at, options_.backoff_first)));
    }
  }
  co_return success();
}

auto CoreRun::watch_slots() -> Async<void> {
  while (running()) {
    const auto ticket = slots_->ticket();
    if (!blocked_) {
      static_cast<void>(co_await slots_->wait(ticket, kForever));
      continue;
    }
    const auto free = co_await context_.sink.wait_for_slots();
    if (!running()) break;
    if (!free) {
      end(free.error());
      break;
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
    if (!some || !running()) break;
    for (const auto& assignment : context_.handed_back.take(kSnapshot)) {
      ingest_handed_back(assignment);
      if (!running()) break;
    }
    pump();
  }
  co_return success();
}

auto CoreRun::watch_dropped() -> Async<void> {
  while (running()) {
    const auto ticket = drops_->ticket();
    if (dropped_.empty()) {
      static_cast<void>(co_await drops_->wait(ticket, kForever));
      continue;
    }
    const auto [job, what] = *dropped_.begin();
    dropped_.erase(dropped_.begin());
    const auto session = session_;
    const auto state = co_await context_.storage.job_state(job);
    if (!running()) break;
    if (session != session_) continue;  // all is offered again
    if (!state) {
      if (state.error() != Errc::unknown_job) recover_later();
    } else if (what == Dropped::all ? !has_ended(state.value()) : may_run_regular(state.value())) {
      lose_registration();
    }
  }
  co_return success();
}

auto CoreRun::finish() -> Async<void> {
  stopping_ = true;
  cancel_children();
  static_cast<void>(co_await join(kForever));
  static_cast<void>(buffer_.clear());
  hooks_.publish(dispatched_);
  if (!registration_.session) co_return success();
  const auto executor = co_await asio::this_coro::executor;
  spawn(executor, context_.storage.unregister_scheduler(registration_));
  static_cast<void>(co_await join(saturating_add(context_.clock.now(), options_.leave_timeout)));
  cancel_children();
  static_cast<void>(co_await join(kForever));
  co_return success();
}

auto CoreRun::cancel_children() -> void {
  for (auto& signal : signals_) signal.emit(asio::cancellation_type::terminal);
}

auto CoreRun::join(TimePoint deadline) -> Async<void> {
  while (children_ > 0) {
    const auto ticket = main_->ticket();
    const auto woken = co_await main_->wait(ticket, deadline);
    if (!woken) co_return woken.error();
  }
  co_return success();
}

}  // namespace spider::inline v1::detail
