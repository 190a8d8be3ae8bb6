#pragma once

/// Reading text with positions: whole files, lines, numbers, times. For the workload readers.
///
/// Errors from here on carry a detail that says what was found and expected; `located` puts the
/// position in front as soon as it is known. No threads.

#include "cli/workload/workload.hpp"
#include "spider/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spider::cli {

/// The content of a file, unpacked if it is gzip. Errors: `io_error`; `parse_error` for a damaged or
/// truncated gzip file; `limit_exceeded` beyond `limits.text_bytes_max`.
[[nodiscard]] auto read_text(const std::string& path, const WorkloadLimits& limits) -> Result<std::string>;

/// The lines of a text, numbered from 1, without "\n" or "\r\n".
class LineReader {
 public:
  /// `text` must outlive the reader and the lines.
  explicit LineReader(std::string_view text) : rest_{text} {}

  /// False at the end of the text.
  [[nodiscard]] auto next(std::string_view& line) -> bool;
  /// Of the line read last; 0 before the first.
  [[nodiscard]] auto number() const -> std::size_t { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// The non-empty fields between spaces and tabs, into `fields`.
void split_blank_separated(std::string_view line, std::vector<std::string_view>& fields);
/// All fields between commas, also empty ones, without blanks at their ends, into `fields`.
void split_comma_separated(std::string_view line, std::vector<std::string_view>& fields);

[[nodiscard]] auto trimmed(std::string_view text) -> std::string_view;
/// `text` for a message: cut to a readable length, control characters as '?'.
[[nodiscard]] auto readable(std::string_view text) -> std::string;
/// The same in quotes.
[[nodiscard]] auto in_quotes(std::string_view text) -> std::string;

/// `seconds` to the nearest nanosecond, or nothing if it is negative, not finite or does not fit.
[[nodiscard]] auto checked_seconds(double seconds) -> std::optional<Duration>;

/// The whole of `text` as a finite number. Errors: `parse_error`.
[[nodiscard]] auto parse_number(std::string_view text) -> Result<double>;
/// The whole of `text` as a number without a fraction, at most 2^53 either way. Errors: `parse_error`.
[[nodiscard]] auto parse_integer(std::string_view text) -> Result<std::int64_t>;
/// The whole of `text` as a time in seconds. Errors: `parse_error` if it is no number; `invalid_time`
/// if it is negative, not finite or over 292 years.
[[nodiscard]] auto parse_seconds(std::string_view text) -> Result<Duration>;

/// `error` with "<where>: " put before its detail.
[[nodiscard]] auto located(Error error, std::string_view where) -> Error;
/// `error` with "<file>:<line>: " put before its detail.
[[nodiscard]] auto located(Error error, std::string_view file, std::size_t line) -> Error;

}  // namespace spider::cli
