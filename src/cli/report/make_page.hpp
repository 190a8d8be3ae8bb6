#pragma once

/// The page of a run that is over.

#include "cli/report/page.hpp"
#include "cli/report/run_recorder.hpp"
#include "cli/run/driver.hpp"
#include "cli/run/report.hpp"

#include <vector>

namespace spider::cli {

/// What a page tells of. Everything outlives the call only.
struct PageSource {
  const std::vector<Workload>& workloads;
  const RunOptions& options;
  const RunRecord& record;
};

/// Sorts the waits in `report`.
[[nodiscard]] auto make_page(const PageSource& source, RunReport& report) -> RunPage;

}  // namespace spider::cli
