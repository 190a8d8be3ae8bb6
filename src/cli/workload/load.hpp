#pragma once

/// WORKLOAD as it stands on a command line, whatever its format.

#include "cli/workload/workload.hpp"
#include "spider/error.hpp"

#include <string>

namespace spider::cli {

/// A WfFormat file (`.json`), an SWF log (`.swf`), a stage CSV (`.csv`), each also as gzip (`.gz`
/// behind), or `synthetic:…`. Errors: those of the format's reader; `io_error`; `invalid_argument` for
/// another ending.
[[nodiscard]] auto load_workload(const std::string& specification, const WorkloadLimits& limits = {})
    -> Result<Workload>;

}  // namespace spider::cli
