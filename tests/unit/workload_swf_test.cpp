#include "cli/workload/swf.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace spider::cli {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

/// One record: job number, submit, run time, allocated and requested processors, user, queue.
struct Fields {
  std::string job = "1", submit = "0", run = "10", allocated = "1", requested = "-1", user = "7",
              queue = "-1";
};
auto record(const Fields& f) -> std::string {
  return f.job + ' ' + f.submit + "  -1 " + f.run + "\t" + f.allocated + " 1.5 -1 " + f.requested +
         " -1 -1 1 " + f.user + " 3 -1 " + f.queue + " 2 -1 -1\n";
}

auto parse_log(const std::string& text, const WorkloadLimits& limits = {}) {
  return parse_swf(text, "dir/f.swf", limits);
}
void expect_log_error(const std::string& text, Errc code, const std::string& detail) {
  const auto workload = parse_log(text);
  ASSERT_FALSE(workload);
  EXPECT_EQ(workload.error(), code) << workload.error();
  EXPECT_THAT(workload.error().detail, HasSubstr(detail));
}

TEST(Swf, RecordBecomesAnArrayOfItsProcessors) {
  const auto parsed =
      parse_log("; MaxProcs: 128\n ;Note: x\n\n" +
                record({.job = "9", .submit = "1000", .run = "60.5", .allocated = "4"}) +
                record({.job = "10", .submit = "900", .allocated = "0", .requested = "3", .user = "-1"}));
  ASSERT_TRUE(parsed) << parsed.error();
  const auto& workload = parsed.value();
  ASSERT_EQ(workload.jobs.size(), 2U);
  const auto& job = workload.jobs[0];
  EXPECT_EQ(job.name, "9");
  EXPECT_EQ(job.group, "user-7");
  EXPECT_EQ(job.arrival, seconds{100});
  ASSERT_EQ(job.tasks.size(), 1U);
  EXPECT_EQ(job.tasks[0].count, 4U);
  EXPECT_EQ(job.tasks[0].run_time, std::chrono::milliseconds{60'500});
  EXPECT_EQ(workload.jobs[1].group, "user-unknown");
  EXPECT_EQ(workload.jobs[1].arrival, seconds{0});
  EXPECT_EQ(workload.jobs[1].tasks[0].count, 3U);
  EXPECT_EQ(workload.first_arrival, seconds{900});
  ASSERT_TRUE(workload.swf);
  EXPECT_EQ(workload.swf->records, 2U);
  EXPECT_EQ(workload.swf->users, 1U);
  EXPECT_EQ(workload.swf->user_groups, 1U);
  EXPECT_EQ(workload.swf->queues, 0U);
  EXPECT_EQ(workload.swf->partitions, 1U);
  EXPECT_EQ(workload.swf->submit_span, seconds{100});
  EXPECT_EQ(workload.swf->processors_max, 4U);
  EXPECT_EQ(workload.swf->machine_processors, 128U);
}

TEST(Swf, QueueIsThePriorityClassOnlyWhereTheHeaderNamesQueues) {
  const auto records = record({.queue = "3"}) + record({.queue = "-1"}) + record({.queue = "1000"});
  const auto named = parse_log("; Queue: 3 normal\n" + records);
  ASSERT_TRUE(named) << named.error();
  EXPECT_EQ(named.value().jobs[0].priority, 3);
  EXPECT_EQ(named.value().jobs[1].priority, 0);
  EXPECT_EQ(named.value().jobs[2].priority, 255);
  const auto unnamed = parse_log("; MaxQueues: 3\n" + records);
  ASSERT_TRUE(unnamed) << unnamed.error();
  EXPECT_EQ(unnamed.value().jobs[0].priority, 0);
}

TEST(Swf, RecordsThatCannotRunAreCountedByReason) {
  const auto parsed = parse_log(record({}) + record({.run = "-1"}) + record({.run = "0"}) +
                                record({.submit = "-1"}) + record({.allocated = "0", .requested = "-1"}));
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed.value().jobs.size(), 1U);
  EXPECT_EQ(parsed.value().swf->records, 5U);
  std::string skipped;
  for (const auto& [reason, count] : parsed.value().skipped)
    skipped += reason + '=' + std::to_string(count) + ';';
  EXPECT_EQ(skipped, "submit time unknown=1;run time not positive=2;no processors=1;");
}

TEST(Swf, WindowsLineEndsAndAMissingLastOneAreAccepted) {
  auto text = record({}) + record({});
  text.insert(text.find('\n'), 1, '\r');
  text.pop_back();
  const auto parsed = parse_log(text);
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed.value().jobs.size(), 2U);
}

TEST(Swf, ShortAndLongLinesAreParseErrorsWithTheirLine) {
  expect_log_error("; x\n" + record({}) + "1 2 3\n", Errc::parse_error,
                   "dir/f.swf:3: expected 18 fields, found 3");
  auto text = record({});
  text.insert(0, "1 ");
  expect_log_error(text, Errc::parse_error, "dir/f.swf:1: expected 18 fields, found 19");
}

TEST(Swf, FieldsThatAreNoNumbersAreParseErrorsWithTheirColumn) {
  expect_log_error(record({.run = "ten"}), Errc::parse_error,
                   "dir/f.swf:1: column 4: expected a number of seconds, found 'ten'");
  expect_log_error(record({.user = "7x"}), Errc::parse_error, "column 12");
  expect_log_error(record({.queue = "nan"}), Errc::parse_error, "column 15");
  expect_log_error(record({.allocated = "1.5"}), Errc::parse_error, "column 5: expected a whole number");
}

TEST(Swf, NegativeAndOverflowingTimesAreInvalidTimes) {
  expect_log_error(record({.run = "-2"}), Errc::invalid_time, "dir/f.swf:1: column 4: ");
  expect_log_error(record({.submit = "-2"}), Errc::invalid_time, "column 2: ");
  expect_log_error(record({.run = "1e10"}), Errc::invalid_time, "column 4: ");
  expect_log_error(record({.run = "1e999"}), Errc::invalid_time, "column 4: ");
  expect_log_error(record({.run = "inf"}), Errc::invalid_time, "column 4: ");
}

TEST(Swf, LogWithoutRecordsIsAParseError) {
  expect_log_error("", Errc::parse_error, "dir/f.swf: expected at least one record");
  expect_log_error("; MaxProcs: 3\n", Errc::parse_error, "at least one record");
}

TEST(Swf, MoreThanTheLimitsIsRefused) {
  WorkloadLimits limits;
  limits.nodes_max = 1;
  EXPECT_EQ(parse_log(record({}) + record({}), limits).error(), Errc::limit_exceeded);
  limits.tasks_per_job_max = 3;
  EXPECT_EQ(parse_log(record({.allocated = "4"}), limits).error(), Errc::limit_exceeded);
  EXPECT_TRUE(parse_log(record({.allocated = "3"}), limits));
}

}  // namespace
}  // namespace spider::cli
