#pragma once

/// Texts and numbers as they stand on a page: escaped, cut off, with units a person would use. Pure.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spider::cli {

/// At most `bytes_max` bytes of it, with … where it was cut off between characters; then &, <, > and quotes
/// escaped, for an element's text or an attribute's value. Control characters and broken UTF-8 become �.
[[nodiscard]] auto html_text(std::string_view text, std::size_t bytes_max) -> std::string;

/// "0", "250 µs", "12.3 s", "4 min 5 s", "3 h 20 min", "12.4 d". Not finite: "—".
[[nodiscard]] auto time_text(double seconds) -> std::string;

/// "1,234,567".
[[nodiscard]] auto count_text(std::uint64_t count) -> std::string;

/// "97.3 %"; "100 %" only for what is as good as that.
[[nodiscard]] auto percent_text(double ratio) -> std::string;

/// As few digits as a picture needs: "12.3", "12", "0".
[[nodiscard]] auto coordinate(double value) -> std::string;

struct Tick {
  double at = 0;
  std::string label;
};

/// Round times between `begin` and `end`, both seconds, at most `ticks_max` + 1, all in one unit.
[[nodiscard]] auto time_ticks(double begin, double end, std::size_t ticks_max) -> std::vector<Tick>;

/// Round counts from 0 to `max`, whole ones.
[[nodiscard]] auto count_ticks(double max, std::size_t ticks_max) -> std::vector<Tick>;

}  // namespace spider::cli
