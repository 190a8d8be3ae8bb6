#pragma once

/// The faults that happen by themselves, not because somebody calls: every quarter of a second each of
/// them has its opportunity. One thread.

#include "sim/application.hpp"
#include "sim/members.hpp"

namespace spider::inline v1::sim {

class Gremlin {
 public:
  struct Victims {
    StorageClient& storage;  ///< not the faulty one
    Application& application;
    Members& members;
  };

  Gremlin(SimContext& context, Victims victims) : context_{context}, victims_{victims} {}

  /// Until the plan's safety phase is over.
  [[nodiscard]] auto run() -> Async<void>;
  /// Clocks go right again, and the storage answers.
  auto heal() -> void;

 private:
  auto disturb_storage() -> Async<void>;
  auto disturb_clocks() -> void;
  auto disturb_queue(Member& member) -> Async<void>;
  auto disturb_members() -> void;
  auto supersede(const Member& member) -> Async<Registration>;
  [[nodiscard]] auto clock(std::uint64_t which) -> SimClock&;
  auto enqueue_and_leave(Member& member, Duration after) -> Async<void>;

  SimContext& context_;
  Victims victims_;
  std::uint64_t strangers_ = 0;
};

}  // namespace spider::inline v1::sim
