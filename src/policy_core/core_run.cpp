#include "policy_core/core_run.hpp"

#include <algorithm>
#include <utility>

namespace spider::inline v1::detail {

namespace {

/// Entries below this are not worth a poll of their own while more than this are buffered.
constexpr std::size_t kPollWorthwhile = 64;

}  // namespace

auto CoreRun::wants_poll(TaskKind kind) const -> bool {
  const auto worthwhile = std::min(kPollWorthwhile, std::max<std::size_t>(options_.buffered_max / 8, 1));
  return registered_ && buffer_.budget(kind) >= worthwhile;
}

auto CoreRun::request_for(TaskKind kind) const -> PollRequest {
  PollRequest request;
  const auto budget = buffer_.budget(kind);
  request.scheduler = registration_.scheduler;
  request.session = session_;
  request.queues = options_.queues;
  request.max_items = std::min(budget, options_.poll_items_max);
  request.per_group_max = std::max(std::min(kPollWorthwhile, request.max_items), request.max_items / 2);
  request.per_job_max = request.per_group_max;
  request.wait = options_.poll_wait;
  return request;
}

auto CoreRun::poll_failed(TaskKind, const Error& error) -> void {
  ++failures_;
  const auto session_lost = error == Errc::stale_session || error == Errc::unknown_scheduler;
  if (!registered_ || (!session_lost && failures_ % options_.reregister_after != 0)) return;
  registered_ = false;
  main_->notify_all();
}

auto CoreRun::ingest(const InboundBatch& batch) -> void {
  if (batch.session < session_) {
    context_.observer.observe({.kind = EventKind::stale_batch_dropped,
                               .at = context_.clock.now(),
                               .scheduler = registration_.scheduler,
                               .session = batch.session,
                               .count = batch.entries.size()});
    return;
  }
  const auto fresh = batch.session > session_;
  if (fresh && !adopt(batch.session)) return;
  for (const auto& entry : batch.entries) {
    ingest_entry(entry);
    if (!running()) return;
  }
  // Batches of a new session that are at hand already get in before the first decision.
  if (fresh) return main_->notify_all();
  pump();
}

auto CoreRun::ingest_entry(const InboundEntry& entry) -> void {
  const auto now = context_.clock.now();
  const auto outcome = buffer_.ingest(entry, now);
  if (!outcome) return end(outcome.error());
  if (outcome.value() == Ingest::duplicate) {
    context_.observer.observe({.kind = EventKind::duplicate_ignored, .at = now, .task = entry.ref()});
  }
  if (buffer_.dropped() > 0) {
    context_.observer.observe(
        {.kind = EventKind::job_dropped, .at = now, .task = entry.ref(), .count = buffer_.dropped()});
  }
}

auto CoreRun::adopt(SessionId session) -> bool {
  const auto cleared = buffer_.clear();
  if (!cleared) return end(cleared.error()), false;
  const auto bumped = context_.sink.bump_session(session);
  if (!bumped) return end(bumped.error()), false;
  session_ = registration_.session = session;
  blocked_ = false;
  context_.observer.observe({.kind = EventKind::session_bumped,
                             .at = context_.clock.now(),
                             .scheduler = registration_.scheduler,
                             .session = session,
                             .count = cleared.value()});
  lanes_->notify_all();
  return true;
}

auto CoreRun::pump() -> void {
  if (!running() || !registered_ || blocked_) return;
  auto free = context_.sink.free_slots();
  const auto before = dispatched_;
  while (free > 0 && running()) {
    const auto entry = buffer_.next(context_.clock.now());
    if (!entry) return end(entry.error());
    if (!entry.value()) break;
    if (!dispatch(*entry.value())) break;
    --free;
  }
  if (running() && free == 0 && !buffer_.empty()) {
    blocked_ = true;
    slots_->notify_all();
  }
  if (running() && free > 0 && buffer_.regular() > 0 && buffer_.work_conserving()) {
    context_.observer.observe({.kind = EventKind::policy_idle,
                               .at = context_.clock.now(),
                               .scheduler = registration_.scheduler,
                               .count = buffer_.regular()});
  }
  if (!buffer_.work_conserving()) main_->notify_all();  // wake_at may have changed
  if (dispatched_ != before && lanes_->waiters() > 0) lanes_->notify_all();
  publish_(dispatched_);
}

auto CoreRun::dispatch(const InboundEntry& entry) -> bool {
  const auto enqueued = context_.sink.try_enqueue(stamp(entry));
  if (enqueued) {
    ++dispatched_;
    const auto now = context_.clock.now();
    context_.observer.observe({.kind = EventKind::dispatched,
                               .at = now,
                               .scheduler = registration_.scheduler,
                               .session = session_,
                               .task = entry.ref(),
                               .group = entry.group,
                               .priority = entry.priority,
                               .queue = entry.queue,
                               .deferrals = entry.deferrals,
                               .deliveries = entry.deliveries,
                               .duration = now - entry.ready_at});
    return true;
  }
  if (enqueued.error() == Errc::would_block) {
    // Another producer was faster.
    buffer_.put_back(entry);
    blocked_ = true;
    slots_->notify_all();
  } else if (enqueued.error() == Errc::stale_session) {
    // Somebody else bumped the sink: only a new registration leads past its session.
    registered_ = false;
    main_->notify_all();
  } else {
    end(enqueued.error());
  }
  return false;
}

auto CoreRun::stamp(const InboundEntry& entry) -> TaskAssignment {
  TaskAssignment assignment;
  assignment.id = AssignmentId{++next_assignment_};
  assignment.job = entry.job;
  assignment.group = entry.group;
  assignment.scheduler = registration_.scheduler;
  assignment.session = session_;
  assignment.created_at = entry.created_at;
  assignment.ready_at = entry.ready_at;
  assignment.task = entry.task;
  assignment.queue = entry.queue;
  assignment.priority = entry.priority;
  return assignment;
}

auto CoreRun::end(Error why) -> void {
  if (!why_) why_ = std::move(why);
  main_->notify_all();
}

}  // namespace spider::inline v1::detail
