#pragma once

/// The in-process DispatchClient: takes assignments off a dispatch queue for any number of execution
/// managers, keeps them on record until they are acknowledged, and hands back what nobody will.
///
/// What it promises. The names are those of the tests.
///  - S1 `next_tasks` is taking and recording in one step: what left the queue is on the manager's record
///    before anything can fail, suspend or be cancelled. Its place on the record is allocated beforehand.
///  - S2 `acknowledge` is idempotent, and comes before the removal in a `leave` that carries it. What is
///    not on the manager's record is skipped; if it is another scheduler's than the served one, that is
///    observed as `foreign_acknowledged`.
///  - S3 first contact registers a manager, every call refreshes it. It is dead at the instant at which
///    `cutoff` has passed since: checked before every call, and by one alarm for all managers, which is
///    armed for the earliest deadline known and not at all while nobody is on record. A check costs
///    O(what expired); there is no interval between checks to choose.
///  - S4 what a dead or leaving manager has not acknowledged is handed back, each exactly once. A later
///    call under its id starts a new incarnation; so does a `next_tasks` that waited meanwhile and took
///    something: it is on the new record.
///  - S5 what is not acknowledged within `assignment_lease` is handed back although the manager lives.
///    Whichever start reaches the storage first then wins, the other is refused.
///  - S6 what is refused changes nothing.
///
/// Every assignment taken is on record, acknowledged, handed back or refused by the HandedBackQueue
/// (`handed_back_refused`; the storage offers it again): `DispatchServiceCounters` adds up at every instant.
///
/// Threads: everything may be called from any thread; one short lock, held for no observer. Managers and
/// assignments are on lists by age: a call costs O(log of the manager's record) per assignment.
///
/// Memory: `managers_max` managers of about 200 bytes, and 160 bytes for each assignment that is on
/// record or asked for by a call under way; at most `managers_max` × `outstanding_max` of these. What was
/// needed once is kept.

#include "spider/clock.hpp"
#include "spider/dispatch_client.hpp"
#include "spider/dispatch_queue.hpp"
#include "spider/observer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace spider {
inline namespace v1 {

class HandedBackQueue;

struct DispatchServiceOptions {
  static constexpr std::size_t kOutstandingMax = std::size_t{1} << 20U;
  static constexpr std::size_t kManagersMax = std::size_t{1} << 20U;

  /// > 0. A manager that was silent for so long is dead.
  Duration cutoff = std::chrono::seconds{30};
  /// At least `heartbeat_interval()`: a manager whose acknowledgement was lost, or had to wait for the
  /// storage, repeats it no later than with its next heartbeat.
  Duration assignment_lease = std::chrono::seconds{30};
  std::size_t outstanding_max = 1'024;  ///< per manager, on record or asked for; 1 … kOutstandingMax
  std::size_t managers_max = 65'536;    ///< alive, or gone with a call still waiting; 1 … kManagersMax

  /// How often a manager is to heartbeat at least: two in a row may be lost.
  [[nodiscard]] constexpr auto heartbeat_interval() const -> Duration { return cutoff / 3; }
};

/// A consistent snapshot: recorded == outstanding + acknowledged + handed_back + refused.
struct DispatchServiceCounters {
  std::size_t managers = 0;        ///< alive now
  std::size_t outstanding = 0;     ///< on record now
  std::uint64_t recorded = 0;      ///< taken off the dispatch queue, ever
  std::uint64_t acknowledged = 0;  ///< taken off the record by their managers, ever
  std::uint64_t handed_back = 0;   ///< accepted by the HandedBackQueue, ever
  std::uint64_t refused = 0;       ///< refused by it, ever
  std::uint64_t expired = 0;       ///< how many of the last two outlived their lease
};

class DispatchService final : public DispatchClient {
 public:
  /// Closes it. Waiting calls end with `dispatch_queue_closed`; what is on record is forgotten, and the
  /// storage offers it again. Clock, queues and observer are not touched any more, except the source by
  /// the calls that end now: it lives until they have returned.
  ~DispatchService() override;

  /// As in DispatchClient; `max` is cut to what the manager may still have outstanding. `wait` is that of
  /// `DispatchQueueSource::dequeue_batch`. Cancellation (`terminal`) that comes too late to take nothing
  /// returns what was taken. Errors, besides: `limit_exceeded` for one manager too many, or out of memory;
  /// `dispatch_queue_closed` also when the service was closed.
  [[nodiscard]] auto next_tasks(ManagerId manager, std::size_t max, Duration wait)
      -> Async<std::vector<TaskAssignment>> override;
  /// Never suspends.
  [[nodiscard]] auto acknowledge(ManagerId manager, std::vector<TaskAssignment> assignments)
      -> Async<void> override;
  /// Never suspends. Errors, besides: `limit_exceeded` as `next_tasks`.
  [[nodiscard]] auto heartbeat(ManagerId manager) -> Async<void> override;
  /// Never suspends. A `next_tasks` of the manager that still waits should be cancelled first.
  [[nodiscard]] auto leave(ManagerId manager, std::vector<TaskAssignment> acknowledged)
      -> Async<void> override;

  /// Names the scheduler whose assignments are dispatched; the core's id, once it has registered. Until
  /// then no acknowledgement is foreign. Callable from an observer of the core.
  auto serve(SchedulerId scheduler) -> void;

  /// No further assignment is handed out: `next_tasks`, waiting or later, ends with
  /// `dispatch_queue_closed`. Everything else goes on. Idempotent.
  auto close() -> void;

  [[nodiscard]] auto snapshot() const -> DispatchServiceCounters;

  /// The manager that was handed the task and has not acknowledged it; none when nobody was. O(outstanding).
  [[nodiscard]] auto holder(TaskRef task) const -> std::optional<ManagerId>;

 private:
  class State;
  class Call;
  explicit DispatchService(std::shared_ptr<State> state);
  friend auto make_dispatch_service(DispatchServiceOptions options, DispatchQueueSource& source,
                                    HandedBackQueue& handed_back, Clock& clock, Observer& observer)
      -> Result<std::unique_ptr<DispatchService>>;

  std::shared_ptr<State> state_;
};

/// What it refers to outlives the service.
/// Errors: `invalid_argument` for an option outside its range; the detail names it.
[[nodiscard]] auto make_dispatch_service(DispatchServiceOptions options, DispatchQueueSource& source,
                                         HandedBackQueue& handed_back, Clock& clock, Observer& observer)
    -> Result<std::unique_ptr<DispatchService>>;

}  // namespace v1
}  // namespace spider
