#pragma once

/// Parsing JSON from outside: nothing escapes as an exception, every error has a place.

#include "spider/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string_view>

namespace spider::cli {

/// The document in `text`. The detail of an error names line and column and the JSON path that was
/// being read. Errors: `parse_error`; `limit_exceeded` for arrays and objects nested deeper than
/// `depth_max`; `invalid_time` for a number too large for a double under a key ending in "Seconds".
[[nodiscard]] auto parse_json(std::string_view text, std::size_t depth_max) -> Result<nlohmann::json>;

}  // namespace spider::cli
