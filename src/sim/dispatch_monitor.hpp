#pragma once

/// An independent witness between core and managers: of the dispatch queue, of the dispatch service, and
/// of what is handed back. It keeps its own books and complains about every broken promise. One thread.

#include "sim/sim_context.hpp"
#include "spider/types.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <unordered_map>

namespace spider::inline v1::sim {

class DispatchMonitor {
 public:
  DispatchMonitor(SimContext& context, std::size_t capacity, Duration cutoff)
      : context_{context}, capacity_{capacity}, cutoff_{cutoff} {}

  // The queue (D1, D3, D4, D5, I3, I9).
  auto enqueued(const TaskAssignment& assignment) -> void;
  auto enqueue_refused(const TaskAssignment& assignment, const Error& error) -> void;
  /// A suspended enqueue: it may come out before its caller knows that it went in.
  auto enqueue_begins(const TaskAssignment& assignment) -> void;
  auto enqueue_ends(const TaskAssignment& assignment, const Result<void>& answer) -> void;
  auto bumped(SessionId session) -> void;
  auto dequeued(const TaskAssignment& assignment) -> void;
  [[nodiscard]] auto queued() const -> std::size_t { return queue_.size(); }

  // The service (S1, S4, I8).
  auto handed_out(ManagerId manager, const TaskAssignment& assignment) -> void;
  auto acknowledged(ManagerId manager, std::span<const TaskAssignment> assignments) -> void;
  auto handed_back(const TaskAssignment& assignment) -> void;
  /// It acknowledges nothing any more.
  auto manager_gone(ManagerId manager) -> void;

  // The core.
  auto core_begins() -> void;
  /// Asked to stop, or ended: it enqueues no more (C12).
  auto core_stops() -> void { core_runs_ = false; }
  /// Its scheduler is gone for good: what is left over is the storage's to offer again.
  auto abandon() -> void { abandoned_ = true; }
  /// The scheduler's clock was disturbed by so much: what is due is due later.
  auto disturbed(Duration by) -> void { grace_until_ = saturating_add(context_.base.now(), by + cutoff_); }

  /// Whether anything that is due has not happened (I8). Often.
  auto look() -> void;
  /// The run is over.
  auto close(std::uint64_t queue_enqueued, std::uint64_t queue_dequeued, std::size_t still_queued,
             std::size_t outstanding) -> void;

  [[nodiscard]] auto dispatches() const -> std::uint64_t { return dispatches_; }

 private:
  struct Out {
    ManagerId manager;
    TimePoint due = kForever;  // when it must have been handed back, by the true clock
    bool back = false;
  };

  auto went_in(const TaskAssignment& assignment) -> void;

  SimContext& context_;
  std::size_t capacity_;
  Duration cutoff_;
  SessionId session_{};
  std::deque<TaskAssignment> queue_;
  std::map<AssignmentId, TaskAssignment> pending_;
  std::set<AssignmentId> ghosts_;  // whose enqueue was cancelled
  std::unordered_map<AssignmentId, Out> out_;
  std::set<std::pair<TimePoint, AssignmentId>> due_;
  std::uint64_t dispatches_ = 0;
  std::uint64_t dequeued_ = 0;
  TimePoint grace_until_{};
  bool core_runs_ = false;
  bool abandoned_ = false;
};

}  // namespace spider::inline v1::sim
