#pragma once

/// The Prometheus text format (0.0.4), and a histogram that is written in it.

#include "spider/types.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace spider::inline v1::detail {

/// [a-zA-Z_:][a-zA-Z0-9_:]*
[[nodiscard]] auto is_metric_name(std::string_view name) noexcept -> bool;

/// Of durations, in buckets of fixed bounds. Thread-safe.
class Histogram {
 public:
  static constexpr std::array kBounds_s = {0.00001, 0.0001, 0.001, 0.005, 0.01, 0.05,  0.1,
                                           0.5,     1.0,    5.0,   10.0,  60.0, 600.0, 3600.0};

  auto add(Duration duration) noexcept -> void;
  /// At or below bound `i`; of `kBounds_s.size()`, all.
  [[nodiscard]] auto up_to(std::size_t i) const noexcept -> std::uint64_t;
  [[nodiscard]] auto count() const noexcept -> std::uint64_t { return up_to(kBounds_s.size()); }
  [[nodiscard]] auto sum_s() const noexcept -> double;

 private:
  std::array<std::atomic<std::uint64_t>, kBounds_s.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

class MetricsText {
 public:
  using Label = std::pair<std::string_view, std::string>;
  using Labels = std::initializer_list<Label>;

  /// Everything that follows is of this metric.
  auto begin(std::string_view name, std::string_view type, std::string_view help) -> void;
  auto sample(Labels labels, double value) -> void;
  auto histogram(Labels labels, const Histogram& values) -> void;
  [[nodiscard]] auto text() && -> std::string { return std::move(text_); }

 private:
  auto line(std::string_view suffix, Labels labels, std::string_view bound, double value) -> void;

  std::string name_;
  std::string text_;
};

}  // namespace spider::inline v1::detail
