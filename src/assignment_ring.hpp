#pragma once

/// The items of a dispatch channel, kept by position: item number n lies in slot n of a ring. Which positions
/// are in use, and who may touch them, is for the channel to say. One thread may store while another loads
/// other positions.
///
/// Memory comes in blocks that are allocated when first reached and kept until destruction.

#include "spider/types.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

namespace spider::inline v1::detail {

class AssignmentRing {
 public:
  static constexpr std::size_t kBlockItemsMax = 512;

  /// Room for `capacity` consecutive positions.
  AssignmentRing(std::size_t capacity, std::pmr::memory_resource& memory)
      : block_items_{std::min(kBlockItemsMax, std::bit_ceil(capacity))},
        shift_{static_cast<unsigned>(std::countr_zero(block_items_))},
        memory_{memory},
        blocks_(std::bit_ceil(capacity) >> shift_, nullptr),
        block_mask_{blocks_.size() - 1} {}
  AssignmentRing(const AssignmentRing&) = delete;
  auto operator=(const AssignmentRing&) -> AssignmentRing& = delete;
  ~AssignmentRing() {
    for (auto* block : blocks_) {
      if (block != nullptr) memory_.deallocate(block, block_bytes(), kAlignment);
    }
  }

  /// Whether `position` has memory: it was reserved once.
  [[nodiscard]] auto holds(std::uint64_t position) const noexcept -> bool {
    return block_of(position) != nullptr;
  }

  /// Gets memory for `count` positions, at most the capacity; returns for how many there was some.
  [[nodiscard]] auto reserve(std::uint64_t position, std::size_t count) noexcept -> std::size_t {
    std::size_t reserved = 0;
    while (reserved < count && (holds(position + reserved) || add_block(position + reserved))) {
      reserved += block_items_ - offset_of(position + reserved);
    }
    return std::min(reserved, count);
  }

  auto store(std::uint64_t position, const TaskAssignment& item) noexcept -> void {
    auto* block = block_of(position);
    copy(block + offset_of(position), &item);
    ask_to_write(block + offset_of(position + kAhead));
  }

  auto load(std::uint64_t position, TaskAssignment& out) const noexcept -> void {
    const auto* block = block_of(position);
    copy(&out, block + offset_of(position));
    __builtin_prefetch(block + offset_of(position + kAhead));
  }

  /// Stores what is in `items` from `position` on.
  auto store(std::uint64_t position, std::span<const TaskAssignment> items) noexcept -> void {
    for (const auto& item : items) store(position++, item);
  }

  /// Appends `count` from `position` on to `out`, which has the room.
  auto load(std::uint64_t position, std::size_t count, std::vector<TaskAssignment>& out) const noexcept
      -> void {
    while (count != 0) {
      const auto part = std::min(count, block_items_ - offset_of(position));
      const auto* from = block_of(position) + offset_of(position);
      out.insert(out.end(), from, from + part);
      position += part;
      count -= part;
    }
  }

 private:
  // An item is one cache line, which the other side's processor has touched last. It is asked for so many
  // items before it is needed.
  static constexpr std::size_t kAhead = 4;
  static constexpr std::size_t kAlignment = 64;

  /// Whole: an assignment would leave out the padding at the end, and copy the rest in pieces that overlap,
  /// which no later copy can be forwarded from before they are in the cache.
  static auto copy(TaskAssignment* to, const TaskAssignment* from) noexcept -> void {
    std::memcpy(to, from, sizeof(TaskAssignment));
  }

  /// To read a line that one is about to write is to wait for it twice.
  static auto ask_to_write(const TaskAssignment* item) noexcept -> void {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*item));
#else
    __builtin_prefetch(item, 1);
#endif
  }

  [[nodiscard]] auto offset_of(std::uint64_t position) const noexcept -> std::size_t {
    return position & (block_items_ - 1);
  }
  [[nodiscard]] auto block_of(std::uint64_t position) const noexcept -> TaskAssignment* {
    return blocks_[(position >> shift_) & block_mask_];
  }
  [[nodiscard]] auto block_bytes() const noexcept -> std::size_t {
    return block_items_ * sizeof(TaskAssignment);
  }

  [[nodiscard]] auto add_block(std::uint64_t position) noexcept -> bool {
    try {
      auto* memory = memory_.allocate(block_bytes(), kAlignment);
      blocks_[(position >> shift_) & block_mask_] = static_cast<TaskAssignment*>(memory);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  const std::size_t block_items_;
  const unsigned shift_;
  std::pmr::memory_resource& memory_;
  std::vector<TaskAssignment*> blocks_;
  const std::size_t block_mask_;
};

static_assert(std::is_trivially_copyable_v<TaskAssignment>, "a move that throws would lose an assignment");

}  // namespace spider::inline v1::detail
