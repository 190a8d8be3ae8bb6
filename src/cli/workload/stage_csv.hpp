#pragma once

/// Jobs as graphs of stages in CSV, after Alibaba's cluster-trace-v2018
/// (https://github.com/alibaba/clusterdata): no header line, one stage per line, 7 columns:
/// job arrival (s), job name, stage name, duration of one instance (s), CPU request, memory request,
/// number of instances.
///
/// A stage's name says whom it waits for: `<letters><id>` and then `_<parent id>` any number of times;
/// `J5_3_4` is stage 5 and waits for 3 and 4. A name of any other form is a stage by itself. The
/// stages of a job may come in any order, also between those of other jobs.

#include "cli/workload/workload.hpp"
#include "spider/error.hpp"

#include <string>
#include <string_view>

namespace spider::cli {

/// One job per job name, in the order of first occurrence; one task array per stage, in the order of
/// the file. A job arrives when its first line says. All jobs belong to the resource group that the
/// file's name gives (`group_of_file`).
///
/// Errors, their detail naming file and line: `parse_error` (not 7 fields, a number that is none, less
/// than one instance, an empty name, no line at all); `invalid_time`; `duplicate_name` (two stages of a
/// job with one id or name); `unknown_parent`; `cyclic_graph`; `limit_exceeded`.
[[nodiscard]] auto parse_stage_csv(std::string_view text, const std::string& file,
                                   const WorkloadLimits& limits = {}) -> Result<Workload>;

}  // namespace spider::cli
