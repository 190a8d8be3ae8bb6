#pragma once

/// A set of priority classes that finds the next one without a scan over classes. Not thread-safe.

#include "spider/types.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace spider::inline v1::detail {

class ClassSet {
 public:
  static constexpr std::size_t kClasses = std::numeric_limits<PriorityClass>::max() + std::size_t{1};

  auto set(PriorityClass priority, bool on) noexcept -> void {
    const auto bit = std::uint64_t{1} << (priority % 64U);
    auto& word = words_[priority / 64U];
    word = on ? word | bit : word & ~bit;
  }

  /// The most urgent one that is `from` or less urgent.
  [[nodiscard]] auto next(std::size_t from) const noexcept -> std::optional<PriorityClass> {
    for (auto word = from / 64; word < words_.size(); ++word) {
      const auto skip = word == from / 64 ? from % 64 : 0;
      const auto bits = words_[word] & (~std::uint64_t{0} << skip);
      if (bits != 0)
        return static_cast<PriorityClass>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
    }
    return std::nullopt;
  }

 private:
  std::array<std::uint64_t, kClasses / 64> words_{};
};

}  // namespace spider::inline v1::detail
