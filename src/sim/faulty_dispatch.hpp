#pragma once

/// What stands between core, dispatch queue, service and managers: for each interface one that watches,
/// directly before the part, and one that goes wrong, before its caller. One thread; what stands behind
/// outlives what stands before.

#include "sim/dispatch_monitor.hpp"
#include "spider/dispatch_client.hpp"
#include "spider/dispatch_queue.hpp"
#include "spider/scheduler_core.hpp"

#include <optional>
#include <vector>

namespace spider::inline v1::sim {

class WatchedSink final : public DispatchQueueSink {
 public:
  WatchedSink(DispatchQueueSink& behind, DispatchMonitor& monitor) : behind_{behind}, monitor_{monitor} {}

  auto enqueue(TaskAssignment assignment) -> Async<void> override;
  auto enqueue_batch(std::vector<TaskAssignment> assignments) -> Async<std::size_t> override;
  auto try_enqueue(const TaskAssignment& assignment) -> Result<void> override;
  auto bump_session(SessionId session) -> Result<void> override;
  auto free_slots() const -> std::size_t override { return behind_.free_slots(); }
  auto wait_for_slots() -> Async<std::size_t> override { return behind_.wait_for_slots(); }
  auto close() -> void override { behind_.close(); }

 private:
  DispatchQueueSink& behind_;
  DispatchMonitor& monitor_;
};

/// Watches, and cancels its consumers (`consumer_cancelled`).
class WatchedSource final : public DispatchQueueSource {
 public:
  WatchedSource(DispatchQueueSource& behind, DispatchMonitor& monitor, SimContext& context)
      : behind_{behind}, monitor_{monitor}, context_{context} {}

  auto dequeue(Duration wait) -> Async<std::optional<TaskAssignment>> override;
  auto dequeue_batch(std::size_t max, Duration wait) -> Async<std::vector<TaskAssignment>> override;
  auto try_dequeue() -> Result<std::optional<TaskAssignment>> override;

 private:
  auto take(std::size_t max, Duration wait) -> Async<std::vector<TaskAssignment>>;

  DispatchQueueSource& behind_;
  DispatchMonitor& monitor_;
  SimContext& context_;
};

class WatchedHandedBack final : public HandedBack {
 public:
  WatchedHandedBack(HandedBack& behind, DispatchMonitor& monitor) : behind_{behind}, monitor_{monitor} {}

  auto wait() -> Async<void> override { return behind_.wait(); }
  auto take(std::size_t max) -> std::vector<TaskAssignment> override;

 private:
  HandedBack& behind_;
  DispatchMonitor& monitor_;
};

class WatchedDispatch final : public DispatchClient {
 public:
  WatchedDispatch(DispatchClient& behind, DispatchMonitor& monitor) : behind_{behind}, monitor_{monitor} {}

  auto next_tasks(ManagerId manager, std::size_t max, Duration wait)
      -> Async<std::vector<TaskAssignment>> override;
  auto acknowledge(ManagerId manager, std::vector<TaskAssignment> assignments) -> Async<void> override;
  auto heartbeat(ManagerId manager) -> Async<void> override { return behind_.heartbeat(manager); }
  auto leave(ManagerId manager, std::vector<TaskAssignment> acknowledged) -> Async<void> override;

 private:
  DispatchClient& behind_;
  DispatchMonitor& monitor_;
};

class FaultyDispatch final : public DispatchClient {
 public:
  FaultyDispatch(DispatchClient& behind, SimContext& context) : behind_{behind}, context_{context} {}

  auto next_tasks(ManagerId manager, std::size_t max, Duration wait)
      -> Async<std::vector<TaskAssignment>> override;
  auto acknowledge(ManagerId manager, std::vector<TaskAssignment> assignments) -> Async<void> override;
  auto heartbeat(ManagerId manager) -> Async<void> override;
  auto leave(ManagerId manager, std::vector<TaskAssignment> acknowledged) -> Async<void> override {
    return behind_.leave(manager, std::move(acknowledged));
  }

 private:
  auto beat_later(ManagerId manager, Duration delay) -> Async<void>;

  DispatchClient& behind_;
  SimContext& context_;
};

}  // namespace spider::inline v1::sim
