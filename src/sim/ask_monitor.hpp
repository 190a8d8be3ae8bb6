#pragma once

/// An independent witness of how soon a scheduler asks for work (I11): in each lane that has room it polls,
/// rests for a stated time, or registers. One life of one core. What a call takes is none of its business:
/// faults hold it up, and how long a storage may take is seen there (poll_monitor.hpp). One thread.

#include "sim/sim_context.hpp"
#include "spider/storage_client.hpp"

#include <array>
#include <cstdint>

namespace spider::inline v1::sim {

class AskMonitor {
 public:
  /// What a core promises (policy_core.hpp). All are times of the scheduler's clock.
  struct Promise {
    Duration rest{};           ///< at most, after an answer
    Duration rest_failed{};    ///< at most, after a failure, and between two registrations
    Duration wait_max{};       ///< of one poll
    std::size_t held_max = 0;  ///< it has room for regular tasks while it holds no more
    std::size_t jobs_max = 0;  ///< and for commit and cleanup tasks, of which each job has one
  };

  AskMonitor(SimContext& context, Promise promise);

  auto poll_begins(TaskKind lane, const PollRequest& request) -> void;
  auto poll_ends(TaskKind lane, bool answered) -> void;
  auto registration_begins() -> void;
  auto registration_ends(bool registered) -> void;
  /// Its policy holds so many entries.
  auto holds(std::size_t entries) -> void;
  /// It is asked to stop, or ends: it asks no more.
  auto close() -> void { closed_ = true; }

  /// Whether a poll is overdue. Often.
  auto look() -> void;

 private:
  struct Rest {
    SimClock::Timer timer;
    bool overdue = false;
  };
  struct Lane {
    std::uint64_t polls = 0;  // under way
    bool has_room = true;
    Rest rest{};
  };

  [[nodiscard]] auto rest(Duration most) const -> Rest;
  auto check(Rest& rest, const char* what) -> void;
  auto check(Lane& lane) -> void;
  [[nodiscard]] auto lane(TaskKind kind) -> Lane& { return lanes_[static_cast<std::size_t>(kind)]; }

  SimContext& context_;
  Promise promise_;
  std::array<Lane, kTaskKinds> lanes_;
  Rest unregistered_;  // of a core that is not registered
  bool registered_ = false;
  bool registering_ = false;
  bool closed_ = false;
};

}  // namespace spider::inline v1::sim
