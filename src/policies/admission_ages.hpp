#pragma once

/// Who of what is held was admitted first, over several buffers that each give out the entries of one
/// job in the order of admission. Knows runs of entries, not entries: one that has left is noticed when
/// it would come first, or when dead runs outnumber the entries.

#include "policies/slab.hpp"
#include "spider/types.hpp"

#include <cstdint>
#include <optional>

namespace spider::inline v1::detail {

class AdmissionAges {
 public:
  struct Oldest {
    JobId job;
    PriorityClass in{};
    TimePoint at;
  };

  /// Number `number` of its job in `in` was admitted; numbers of one job are consecutive.
  auto admitted(JobId job, PriorityClass in, std::uint64_t number, TimePoint at) -> void {
    if (last_ != kNoSlot) {
      auto& run = runs_[last_];
      if (run.job == job && run.in == in && run.at == at && run.end == number) {
        ++run.end;
        return;
      }
    }
    const auto added = runs_.take({job, at, number + 1, kNoSlot, in});
    (last_ == kNoSlot ? first_ : runs_[last_].next) = added;
    last_ = added;
    ++size_;
  }

  /// The oldest that is held. `next_out(job, in)` is the number that leaves next, or nothing when none of
  /// the job is held there.
  template <class NextOut>
  [[nodiscard]] auto oldest(const NextOut& next_out) -> std::optional<Oldest> {
    while (first_ != kNoSlot && !is_held(runs_[first_], next_out)) drop_after(kNoSlot);
    if (first_ == kNoSlot) return std::nullopt;
    return Oldest{runs_[first_].job, runs_[first_].in, runs_[first_].at};
  }

  /// Forgets runs that have left, if they are more than half of all; O(1) amortised over admissions.
  template <class NextOut>
  auto compact(std::size_t entries_held, const NextOut& next_out) -> void {
    if (size_ <= 2 * entries_held + kSlack) return;
    auto before = kNoSlot;
    for (auto at = first_; at != kNoSlot; at = before == kNoSlot ? first_ : runs_[before].next) {
      if (is_held(runs_[at], next_out)) {
        before = at;
      } else {
        drop_after(before);
      }
    }
  }

  auto clear() -> void { *this = AdmissionAges{}; }

 private:
  static constexpr std::size_t kSlack = 64;

  struct Run {
    JobId job;
    TimePoint at;
    std::uint64_t end = 0;  // one past the number of its last entry
    std::uint32_t next = kNoSlot;
    PriorityClass in = 0;
  };

  template <class NextOut>
  static auto is_held(const Run& run, const NextOut& next_out) -> bool {
    const std::optional<std::uint64_t> next = next_out(run.job, run.in);
    return next && *next < run.end;
  }

  auto drop_after(std::uint32_t before) -> void {
    const auto at = before == kNoSlot ? first_ : runs_[before].next;
    const auto next = runs_[at].next;
    (before == kNoSlot ? first_ : runs_[before].next) = next;
    if (last_ == at) last_ = before;
    runs_.release(at);
    --size_;
  }

  Slab<Run> runs_;
  std::uint32_t first_ = kNoSlot;
  std::uint32_t last_ = kNoSlot;
  std::size_t size_ = 0;
};

}  // namespace spider::inline v1::detail
