#include "cli/workload/stage_csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace spider::cli {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

auto parse_stages(const std::string& text, const WorkloadLimits& limits = {}) {
  return parse_stage_csv(text, "dir/f.csv", limits);
}
void expect_line_error(const std::string& text, Errc code, const std::string& detail) {
  const auto workload = parse_stages(text);
  ASSERT_FALSE(workload);
  EXPECT_EQ(workload.error(), code) << workload.error();
  EXPECT_THAT(workload.error().detail, HasSubstr(detail));
}

TEST(StageCsv, StagesBecomeArraysWithTheParentsOfTheirNames) {
  const auto parsed = parse_stages(
      "7,j1,J3_1_2,1.5,100,0.5,9\n"
      "9,j2,task_abc,2,100,0.5,1\n"
      "7,j1,M1,3,100,0.5,2\n"
      "7,j1,R2_1_1,4,100,0.5,3\n");
  ASSERT_TRUE(parsed) << parsed.error();
  const auto& workload = parsed.value();
  ASSERT_EQ(workload.jobs.size(), 2U);
  const auto& job = workload.jobs[0];
  EXPECT_EQ(job.name, "j1");
  EXPECT_EQ(job.group, "f");
  EXPECT_EQ(job.arrival, seconds{0});
  EXPECT_EQ(workload.jobs[1].arrival, seconds{2});
  EXPECT_EQ(workload.first_arrival, seconds{7});
  ASSERT_EQ(job.tasks.size(), 3U);
  EXPECT_EQ(job.tasks[0].name, "J3_1_2");
  EXPECT_EQ(job.tasks[0].category, "J");
  EXPECT_EQ(job.tasks[0].count, 9U);
  EXPECT_EQ(job.tasks[0].run_time, std::chrono::milliseconds{1500});
  EXPECT_THAT(job.tasks[0].parents, ElementsAre(1, 2));
  EXPECT_THAT(job.tasks[2].parents, ElementsAre(1));
  EXPECT_EQ(workload.stages->duplicate_parents, 1U);
  EXPECT_EQ(workload.stages->outside_grammar, 1U);
}

TEST(StageCsv, NamesOutsideTheGrammarWaitForNobody) {
  const auto parsed = parse_stages(
      "0,j,task_1,1,1,1,1\n0,j,M1_,1,1,1,1\n0,j,M1_x,1,1,1,1\n0,j,1_2,1,1,1,1\n0,j,M1x,1,1,1,1\n0,j,M1__2,1,"
      "1,1,1\n");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed.value().stages->outside_grammar, 6U);
  for (const auto& stage : parsed.value().jobs[0].tasks) EXPECT_THAT(stage.parents, IsEmpty()) << stage.name;
}

TEST(StageCsv, LeadingZerosOfIdsDoNotMatter) {
  const auto parsed = parse_stages("0,j,M01,1,1,1,1\n0,j,R0_1,1,1,1,1\n");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_THAT(parsed.value().jobs[0].tasks[1].parents, ElementsAre(0));
}

TEST(StageCsv, UnknownParentIsRefusedWithItsLine) {
  expect_line_error("0,j,M1,1,1,1,1\n\n0,j,R2_5,1,1,1,1\n", Errc::unknown_parent,
                    "dir/f.csv:3: stage 'R2_5' of job 'j'");
  expect_line_error("0,j,M1,1,1,1,1\n0,k,R2_1,1,1,1,1\n", Errc::unknown_parent, "dir/f.csv:2: ");
}

TEST(StageCsv, DuplicateStageIsRefusedWithItsLine) {
  expect_line_error("0,j,M1,1,1,1,1\n0,j,R1,1,1,1,1\n", Errc::duplicate_name,
                    "dir/f.csv:2: job 'j' has two stages '1'");
  expect_line_error("0,j,task_x,1,1,1,1\n0,j,task_x,1,1,1,1\n", Errc::duplicate_name, "'task_x'");
}

TEST(StageCsv, CycleIsRefusedAndNamed) {
  expect_line_error("0,j,M1_2,1,1,1,1\n0,j,R2_1,1,1,1,1\n", Errc::cyclic_graph, "after 'R2_1'");
  expect_line_error("0,j,M1_1,1,1,1,1\n", Errc::cyclic_graph, "'M1_1' after 'M1_1'");
}

TEST(StageCsv, LinesOfAnotherShapeAreParseErrors) {
  expect_line_error("0,j,M1,1,1,1\n", Errc::parse_error, "dir/f.csv:1: expected 7 fields");
  expect_line_error("0,j,M1,1,1,1,1,1\n", Errc::parse_error, "found 8");
  expect_line_error("0,,M1,1,1,1,1\n", Errc::parse_error, "columns 2 and 3");
  expect_line_error("0,j,M1,x,1,1,1\n", Errc::parse_error,
                    "column 4: expected a number of seconds, found 'x'");
  expect_line_error(",j,M1,1,1,1,1\n", Errc::parse_error, "column 1");
  expect_line_error("0,j,M1,1,1,1,2.5\n", Errc::parse_error, "column 7: expected a whole number");
  expect_line_error("0,j,M1,1,1,1,0\n", Errc::parse_error, "column 7: expected at least one instance");
  expect_line_error("\n\n", Errc::parse_error, "dir/f.csv: expected at least one line");
}

TEST(StageCsv, NegativeAndOverflowingTimesAreInvalidTimes) {
  expect_line_error("-1,j,M1,1,1,1,1\n", Errc::invalid_time, "dir/f.csv:1: column 1: ");
  expect_line_error("0,j,M1,-1,1,1,1\n", Errc::invalid_time, "column 4: ");
  expect_line_error("0,j,M1,1e11,1,1,1\n", Errc::invalid_time, "column 4: ");
  expect_line_error("0,j,M1,nan,1,1,1\n", Errc::invalid_time, "column 4: ");
}

TEST(StageCsv, MoreThanTheLimitsIsRefused) {
  expect_line_error("0,j,M1,1,1,1,2000000000\n", Errc::limit_exceeded, "dir/f.csv:1: column 7: ");
  expect_line_error("0,j,M1,1,1,1,1000000000\n0,j,M2,1,1,1,1000000000\n", Errc::limit_exceeded,
                    "2000000000 tasks");
  WorkloadLimits limits;
  limits.nodes_max = 1;
  EXPECT_EQ(parse_stages("0,j,M1,1,1,1,1\n0,j,M2,1,1,1,1\n", limits).error(), Errc::limit_exceeded);
}

}  // namespace
}  // namespace spider::cli
