#pragma once

/// The records of all workers of a ShardedWorkerPool: at stable addresses, named by a slot number.

#include "spider/worker_pool.hpp"
#include "spin_lock.hpp"

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace spider::inline v1::detail {

using WorkerSlot = std::uint32_t;
inline constexpr WorkerSlot kNoSlot = std::numeric_limits<WorkerSlot>::max();
inline constexpr std::uint16_t kNoShard = std::numeric_limits<std::uint16_t>::max();

/// The transitions are in spider/worker_pool.hpp; `gone` is a slot without a worker.
enum class WorkerState : std::uint8_t { gone, idle, claimed, returning, dead };

struct alignas(64) WorkerRecord {
  SpinLock lock;  ///< guards all but the links; taken before a shard's lock
  WorkerState state = WorkerState::gone;
  /// In the index of its pool; `kNoShard` = not in it. Set under both locks, reset under the shard's.
  std::atomic<std::uint16_t> shard{kNoShard};
  std::uint32_t pool = 0;
  WorkerSlot newer = kNoSlot;  ///< links within the shard, guarded by its lock
  WorkerSlot older = kNoSlot;
  WorkerId worker;
  ClaimantId owner;
  std::uint64_t epoch = 0;
  TimePoint lease_until{};
  TimePoint changed_at{};  ///< when it was last added, claimed or renewed
};
static_assert(sizeof(WorkerRecord) == 64);

class WorkerSlab {
 public:
  explicit WorkerSlab(std::size_t workers_max)
      : workers_max_{workers_max}, blocks_{(workers_max + kBlock - 1) / kBlock} {}

  /// A slot that was never used; none when all are. Throws `std::bad_alloc`. One caller at a time.
  [[nodiscard]] auto extend() -> std::optional<WorkerSlot> {
    const auto slot = used_.load(std::memory_order_relaxed);
    if (slot == workers_max_) return std::nullopt;
    auto& block = blocks_[slot / kBlock];
    if (!block) block = std::make_unique<WorkerRecord[]>(kBlock);
    used_.store(slot + 1, std::memory_order_release);
    return slot;
  }

  /// Every slot below this was given out by `extend`.
  [[nodiscard]] auto used() const noexcept -> std::size_t { return used_.load(std::memory_order_acquire); }

  [[nodiscard]] auto operator[](WorkerSlot slot) const noexcept -> WorkerRecord& {
    assert(slot < used());
    return blocks_[slot / kBlock][slot % kBlock];
  }

 private:
  static constexpr std::size_t kBlock = 1024;

  std::size_t workers_max_;
  std::vector<std::unique_ptr<WorkerRecord[]>> blocks_;
  std::atomic<WorkerSlot> used_{0};
};

}  // namespace spider::inline v1::detail
