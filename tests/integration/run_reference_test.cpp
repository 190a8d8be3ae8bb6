// `spider run --time virtual` against the schedules of recorded workflows: hard bounds of any greedy
// schedule, and the makespans of a first-come-first-served one.

#include "cli/run/driver.hpp"
#include "cli/workload/load.hpp"
#include "integration/reference_tables.hpp"

#include <gtest/gtest.h>

#include <string>

namespace spider::cli {
namespace {

class RunReference : public RecordedWorkloads {};

/// How far a first-come-first-served makespan may be from the reference. Which of two tasks that became
/// ready at one instant starts first is not part of the reference.
constexpr double kTolerance = 0.02;

TEST_F(RunReference, FifoKeepsTheBoundsAndTheMakespans) {
  const auto reference = rows("FIFO s");
  ASSERT_FALSE(reference.empty());
  for (const auto& row : reference) {
    SCOPED_TRACE(row.file + " on " + row.figures.at("P"));
    const auto workload = load_workload(path_of(row.file).string());
    ASSERT_TRUE(workload) << workload.error();
    RunOptions options;
    options.policy = "fifo";
    options.workers = std::stoul(row.figures.at("P"));
    const auto report = run_workloads({workload.value()}, options);
    ASSERT_TRUE(report) << report.error();
    const auto figure = [&](const char* heading) { return std::stod(row.figures.at(heading)); };
    const auto makespan = report.value().makespan_s;
    EXPECT_EQ(report.value().violations, 0U);
    EXPECT_EQ(report.value().succeeded, report.value().tasks);
    EXPECT_GE(makespan, figure("LB s") - 1e-3);
    EXPECT_LE(makespan, figure("UB s") + 1e-3);
    EXPECT_NEAR(makespan, figure("FIFO s"), kTolerance * figure("FIFO s"));
  }
}

}  // namespace
}  // namespace spider::cli
