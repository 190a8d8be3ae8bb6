#pragma once

/// Which member owns which slot: rendezvous hashing (Thaler and Ravishankar 1998) over the active members.
///
/// For each slot the members are ranked by a hash of slot and member name; the first ranks own it. When a
/// member joins or leaves n others, 1/(n+1) of the slots move on average and no others: each member keeps its
/// order among the rest. A restart under the same name moves nothing. Pure.

#include "spider/member_directory.hpp"
#include "spider/slots.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace spider {
inline namespace v1 {

struct OwnedSlots {
  SlotSet first;  ///< those whose first owner the member is
  SlotSet later;  ///< those in whose next `redundancy` − 1 ranks it is
};

/// The slots of member `name` among `members`, whose order does not matter. None when it is not among them.
/// O(slots × members). Precondition: `redundancy` ≥ 1; more than there are members means all of them.
[[nodiscard]] auto owned_slots(std::span<const MemberView> members, std::string_view name,
                               std::size_t redundancy) -> OwnedSlots;

}  // namespace v1
}  // namespace spider
