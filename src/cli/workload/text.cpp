#include "cli/workload/text.hpp"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>

namespace spider::cli {
namespace {

constexpr double kExactIntegerMax = 9007199254740992.0;  // 2^53
constexpr double kSecondsMax = 9.2e9;                    // what from_seconds does not clamp

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzipFile = std::unique_ptr<gzFile_s, CloseGzip>;

auto read_failure(gzFile file) -> Error {
  const int system_error = errno;
  int code = Z_OK;
  const std::string text = gzerror(file, &code);
  if (code == Z_ERRNO) return {Errc::io_error, std::strerror(system_error)};
  return {Errc::parse_error, "damaged gzip file: " + text};
}

auto read_all(gzFile file, std::size_t bytes_max) -> Result<std::string> {
  constexpr unsigned kChunkBytes = 1U << 18U;
  std::string text;
  while (true) {
    const auto before = text.size();
    text.resize(before + kChunkBytes);
    const int count = gzread(file, text.data() + before, kChunkBytes);
    if (count < 0) return read_failure(file);
    text.resize(before + static_cast<unsigned>(count));
    if (text.size() > bytes_max) {
      return Error{Errc::limit_exceeded, "larger than " + std::to_string(bytes_max) + " bytes of text"};
    }
    if (count == 0) break;
  }
  int code = Z_OK;
  gzerror(file, &code);  // a stream that ends too early is reported here, not by gzread
  if (code != Z_OK && code != Z_STREAM_END) return read_failure(file);
  return text;
}

auto scan_number(std::string_view text, double& value) -> std::errc {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault == std::errc::invalid_argument || end != text.data() + text.size()) {
    return std::errc::invalid_argument;
  }
  return fault;
}

void split(std::string_view line, char separator, std::vector<std::string_view>& fields) {
  while (true) {
    const auto end = line.find(separator);
    fields.push_back(trimmed(line.substr(0, end)));
    if (end == std::string_view::npos) return;
    line.remove_prefix(end + 1);
  }
}

}  // namespace

auto read_text(const std::string& path, const WorkloadLimits& limits) -> Result<std::string> {
  errno = 0;
  const GzipFile file{gzopen(path.c_str(), "rb")};
  if (!file) return Error{Errc::io_error, path + ": " + std::strerror(errno != 0 ? errno : ENOMEM)};
  auto text = read_all(file.get(), limits.text_bytes_max);
  if (!text) return located(std::move(text).error(), path);
  return text;
}

auto LineReader::next(std::string_view& line) -> bool {
  if (rest_.empty()) return false;
  const auto end = rest_.find('\n');
  line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++number_;
  return true;
}

void split_blank_separated(std::string_view line, std::vector<std::string_view>& fields) {
  constexpr std::string_view kBlanks = " \t";
  fields.clear();
  auto begin = line.find_first_not_of(kBlanks);
  while (begin != std::string_view::npos) {
    const auto end = std::min(line.find_first_of(kBlanks, begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(kBlanks, end);
  }
}

void split_comma_separated(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  split(line, ',', fields);
}

auto trimmed(std::string_view text) -> std::string_view {
  constexpr std::string_view kBlanks = " \t\r";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

auto readable(std::string_view text) -> std::string {
  constexpr std::size_t kShownMax = 80;
  std::string shown{text.substr(0, kShownMax)};
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return shown + (text.size() > kShownMax ? "…" : "");
}

auto in_quotes(std::string_view text) -> std::string { return '\'' + readable(text) + '\''; }

auto checked_seconds(double seconds) -> std::optional<Duration> {
  if (!std::isfinite(seconds) || seconds < 0 || seconds >= kSecondsMax) return std::nullopt;
  return from_seconds(seconds);
}

auto parse_number(std::string_view text) -> Result<double> {
  double value = 0;
  if (scan_number(text, value) != std::errc{} || !std::isfinite(value)) {
    return Error{Errc::parse_error, "expected a number, found " + in_quotes(text)};
  }
  return value;
}

auto parse_integer(std::string_view text) -> Result<std::int64_t> {
  double value = 0;
  if (scan_number(text, value) != std::errc{} || std::trunc(value) != value ||
      std::abs(value) > kExactIntegerMax) {
    return Error{Errc::parse_error, "expected a whole number, found " + in_quotes(text)};
  }
  return static_cast<std::int64_t>(value);
}

auto parse_seconds(std::string_view text) -> Result<Duration> {
  double value = 0;
  const auto fault = scan_number(text, value);
  if (fault == std::errc::invalid_argument) {
    return Error{Errc::parse_error, "expected a number of seconds, found " + in_quotes(text)};
  }
  // Out of range is either way: too large is refused, too small to tell from 0 as well.
  const auto time = fault == std::errc{} ? checked_seconds(value) : std::nullopt;
  if (time) return *time;
  return Error{Errc::invalid_time, "expected a time from 0 to 9.2e9 seconds, found " + in_quotes(text)};
}

auto located(Error error, std::string_view where) -> Error {
  error.detail.insert(0, ": ").insert(0, where);
  return error;
}

auto located(Error error, std::string_view file, std::size_t line) -> Error {
  return located(std::move(error), std::string{file} + ':' + std::to_string(line));
}

}  // namespace spider::cli
