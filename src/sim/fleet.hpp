#pragma once

/// The execution managers of a simulated world: scripted, each a few coroutines that drive the two
/// clients as a real one does, and that die, pause and leave when a fault says so. One thread.

#include "sim/dispatch_monitor.hpp"
#include "sim/sim_context.hpp"
#include "spider/dispatch_client.hpp"
#include "spider/execution_client.hpp"

#include <map>
#include <memory>
#include <vector>

namespace spider::inline v1::sim {

class Fleet;

/// One life of one manager. Its coroutines keep it alive.
class ScriptedManager final : public std::enable_shared_from_this<ScriptedManager> {
 public:
  ScriptedManager(Fleet& fleet, ManagerId id, ManagerEvent script, bool again);

  auto begin() -> void;
  /// It falls silent in the middle of what it does.
  auto die() -> void;
  [[nodiscard]] auto alive() const -> bool { return alive_; }
  [[nodiscard]] auto busy() const -> bool { return alive_ && !batches_.empty(); }
  [[nodiscard]] auto id() const -> ManagerId { return id_; }
  [[nodiscard]] auto script() const -> const ManagerEvent& { return script_; }

 private:
  struct Run {
    Run() = default;

    FinishRequest report;
    Duration time{};
    bool ignores_stop = false;
    bool lost = false;
  };
  using Batch = std::shared_ptr<std::vector<Run>>;

  static auto pull(std::shared_ptr<ScriptedManager> self) -> Async<void>;
  static auto beat(std::shared_ptr<ScriptedManager> self) -> Async<void>;
  auto execute(std::vector<TaskAssignment> tasks) -> Async<void>;
  auto start(std::vector<TaskAssignment>& tasks) -> Async<std::vector<Result<StartedTask>>>;
  auto report(Batch batch) -> Async<void>;
  auto acknowledge(std::vector<TaskAssignment> tasks) -> Async<void>;
  auto renew() -> Async<void>;
  auto leave() -> Async<void>;
  [[nodiscard]] auto make_run(const StartedTask& started) -> Run;
  [[nodiscard]] auto working() const -> bool;

  Fleet& fleet_;
  ManagerId id_;
  ManagerEvent script_;
  bool alive_ = true;
  TimePoint renews_from_{};  // a restarted one lets the leases of its former life lapse first
  TimePoint paused_until_{};
  std::vector<TaskAssignment> unacknowledged_;
  std::vector<Batch> batches_;
};

class Fleet {
 public:
  struct Parts {
    DispatchClient& dispatch;
    ExecutionClient& execution;
    DispatchMonitor& monitor;
    Duration heartbeat;
    Duration manager_lease;
  };

  /// All outlive the fleet's coroutines. Managers have ids of their own in each fleet of a world; `number`
  /// is the fleet's.
  Fleet(SimContext& context, const Parts& parts, std::uint64_t number)
      : context{context},
        dispatch{parts.dispatch},
        execution{parts.execution},
        monitor{parts.monitor},
        heartbeat{parts.heartbeat},
        manager_lease{parts.manager_lease},
        last_id_{number << 32U} {}

  /// Lets the managers of the plan join at their times.
  auto begin() -> void;
  auto kill_all() -> void;
  /// They die, and nobody comes after them.
  auto close() -> void;
  /// Nobody executes anything.
  [[nodiscard]] auto is_idle() const -> bool;
  /// One is gone; another comes after a while, perhaps under the same name.
  auto replace(const ScriptedManager& gone) -> void;

  SimContext& context;
  DispatchClient& dispatch;
  ExecutionClient& execution;
  DispatchMonitor& monitor;
  const Duration heartbeat;
  const Duration manager_lease;

 private:
  auto join(ManagerId id, ManagerEvent script, Duration after, bool again) -> Async<void>;

  std::vector<std::shared_ptr<ScriptedManager>> managers_;
  std::uint64_t last_id_;
  bool closed_ = false;
};

}  // namespace spider::inline v1::sim
