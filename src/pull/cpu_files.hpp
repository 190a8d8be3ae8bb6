#pragma once

/// The files that say how much processor time has been used, and how much there was. Linux only; elsewhere
/// there is nothing to read, which is an error.

#include "spider/error.hpp"
#include "spider/pull/cpu_load.hpp"
#include "spider/types.hpp"

#include <string>
#include <vector>

namespace spider::inline v1::detail {

/// Two samples of one source: (used − used) ÷ (total − total) is the load in between.
struct CpuSample {
  std::string source;  ///< differs when the limit does
  double used = 0;     ///< processor time, in a unit of the source's own
  double total = 0;    ///< what there was of it, in the same unit; may stand still
};

/// One sample for each limit that the process is under; without one, that of the machine.
/// Errors: `io_error`; `parse_error`.
[[nodiscard]] auto read_cpu(const CpuLoadOptions& options, TimePoint now) -> Result<std::vector<CpuSample>>;

}  // namespace spider::inline v1::detail
