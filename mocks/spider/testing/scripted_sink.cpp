#include "spider/testing/scripted_sink.hpp"

#include "waiting.hpp"

#include <algorithm>
#include <string>

namespace spider::inline v1::testing {

ScriptedSink::ScriptedSink(Clock& clock, std::size_t capacity)
    : line_{spider::detail::WaitingLine::make(clock)}, capacity_{capacity} {}

auto ScriptedSink::take(std::size_t max) -> std::vector<TaskAssignment> {
  const auto count = static_cast<std::ptrdiff_t>(std::min(max, queued_.size()));
  std::vector<TaskAssignment> taken{queued_.begin(), queued_.begin() + count};
  queued_.erase(queued_.begin(), queued_.begin() + count);
  if (count > 0) line_->notify_all();
  return taken;
}

auto ScriptedSink::set_capacity(std::size_t capacity) -> void {
  capacity_ = capacity;
  line_->notify_all();
}

auto ScriptedSink::put(const TaskAssignment& assignment) -> Result<void> {
  if (closed_) return Errc::dispatch_queue_closed;
  if (assignment.session != session_) return ++stale_, Errc::stale_session;
  if (queued_.size() >= capacity_) return Errc::would_block;
  queued_.push_back(assignment);
  accepted_.push_back(assignment);
  return success();
}

auto ScriptedSink::try_enqueue(const TaskAssignment& assignment) -> Result<void> {
  if (refusals_ == 0) return put(assignment);
  --refusals_;
  return Errc::would_block;
}

auto ScriptedSink::enqueue(TaskAssignment assignment) -> Async<void> {
  while (true) {
    const auto ticket = line_->ticket();
    auto done = put(assignment);
    if (done || done.error() != Errc::would_block) co_return done;
    SPIDER_CO_TRY(co_await line_->wait(ticket, kForever));
  }
}

auto ScriptedSink::enqueue_batch(std::vector<TaskAssignment> assignments) -> Async<std::size_t> {
  if (assignments.empty()) co_return std::size_t{0};
  SPIDER_CO_TRY(co_await enqueue(assignments.front()));
  std::size_t count = 1;
  while (count < assignments.size() && put(assignments[count])) ++count;
  co_return count;
}

auto ScriptedSink::bump_session(SessionId session) -> Result<void> {
  if (closed_) return Errc::dispatch_queue_closed;
  if (session <= session_) {
    return Error{Errc::invalid_session,
                 std::to_string(session.value) + " is not above " + std::to_string(session_.value)};
  }
  session_ = session;
  bumps_.push_back(session);
  queued_.clear();
  line_->notify_all();
  return success();
}

auto ScriptedSink::free_slots() const -> std::size_t {
  return queued_.size() >= capacity_ ? 0 : capacity_ - queued_.size();
}

auto ScriptedSink::wait_for_slots() -> Async<std::size_t> {
  while (true) {
    const auto ticket = line_->ticket();
    if (closed_) co_return Errc::dispatch_queue_closed;
    if (free_slots() > 0) co_return free_slots();
    SPIDER_CO_TRY(co_await line_->wait(ticket, kForever));
  }
}

auto ScriptedSink::close() -> void {
  closed_ = true;
  line_->notify_all();
}

}  // namespace spider::inline v1::testing
