#pragma once

/// The worker pool: who is idle, and who has whom. For push mode, where the scheduler's side picks an
/// idle worker and hands it an assignment (`PushDispatcher`).
///
/// Implemented by `ShardedWorkerPool` (in one process) and `open_sqlite_worker_pool` (durable, shared by
/// processes); users may bring their own and hold it to the suite in
/// `spider/testing/worker_pool_suite.hpp`. Called by dispatchers, and by whoever knows of workers that
/// come and go. Every function may be called from any thread.
///
/// A worker on record is in one of four states. The record is the truth; an implementation's index of
/// idle workers is only a hint, and may be wrong.
///
///   idle      → claimed    claim; the worker's epoch grows
///   claimed   → returning  release, or the sweeper once the lease has lapsed (the epoch grows then, too)
///   returning → idle       the release, or the sweeper in its place, has put it into the index
///   returning → claimed    a claim that found it in the index already: it wins
///   claimed   → dead       remove: the claimant keeps it until the claim ends, then it is gone
///   idle, returning → gone remove
///
/// Promises, by the names of the tests:
///  - W1 a claim costs O(1) in workers. W2 no worker has two claims at a time, whatever the index says.
///  - W3 a crash between any two steps of claim and release leaves a state that `sweep` completes.
///  - W4 release is idempotent; a stale or foreign one changes nothing.
///  - W5 claims are leased: a worker is back within its lease + the interval of sweeps.
///  - W7 an empty answer of `claim` means that none was idle; conflict and unknown pool are errors.
///  - W8 the worker that served an actor last is tried first.
///  - W10 waiting claims are served in the order in which they came, and nobody claims past them.
///  - W11 a sweep is bounded, goes on where the last one ended, and any number may run at once.
///  - W12 `WorkerCounts` adds up at every step.
///
/// Lifetime: the pool lives until the calls on it have started to run; a claim that waits keeps what it
/// needs, and answers `closed` when the pool is destroyed.

