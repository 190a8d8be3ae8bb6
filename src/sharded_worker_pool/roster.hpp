#pragma once

/// Which workers are on record, in which slots. Guarded by its owner.

#include "sharded_worker_pool/worker_slab.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace spider::inline v1::detail {

class Roster {
 public:
  /// The slab outlives the roster.
  explicit Roster(WorkerSlab& slab) : slab_{slab} {}

  [[nodiscard]] auto find(WorkerId worker) const -> WorkerSlot {
    const auto found = slots_.find(worker);
    return found == slots_.end() ? kNoSlot : found->second;
  }

  /// A slot for a worker that has none; `kNoSlot` when all are in use. Throws `std::bad_alloc`.
  [[nodiscard]] auto enter(WorkerId worker) -> WorkerSlot {
    const auto entry = slots_.emplace(worker, kNoSlot).first;
    try {
      entry->second = take_slot();
    } catch (...) {
      slots_.erase(entry);
      throw;
    }
    const auto slot = entry->second;
    if (slot == kNoSlot) slots_.erase(entry);
    if (slot != kNoSlot) ++added_;
    return slot;
  }

  /// The worker is gone from its record, where it had this epoch last.
  auto strike(WorkerId worker, std::uint64_t epoch) -> void {
    const auto entry = slots_.find(worker);
    free_.push_back(entry->second);  // within its capacity
    slots_.erase(entry);
    epoch_ = std::max(epoch_, epoch);
    ++removed_;
  }

  /// Greater than every epoch that a struck worker ever had.
  [[nodiscard]] auto fresh_epoch() -> std::uint64_t { return ++epoch_; }

  [[nodiscard]] auto added() const noexcept -> std::uint64_t { return added_; }
  [[nodiscard]] auto removed() const noexcept -> std::uint64_t { return removed_; }

 private:
  auto take_slot() -> WorkerSlot {
    if (!free_.empty()) {
      const auto slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (slab_.used() == free_.capacity()) free_.reserve(2 * slab_.used() + 64);
    return slab_.extend().value_or(kNoSlot);
  }

  WorkerSlab& slab_;
  std::unordered_map<WorkerId, WorkerSlot> slots_;
  std::vector<WorkerSlot> free_;
  std::uint64_t epoch_ = 0;
  std::uint64_t added_ = 0;
  std::uint64_t removed_ = 0;
};

}  // namespace spider::inline v1::detail
