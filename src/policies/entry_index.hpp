#pragma once

/// From a task of a line to its entry. Empty until it is first asked: who never asks for places pays
/// nothing for it.

#include "policies/slot_index.hpp"
#include "spider/types.hpp"

#include <cstdint>

namespace spider::inline v1::detail {

class EntryIndex {
 public:
  [[nodiscard]] auto in_use() const noexcept -> bool { return in_use_; }
  auto use() -> void { in_use_ = true; }

  /// Of equal tasks in one line, the first counts.
  auto add(std::uint32_t line, TaskId task, std::uint32_t entry) -> void {
    if (in_use_ && index_.find(key(line, task)) == kNoSlot) index_.put(key(line, task), entry);
  }
  auto remove(std::uint32_t line, TaskId task, std::uint32_t entry) -> void {
    if (in_use_ && index_.find(key(line, task)) == entry) index_.erase(key(line, task));
  }
  [[nodiscard]] auto find(std::uint32_t line, TaskId task) const -> std::uint32_t {
    return index_.find(key(line, task));
  }

 private:
  static auto key(std::uint32_t line, TaskId task) -> std::uint64_t {
    return std::uint64_t{line} << 32U | task.bits();
  }

  SlotIndex index_;
  bool in_use_ = false;
};

}  // namespace spider::inline v1::detail
