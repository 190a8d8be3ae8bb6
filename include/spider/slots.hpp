#pragma once

/// Slots: how several schedulers share the work of one storage without asking each other.
///
/// Every task falls into one of 16,384 slots, for ever. Members own slots (`pull/slot_owners.hpp`), and a
/// poll may ask for the tasks of some slots only. A slot grants nothing: the lease that a poll takes does.
/// Plain values without a thread rule.

#include "spider/types.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>

namespace spider {
inline namespace v1 {

using Slot = std::uint16_t;

/// Redis Cluster's number. With 1,024 slots the shares of 8 members miss an equal share by more than a tenth
/// nine times in ten.
inline constexpr std::size_t kSlots = 16'384;

/// xxHash64 (seed 0) of the job's id and `TaskId::bits`, 12 bytes, little-endian, modulo `kSlots`. Every
/// adapter and every version computes the same.
[[nodiscard]] auto slot_of(TaskRef task) noexcept -> Slot;

using SlotSet = std::bitset<kSlots>;

/// Which tasks a poll asks for.
struct SlotFilter {
  SlotFilter() = default;

  SlotSet first;              ///< any ready task in these
  SlotSet later;              ///< in these, what has been ready for `takeover_delay`: the owner is slow
  Duration takeover_delay{};  ///< ≥ 0

  /// When a task that became ready at `ready_at` may be offered to this poll; `kForever` = never.
  [[nodiscard]] auto offered_from(TaskRef task, TimePoint ready_at) const noexcept -> TimePoint {
    const auto slot = slot_of(task);
    if (first.test(slot)) return ready_at;
    return later.test(slot) ? saturating_add(ready_at, takeover_delay) : kForever;
  }
};

}  // namespace v1
}  // namespace spider
