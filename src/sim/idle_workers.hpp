#pragma once

/// A pool of idle workers in a simulated world: those who claim workers, those who sweep, and the monitor of
/// what they are promised. Apart from the rest of the world; its clock is the true one. One thread.
///
/// Watched: no worker has two claims at a time, whatever is cut short, and no write of an earlier claim is
/// accepted (I5); after each call, idle + claimed + returning + dead = added − removed (I6); after each
/// sweep, whoever is not idle is held by a claim whose lease has not lapsed (I7). When all has healed every
/// worker is idle, and can be claimed once (I7).

#include "sim/sim_context.hpp"
#include "spider/sharded_worker_pool.hpp"

#include <map>
#include <memory>
#include <vector>

namespace spider::inline v1::sim {

class IdleWorkers {
 public:
  explicit IdleWorkers(SimContext& context);

  /// Opens the pool and spawns those who use it, if the plan has any.
  auto begin() -> void;
  /// Every claimant and sweeper has ended: lets the leases lapse, sweeps, and looks at what is left.
  auto close() -> void;

 private:
  struct Held {
    std::uint64_t epoch = 0;
    TimePoint until{};       ///< of the lease; the beginning of time once it is given up
    bool suspected = false;  ///< a sweeper may have taken the worker back before
  };

  auto claimant(std::uint64_t number) -> Async<void>;
  auto use(Claim claim, Draw lot) -> Async<void>;
  auto sweeper() -> Async<void>;
  auto roster() -> Async<void>;
  auto sweep(Duration ahead) -> Async<void>;
  auto claimed(const Claim& claim) -> void;
  auto written(const Claim& claim, const char* what) -> void;
  auto look() -> Async<void>;
  auto look_after_sweep() -> Async<void>;
  auto add(WorkerId worker) -> Async<void>;
  auto complain_unless_whole(const WorkerCounts& counts) -> void;

  SimContext& context_;
  std::unique_ptr<ShardedWorkerPool> pool_;
  std::map<WorkerId, Held> ledger_;
  std::uint64_t claimants_ = 0;  // ever: one that died is followed by another
  std::uint64_t draws_ = 0;
  std::vector<TimePoint> unknown_until_;  // leases of claims that nobody learned of
};

}  // namespace spider::inline v1::sim
