#pragma once

/// Randomness that is the same everywhere: the engine is std::mt19937_64, whose output the standard
/// fixes, and the distributions are written out here, because the standard's differ between
/// libraries. Not for secrets. Not thread-safe: one per strand.

#include <cstdint>
#include <random>

namespace spider {
inline namespace v1 {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : engine_{seed} {}

  /// All 64 bits.
  [[nodiscard]] auto next() -> std::uint64_t { return engine_(); }

  /// Uniform in [0, bound), for bound > 0. Multiply-shift (Lemire 2019) without the rejection
  /// step: the bias is below bound / 2^64.
  [[nodiscard]] auto below(std::uint64_t bound) -> std::uint64_t {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(engine_()) * bound) >> 64U);
  }

  /// Uniform in [0, 1), 53 bits.
  [[nodiscard]] auto unit() -> double { return static_cast<double>(engine_() >> 11U) * 0x1p-53; }

  /// True with this probability.
  [[nodiscard]] auto chance(double probability) -> bool { return unit() < probability; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace v1
}  // namespace spider
