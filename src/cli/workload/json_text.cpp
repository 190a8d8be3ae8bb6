#include "cli/workload/json_text.hpp"

#include "cli/workload/text.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace spider::cli {
namespace {

using nlohmann::json;

/// Follows a parse without keeping anything but the path, and writes down the first error.
class Inspector final : public nlohmann::json_sax<json> {
 public:
  Inspector(std::string_view text, std::size_t depth_max) : text_{text}, depth_max_{depth_max} {}

  [[nodiscard]] auto error() const -> const Error& { return error_; }

  auto null() -> bool override { return value(); }
  auto boolean(bool) -> bool override { return value(); }
  auto number_integer(number_integer_t) -> bool override { return value(); }
  auto number_unsigned(number_unsigned_t) -> bool override { return value(); }
  auto number_float(number_float_t, const string_t&) -> bool override { return value(); }
  auto string(string_t&) -> bool override { return value(); }
  auto binary(binary_t&) -> bool override { return value(); }
  auto start_object(std::size_t) -> bool override { return open(false); }
  auto start_array(std::size_t) -> bool override { return open(true); }
  auto end_object() -> bool override { return close(); }
  auto end_array() -> bool override { return close(); }
  auto key(string_t& name) -> bool override {
    path_.back().key = name;
    return true;
  }
  auto parse_error(std::size_t position, const std::string&, const json::exception& fault) -> bool override;

 private:
  struct Level {
    bool array = false;
    std::size_t index = 0;
    std::string key;
  };

  auto value() -> bool {
    if (!path_.empty()) ++path_.back().index;
    return true;
  }
  auto open(bool array) -> bool {
    if (path_.size() == depth_max_) {
      error_ = {Errc::limit_exceeded,
                path() + ": nested deeper than " + std::to_string(depth_max_) + " arrays and objects"};
      return false;
    }
    path_.push_back({array, 0, {}});
    return true;
  }
  auto close() -> bool {
    path_.pop_back();
    return value();
  }
  [[nodiscard]] auto path() const -> std::string;

  std::string_view text_;
  std::size_t depth_max_;
  std::vector<Level> path_;
  Error error_;
};

auto Inspector::path() const -> std::string {
  std::string text;
  for (const auto& level : path_) {
    if (level.array) {
      text += '[' + std::to_string(level.index) + ']';
    } else if (!level.key.empty()) {
      text += (text.empty() ? "" : ".") + level.key;
    }
  }
  return text.empty() ? "document" : readable(text);  // a key may have any length
}

auto line_and_column(std::string_view text, std::size_t position) -> std::string {
  const auto before = text.substr(0, position);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const auto line_begin = before.find_last_of('\n') + 1;  // npos + 1 is 0
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(before.size() - line_begin);
}

/// The library's sentence from the word that says what is wrong; it may quote a token of any length.
auto reason(const json::exception& fault) -> std::string {
  constexpr std::size_t kReasonBytesMax = 300;
  std::string text = fault.what();
  for (const std::string_view prefix : {"] ", "column ", ": "}) {
    const auto found = text.find(prefix);
    if (found != std::string::npos) text.erase(0, found + prefix.size());
    if (prefix == "] " && !text.starts_with("parse error")) break;
  }
  return text.substr(0, kReasonBytesMax);
}

auto Inspector::parse_error(std::size_t position, const std::string&, const json::exception& fault) -> bool {
  constexpr int kNumberOverflow = 406;
  const bool time = fault.id == kNumberOverflow && !path_.empty() && path_.back().key.ends_with("Seconds");
  error_ = {time ? Errc::invalid_time : Errc::parse_error,
            line_and_column(text_, position) + ", in " + path() + ": " + reason(fault)};
  return false;
}

}  // namespace

auto parse_json(std::string_view text, std::size_t depth_max) -> Result<json> {
  try {
    Inspector inspector{text, depth_max};
    if (!json::sax_parse(text, &inspector)) return inspector.error();
    return json::parse(text);
  } catch (const std::exception& fault) {  // memory, at most: the inspection found no fault
    return Error{Errc::limit_exceeded, fault.what()};
  }
}

}  // namespace spider::cli
