#include "sim/faulty_dispatch.hpp"

#include "sim/cancelled_after.hpp"

#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

auto lost() -> Error { return Error{Errc::timed_out, "simulated"}; }

}  // namespace

auto WatchedSink::enqueue(TaskAssignment assignment) -> Async<void> {
  monitor_.enqueue_begins(assignment);
  auto answer = co_await behind_.enqueue(assignment);
  monitor_.enqueue_ends(assignment, answer);
  co_return answer;
}

auto WatchedSink::enqueue_batch(std::vector<TaskAssignment> assignments) -> Async<std::size_t> {
  for (const auto& assignment : assignments) monitor_.enqueue_begins(assignment);
  auto answer = co_await behind_.enqueue_batch(assignments);
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    const auto went_in = answer && i < answer.value();
    monitor_.enqueue_ends(assignments[i],
                          went_in ? Result<void>{success()} : Result<void>{Errc::would_block});
  }
  co_return answer;
}

auto WatchedSink::try_enqueue(const TaskAssignment& assignment) -> Result<void> {
  auto answer = behind_.try_enqueue(assignment);
  if (answer) {
    monitor_.enqueued(assignment);
  } else {
    monitor_.enqueue_refused(assignment, answer.error());
  }
  return answer;
}

auto WatchedSink::bump_session(SessionId session) -> Result<void> {
  auto answer = behind_.bump_session(session);
  if (answer) monitor_.bumped(session);
  return answer;
}

auto WatchedSource::take(std::size_t max, Duration wait) -> Async<std::vector<TaskAssignment>> {
  auto taken = co_await behind_.dequeue_batch(max, wait);
  if (!taken) co_return taken;
  for (const auto& assignment : taken.value()) monitor_.dequeued(assignment);
  co_return taken;
}

auto WatchedSource::dequeue_batch(std::size_t max, Duration wait) -> Async<std::vector<TaskAssignment>> {
  const auto cancel = wait > Duration::zero() ? context_.fires(FaultKind::consumer_cancelled) : std::nullopt;
  if (!cancel) co_return co_await take(max, wait);
  auto taking = cancelled_after(&context_, take(max, wait), cancel->between(Duration{0}, milliseconds{300}));
  auto taken = co_await std::move(taking);
  if (!taken && taken.error() == Errc::cancelled) co_return std::vector<TaskAssignment>{};
  co_return taken;
}

auto WatchedSource::dequeue(Duration wait) -> Async<std::optional<TaskAssignment>> {
  auto taken = co_await behind_.dequeue(wait);
  if (taken && taken.value()) monitor_.dequeued(*taken.value());
  co_return taken;
}

auto WatchedSource::try_dequeue() -> Result<std::optional<TaskAssignment>> {
  auto taken = behind_.try_dequeue();
  if (taken && taken.value()) monitor_.dequeued(*taken.value());
  return taken;
}

auto WatchedHandedBack::take(std::size_t max) -> std::vector<TaskAssignment> {
  auto taken = behind_.take(max);
  for (const auto& assignment : taken) monitor_.handed_back(assignment);
  return taken;
}

auto WatchedDispatch::next_tasks(ManagerId manager, std::size_t max, Duration wait)
    -> Async<std::vector<TaskAssignment>> {
  auto taken = co_await behind_.next_tasks(manager, max, wait);
  if (!taken) co_return taken;
  for (const auto& assignment : taken.value()) monitor_.handed_out(manager, assignment);
  co_return taken;
}

auto WatchedDispatch::acknowledge(ManagerId manager, std::vector<TaskAssignment> assignments) -> Async<void> {
  auto answer = co_await behind_.acknowledge(manager, assignments);
  if (answer) monitor_.acknowledged(manager, assignments);
  co_return answer;
}

auto WatchedDispatch::leave(ManagerId manager, std::vector<TaskAssignment> acknowledged) -> Async<void> {
  auto answer = co_await behind_.leave(manager, acknowledged);
  if (answer) monitor_.acknowledged(manager, acknowledged);
  co_return answer;
}

auto FaultyDispatch::next_tasks(ManagerId manager, std::size_t max, Duration wait)
    -> Async<std::vector<TaskAssignment>> {
  auto asking = behind_.next_tasks(manager, max, wait);
  if (const auto cancel = context_.fires(FaultKind::next_cancelled)) {
    asking = cancelled_after(&context_, std::move(asking), cancel->between(Duration{0}, milliseconds{500}));
  }
  auto taken = co_await std::move(asking);
  if (taken && !taken.value().empty() && context_.fires(FaultKind::next_reply_lost)) co_return lost();
  co_return taken;
}

auto FaultyDispatch::acknowledge(ManagerId manager, std::vector<TaskAssignment> assignments) -> Async<void> {
  if (context_.fires(FaultKind::acknowledge_lost)) co_return lost();
  if (context_.fires(FaultKind::acknowledge_duplicate)) {
    (void)co_await behind_.acknowledge(manager, assignments);
  }
  co_return co_await behind_.acknowledge(manager, std::move(assignments));
}

auto FaultyDispatch::heartbeat(ManagerId manager) -> Async<void> {
  if (context_.fires(FaultKind::heartbeat_lost)) co_return lost();
  if (const auto late = context_.fires(FaultKind::heartbeat_late)) {
    (void)co_await context_.sleep(late->between(milliseconds{1}, seconds{3}));
  }
  if (const auto after = context_.fires(FaultKind::heartbeat_reordered)) {
    context_.spawn(beat_later(manager, after->between(seconds{1}, seconds{20})));
    co_return success();
  }
  co_return co_await behind_.heartbeat(manager);
}

auto FaultyDispatch::beat_later(ManagerId manager, Duration delay) -> Async<void> {
  (void)co_await context_.sleep(delay);
  if (context_.stopping) co_return success();
  co_return co_await behind_.heartbeat(manager);
}

}  // namespace spider::inline v1::sim
