#pragma once

/// The worker pool of one process: records in a slab, idle workers on cache-line padded shards.
///
/// Claim: of two shards drawn at random the one that is known to be fuller gives up its most recently
/// returned worker; where it has none, the others are tried in ring order (W9). What was popped is
/// claimed on its record, by compare-and-set on (pool, state, epoch); a hint that lies is dropped.
/// Release: of two shards drawn at random the emptier one takes the worker. So the shards of a pool stay
/// about equally full, and none takes more than its share of the traffic.
/// (Two choices: Azar, Broder, Karlin, Upfal, "Balanced Allocations", STOC 1994.)
///
/// W1: claim and release allocate nothing, look at a bounded number of records, and read the clock once
/// (a claim). A claim that waits allocates its place in the line.
/// W2: at most `kLiesMax` wrong hints are dropped by one claim; then it answers `claim_conflict`.
/// W8: each pool remembers the worker that served an actor last, for `actors_remembered` actors; one
/// whose hash meets another's displaces it.
/// W10: only the claim at the head of the line looks for a worker; a return wakes it, and when it leaves,
/// the next.
///
/// Memory: 64 bytes per worker, kept until the pool is gone, about 50 more for its id; per pool
/// `shards` × 64 and `actors_remembered` × 8 bytes.
/// Threads: short spin locks, one per record and one per shard; nothing is called under them.

#include "spider/clock.hpp"
#include "spider/worker_pool.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace spider {
inline namespace v1 {

/// Where a call may be cut short by `ShardedWorkerPoolOptions::interrupt`.
enum class WorkerPoolStep : std::uint8_t {
  popped,     ///< claim: off the index, its record untouched
  recorded,   ///< claim: recorded, and the claimant never learns of it
  returning,  ///< add, release, sweep: free by its record, not in the index
  indexed,    ///< add, release, sweep: in the index, not yet idle by its record
};

struct ShardedWorkerPoolOptions {
  ShardedWorkerPoolOptions() = default;

  static constexpr std::size_t kLiesMax = 64;

  WorkerPoolLimits limits;
  std::size_t shards = 16;                    ///< per pool: a power of two, 1 … 256
  std::size_t actors_remembered = 1U << 14U;  ///< per pool: a power of two, 1 … 2^24
  std::uint64_t seed = 1;                     ///< of the choice of shards
  /// Fault injection: where it answers true, the call ends at once with `internal`, as if its caller had
  /// died there. Called under no lock, by any thread that uses the pool.
  std::function<bool(WorkerPoolStep)> interrupt;
};

class ShardedWorkerPool final : public WorkerPool {
 public:
  /// Claims that wait end with `closed`.
  ~ShardedWorkerPool() override;

  [[nodiscard]] auto add(WorkerInfo worker) -> Async<void> override;
  [[nodiscard]] auto remove(WorkerId worker) -> Async<void> override;
  [[nodiscard]] auto claim(ClaimRequest request) -> Async<std::optional<Claim>> override;
  [[nodiscard]] auto release(Claim claim) -> Async<void> override;
  [[nodiscard]] auto renew(Claim claim) -> Async<void> override;
  [[nodiscard]] auto sweep(TimePoint now, std::size_t limit) -> Async<PoolSweep> override;
  [[nodiscard]] auto count() -> Async<WorkerCounts> override;

  /// How many workers were popped off each shard of the pool, ever; empty for an unknown pool.
  [[nodiscard]] auto traffic(std::string_view pool) const -> std::vector<std::uint64_t>;

 private:
  class State;
  explicit ShardedWorkerPool(std::shared_ptr<State> state);
  friend auto make_sharded_worker_pool(ShardedWorkerPoolOptions options, Clock& clock)
      -> Result<std::unique_ptr<ShardedWorkerPool>>;

  std::shared_ptr<State> state_;
};

/// The clock outlives the pool and the claims that wait.
/// Errors: `invalid_argument` for an option outside its range; the detail names it.
[[nodiscard]] auto make_sharded_worker_pool(ShardedWorkerPoolOptions options, Clock& clock)
    -> Result<std::unique_ptr<ShardedWorkerPool>>;

}  // namespace v1
}  // namespace spider
