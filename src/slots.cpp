#include "spider/slots.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

namespace spider::inline v1 {

auto slot_of(TaskRef task) noexcept -> Slot {
  std::array<unsigned char, 12> bytes{};
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(task.job.value >> (8 * i));
  for (unsigned i = 0; i < 4; ++i) bytes[8 + i] = static_cast<unsigned char>(task.task.bits() >> (8 * i));
  return static_cast<Slot>(XXH64(bytes.data(), bytes.size(), 0) % kSlots);
}

}  // namespace spider::inline v1
