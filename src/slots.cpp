#include "spider/slots.hpp"

#include "stable_hash.hpp"

#include <array>

namespace spider::inline v1 {

auto slot_of(TaskRef task) noexcept -> Slot {
  std::array<char, 12> bytes{};
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<char>(task.job.value >> (8 * i));
  for (unsigned i = 0; i < 4; ++i) bytes[8 + i] = static_cast<char>(task.task.bits() >> (8 * i));
  return static_cast<Slot>(detail::stable_hash({bytes.data(), bytes.size()}) % kSlots);
}

}  // namespace spider::inline v1
