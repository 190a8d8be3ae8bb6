// Jobs as files hold them: what earlier formats wrote is read.

#include "sqlite/spec_format.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <initializer_list>
#include <string>

namespace spider {
namespace {

auto number(std::uint64_t value, int bytes) -> std::string {
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8U) text += static_cast<char>(value & 0xffU);
  return text;
}
auto text(const std::string& value) -> std::string { return number(value.size(), 4) + value; }

/// A job of one task in format 1, with its weight or as it was before there were any.
auto format_1(const std::string& weight) -> std::string {
  const auto task = text("work") + text("name") + text("input") + number(3, 4) + number(2, 4) +
                    number(10, 8) + number(20, 8) + number(std::bit_cast<std::uint64_t>(2.0), 8) +
                    number(30, 8) + number(40, 8) + number(1, 4) + number(0, 4);
  return number(1, 1) + text("alice") + text("queue") + number(7, 1) + weight + text("key") + number(50, 8) +
         number(60, 8) + number(1, 4) + task + number(0, 1) + number(0, 1);
}

auto expect_alice(const std::optional<JobSpec>& job, double weight) -> void {
  ASSERT_TRUE(job);
  EXPECT_EQ(job->resource_group, "alice");
  EXPECT_EQ(job->priority, 7);
  EXPECT_EQ(job->weight, weight);
  EXPECT_EQ(job->unique_key, "key");
  EXPECT_EQ(job->deadline.time_since_epoch().count(), 60);
  ASSERT_EQ(job->tasks.size(), 1U);
  EXPECT_EQ(job->tasks[0].handler, "work");
  EXPECT_EQ(job->tasks[0].input, "input");
  EXPECT_EQ(job->tasks[0].count, 3U);
  EXPECT_EQ(job->tasks[0].estimate.count(), 40);
}

TEST(SqliteFormat, OneIsReadWithAndWithoutWeights) {
  expect_alice(detail::unpack_job(format_1(number(std::bit_cast<std::uint64_t>(2.5), 8))), 2.5);
  expect_alice(detail::unpack_job(format_1({})), 1.0);
}

TEST(SqliteFormat, WhatIsNotWholeIsRefused) {
  const auto whole = format_1({});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(detail::unpack_job(whole.substr(0, size))) << size << " bytes";
  }
  EXPECT_FALSE(detail::unpack_job(whole + '\0'));
  EXPECT_FALSE(detail::unpack_job(number(3, 1) + whole.substr(1)));
}

TEST(SqliteFormat, TheNewestKeepsAll) {
  auto job = detail::unpack_job(format_1({})).value();
  job.weight = 3.5;
  job.tasks[0].coalesce = CoalesceKey{"work", {"orders", std::nullopt}};
  const auto again = detail::unpack_job(detail::pack(job));
  expect_alice(again, 3.5);
  EXPECT_EQ(again->tasks[0].coalesce, job.tasks[0].coalesce);
}

}  // namespace
}  // namespace spider
