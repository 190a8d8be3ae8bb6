#pragma once

/// Where chance comes from in a simulated world: every draw is a pure function of the seed, of what it
/// is for, and of which one it is. So nothing else shifts when one event is left out.

#include "spider/sim/case.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace spider::inline v1::sim {

/// 64 random bits, and what can be made of them.
class Draw {
 public:
  explicit Draw(std::uint64_t bits) : bits_{bits} {}

  [[nodiscard]] auto below(std::uint64_t bound) const -> std::uint64_t { return mix64(bits_) % bound; }
  [[nodiscard]] auto unit() const -> double { return static_cast<double>(mix64(~bits_) >> 11U) * 0x1p-53; }
  [[nodiscard]] auto chance(double probability) const -> bool { return unit() < probability; }
  /// Uniform in [from, to].
  [[nodiscard]] auto between(Duration from, Duration to) const -> Duration {
    return from +
           Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>((to - from).count()) + 1))};
  }
  /// Another draw; the same for the same number.
  [[nodiscard]] auto next(std::uint64_t number) const -> Draw { return Draw{mix64(bits_ ^ mix64(number))}; }

 private:
  std::uint64_t bits_;
};

/// Decides which faults happen, and keeps account of them.
class FaultSource {
 public:
  explicit FaultSource(const SimCase& what) : seed_{what.seed}, rates_{what.rates} {
    for (const auto& fault : what.faults) planned_[index(fault.kind)].push_back(fault.opportunity);
    for (auto& numbers : planned_) std::ranges::sort(numbers);
  }

  /// An opportunity for `kind`. What answers is how to go about it; nothing when it does not happen.
  [[nodiscard]] auto fires(FaultKind kind) -> std::optional<Draw> {
    if (healed_) return std::nullopt;
    const auto number = seen_[index(kind)]++;
    const Draw draw{mix64(seed_ ^ mix64((static_cast<std::uint64_t>(kind) + 1) << 40U ^ number))};
    const auto& planned = planned_[index(kind)];
    const auto happens =
        rates_ ? draw.next(1).chance((*rates_)[index(kind)]) : std::ranges::binary_search(planned, number);
    if (!happens) return std::nullopt;
    ++fired_[index(kind)];
    faults_.push_back({kind, number});
    return draw;
  }

  /// From now on nothing goes wrong.
  auto heal() -> void { healed_ = true; }
  [[nodiscard]] auto healed() const -> bool { return healed_; }
  [[nodiscard]] auto fired() const -> const FaultCounts& { return fired_; }
  [[nodiscard]] auto faults() const -> const std::vector<FaultEvent>& { return faults_; }

 private:
  static auto index(FaultKind kind) -> std::size_t { return static_cast<std::size_t>(kind); }

  std::uint64_t seed_;
  std::optional<FaultRates> rates_;
  std::array<std::vector<std::uint64_t>, kFaultKinds> planned_;
  FaultCounts seen_{};
  FaultCounts fired_{};
  std::vector<FaultEvent> faults_;
  bool healed_ = false;
};

}  // namespace spider::inline v1::sim
