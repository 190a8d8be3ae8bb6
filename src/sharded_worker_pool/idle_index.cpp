#include "sharded_worker_pool/idle_index.hpp"

#include <mutex>

namespace spider::inline v1::detail {

IdleIndex::IdleIndex(const WorkerSlab& slab, std::size_t shards, std::uint64_t seed)
    : slab_{slab}, mask_{shards - 1}, seed_{seed}, shards_{std::make_unique<Shard[]>(shards)} {}

auto IdleIndex::draw_two() noexcept -> Two {
  const auto bits = mix64(seed_ ^ draws_.fetch_add(1, std::memory_order_relaxed));
  return {bits & mask_, (bits >> 32U) & mask_};
}

auto IdleIndex::fuller_of_two() noexcept -> std::size_t {
  const auto [first, second] = draw_two();
  return fill(second) > fill(first) ? second : first;
}

// The lock is taken also where the shard is known to be empty. So a claim that has looked at all shards
// after it joined the line is seen by whoever puts a worker into one of them later.
auto IdleIndex::pop(std::size_t number) noexcept -> WorkerSlot {
  auto& shard = shards_[number & mask_];
  const std::scoped_lock lock{shard.lock};
  const auto slot = shard.newest;
  if (slot == kNoSlot) return kNoSlot;
  remove(shard, slot);
  ++shard.popped;
  return slot;
}

auto IdleIndex::push(WorkerSlot slot) noexcept -> void {
  auto& record = slab_[slot];
  // Acquires what `remove` released, under another shard's lock maybe: its reads of the links.
  if (record.shard.load(std::memory_order_acquire) != kNoShard) return;
  const auto [first, second] = draw_two();
  const auto number = fill(second) < fill(first) ? second : first;
  auto& shard = shards_[number];
  const std::scoped_lock lock{shard.lock};
  record.newer = kNoSlot;
  record.older = shard.newest;
  if (shard.newest != kNoSlot) slab_[shard.newest].newer = slot;
  shard.newest = slot;
  shard.fill.store(fill(number) + 1, std::memory_order_relaxed);
  record.shard.store(static_cast<std::uint16_t>(number), std::memory_order_relaxed);
}

auto IdleIndex::unlink(WorkerSlot slot) noexcept -> void {
  auto& record = slab_[slot];
  const auto number = record.shard.load(std::memory_order_relaxed);
  if (number == kNoShard) return;
  auto& shard = shards_[number];
  const std::scoped_lock lock{shard.lock};
  if (record.shard.load(std::memory_order_relaxed) == number) remove(shard, slot);
}

auto IdleIndex::remove(Shard& shard, WorkerSlot slot) noexcept -> void {
  auto& record = slab_[slot];
  if (record.newer != kNoSlot) slab_[record.newer].older = record.older;
  if (record.older != kNoSlot) slab_[record.older].newer = record.newer;
  if (shard.newest == slot) shard.newest = record.older;
  shard.fill.store(shard.fill.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  record.shard.store(kNoShard, std::memory_order_release);
}

auto IdleIndex::traffic() const -> std::vector<std::uint64_t> {
  std::vector<std::uint64_t> popped;
  for (std::size_t i = 0; i <= mask_; ++i) {
    const std::scoped_lock lock{shards_[i].lock};
    popped.push_back(shards_[i].popped);
  }
  return popped;
}

}  // namespace spider::inline v1::detail
