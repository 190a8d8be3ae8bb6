#pragma once

/// A LoadProbe for Linux: how much of the processor time that this process may use is being used.
///
/// Where a control group of the process (or one above it) has a processor limit, the load is what that
/// group uses of its limit; of several, the fullest counts. Read are version 2 (`cpu.max`, `cpu.stat`) and
/// version 1 (`cpu.cfs_quota_us`, `cpuacct.usage`). Where none has a limit, the process may use the whole
/// machine, and the load is the machine's (`/proc/stat`; waiting for a disk is idle, stolen time is not).
///
/// Both are counters, so that a load is exact for the time between two readings. Loads are averaged over
/// time, with weights that fall off as exp(−age / `average_over`), as the kernel does for its load average.
/// Holds no lock and waits for nobody but the reading of a few lines; one call at a time, as LoadProbe says.

#include "spider/load_probe.hpp"

#include <memory>
#include <string>

namespace spider {
inline namespace v1 {

struct CpuLoadOptions {
  CpuLoadOptions() = default;

  std::string cgroups = "/sys/fs/cgroup";  ///< where control groups are mounted
  std::string proc = "/proc";
  Duration read_interval = std::chrono::milliseconds{200};  ///< > 0; in between, the last answer is repeated
  Duration average_over = std::chrono::seconds{5};          ///< > 0
};

/// Its `percent` answers NaN until two readings have been made, and whenever there is no processor to
/// divide by; above 100 where a group exceeds its limit for a while. Errors of `percent`: `io_error` when
/// a file cannot be read; `parse_error`. After an error the average goes on where it was, and counts the
/// time in between. Errors here: `invalid_argument`.
[[nodiscard]] auto make_cpu_load(CpuLoadOptions options) -> Result<std::unique_ptr<LoadProbe>>;

}  // namespace v1
}  // namespace spider