#include "spider/async.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace spider {
inline namespace v1 {

using WorkerId = Id<struct WorkerTag>;      ///< chosen by whoever adds the worker, unique among pools
using ClaimantId = Id<struct ClaimantTag>;  ///< chosen by who claims, unique among those alive
using ActorId = Id<struct ActorTag>;        ///< what is served again and again: a job, a group, a model …

/// What only a worker pool answers; everything else is an `Errc`.
enum class WorkerPoolErrc {
  unknown_pool = 1,  ///< no worker was ever added to a pool of this name
  unknown_worker,    ///< no such worker on record
  stale_claim,       ///< the claim has ended: released, or its worker was taken back after the lease
  foreign_claim,     ///< another claimant's claim, or one that was never made
  claim_conflict,    ///< others were faster each time; nothing was claimed, and it may be tried again
};
/// The category of `WorkerPoolErrc`; its name is "spider.worker_pool".
[[nodiscard]] auto worker_pool_error_category() noexcept -> const std::error_category&;
[[nodiscard]] auto make_error_code(WorkerPoolErrc code) noexcept -> std::error_code;
[[nodiscard]] inline auto operator==(const Error& left, WorkerPoolErrc right) noexcept -> bool {
  return left.code == make_error_code(right);
}

struct WorkerInfo {
  WorkerInfo() = default;
  explicit WorkerInfo(WorkerId id, std::string in = "default") : worker{id}, pool{std::move(in)} {}

  WorkerId worker;  ///< not 0
  /// A valid name. Workers of one pool are alike: one that can do more goes into a pool of its own.
  std::string pool = "default";
};

struct ClaimRequest {
  ClaimRequest() = default;
  explicit ClaimRequest(ClaimantId claimant) : owner{claimant} {}

  ClaimantId owner;  ///< not 0
  std::string pool = "default";
  ActorId actor;                              ///< 0 = any worker is as good as another
  Duration lease = std::chrono::seconds{30};  ///< see WorkerPoolLimits
  Duration wait{};                            ///< for how long to wait for a worker; 0 = not at all
};

/// A worker held by one claimant. Plain data: it may be stored, and released by another process.
struct Claim {
  WorkerId worker;
  ClaimantId owner;
  std::uint64_t epoch = 0;  ///< grows with each claim of the worker; fences its earlier holders
  Duration lease{};
  TimePoint lease_until{};  ///< as of the claim; `renew` sets it forth by `lease`
  std::uint64_t place = 0;  ///< where the pool looks first; never trusted

  friend auto operator==(const Claim&, const Claim&) -> bool = default;
};
static_assert(AsyncArgument<WorkerInfo> && AsyncArgument<ClaimRequest> && AsyncArgument<Claim>);

/// What every implementation checks, with `invalid_argument` or, where it says so, `limit_exceeded`.
struct WorkerPoolLimits {
  WorkerPoolLimits() = default;

  Duration heartbeat_interval = std::chrono::seconds{5};  ///< how often claimants renew; > 0
  Duration lease_max = std::chrono::hours{24};            ///< leases: heartbeat_interval … lease_max
  std::size_t workers_max = std::size_t{1} << 21U;        ///< on record: 1 … 2^24; `limit_exceeded`
  std::size_t pools_max = 64;                             ///< 1 … 4096; `limit_exceeded`
  std::size_t waiting_max = 65'536;                       ///< claims that wait, per pool; `limit_exceeded`
};

struct PoolSweep {
  std::size_t looked = 0;     ///< workers looked at
  std::size_t reclaimed = 0;  ///< claims whose lease had lapsed: the workers are idle again
  std::size_t completed = 0;  ///< returns that were left half done
  std::size_t removed = 0;    ///< dead workers whose last claim has lapsed
  /// For how long at most the longest stranded of these had been: since its lease lapsed, or since the
  /// claim, or its last renewal, whose end was left half done.
  Duration oldest{};
};

/// idle + claimed + returning + dead == added − removed.
struct WorkerCounts {
  std::uint64_t idle = 0;
  std::uint64_t claimed = 0;
  std::uint64_t returning = 0;
  std::uint64_t dead = 0;
  std::uint64_t added = 0;    ///< ever
  std::uint64_t removed = 0;  ///< ever

  friend auto operator==(const WorkerCounts&, const WorkerCounts&) -> bool = default;
};

class WorkerPool {
 public:
  WorkerPool() = default;
  WorkerPool(const WorkerPool&) = delete;
  auto operator=(const WorkerPool&) -> WorkerPool& = delete;
  virtual ~WorkerPool() = default;

  /// Puts a worker on record, idle. Errors: `invalid_argument` (worker 0); `invalid_name`;
  /// `duplicate_name` when it is on record, dead included; `limit_exceeded`.
  [[nodiscard]] virtual auto add(WorkerInfo worker) -> Async<void> = 0;

  /// Takes a worker off the record; one that is claimed is dead until its claim ends. It is offered to
  /// nobody any more. Errors: `unknown_worker`, also when it is dead already.
  [[nodiscard]] virtual auto remove(WorkerId worker) -> Async<void> = 0;

  /// Claims an idle worker of the pool; with none idle waits up to `wait` for one. Empty when there was
  /// none: each shard was looked at, and every idle worker was somebody's who had waited longer.
  /// Cancellation claims nothing.
  /// Errors: `invalid_argument` (owner 0, a lease out of the limits); `unknown_pool`; `claim_conflict`
  /// when a bounded number of hints were wrong; `limit_exceeded` (too many wait); `cancelled`; `closed`.
  [[nodiscard]] virtual auto claim(ClaimRequest request) -> Async<std::optional<Claim>> = 0;

  /// Ends the claim. Repeating it succeeds and changes nothing, until the worker is claimed again.
  /// Errors: `stale_claim`; `foreign_claim`; `unknown_worker` when the worker is gone.
  [[nodiscard]] virtual auto release(Claim claim) -> Async<void> = 0;

  /// The lease lasts until now + `claim.lease`. A lease that has lapsed is renewed all the same, as long
  /// as no sweeper has taken the worker back.
  /// Errors: `stale_claim`, also after a release; `foreign_claim`; `unknown_worker`; `invalid_argument`.
  [[nodiscard]] virtual auto renew(Claim claim) -> Async<void> = 0;

  /// Looks at the next `limit` workers and brings home those whose claim has lapsed by `now`, or whose
  /// return was left half done. Calls that together look at every worker are a whole sweep. A `now` that
  /// is ahead takes workers from claimants that are alive: they learn of it by `stale_claim`.
  /// Errors: `invalid_argument` (limit 0).
  [[nodiscard]] virtual auto sweep(TimePoint now, std::size_t limit) -> Async<PoolSweep> = 0;

  /// All pools together. Costs a look at each worker; exact while nothing else runs.
  [[nodiscard]] virtual auto count() -> Async<WorkerCounts> = 0;
};

}  // namespace v1
}  // namespace spider

template <>
struct std::is_error_code_enum<spider::WorkerPoolErrc> : std::true_type {};
