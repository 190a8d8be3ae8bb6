#pragma once

/// What a ShardedWorkerPool does, but for the waiting: each step under one record's lock.
///
/// Locks, always taken in this order: the roster's mutex, a record's lock, a shard's lock.

#include "sharded_worker_pool/pool_part.hpp"
#include "sharded_worker_pool/roster.hpp"
#include "sharded_worker_pool/worker_slab.hpp"
#include "spider/sharded_worker_pool.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace spider {
inline namespace v1 {

class ShardedWorkerPool::State final : public std::enable_shared_from_this<State> {
 public:
  /// The clock outlives the calls.
  State(ShardedWorkerPoolOptions options, Clock& clock);

  [[nodiscard]] auto add(const WorkerInfo& info) -> Result<void>;
  [[nodiscard]] auto remove(WorkerId worker) -> Result<void>;
  /// The pool that a sound request names.
  [[nodiscard]] auto admit(const ClaimRequest& request) const -> Result<detail::PoolPart*>;
  /// Without waiting, and past the line of those who wait.
  [[nodiscard]] auto claim(detail::PoolPart& pool, const ClaimRequest& request)
      -> Result<std::optional<Claim>>;
  [[nodiscard]] auto release(const Claim& claim) -> Result<void>;
  [[nodiscard]] auto renew(const Claim& claim) -> Result<void>;
  [[nodiscard]] auto sweep(TimePoint now, std::size_t limit) -> Result<PoolSweep>;
  [[nodiscard]] auto count() -> WorkerCounts;
  [[nodiscard]] auto traffic(std::string_view pool) const -> std::vector<std::uint64_t>;
  auto close() -> void;
  [[nodiscard]] auto clock() const noexcept -> Clock& { return clock_; }

 private:
  using WorkerState = detail::WorkerState;
  using WorkerSlot = detail::WorkerSlot;
  using WorkerRecord = detail::WorkerRecord;

  /// What is to be done about a record once its lock is released.
  struct Errand {
    enum class Kind : std::uint8_t { none, bring_home, index, bury };
    Kind kind = Kind::none;
    WorkerSlot slot = detail::kNoSlot;
    std::uint32_t pool = 0;
    std::uint64_t epoch = 0;
    WorkerId worker;
  };

  [[nodiscard]] auto interrupted(WorkerPoolStep step) const -> bool {
    return options_.interrupt && options_.interrupt(step);
  }
  auto register_worker(const WorkerInfo& info) -> Result<Errand>;
  auto take(const detail::PoolPart& pool, WorkerSlot slot, const ClaimRequest& request, TimePoint now)
      -> std::optional<Claim>;
  auto take_last_of(detail::PoolPart& pool, const ClaimRequest& request, TimePoint now)
      -> Result<std::optional<Claim>>;
  auto take_any(detail::PoolPart& pool, const ClaimRequest& request, TimePoint now)
      -> Result<std::optional<Claim>>;
  /// Calls `act(record, slot) -> Result<Errand>` under the lock of the record of the claimed worker.
  template <class Act>
  auto on_record(const Claim& claim, Act act) -> Result<Errand>;
  [[nodiscard]] auto slot_of(const Claim& claim) -> WorkerSlot;
  auto sweep_one(WorkerSlot slot, TimePoint now, PoolSweep& report) -> Errand;
  auto next_slots(std::size_t used, std::size_t count) -> std::size_t;
  /// Does what `errand` says. Errors: `internal` when interrupted.
  auto run(const Errand& errand) -> Result<void>;
  auto put_into_index(const Errand& errand) -> bool;

  const ShardedWorkerPoolOptions options_;
  Clock& clock_;
  detail::WorkerSlab slab_;
  detail::PoolTable pools_;  // changed under roster_mutex_
  std::mutex roster_mutex_;
  detail::Roster roster_;
  alignas(64) std::atomic<std::size_t> cursor_{0};
};

}  // namespace v1
}  // namespace spider
