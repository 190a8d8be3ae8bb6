#pragma once

#include "support/seed.hpp"

namespace spider::inline v1 {

/// What the random choices of the race tests begin with. The order of threads is the machine's.
[[nodiscard]] inline auto race_seed() -> std::uint64_t { return testing::chosen_seed().value_or(4711); }

}  // namespace spider::inline v1
