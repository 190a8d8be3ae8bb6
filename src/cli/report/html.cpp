#include "cli/report/html.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace spider::cli {

namespace {

constexpr double kMinute = 60;
constexpr double kHour = 3'600;
constexpr double kDay = 86'400;

/// Bytes of the well-formed UTF-8 character at the front; 0 where there is none.
auto character_bytes(std::string_view text) -> std::size_t {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead >= 0xf5 || bytes > text.size()) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80) return 0;
  }
  const auto second = bytes > 1 ? static_cast<unsigned char>(text[1]) : 0U;
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool outside = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return overlong || outside ? 0 : bytes;
}

auto escaped(std::string_view character) -> std::string_view {
  const auto byte = static_cast<unsigned char>(character[0]);
  if (byte < 0x20 || byte == 0x7f) return byte == '\t' || byte == '\n' ? " " : "\uFFFD";
  switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&#34;";
    case '\'': return "&#39;";
    default: return character;
  }
}

auto formatted(const char* format, double value) -> std::string {
  std::array<char, 64> text{};
  const auto length = std::snprintf(text.data(), text.size(), format, value);
  return {text.data(), std::min<std::size_t>(static_cast<std::size_t>(std::max(length, 0)), text.size() - 1)};
}

/// Three digits, without trailing zeros.
auto short_number(double value) -> std::string { return formatted(value < 999.5 ? "%.3g" : "%.0f", value); }

/// "4 min 5 s".
auto two_units(double value, double large, const char* large_name, double small, const char* small_name)
    -> std::string {
  const auto smalls = std::round(value / small);
  const auto per_large = large / small;
  const auto larges = std::floor(smalls / per_large);
  const auto rest = smalls - larges * per_large;
  auto text = formatted("%.0f", larges) + ' ' + large_name;
  if (rest > 0) text += ' ' + formatted("%.0f", rest) + ' ' + small_name;
  return text;
}

struct TimeUnit {
  double seconds;
  const char* name;
};

/// In which unit times up to `end` are read that are so far apart.
auto unit_of(double step, double end) -> TimeUnit {
  if (end < 1e-3) return {1e-6, "µs"};
  if (end < 1) return {1e-3, "ms"};
  if (step < kMinute) return {1, "s"};
  if (step < kHour) return {kMinute, "min"};
  if (step < kDay) return {kHour, "h"};
  return {kDay, "d"};
}

/// 1, 2 or 5 times a power of ten, not smaller than `step`.
auto round_step(double step) -> double {
  const auto power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * power >= step * (1 - 1e-9)) return digit * power;
  }
  return 10 * power;
}

auto round_time(double step) -> double {
  for (const double nice : {10.0, 15.0, 30.0, kMinute, 2 * kMinute, 5 * kMinute, 10 * kMinute, 15 * kMinute,
                            30 * kMinute, kHour, 2 * kHour, 3 * kHour, 6 * kHour, 12 * kHour, kDay}) {
    if (step > 5 && nice >= step * (1 - 1e-9)) return nice;
  }
  return step > kDay ? kDay * round_step(step / kDay) : round_step(step);
}

}  // namespace

auto html_text(std::string_view text, std::size_t bytes_max) -> std::string {
  std::string html;
  for (std::size_t taken = 0; taken < text.size();) {
    const auto bytes = character_bytes(text.substr(taken));
    const auto length = std::max<std::size_t>(bytes, 1);
    if (taken + length > bytes_max) return html + "…";
    html += bytes == 0 ? std::string_view{"\uFFFD"} : escaped(text.substr(taken, bytes));
    taken += length;
  }
  return html;
}

auto time_text(double seconds) -> std::string {
  if (!std::isfinite(seconds)) return "—";
  if (seconds < 0) return "−" + time_text(-seconds);
  if (seconds < 0.5e-9) return "0";
  if (seconds < 0.9995e-6) return short_number(seconds * 1e9) + " ns";
  if (seconds < 0.9995e-3) return short_number(seconds * 1e6) + " µs";
  if (seconds < 0.9995) return short_number(seconds * 1e3) + " ms";
  if (seconds < 2 * kMinute - 0.5) return short_number(seconds) + " s";
  if (seconds < 2 * kHour - 0.5) return two_units(seconds, kMinute, "min", 1, "s");
  if (seconds < 2 * kDay - kMinute / 2) return two_units(seconds, kHour, "h", kMinute, "min");
  return short_number(seconds / kDay) + " d";
}

auto count_text(std::uint64_t count) -> std::string {
  auto text = std::to_string(count);
  for (auto at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

auto percent_text(double ratio) -> std::string {
  if (!std::isfinite(ratio)) return "—";
  auto percent = 100 * ratio;
  if (percent < 100 && percent > 99.9) percent = std::min(std::floor(10 * percent + 1e-6) / 10, 100.0);
  return formatted(percent >= 99.95 || percent == 0 ? "%.0f" : "%.1f", percent) + " %";
}

auto coordinate(double value) -> std::string {
  auto text = formatted("%.2f", std::isfinite(value) ? value : 0.0);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

auto time_ticks(double begin, double end, std::size_t ticks_max) -> std::vector<Tick> {
  if (!(end > begin)) return {{begin, time_text(begin)}};
  const auto step = round_time((end - begin) / static_cast<double>(ticks_max));
  const auto unit = unit_of(step, end);
  std::vector<Tick> ticks;
  for (auto number = std::ceil(begin / step - 1e-9);
       number * step <= end + 1e-9 * step && ticks.size() <= ticks_max; ++number) {
    const auto at = number * step;
    ticks.push_back({at, number == 0 ? "0" : formatted("%.6g", at / unit.seconds) + ' ' + unit.name});
  }
  return ticks;
}

auto count_ticks(double max, std::size_t ticks_max) -> std::vector<Tick> {
  const auto step = std::max(1.0, round_step(std::max(max, 1.0) / static_cast<double>(ticks_max)));
  std::vector<Tick> ticks;
  for (double at = 0; at <= max + 1e-9 * step && ticks.size() <= ticks_max; at += step) {
    ticks.push_back({at, count_text(static_cast<std::uint64_t>(at))});
  }
  return ticks;
}

}  // namespace spider::cli
