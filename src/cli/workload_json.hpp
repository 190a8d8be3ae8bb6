#pragma once

/// The `workload` object of the program's JSON output.

#include "cli/workload/metrics.hpp"
#include "cli/workload/workload.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace spider::cli {

/// Always: name, format, jobs, tasks, edges, groups, critical_path_s, work_s, width and the other
/// metrics; `skipped` maps reasons to counts. SWF logs have an object `swf`, stage CSVs `stages`.
[[nodiscard]] auto workload_json(const Workload& workload, const WorkloadMetrics& metrics)
    -> nlohmann::ordered_json;

/// `value` on one line. Bytes that are not UTF-8 (from a file's name, say) become U+FFFD.
[[nodiscard]] auto to_line(const nlohmann::ordered_json& value) -> std::string;

}  // namespace spider::cli
