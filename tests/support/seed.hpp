#pragma once

/// Repeating one failing case of a randomised test.

#include <cstdint>
#include <cstdlib>
#include <optional>

namespace spider::inline v1::testing {

/// The seed that the environment variable SPIDER_SEED names, as a failure of such a test prints it.
[[nodiscard]] inline auto chosen_seed() -> std::optional<std::uint64_t> {
  const auto* given = std::getenv("SPIDER_SEED");
  if (given == nullptr) return std::nullopt;
  return std::strtoull(given, nullptr, 10);
}

}  // namespace spider::inline v1::testing
