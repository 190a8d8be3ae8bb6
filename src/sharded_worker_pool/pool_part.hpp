#pragma once

/// One named pool of a ShardedWorkerPool, and the table that finds it without a lock.

#include "sharded_worker_pool/claim_line.hpp"
#include "sharded_worker_pool/idle_index.hpp"
#include "spider/sharded_worker_pool.hpp"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace spider::inline v1::detail {

/// Which worker served an actor last. A hint: another actor's may stand in its place.
class ActorMemory {
 public:
  explicit ActorMemory(std::size_t actors) : mask_{actors - 1}, entries_(actors) {}

  [[nodiscard]] auto find(ActorId actor) const noexcept -> WorkerSlot {
    const auto hash = mix64(actor.value);
    const auto entry = entries_[hash & mask_].load(std::memory_order_relaxed);
    return entry >> 32U == hash >> 32U ? static_cast<WorkerSlot>(entry) - 1 : kNoSlot;
  }
  auto remember(ActorId actor, WorkerSlot slot) noexcept -> void {
    const auto hash = mix64(actor.value);
    entries_[hash & mask_].store((hash & ~std::uint64_t{0xffffffff}) | (slot + 1), std::memory_order_relaxed);
  }

 private:
  std::size_t mask_;
  std::vector<std::atomic<std::uint64_t>> entries_;  // upper half of the hash, slot + 1
};

struct PoolPart {
  PoolPart(std::string_view pool, std::uint32_t index, const WorkerSlab& slab,
           const ShardedWorkerPoolOptions& options)
      : name{pool},
        number{index},
        idle{slab, options.shards, options.seed + index},
        line{options.limits.waiting_max},
        actors{options.actors_remembered} {}

  const std::string name;
  const std::uint32_t number;
  IdleIndex idle;
  ClaimLine line;
  ActorMemory actors;
};

/// Pools by name. Found without a lock, added by one thread at a time, never taken out.
class PoolTable {
 public:
  explicit PoolTable(std::size_t pools_max)
      : pools_max_{pools_max}, buckets_(std::bit_ceil(2 * pools_max)), pools_(pools_max) {}

  [[nodiscard]] auto find(std::string_view name) const noexcept -> PoolPart* {
    return buckets_[bucket_of(name)].load(std::memory_order_acquire);
  }
  [[nodiscard]] auto operator[](std::uint32_t number) const noexcept -> PoolPart& { return *pools_[number]; }
  [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }
  [[nodiscard]] auto full() const noexcept -> bool { return size_ == pools_max_; }

  /// The name is not in the table, which is not full. Throws `std::bad_alloc`.
  auto insert(std::string_view name, const WorkerSlab& slab, const ShardedWorkerPoolOptions& options)
      -> PoolPart& {
    auto& pool = pools_[size_];
    pool = std::make_unique<PoolPart>(name, static_cast<std::uint32_t>(size_), slab, options);
    ++size_;
    buckets_[bucket_of(name)].store(pool.get(), std::memory_order_release);
    return *pool;
  }

 private:
  /// Where the name is, or belongs: at least half of the buckets are empty.
  [[nodiscard]] auto bucket_of(std::string_view name) const noexcept -> std::size_t {
    auto bucket = std::hash<std::string_view>{}(name) & (buckets_.size() - 1);
    while (const auto* pool = buckets_[bucket].load(std::memory_order_acquire)) {
      if (pool->name == name) break;
      bucket = (bucket + 1) & (buckets_.size() - 1);
    }
    return bucket;
  }

  std::size_t pools_max_;
  std::vector<std::atomic<PoolPart*>> buckets_;
  std::vector<std::unique_ptr<PoolPart>> pools_;
  std::size_t size_ = 0;
};

}  // namespace spider::inline v1::detail
