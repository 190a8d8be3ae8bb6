#pragma once

/// Job logs in the Standard Workload Format of the Parallel Workloads Archive, version 2.2
/// (https://www.cs.huji.ac.il/labs/parallel/workload/swf.html).
///
/// Lines that start with ';' are the header; each other line that is not blank has 18 numbers, where
/// -1 means "unknown". Used here, columns counted from 1: 1 job number, 2 submit time, 4 run time,
/// 5 allocated and 8 requested processors, 12 user, 13 group, 15 queue, 16 partition.

#include "cli/workload/workload.hpp"
#include "spider/error.hpp"

#include <string>
#include <string_view>

namespace spider::cli {

/// One job per usable record, in the order of the file: a task array of as many tasks as the record
/// has processors (column 5, or column 8 if that is not positive), each with the record's run time.
/// Usable are records with a known submit time, a positive run time and a positive number of
/// processors; the others are counted in `skipped`. Resource group "user-<column 12>"; arrival = submit
/// time. If the header names queues, the queue's number is the priority class (at most 255), otherwise
/// all are class 0.
///
/// Errors, their detail naming file and line: `parse_error` (not 18 fields, a field that is no number,
/// a fraction where a whole number belongs, no record at all); `invalid_time` (a submit or run time
/// that is negative but not -1, or over 292 years); `limit_exceeded`.
[[nodiscard]] auto parse_swf(std::string_view text, const std::string& file,
                             const WorkloadLimits& limits = {}) -> Result<Workload>;

}  // namespace spider::cli
