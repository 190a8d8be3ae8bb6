#pragma once

/// The style sheet of a page: light, dark, and on paper.

#include <string_view>

namespace spider::cli {

[[nodiscard]] auto page_style() noexcept -> std::string_view;

}  // namespace spider::cli
