#include "sim/dispatch_monitor.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

auto name(const TaskAssignment& assignment) -> std::string {
  return "assignment " + std::to_string(assignment.id.value) + " (" + to_text(assignment.ref()) +
         ", session " + std::to_string(assignment.session.value) + ")";
}

}  // namespace

auto DispatchMonitor::enqueued(const TaskAssignment& assignment) -> void {
  if (!core_runs_) context_.complain("I12", name(assignment) + " was enqueued after the core was stopped");
  went_in(assignment);
}

auto DispatchMonitor::went_in(const TaskAssignment& assignment) -> void {
  context_.note(Note::enqueued, assignment.id.value, assignment.job.value, assignment.task.bits(),
                assignment.session.value);
  ++dispatches_;
  if (assignment.session != session_) {
    context_.complain("D5", name(assignment) + " went in under session " + std::to_string(session_.value));
  }
  queue_.push_back(assignment);
  if (queue_.size() > capacity_) {
    context_.complain(
        "I9", std::to_string(queue_.size()) + " assignments in a queue of " + std::to_string(capacity_));
  }
}

auto DispatchMonitor::enqueue_refused(const TaskAssignment& assignment, const Error& error) -> void {
  context_.note(Note::enqueued, assignment.id.value, assignment.job.value, assignment.task.bits(),
                assignment.session.value, static_cast<std::uint64_t>(error.code.value()));
  if (error == Errc::would_block && queue_.size() < capacity_ && pending_.empty()) {
    context_.complain("D2", name(assignment) + " was refused by a queue that is not full");
  }
}

auto DispatchMonitor::enqueue_begins(const TaskAssignment& assignment) -> void {
  pending_.emplace(assignment.id, assignment);
}

auto DispatchMonitor::enqueue_ends(const TaskAssignment& assignment, const Result<void>& answer) -> void {
  const auto waited = pending_.erase(assignment.id) > 0;
  if (answer && waited) return went_in(assignment);
  if (!answer && !waited) context_.complain("D10", name(assignment) + " came out, and its enqueue failed");
  if (!answer) ghosts_.insert(assignment.id);
}

auto DispatchMonitor::bumped(SessionId session) -> void {
  context_.note(Note::bumped, session.value);
  if (session <= session_) context_.complain("D6", "a bump went back to " + std::to_string(session.value));
  session_ = session;
  queue_.clear();
}

auto DispatchMonitor::dequeued(const TaskAssignment& assignment) -> void {
  context_.note(Note::dequeued, assignment.id.value, assignment.session.value);
  ++dequeued_;
  if (assignment.session < session_) {
    return context_.complain("I3",
                             name(assignment) + " was taken under session " + std::to_string(session_.value));
  }
  if (ghosts_.contains(assignment.id)) {
    context_.complain("D10", name(assignment) + " came out, and its enqueue was cancelled");
  }
  if (const auto pending = pending_.find(assignment.id); pending != pending_.end()) {
    pending_.erase(pending);
    went_in(assignment);
  }
  const auto found = std::ranges::find(queue_, assignment.id, &TaskAssignment::id);
  if (found == queue_.end()) return context_.complain("D3", name(assignment) + " was taken and is not there");
  if (found != queue_.begin()) context_.complain("D4", name(assignment) + " overtook another");
  queue_.erase(found);
}

auto DispatchMonitor::handed_out(ManagerId manager, const TaskAssignment& assignment) -> void {
  context_.note(Note::handed_out, manager.value, assignment.id.value);
  if (!out_.emplace(assignment.id, Out{manager}).second) {
    context_.complain("S1", name(assignment) + " was handed out twice");
  }
}

auto DispatchMonitor::acknowledged(ManagerId manager, std::span<const TaskAssignment> assignments) -> void {
  context_.note(Note::acknowledged, manager.value, assignments.size());
  for (const auto& assignment : assignments) {
    const auto found = out_.find(assignment.id);
    if (found == out_.end() || found->second.manager != manager) continue;
    due_.erase({found->second.due, assignment.id});
    found->second.manager = ManagerId{};
  }
}

auto DispatchMonitor::handed_back(const TaskAssignment& assignment) -> void {
  context_.note(Note::handed_back, assignment.id.value);
  const auto found = out_.find(assignment.id);
  if (found == out_.end()) {
    return context_.complain("S4", name(assignment) + " was handed back and never handed out");
  }
  // One that was acknowledged meanwhile may have been on its way back already.
  if (std::exchange(found->second.back, true)) {
    context_.complain("S4", name(assignment) + " was handed back twice");
  }
  due_.erase({found->second.due, assignment.id});
  found->second.manager = ManagerId{};
}

auto DispatchMonitor::manager_gone(ManagerId manager) -> void {
  const auto due = saturating_add(context_.base.now(), 3 * cutoff_ + std::chrono::seconds{2});
  std::set<AssignmentId> held;
  for (const auto& [id, out] : out_) {
    if (out.manager == manager && out.due == kForever) held.insert(id);
  }
  for (const auto id : held) {
    out_.at(id).due = due;
    due_.emplace(due, id);
  }
}

auto DispatchMonitor::core_begins() -> void {
  core_runs_ = true;
  grace_until_ = std::max(grace_until_, saturating_add(context_.base.now(), std::chrono::seconds{2}));
}

auto DispatchMonitor::look() -> void {
  const auto now = context_.base.now();
  if (!core_runs_ || abandoned_ || now < grace_until_) return;
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto id = due_.begin()->second;
    due_.erase(due_.begin());
    context_.complain("I8", "assignment " + std::to_string(id.value) + " of manager " +
                                std::to_string(out_.at(id).manager.value) +
                                ", which is gone, was not handed back in time");
  }
}

auto DispatchMonitor::close(std::uint64_t queue_enqueued, std::uint64_t queue_dequeued,
                            std::size_t still_queued, std::size_t outstanding) -> void {
  look();
  if (queue_enqueued != dispatches_ || queue_dequeued != dequeued_ || still_queued != queue_.size()) {
    context_.complain("D15", "the queue counts " + std::to_string(queue_enqueued) + " in and " +
                                 std::to_string(queue_dequeued) + " out; these were " +
                                 std::to_string(dispatches_) + " and " + std::to_string(dequeued_));
  }
  if (abandoned_) return;
  if (still_queued > 0) context_.complain("D3", std::to_string(still_queued) + " assignments are left over");
  if (outstanding > 0) context_.complain("S4", std::to_string(outstanding) + " assignments are on record");
}

}  // namespace spider::inline v1::sim
