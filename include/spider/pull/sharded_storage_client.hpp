#pragma once

/// Several schedulers on one storage: a StorageClient that asks another one for its member's share only.
///
/// Each scheduler (a *member*) polls through a client of its own over the same storage. The client tells the
/// MemberDirectory that it is alive, reads who else is, works out by hash which slots are its own, takes less
/// of them when the machine is busy, and narrows each PollRequest accordingly (`PollRequest::slots`). It
/// grants nothing: the lease that a poll takes does. So two members that disagree about who is alive may
/// both ask for a task, and one of them gets it.
///
///   auto pull = make_sharded_storage_client({storage, directory, load}, {}, clock).value();
///   Scheduler scheduler{executor, {.storage = storage, .core_options = {.member = "a"}, .pull = pull}};
///
/// Promises, by the names of the tests:
///  - R1 a member has a fresh id per start. It has pinged before its first pull, and pings every
///    `ping_interval` while `run` runs.
///  - R3 when nobody is known to be active, it pulls as the only one. When others are and it is not, it
///    pings and reads again; still absent, it takes nothing until it is back.
///  - R4 the owners of a slot follow from the names of the active members alone (`slot_owners.hpp`).
///  - R5 the first owner of a slot takes its tasks at once, the next `redundancy` − 1 what has been ready
///    for `takeover_delay`: a slow or dead owner delays its tasks by that at most, while the next ones poll.
///  - R6, R7 a busy member asks for a part of its slots, which moves on with each `shed_window`
///    (`pull_ratio.hpp`). What it leaves is taken later, or by the next owners.
///  - R9 a wake-up that is lost delays a task by `poll_interval` at most.
///  - R10 after `leave` the member never appears again, and takes nothing; its session stays alive as long
///    as `run` runs, so that what it holds can be started and finished.
///  - R12 a poll asks for at most `batch_max` entries. How many may be held at a time is the core's to say:
///    it asks for as many as it has room for.
///
/// Threads: every function may be called from any thread; `run` once at a time.

#include "spider/clock.hpp"
#include "spider/load_probe.hpp"
#include "spider/member_directory.hpp"
#include "spider/pull/pull_ratio.hpp"
#include "spider/storage_client.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace spider {
inline namespace v1 {

struct ShardedStorageOptions {
  Duration ping_interval = std::chrono::seconds{10};  ///< > 0; at most half of MemberLimits::active_for
  Duration poll_interval = std::chrono::seconds{1};   ///< > 0; the longest that one poll of the storage waits
  Duration takeover_delay = std::chrono::seconds{5};  ///< ≥ 0
  std::size_t redundancy = 2;                         ///< owners of each slot; ≥ 1
  std::size_t batch_max = 4'096;                      ///< entries per poll; ≥ 1
  PullCurve curve;                                    ///< load → part of the share
  PullRatio shed_step = 100;                          ///< by which the part moves on; 1 … curve.floor()
  Duration shed_window = std::chrono::seconds{1};     ///< > 0; the load is read once per window
};

/// What the client works with, shared with others.
struct ShardedStorageParts {
  std::shared_ptr<StorageClient> storage;
  std::shared_ptr<MemberDirectory> directory;
  std::shared_ptr<LoadProbe> load{};  ///< none: nothing is shed
};

/// Counted since the client was made; `members` to `ratio` are as of now.
struct PullStats {
  MemberId member;                 ///< 0 before it joined and after it left
  std::size_t members = 0;         ///< active, as last read
  std::size_t slots = 0;           ///< of which it is the first owner
  PullRatio ratio = kPullAll;      ///< what it asks for now, in ‰
  std::uint64_t polls = 0;         ///< of the storage
  std::uint64_t pulled = 0;        ///< entries
  std::uint64_t conflicts = 0;     ///< of these, from slots that another active member owns first
  std::uint64_t shed = 0;          ///< polls that asked for less than its share
  std::uint64_t moved = 0;         ///< slots that it began or ceased to own first, after the first reading
  std::uint64_t rejoined = 0;      ///< times that it was not on record any more, and joined anew
  std::uint64_t ping_trouble = 0;  ///< pings and readings that failed
};

class ShardedStorageClient final : public StorageClient {
 public:
  ~ShardedStorageClient() override;

  /// Joins the directory, reads who is active, and registers with the storage.
  /// Errors: those of `MemberDirectory::join` and of the storage; `closed` after `leave`.
  [[nodiscard]] auto register_scheduler(SchedulerInfo info) -> Async<Registration> override;

  /// Leaves, then unregisters. Errors: those of the storage; a directory that fails holds nothing up.
  [[nodiscard]] auto unregister_scheduler(Registration registration) -> Async<void> override;

  /// Polls the storage for the member's share, again and again until there is an entry or `wait` is over:
  /// each time for the share as it is then. `slots` of the request is replaced.
  /// Errors: those of the storage; `cancelled`.
  [[nodiscard]] auto poll_ready(PollRequest request) -> Async<InboundBatch> override;
  [[nodiscard]] auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override;
  [[nodiscard]] auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override;

  /// As the storage's.
  [[nodiscard]] auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override;
  [[nodiscard]] auto job_state(JobId job) -> Async<JobState> override;

  /// Pings, reads who is active, collects the dead, reads the load; who has left keeps its session until
  /// it is unregistered. Somebody runs it as long as the client is used: `Scheduler` does. A directory that
  /// fails is asked again after `poll_interval`; until then the last reading counts. Returns `cancelled`.
  [[nodiscard]] auto run() -> Async<void>;

  /// Not active from now on, whatever is under way: polls take nothing any more. Idempotent.
  /// Errors: `storage_unavailable`: it takes nothing all the same, and is gone by its last ping.
  [[nodiscard]] auto leave() -> Async<void>;

  [[nodiscard]] auto stats() const -> PullStats;

 private:
  class State;
  explicit ShardedStorageClient(std::shared_ptr<State> state);
  friend auto make_sharded_storage_client(ShardedStorageParts parts, ShardedStorageOptions options,
                                          Clock& clock) -> Result<std::unique_ptr<ShardedStorageClient>>;

  std::shared_ptr<State> state_;
};

/// The clock outlives the client and what was begun on it.
/// Errors: `invalid_argument` for a missing part or an option outside its range; the detail names it. So is
/// a directory refused whose members lapse before they have had two chances to ping.
[[nodiscard]] auto make_sharded_storage_client(ShardedStorageParts parts, ShardedStorageOptions options,
                                               Clock& clock) -> Result<std::unique_ptr<ShardedStorageClient>>;

}  // namespace v1
}  // namespace spider
