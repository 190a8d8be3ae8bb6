#pragma once

/// The pictures of a page, each an SVG element that fills the width it is given. Pure.

#include "cli/report/page.hpp"

#include <string>

namespace spider::cli {

/// One row per task slot and a bar per instance; or how busy the slots were, by colour of what they did most.
[[nodiscard]] auto timeline_chart(const RunPage& page) -> std::string;

/// Busy workers by colour, one on top of the other, under the line of all workers.
[[nodiscard]] auto running_chart(const RunPage& page) -> std::string;

/// Queued tasks: mean as an area, greatest as a line.
[[nodiscard]] auto queue_chart(const RunPage& page) -> std::string;

/// The class of a colour in the style sheet; that of all others for what is beyond the colours.
[[nodiscard]] auto colour_class(const RunPage& page, std::size_t colour) -> std::string;

}  // namespace spider::cli
