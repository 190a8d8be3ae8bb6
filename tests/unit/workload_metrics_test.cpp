#include "cli/workload/metrics.hpp"

#include "cli/workload/synthetic.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace spider::cli {
namespace {

using std::chrono::seconds;

auto task(Duration run_time, std::vector<std::uint32_t> parents = {}, std::uint32_t count = 1)
    -> WorkloadTask {
  WorkloadTask made;
  made.run_time = run_time;
  made.parents = std::move(parents);
  made.count = count;
  return made;
}
auto job(std::vector<WorkloadTask> tasks, Duration arrival = {}, const char* group = "g") -> WorkloadJob {
  WorkloadJob made;
  made.group = group;
  made.arrival = arrival;
  made.tasks = std::move(tasks);
  return made;
}
auto measured(std::vector<WorkloadJob> jobs) -> WorkloadMetrics {
  Workload workload;
  workload.jobs = std::move(jobs);
  return measure(workload).value();
}

TEST(WorkloadMetrics, DiamondWithATail) {
  // 4 waits for 1, 2 and 3, which wait for 0; 5 stands alone. Children come before parents in places.
  const auto m = measured({job({task(seconds{1}), task(seconds{2}, {0}), task(seconds{5}, {0}),
                                task(seconds{0}, {0}), task(seconds{1}, {3, 2, 1}), task(seconds{3})})});
  EXPECT_EQ(m.tasks, 6U);
  EXPECT_EQ(m.edges, 6U);
  EXPECT_EQ(m.roots, 2U);
  EXPECT_EQ(m.leaves, 2U);
  EXPECT_EQ(m.components, 2U);
  EXPECT_EQ(m.levels, 3U);
  EXPECT_EQ(m.width, 3U);
  EXPECT_EQ(m.parents_max, 3U);
  EXPECT_EQ(m.children_max, 3U);
  EXPECT_EQ(m.zero_time_nodes, 1U);
  EXPECT_EQ(m.critical_path, seconds{7});
  EXPECT_EQ(m.run_time_max, seconds{5});
  EXPECT_EQ(m.run_time_median, seconds{2});
  EXPECT_EQ(m.work_seconds, 12);
  EXPECT_EQ(m.asap_peak, 3U);  // 1, 2 and 5 in the second second
}

TEST(WorkloadMetrics, LevelIsTheLongestDistanceWhateverTheOrderOfTheTasks) {
  const auto m = measured({job({task(seconds{1}, {2, 1}), task(seconds{1}), task(seconds{1}, {1})})});
  EXPECT_EQ(m.levels, 3U);
  EXPECT_EQ(m.width, 1U);
  EXPECT_EQ(m.critical_path, seconds{3});
}

TEST(WorkloadMetrics, ArraysCountTasksSinglyAndEdgesOnce) {
  const auto m = measured({job({task(seconds{2}, {}, 1'000'000), task(seconds{1}, {0}, 1'000'000)})});
  EXPECT_EQ(m.nodes, 2U);
  EXPECT_EQ(m.tasks, 2'000'000U);
  EXPECT_EQ(m.edges, 1U);
  EXPECT_EQ(m.asap_peak, 1'000'000U);
  EXPECT_EQ(m.node_seconds, 3);
  EXPECT_EQ(m.work_seconds, 3e6);
  EXPECT_EQ(m.tasks_per_node_max, 1'000'000U);
}

TEST(WorkloadMetrics, SeveralJobsAddUpAndKeepTheLargestShape) {
  const auto m = measured({job({task(seconds{4}), task(seconds{2}, {0})}),
                           job({task(seconds{1}), task(seconds{1})}, seconds{3}, "h")});
  EXPECT_EQ(m.jobs, 2U);
  EXPECT_EQ(m.groups, 2U);
  EXPECT_EQ(m.levels, 2U);
  EXPECT_EQ(m.width, 2U);
  EXPECT_EQ(m.components, 3U);
  EXPECT_EQ(m.critical_path, seconds{6});
  EXPECT_EQ(m.critical_path_sum_s, 7);
  EXPECT_EQ(m.last_arrival, seconds{3});
  EXPECT_EQ(m.asap_peak, 3U);  // the second job arrives while the first one's first task runs
  EXPECT_EQ(m.group_share_max, 0.75);
}

TEST(WorkloadMetrics, EndsComeBeforeStartsOnTies) {
  EXPECT_EQ(measured({job({task(seconds{1}), task(seconds{1}, {0})})}).asap_peak, 1U);
}

TEST(WorkloadMetrics, WorkOverTheRangeOfADurationIsExact) {
  EXPECT_EQ(measured({job({task(seconds{9'000'000'000}, {}, 1'000'000)})}).work_seconds, 9e15);
}

TEST(WorkloadMetrics, PathOverTheRangeOfADurationIsAnInvalidTime) {
  Workload workload;
  workload.jobs = {job({task(seconds{5'000'000'000}), task(seconds{5'000'000'000}, {0})})};
  EXPECT_EQ(measure(workload).error(), Errc::invalid_time);
  workload.jobs = {job({task(seconds{5'000'000'000})}, seconds{5'000'000'000})};
  EXPECT_EQ(measure(workload).error(), Errc::invalid_time);
}

TEST(WorkloadMetrics, NoJobsGiveZeros) {
  const auto m = measured({});
  EXPECT_EQ(m.tasks, 0U);
  EXPECT_EQ(m.work_seconds, 0);
}

TEST(WorkloadMetrics, LongChainNeedsNoStack) {
  const auto workload = make_synthetic("synthetic:tasks=300000,width=1,seconds=1").value();
  const auto m = measure(workload).value();
  EXPECT_EQ(m.levels, 300'000U);
  EXPECT_EQ(m.edges, 299'999U);
  EXPECT_NEAR(to_seconds(m.critical_path), m.work_seconds, 1e-3);
}

}  // namespace
}  // namespace spider::cli
