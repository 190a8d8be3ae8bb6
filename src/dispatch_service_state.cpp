#include "dispatch_service_state.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <new>

namespace spider {
inline namespace v1 {

using detail::Manager;

/// One critical section. What is overdue is handed back first, the alarm is set last, and observers are
/// told after the lock was released. `now` never goes back from turn to turn.
class DispatchService::State::Turn {
 public:
  explicit Turn(State& state) : state_{state}, lock_{state.mutex_} {
    if (state_.detached_) return;
    now_ = state_.clock_.now();
    expire();
  }
  Turn(const Turn&) = delete;
  auto operator=(const Turn&) -> Turn& = delete;
  ~Turn() {
    if (state_.detached_) return;
    arm();
    if (events_.empty()) return;
    state_.speaking_.fetch_add(1);
    lock_.unlock();
    for (const auto& event : events_) state_.observer_.observe(event);
    if (state_.speaking_.fetch_sub(1) == 1) state_.speaking_.notify_all();
  }

  [[nodiscard]] auto now() const -> TimePoint { return now_; }

  auto touch(Manager& manager) -> void {
    if (state_.ledger_.touch(manager, now_)) tell({.kind = EventKind::manager_joined, .manager = manager.id});
  }

  auto acknowledge(Manager& manager, std::span<const TaskAssignment> assignments) -> void {
    for (const auto& assignment : assignments) {
      if (state_.ledger_.remove(manager, assignment)) {
        ++state_.counters_.acknowledged;
      } else if (state_.served_ && assignment.scheduler != state_.served_) {
        tell({.kind = EventKind::foreign_acknowledged,
              .scheduler = assignment.scheduler,
              .manager = manager.id,
              .task = assignment.ref()});
      }
    }
  }

  auto remove(Manager& manager, EventKind why) -> void {
    const auto id = manager.id;
    const auto before = state_.counters_.handed_back;
    std::array<TaskAssignment, 64> chunk;
    while (!manager.records.empty()) {
      const auto count = std::min(chunk.size(), manager.records.size());
      for (std::size_t i = 0; i < count; ++i) chunk[i] = state_.ledger_.remove_first(manager);
      hand_back({chunk.data(), count});
    }
    state_.ledger_.end(manager);
    tell({.kind = why, .manager = id, .count = state_.counters_.handed_back - before});
  }

 private:
  /// Dead managers before overdue assignments: where both are due, the manager is the reason.
  auto expire() -> void {
    auto& ledger = state_.ledger_;
    while (auto* dead = ledger.dead(now_)) remove(*dead, EventKind::manager_lost);
    while (const auto* overdue = ledger.overdue(now_)) {
      const auto assignment = overdue->assignment;
      auto& manager = *overdue->owner;
      ledger.remove(manager, assignment);
      ++state_.counters_.expired;
      tell({.kind = EventKind::assignment_expired, .manager = manager.id, .task = assignment.ref()});
      hand_back({&assignment, 1});
    }
  }

  auto hand_back(std::span<const TaskAssignment> assignments) -> void {
    const auto accepted = state_.handed_back_.put(assignments);
    state_.counters_.handed_back += accepted;
    state_.counters_.refused += assignments.size() - accepted;
    for (const auto& refused : assignments.subspan(accepted)) {
      tell({.kind = EventKind::handed_back_refused, .task = refused.ref()});
    }
  }

  /// Re-armed only when something is due earlier than the alarm: refreshing a manager costs no timer.
  auto arm() -> void {
    const auto due = state_.ledger_.next_deadline();
    if (due >= state_.armed_ && due != kForever) return;
    if (due == state_.armed_) return;
    state_.armed_ = due;
    state_.alarm_->arm(due);
  }

  /// Out of memory costs an event, never an assignment.
  auto tell(Event event) noexcept -> void {
    try {
      event.at = now_;
      events_.push_back(event);
    } catch (const std::bad_alloc&) {
    }
  }

  State& state_;
  std::unique_lock<std::mutex> lock_;
  TimePoint now_{};
  std::vector<Event> events_;
};

auto DispatchService::State::make(const DispatchServiceOptions& options, DispatchQueueSource& source,
                                  HandedBackQueue& handed_back, Clock& clock, Observer& observer)
    -> std::shared_ptr<State> {
  auto state = std::make_shared<State>(options, source, handed_back, clock, observer);
  state->alarm_ = clock.make_alarm([weak = std::weak_ptr{state}] {
    if (const auto self = weak.lock()) self->on_alarm();
  });
  return state;
}

DispatchService::State::State(const DispatchServiceOptions& options, DispatchQueueSource& source,
                              HandedBackQueue& handed_back, Clock& clock, Observer& observer)
    : source_{source}, handed_back_{handed_back}, clock_{clock}, observer_{observer}, ledger_{options} {}

auto DispatchService::State::on_alarm() -> void {
  {
    const std::scoped_lock lock{mutex_};
    armed_ = kForever;
  }
  const Turn turn{*this};
}

auto DispatchService::State::begin(ManagerId manager, std::size_t max) -> Result<std::shared_ptr<Call>> {
  std::shared_ptr<Call> call;
  try {
    call = std::make_shared<Call>(shared_from_this());
  } catch (const std::bad_alloc&) {
    return Error{Errc::limit_exceeded, "next_tasks: out of memory"};
  }
  Turn turn{*this};
  if (closed_) return Errc::dispatch_queue_closed;
  SPIDER_TRY(auto* known, ledger_.find_or_make(manager));
  turn.touch(*known);
  SPIDER_TRY(call->places, ledger_.reserve(*known, max));
  call->manager = known;
  return call;
}

auto DispatchService::State::record(Call& call, std::span<const TaskAssignment> taken) -> void {
  if (taken.empty()) return;
  assert(taken.size() <= call.places && "a source gave more than it was asked for");
  Turn turn{*this};
  turn.touch(*call.manager);
  for (const auto& assignment : taken) ledger_.record(*call.manager, assignment, turn.now());
  call.places -= taken.size();
  counters_.recorded += taken.size();
}

auto DispatchService::State::watch(Call& call) -> bool {
  const std::scoped_lock lock{mutex_};
  if (!closed_) waiting_.push_back(call);
  return !closed_;
}

auto DispatchService::State::end(Call& call) noexcept -> void {
  const std::scoped_lock lock{mutex_};
  if (call.is_linked()) waiting_.erase(waiting_.iterator_to(call));
  if (call.places != 0) ledger_.release(*call.manager, call.places);
}

auto DispatchService::State::heartbeat(ManagerId manager) -> Result<void> {
  Turn turn{*this};
  SPIDER_TRY(auto* known, ledger_.find_or_make(manager));
  turn.touch(*known);
  return success();
}

auto DispatchService::State::acknowledge(ManagerId manager, std::span<const TaskAssignment> assignments)
    -> Result<void> {
  Turn turn{*this};
  auto* known = ledger_.find(manager);
  if (known == nullptr) return Errc::unknown_manager;
  turn.touch(*known);
  turn.acknowledge(*known, assignments);
  return success();
}

auto DispatchService::State::leave(ManagerId manager, std::span<const TaskAssignment> acknowledged)
    -> Result<void> {
  Turn turn{*this};
  auto* known = ledger_.find(manager);
  if (known == nullptr) return Errc::unknown_manager;
  turn.acknowledge(*known, acknowledged);
  turn.remove(*known, EventKind::manager_left);
  return success();
}

auto DispatchService::State::serve(SchedulerId scheduler) -> void {
  const std::scoped_lock lock{mutex_};
  served_ = scheduler;
}

auto DispatchService::State::close() -> void {
  std::vector<std::shared_ptr<Call>> calls;  // let go of without the lock
  const std::scoped_lock lock{mutex_};
  closed_ = true;
  calls.reserve(waiting_.size());
  for (auto& call : waiting_) {
    if (auto held = call.weak_from_this().lock()) calls.push_back(std::move(held));
  }
  for (const auto& call : calls) call->cancel();
}

auto DispatchService::State::detach() -> void {
  std::unique_ptr<Alarm> alarm;
  {
    const std::scoped_lock lock{mutex_};
    detached_ = true;
    alarm.swap(alarm_);
  }
  for (auto speaking = speaking_.load(); speaking != 0; speaking = speaking_.load()) speaking_.wait(speaking);
}

auto DispatchService::State::closed() const -> bool {
  const std::scoped_lock lock{mutex_};
  return closed_;
}

auto DispatchService::State::holder(TaskRef task) const -> std::optional<ManagerId> {
  const std::scoped_lock lock{mutex_};
  return ledger_.holder(task);
}

auto DispatchService::State::snapshot() const -> DispatchServiceCounters {
  const std::scoped_lock lock{mutex_};
  auto counters = counters_;
  counters.managers = ledger_.managers();
  counters.outstanding = ledger_.outstanding();
  return counters;
}

}  // namespace v1
}  // namespace spider
