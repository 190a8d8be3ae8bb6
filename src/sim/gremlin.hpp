#pragma once

/// The faults that happen by themselves, not because somebody calls: every quarter of a second each of
/// them has its opportunity. One thread.

#include "sim/application.hpp"
#include "sim/core_keeper.hpp"
#include "sim/dispatch_monitor.hpp"
#include "sim/faulty_storage.hpp"
#include "sim/fleet.hpp"
#include "spider/dispatch_queue.hpp"

namespace spider::inline v1::sim {

class Gremlin {
 public:
  struct Victims {
    StorageClient& storage;  ///< not the faulty one
    FaultyStorageClient& core_storage;
    DispatchQueueSink& sink;
    Application& application;
    CoreKeeper& core;
    Fleet& fleet;
    DispatchMonitor& monitor;
    std::string member;
  };

  Gremlin(SimContext& context, Victims victims) : context_{context}, victims_{std::move(victims)} {}

  /// Until the plan's safety phase is over.
  [[nodiscard]] auto run() -> Async<void>;
  /// Clocks go right again, and the storage answers.
  auto heal() -> void;

 private:
  auto disturb_storage() -> Async<void>;
  auto disturb_clocks() -> void;
  auto disturb_queue() -> Async<void>;
  auto supersede() -> Async<Registration>;
  [[nodiscard]] auto clock(std::uint64_t which) -> SimClock&;
  auto enqueue_and_leave(Duration after) -> Async<void>;

  SimContext& context_;
  Victims victims_;
  std::uint64_t strangers_ = 0;
};

}  // namespace spider::inline v1::sim
