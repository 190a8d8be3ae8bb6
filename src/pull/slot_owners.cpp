#include "spider/pull/slot_owners.hpp"

#include "stable_hash.hpp"

#include <vector>

namespace spider::inline v1 {

namespace {

// Ties are broken by the name's hash, which is the same for everybody.
struct Weight {
  std::uint64_t of_slot;
  std::uint64_t of_name;

  friend auto operator<=>(const Weight&, const Weight&) = default;
};

auto weight(std::uint64_t name, std::uint64_t slot_hash) -> Weight { return {mix64(name ^ slot_hash), name}; }

}  // namespace

auto owned_slots(std::span<const MemberView> members, std::string_view name, std::size_t redundancy)
    -> OwnedSlots {
  std::vector<std::uint64_t> others;
  bool present = false;
  for (const auto& member : members) {
    if (member.name == name) {
      present = true;
    } else {
      others.push_back(detail::stable_hash(member.name));
    }
  }
  OwnedSlots owned;
  if (!present) return owned;
  const auto own = detail::stable_hash(name);
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const auto hash = mix64(slot);
    const auto mine = weight(own, hash);
    std::size_t ahead = 0;
    for (const auto other : others) {
      if (weight(other, hash) > mine && ++ahead >= redundancy) break;
    }
    if (ahead == 0) {
      owned.first.set(slot);
    } else if (ahead < redundancy) {
      owned.later.set(slot);
    }
  }
  return owned;
}

}  // namespace spider::inline v1
