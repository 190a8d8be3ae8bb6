#pragma once

/// The index of the idle workers of one pool: a hint, kept apart from the records that are the truth.
/// A worker is in it at most once.

#include "sharded_worker_pool/worker_slab.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace spider::inline v1::detail {

class IdleIndex {
 public:
  /// `shards` is a power of two. The slab outlives the index.
  IdleIndex(const WorkerSlab& slab, std::size_t shards, std::uint64_t seed);

  [[nodiscard]] auto shards() const noexcept -> std::size_t { return mask_ + 1; }

  /// Where a claim starts to look: the one of two that is known to be fuller.
  [[nodiscard]] auto fuller_of_two() noexcept -> std::size_t;

  /// Takes the worker that was put last into shard `number` modulo `shards()`; `kNoSlot` when it is empty.
  [[nodiscard]] auto pop(std::size_t number) noexcept -> WorkerSlot;

  /// Puts a worker into the emptier of two, unless it is in the index. Its record is locked by the caller.
  auto push(WorkerSlot slot) noexcept -> void;

  /// Takes this worker out, if it is in. Its record is locked by the caller.
  auto unlink(WorkerSlot slot) noexcept -> void;

  [[nodiscard]] auto traffic() const -> std::vector<std::uint64_t>;

 private:
  struct alignas(64) Shard {
    mutable SpinLock lock;
    WorkerSlot newest = kNoSlot;
    std::atomic<std::uint32_t> fill{0};  ///< written under the lock
    std::uint64_t popped = 0;
  };
  static_assert(sizeof(Shard) == 64);

  struct Two {
    std::size_t first;
    std::size_t second;
  };
  auto draw_two() noexcept -> Two;
  [[nodiscard]] auto fill(std::size_t number) const noexcept -> std::uint32_t {
    return shards_[number].fill.load(std::memory_order_relaxed);
  }
  auto remove(Shard& shard, WorkerSlot slot) noexcept -> void;

  const WorkerSlab& slab_;
  std::size_t mask_;
  std::uint64_t seed_;
  std::unique_ptr<Shard[]> shards_;
  alignas(64) std::atomic<std::uint64_t> draws_{0};
};

}  // namespace spider::inline v1::detail
