#pragma once

/// Workflows in WfCommons' WfFormat, schema 1.4 and 1.5 (https://github.com/wfcommons/wfformat).
///
/// 1.5: `workflow.specification.tasks[]` has `id` (unique), `name` (the type of work), `parents[]` and
/// `children[]` of ids; `workflow.execution.tasks[]` has, for the same ids, `runtimeInSeconds` and
/// perhaps `command`. 1.4: all of it in `workflow.tasks[]`, where `name` is what is unique and referred
/// to, `category` is the type, and `children` may be missing. Everything else is ignored.

#include "cli/workload/workload.hpp"
#include "spider/error.hpp"

#include <string>
#include <string_view>

namespace spider::cli {

/// The one job that the document in `text` describes, with arrival 0. `file` names it in errors, names
/// the job where the document does not, and gives the resource group (`group_of_file`).
///
/// A dependency counts if either of its two tasks lists it, once if both do; `parents` has the ones
/// of the file's `parents` first. A `command` without a program is left out.
///
/// Errors, their detail naming file and JSON path: `parse_error` (no JSON, another schema version, a
/// member missing or of the wrong type, a task without run time); `limit_exceeded`; `duplicate_name`
/// (of tasks, or of run times of one task); `unknown_parent` (also for unknown children);
/// `unknown_task` (a run time for a task that is not specified); `invalid_time`; `cyclic_graph`;
/// `empty_graph`.
[[nodiscard]] auto parse_wfformat(std::string_view text, const std::string& file,
                                  const WorkloadLimits& limits = {}) -> Result<Workload>;

}  // namespace spider::cli
