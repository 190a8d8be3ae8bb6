#pragma once

/// From a 64-bit number to a slot: open addressing with linear probing, and deletion by shifting back,
/// so that a table whose size is steady never allocates.

#include "policies/slot_lists.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace spider::inline v1::detail {

class SlotIndex {
 public:
  [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }

  /// `kNoSlot` where the key is not there.
  [[nodiscard]] auto find(std::uint64_t key) const -> std::uint32_t {
    if (size_ == 0) return kNoSlot;
    return cells_[locate(key)].slot;
  }

  /// Adds the key, or gives it another slot.
  auto put(std::uint64_t key, std::uint32_t slot) -> void {
    if (4 * (size_ + 1) > 3 * cells_.size()) grow();
    auto& cell = cells_[locate(key)];
    if (cell.slot == kNoSlot) ++size_;
    cell = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32U), slot};
  }

  auto erase(std::uint64_t key) -> void {
    if (size_ == 0) return;
    auto hole = locate(key);
    if (cells_[hole].slot == kNoSlot) return;
    const auto mask = cells_.size() - 1;
    for (auto at = (hole + 1) & mask; cells_[at].slot != kNoSlot; at = (at + 1) & mask) {
      const auto distance_from_home = (at - mix64(cells_[at].key())) & mask;
      if (distance_from_home < ((at - hole) & mask)) continue;
      cells_[hole] = cells_[at];
      hole = at;
    }
    cells_[hole] = Cell{};
    --size_;
  }

  auto clear() -> void {
    if (size_ > 0) cells_.assign(cells_.size(), Cell{});
    size_ = 0;
  }

 private:
  struct Cell {  // 12 bytes
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::uint32_t slot = kNoSlot;

    [[nodiscard]] auto key() const -> std::uint64_t { return std::uint64_t{high} << 32U | low; }
  };

  /// Where the key is, or the empty cell where it would be.
  [[nodiscard]] auto locate(std::uint64_t key) const -> std::size_t {
    const auto mask = cells_.size() - 1;
    auto at = mix64(key) & mask;
    while (cells_[at].slot != kNoSlot && cells_[at].key() != key) at = (at + 1) & mask;
    return at;
  }

  auto grow() -> void {
    const auto old = std::move(cells_);
    cells_.assign(old.empty() ? 8 : 2 * old.size(), Cell{});
    for (const auto& cell : old) {
      if (cell.slot != kNoSlot) cells_[locate(cell.key())] = cell;
    }
  }

  std::vector<Cell> cells_;  // none, or a power of two
  std::size_t size_ = 0;
};

}  // namespace spider::inline v1::detail
