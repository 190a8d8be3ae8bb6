#include "policy_core/core_run.hpp"

#include <algorithm>
#include <utility>

namespace spider::inline v1::detail {

namespace {

/// Room for fewer entries than this is not worth a poll of its own.
constexpr std::size_t kPollWorthwhile = 64;

/// Reading the clock costs as much as deciding: so many entries are ingested or dispatched at one instant.
constexpr std::size_t kPerInstant = 64;

/// How many assignments one incarnation of a scheduler can draw ids for.
constexpr unsigned kAssignmentBits = 40;

}  // namespace

auto CoreRun::wants_poll(TaskKind kind) const -> bool {
  const auto worthwhile = std::min(kPollWorthwhile, std::max<std::size_t>(options_.buffered_max / 8, 1));
  return registered_ && buffer_.budget(kind) >= worthwhile;
}

auto CoreRun::request_for(TaskKind kind) const -> PollRequest {
  PollRequest request;
  request.scheduler = registration_.scheduler;
  request.session = session_;
  request.queues = options_.queues;
  request.max_items = std::min(buffer_.budget(kind), options_.poll_items_max);
  request.per_group_max = std::max(std::min(kPollWorthwhile, request.max_items), request.max_items / 2);
  request.per_job_max = request.per_group_max;
  request.wait = options_.poll_wait;
  return request;
}

/// What was leased before the last registration is offered again. After it, a poll that was under way when
/// its session lapsed says nothing about the present one, but it may have leased under it.
auto CoreRun::lane_failed(const Error& error, const Registration& polled_under, std::uint32_t failures)
    -> void {
  if (polled_under.incarnation != registration_.incarnation) return;
  const auto session_lost = error == Errc::stale_session || error == Errc::unknown_scheduler;
  const auto counts = polled_under.session == session_;
  if (counts && (session_lost || failures % options_.reregister_after == 0)) return lose_registration();
  if (!session_lost) recover_later();
}

auto CoreRun::recover_later() -> void {
  if (recover_at_ != kForever) return;
  recover_at_ = saturating_add(context_.clock.now(), options_.recover_after);
  main_->notify_all();
}

auto CoreRun::dropped(JobId job, Dropped what) -> void {
  if (dropped_.size() >= options_.finalizing_max) return recover_later();
  auto& most = dropped_.try_emplace(job, what).first->second;
  most = std::max(most, what);
  drops_->notify_all();
}

auto CoreRun::lose_registration() -> void {
  if (!std::exchange(registered_, false)) return;
  main_->notify_all();
}

auto CoreRun::ingest(const InboundBatch& batch) -> void {
  if (!running()) return;
  if (batch.session < session_) {
    return context_.observer.observe({.kind = EventKind::stale_batch_dropped,
                                      .at = context_.clock.now(),
                                      .scheduler = registration_.scheduler,
                                      .session = batch.session,
                                      .count = batch.entries.size()});
  }
  if (batch.session > session_) {
    if (!adopt(batch.session)) return;
    undecided_ = true;
    main_->notify_all();
  }
  ingest_entries(batch.entries);
  pump();
}

auto CoreRun::ingest_entries(std::span<const InboundEntry> entries) -> void {
  TimePoint now;
  for (std::size_t count = 0; count < entries.size() && running(); ++count) {
    if (count % kPerInstant == 0) now = context_.clock.now();
    ingest_entry(entries[count], now);
  }
}

auto CoreRun::ingest_entry(const InboundEntry& entry, TimePoint now) -> void {
  const auto outcome = buffer_.ingest(entry, now);
  if (!outcome) return end(outcome.error());
  if (outcome.value() == Ingest::duplicate) {
    context_.observer.observe({.kind = EventKind::duplicate_ignored, .at = now, .task = entry.ref()});
  }
  if (outcome.value() == Ingest::finalizing || buffer_.dropped() > 0) dropped(entry.job, Dropped::regular);
  if (buffer_.dropped() > 0) {
    context_.observer.observe(
        {.kind = EventKind::job_dropped, .at = now, .task = entry.ref(), .count = buffer_.dropped()});
    lanes_->notify_all();  // there is room
  }
}

auto CoreRun::ingest_handed_back(const TaskAssignment& assignment) -> void {
  if (assignment.session != session_ || assignment.scheduler != registration_.scheduler) return;
  InboundEntry entry;
  entry.job = assignment.job;
  entry.group = assignment.group;
  entry.created_at = assignment.created_at;
  entry.ready_at = assignment.ready_at;
  entry.task = assignment.task;
  entry.queue = assignment.queue;
  entry.priority = assignment.priority;
  entry.weight = 0;  // an assignment does not carry it
  entry.deliveries = 1;
  ingest_entry(entry, context_.clock.now());
}

auto CoreRun::ingest_ended(const EndedBatch& batch) -> void {
  for (const auto job : batch.jobs) {
    const auto count = buffer_.end_job(job);
    if (!count) return end(count.error());
    if (count.value() == 0) continue;
    dropped(job, Dropped::all);
    context_.observer.observe({.kind = EventKind::job_dropped,
                               .at = context_.clock.now(),
                               .task = {job, TaskId{}},
                               .count = count.value()});
  }
  if (batch.gap) lose_registration();
  if (running() && wants_poll(TaskKind::regular)) lanes_->notify_all();
  hooks_.publish(dispatched_);
}

auto CoreRun::adopt(SessionId session) -> bool {
  const auto cleared = buffer_.clear();
  if (!cleared) return end(cleared.error()), false;
  const auto bumped = context_.sink.bump_session(session);
  if (!bumped) return end(bumped.error()), false;
  session_ = registration_.session = session;
  blocked_ = false;
  nothing_at_.reset();
  dropped_.clear();
  context_.observer.observe({.kind = EventKind::session_bumped,
                             .at = context_.clock.now(),
                             .scheduler = registration_.scheduler,
                             .session = session,
                             .count = cleared.value()});
  lanes_->notify_all();
  return true;
}

auto CoreRun::pump() -> void {
  if (running() && registered_ && !blocked_ && !undecided_) decide();
  hooks_.publish(dispatched_);
}

auto CoreRun::decide() -> void {
  if (const auto taken = hooks_.take_feedback(); !taken) return end(taken.error());
  const auto before = dispatched_;
  auto free = context_.sink.free_slots();
  auto ran_dry = false;
  TimePoint now;
  for (std::size_t count = 0; free > 0; --free, ++count) {
    if (count % kPerInstant == 0) now = context_.clock.now();
    const auto entry = buffer_.next(now);
    if (!entry) return end(entry.error());
    ran_dry = !entry.value();
    if (ran_dry || !dispatch(*entry.value(), now)) break;
  }
  if (!running()) return;
  if (free == 0 && !buffer_.empty()) block();
  if (ran_dry && buffer_.regular() > 0) {
    nothing_at_ = context_.clock.now();
    if (!buffer_.work_conserving()) main_->notify_all();  // wake_at may have changed
    if (buffer_.work_conserving()) {
      context_.observer.observe({.kind = EventKind::policy_idle,
                                 .at = context_.clock.now(),
                                 .scheduler = registration_.scheduler,
                                 .count = buffer_.regular()});
    }
  }
  if (dispatched_ != before && lanes_->waiters() > 0) lanes_->notify_all();
}

auto CoreRun::block() -> void {
  blocked_ = true;
  slots_->notify_all();
}

auto CoreRun::dispatch(const InboundEntry& entry, TimePoint now) -> bool {
  const auto enqueued = context_.sink.try_enqueue(stamp(entry));
  if (!enqueued) {
    if (enqueued.error() == Errc::would_block) {
      block();  // another producer was faster
    } else if (enqueued.error() == Errc::stale_session) {
      lose_registration();  // somebody else bumped the sink: only a new registration leads past that
    } else {
      end(enqueued.error());
    }
    return false;
  }
  const Event event{.kind = EventKind::dispatched,
                    .at = now,
                    .scheduler = registration_.scheduler,
                    .session = session_,
                    .task = entry.ref(),
                    .group = entry.group,
                    .priority = entry.priority,
                    .queue = entry.queue,
                    .deferrals = entry.deferrals,
                    .deliveries = entry.deliveries,
                    .duration = now - entry.ready_at};
  buffer_.enqueued();
  ++dispatched_;
  context_.observer.observe(event);
  return true;
}

auto CoreRun::stamp(const InboundEntry& entry) -> TaskAssignment {
  // Ids are unique per scheduler, which keeps its id from one incarnation to the next.
  next_assignment_ = std::max(next_assignment_, registration_.incarnation << kAssignmentBits);
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

/// A policy that wants to be asked at an instant at which it had nothing is not asked again.
auto CoreRun::policy_wakes_at() -> TimePoint {
  if (blocked_ || !registered_) return kForever;
  const auto wanted = buffer_.wake_at();
  if (!wanted) return end(wanted.error()), kForever;
  const auto at = wanted.value().value_or(kForever);
  return nothing_at_ && at <= *nothing_at_ ? kForever : at;
}

auto CoreRun::end(Error why) -> void {
  if (!why_) why_ = std::move(why);
  main_->notify_all();
}

}  // namespace spider::inline v1::detail
