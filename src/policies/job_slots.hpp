#pragma once

/// How many entries of each job each slot of a grouping holds; what makes dropping a job visit only
/// the slots that hold some of it.

#include "policies/slab.hpp"
#include "policies/slot_index.hpp"

#include <cassert>
#include <cstdint>

namespace spider::inline v1::detail {

class JobSlots {
 public:
  auto add(JobId job, std::uint32_t slot) -> void {
    const auto first = first_.find(job.value);
    for (auto at = first; at != kNoSlot; at = shares_[at].next) {
      if (shares_[at].slot != slot) continue;
      ++shares_[at].entries;
      return;
    }
    first_.put(job.value, shares_.take({slot, 1, first}));
  }

  auto remove(JobId job, std::uint32_t slot) -> void {
    auto before = kNoSlot;
    for (auto at = first_.find(job.value); at != kNoSlot; before = at, at = shares_[at].next) {
      if (shares_[at].slot != slot) continue;
      if (--shares_[at].entries == 0) unlink(job, before, at);
      return;
    }
  }

  /// A slot that holds some of the job, or `kNoSlot`.
  [[nodiscard]] auto first_slot(JobId job) const -> std::uint32_t {
    const auto first = first_.find(job.value);
    return first == kNoSlot ? kNoSlot : shares_[first].slot;
  }

  /// Calls `visit(slot)` for each slot that holds some of the job.
  template <class Visit>
  auto visit(JobId job, const Visit& visit) const -> void {
    for (auto at = first_.find(job.value); at != kNoSlot; at = shares_[at].next) visit(shares_[at].slot);
  }

  /// Forgets the job; calls `visit(slot)` for each slot that held some of it.
  template <class Visit>
  auto drop(JobId job, const Visit& visit) -> void {
    auto at = first_.find(job.value);
    first_.erase(job.value);
    while (at != kNoSlot) {
      const auto share = shares_[at];
      shares_.release(at);
      visit(share.slot);
      at = share.next;
    }
  }

  auto clear() -> void {
    first_ = SlotIndex{};
    shares_ = Slab<Share>{};
  }

 private:
  struct Share {
    std::uint32_t slot = 0;
    std::uint32_t entries = 0;
    std::uint32_t next = kNoSlot;  // of the same job
  };

  auto unlink(JobId job, std::uint32_t before, std::uint32_t at) -> void {
    const auto next = shares_[at].next;
    if (before != kNoSlot) {
      shares_[before].next = next;
    } else if (next != kNoSlot) {
      first_.put(job.value, next);
    } else {
      first_.erase(job.value);
    }
    shares_.release(at);
  }

  SlotIndex first_;  // by job
  Slab<Share> shares_;
};

}  // namespace spider::inline v1::detail
