#pragma once

/// Made-up workloads of a given shape: `synthetic:jobs=J,tasks=T,groups=G,width=W,seconds=S,seed=N`.

#include "cli/workload/workload.hpp"
#include "spider/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace spider::cli {

inline constexpr std::string_view kSyntheticPrefix = "synthetic:";

/// The keys of the specification, each with its default.
struct SyntheticOptions {
  std::uint64_t jobs = 1;     ///< ≥ 1
  std::uint64_t tasks = 100;  ///< of each job; ≥ 1
  std::uint64_t groups = 1;   ///< ≥ 1; job i belongs to "group-<i mod groups>"
  std::uint64_t width = 10;   ///< ≥ 1
  double seconds = 1.0;       ///< mean run time; ≥ 0
  std::uint64_t seed = 1;
};

/// All jobs arrive at 0. The tasks of a job stand in layers of `width` (the last one may be narrower).
/// Each task below the first layer waits for one to three different tasks of the layer above; run
/// times are uniform in [seconds / 2, 3 · seconds / 2). The same specification gives the same workload
/// on every platform.
///
/// Keys may come in any order and be left out, all of them too: "synthetic:". Errors:
/// `invalid_argument` (another or a repeated key, a value that is no number or out of range; the
/// detail names it); `limit_exceeded` (jobs · tasks over `limits.nodes_max`).
[[nodiscard]] auto make_synthetic(std::string_view specification, const WorkloadLimits& limits = {})
    -> Result<Workload>;

}  // namespace spider::cli
