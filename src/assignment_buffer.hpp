#pragma once

/// One of the two buffers of a dispatch channel: filled at the end, emptied from the beginning, and
/// started afresh when empty. Not thread-safe.
///
/// Memory comes in blocks that are allocated when first reached and kept until destruction.

#include "spider/types.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <memory_resource>
#include <new>
#include <vector>

namespace spider::inline v1::detail {

// On cache lines of its own: producers write one buffer while consumers write the other.
class alignas(64) AssignmentBuffer {
 public:
  static constexpr std::size_t kBlockItemsMax = 512;

  AssignmentBuffer(std::size_t capacity, std::pmr::memory_resource& memory)
      : block_items_{std::min(kBlockItemsMax, std::bit_ceil(capacity))},
        shift_{static_cast<unsigned>(std::countr_zero(block_items_))},
        memory_{memory},
        blocks_{&memory} {}
  AssignmentBuffer(const AssignmentBuffer&) = delete;
  auto operator=(const AssignmentBuffer&) -> AssignmentBuffer& = delete;
  ~AssignmentBuffer() {
    for (auto* block : blocks_) memory_.deallocate(block, block_bytes(), alignof(TaskAssignment));
  }

  [[nodiscard]] auto size() const noexcept -> std::size_t { return end_ - begin_; }
  [[nodiscard]] auto empty() const noexcept -> bool { return end_ == begin_; }

  /// Forgets all items. O(1): touches none.
  auto clear() noexcept -> void { begin_ = end_ = 0; }

  /// Whether there was memory for it.
  [[nodiscard]] auto append(const TaskAssignment& item) noexcept -> bool {
    const auto block = end_ >> shift_;
    if (block == blocks_.size() && !add_block()) return false;
    blocks_[block][end_ & (block_items_ - 1)] = item;
    ++end_;
    return true;
  }

  /// Moves the first `count` items out. Requires `count <= size()`.
  auto take(TaskAssignment* out, std::size_t count) noexcept -> void {
    assert(count <= size());
    while (count != 0) {
      const auto offset = begin_ & (block_items_ - 1);
      const auto part = std::min(count, block_items_ - offset);
      out = std::copy_n(blocks_[begin_ >> shift_] + offset, part, out);
      begin_ += part;
      count -= part;
    }
  }

 private:
  [[nodiscard]] auto block_bytes() const noexcept -> std::size_t {
    return block_items_ * sizeof(TaskAssignment);
  }

  auto add_block() noexcept -> bool {
    try {
      blocks_.reserve(blocks_.size() + 1 > blocks_.capacity() ? 2 * blocks_.size() + 1 : 0);
      void* block = memory_.allocate(block_bytes(), alignof(TaskAssignment));
      blocks_.push_back(static_cast<TaskAssignment*>(block));
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  const std::size_t block_items_;
  const unsigned shift_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::pmr::memory_resource& memory_;
  std::pmr::vector<TaskAssignment*> blocks_;
};

static_assert(std::is_trivially_copyable_v<TaskAssignment>, "a move that throws would lose an assignment");

}  // namespace spider::inline v1::detail
