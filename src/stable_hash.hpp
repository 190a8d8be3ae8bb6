#pragma once

/// The hash of what is stored, or compared between processes: xxHash64 with seed 0. The same on every machine
/// and in every release, for ever.

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace spider::inline v1::detail {

[[nodiscard]] inline auto stable_hash(std::string_view bytes) noexcept -> std::uint64_t {
  return XXH64(bytes.data(), bytes.size(), 0);
}

}  // namespace spider::inline v1::detail
