#pragma once

/// Records by number, in chunks: growth copies nothing, released records are used again, last released
/// first. `Record` is trivially copyable and has `next`, which a released record lends to the slab.

#include "policies/slot_lists.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace spider::inline v1::detail {

template <class Record>
class Slab {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  [[nodiscard]] auto operator[](std::uint32_t at) -> Record& {
    return chunks_[at >> kChunkBits].get()[at & (kChunkRecords - 1)];
  }
  [[nodiscard]] auto operator[](std::uint32_t at) const -> const Record& {
    return chunks_[at >> kChunkBits].get()[at & (kChunkRecords - 1)];
  }

  /// Asks for the record's cache lines ahead of its use.
  auto prefetch(std::uint32_t at) const -> void {
    const auto* record = &(*this)[at];
    __builtin_prefetch(record);
    __builtin_prefetch(reinterpret_cast<const char*>(record + 1) - 1);
  }

  /// Numbers below this have been taken at least once.
  [[nodiscard]] auto end() const noexcept -> std::uint32_t { return used_; }

  [[nodiscard]] auto take(const Record& record) -> std::uint32_t {
    if (free_ != kNoSlot) {
      const auto at = free_;
      free_ = (*this)[at].next;
      (*this)[at] = record;
      return at;
    }
    if ((used_ & (kChunkRecords - 1)) == 0) chunks_.push_back(allocate());
    assert(used_ < kNoSlot);
    std::construct_at(&(*this)[used_], record);
    return used_++;
  }

  auto release(std::uint32_t at) -> void {
    (*this)[at].next = free_;
    free_ = at;
  }

 private:
  static constexpr unsigned kChunkBits = 13;
  static constexpr std::uint32_t kChunkRecords = 1U << kChunkBits;

  struct Deallocate {
    auto operator()(Record* chunk) const -> void {
      std::allocator<Record>{}.deallocate(chunk, kChunkRecords);
    }
  };
  using Chunk = std::unique_ptr<Record, Deallocate>;

  // Not constructed, so that pages of a large chunk become resident only when they are used.
  static auto allocate() -> Chunk { return Chunk{std::allocator<Record>{}.allocate(kChunkRecords)}; }

  std::vector<Chunk> chunks_;
  std::uint32_t used_ = 0;
  std::uint32_t free_ = kNoSlot;
};

}  // namespace spider::inline v1::detail
