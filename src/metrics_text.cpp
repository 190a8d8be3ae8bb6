#include "metrics_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace spider::inline v1::detail {

namespace {

auto is_letter(char c) -> bool {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

auto number(double value) -> std::string {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const auto size = std::abs(value);
  const bool short_as_it_is = size == 0 || (size >= 1e-6 && size < 1e15);
  const auto format = short_as_it_is ? std::chars_format::fixed : std::chars_format::general;
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, format).ptr;
  return {digits.data(), end};
}

auto escaped(std::string_view text, bool quotes) -> std::string {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || (quotes && c == '"')) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

auto is_metric_name(std::string_view name) noexcept -> bool {
  if (name.empty() || !is_letter(name.front())) return false;
  return std::ranges::all_of(name, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

auto Histogram::add(Duration duration) noexcept -> void {
  const auto bound = std::ranges::lower_bound(kBounds_s, to_seconds(duration));
  buckets_[static_cast<std::size_t>(bound - kBounds_s.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)),
                    std::memory_order_relaxed);
}

auto Histogram::up_to(std::size_t i) const noexcept -> std::uint64_t {
  std::uint64_t sum = 0;
  for (std::size_t bucket = 0; bucket <= i; ++bucket) sum += buckets_[bucket].load(std::memory_order_relaxed);
  return sum;
}

auto Histogram::sum_s() const noexcept -> double {
  return static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1e9;
}

auto MetricsText::begin(std::string_view name, std::string_view type, std::string_view help) -> void {
  name_ = name;
  text_ += "# HELP " + name_ + ' ' + escaped(help, false) + '\n';
  text_ += "# TYPE " + name_ + ' ';
  text_.append(type).append("\n");
}

auto MetricsText::sample(Labels labels, double value) -> void { line("", labels, "", value); }

auto MetricsText::histogram(Labels labels, const Histogram& values) -> void {
  for (std::size_t i = 0; i < Histogram::kBounds_s.size(); ++i) {
    line("_bucket", labels, number(Histogram::kBounds_s[i]), static_cast<double>(values.up_to(i)));
  }
  const auto all = static_cast<double>(values.count());
  line("_bucket", labels, "+Inf", all);
  line("_sum", labels, "", values.sum_s());
  line("_count", labels, "", all);
}

auto MetricsText::line(std::string_view suffix, Labels labels, std::string_view bound, double value) -> void {
  text_ += name_;
  text_ += suffix;
  std::string inside;
  const auto put = [&](std::string_view name, std::string_view text) {
    if (!inside.empty()) inside += ',';
    inside.append(name).append("=\"").append(escaped(text, true)).append("\"");
  };
  for (const auto& [name, text] : labels) put(name, text);
  if (!bound.empty()) put("le", bound);
  if (!inside.empty()) text_ += '{' + inside + '}';
  text_ += ' ' + number(value) + '\n';
}

}  // namespace spider::inline v1::detail
