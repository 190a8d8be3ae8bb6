#include "spider/job_builder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spider {
namespace {

using std::chrono::seconds;

TEST(JobBuilder, DescribesTheGraph) {
  JobBuilder job{"alice"};
  auto photo = job.task("decode", "in.jpg");
  auto thumb = job.task("resize", 256).after(photo);
  job.task("publish").after(thumb, photo);

  const JobSpec spec = job;
  EXPECT_EQ(spec.resource_group, "alice");
  ASSERT_EQ(spec.tasks.size(), 3U);
  EXPECT_EQ(spec.tasks[0].handler, "decode");
  EXPECT_EQ(spec.tasks[0].input, "in.jpg");
  EXPECT_EQ(spec.tasks[1].input, Codec<int>::encode(256));
  EXPECT_EQ(spec.tasks[1].parents, (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(spec.tasks[2].input, "");
  EXPECT_EQ(spec.tasks[2].parents, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_FALSE(job.error());
}

TEST(JobBuilder, TextOfAnyFormIsAString) {
  JobBuilder job;
  const char* const pointer = "pointer";
  job.task("a", std::string{"string"});
  job.task("a", std::string_view{"view"});
  job.task("a", pointer);
  const auto spec = job.spec();
  EXPECT_EQ(spec.resource_group, "default");
  EXPECT_EQ(spec.tasks[0].input, "string");
  EXPECT_EQ(spec.tasks[1].input, "view");
  EXPECT_EQ(spec.tasks[2].input, "pointer");
}

TEST(JobBuilder, SetsWhatATaskHas) {
  JobBuilder job;
  RetryPolicy once;
  once.attempts_max = 1;
  job.task("work", 1).name("first").retry(once).timeout(seconds{3}).estimate(seconds{2}).instances_max(4);
  const auto task = job.spec().tasks.at(0);
  EXPECT_EQ(task.name, "first");
  EXPECT_EQ(task.retry.attempts_max, 1U);
  EXPECT_EQ(task.timeout, seconds{3});
  EXPECT_EQ(task.estimate, seconds{2});
  EXPECT_EQ(task.instances_max, 4U);
}

TEST(JobBuilder, SetsWhatAJobHas) {
  JobBuilder job;
  job.queue("gpu")
      .priority(2)
      .weight(0.5)
      .unique_key("k")
      .not_before(TimePoint{seconds{1}})
      .deadline(TimePoint{seconds{9}});
  job.task("work");
  job.commit("publish", 7).timeout(seconds{5});
  job.cleanup("wipe");
  const auto spec = job.spec();
  EXPECT_EQ(spec.queue, "gpu");
  EXPECT_EQ(spec.priority, 2);
  EXPECT_EQ(spec.weight, 0.5);
  EXPECT_EQ(spec.unique_key, "k");
  EXPECT_EQ(spec.not_before, TimePoint{seconds{1}});
  EXPECT_EQ(spec.deadline, TimePoint{seconds{9}});
  ASSERT_TRUE(spec.commit);
  EXPECT_EQ(spec.commit->handler, "publish");
  EXPECT_EQ(spec.commit->input, "7");
  EXPECT_EQ(spec.commit->timeout, seconds{5});
  ASSERT_TRUE(spec.cleanup);
  EXPECT_EQ(spec.cleanup->handler, "wipe");
}

TEST(JobBuilder, HandlesKnowTheirTasks) {
  JobBuilder job;
  const auto one = job.task("one");
  const auto many = job.array("many", 10U, "input");
  const auto last = job.array("last", std::int64_t{5});
  EXPECT_EQ(one.first_task(), TaskId{0});
  EXPECT_EQ(many.first_task(), TaskId{1});
  EXPECT_EQ(many.count(), 10U);
  EXPECT_EQ(last.first_task(), TaskId{11});
  EXPECT_EQ(last.node(), 2U);
  EXPECT_EQ(job.commit("c").first_task(), TaskId::commit());
  EXPECT_EQ(job.cleanup("c").first_task(), TaskId::cleanup());
  EXPECT_EQ(job.spec().tasks[1].count, 10U);
}

TEST(JobBuilder, AfterTakesASpan) {
  JobBuilder job;
  std::vector<TaskHandle> parts;
  for (int i = 0; i < 3; ++i) parts.push_back(job.task("part", i));
  job.task("join").after(parts);
  EXPECT_EQ(job.spec().tasks[3].parents, (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST(JobBuilder, HandleOfAnotherBuilderIsAnError) {
  JobBuilder first;
  JobBuilder second;
  const auto foreign = first.task("a");
  second.task("mine");
  second.task("b").after(foreign);
  ASSERT_TRUE(second.error());
  EXPECT_EQ(*second.error(), Errc::unknown_parent);
  EXPECT_EQ(second.error()->detail, "task 1 (b) is after a task of another builder");
  EXPECT_GE(second.spec().tasks[1].parents.at(0), second.spec().tasks.size());
  EXPECT_FALSE(first.error());
}

TEST(JobBuilder, CommitAndCleanupTakeNoPartInTheGraph) {
  JobBuilder job;
  const auto commit = job.commit("publish");
  job.task("a").after(commit);
  EXPECT_EQ(job.error().value(), Errc::unknown_parent);

  JobBuilder other;
  other.cleanup("wipe").after(other.task("a"));
  EXPECT_EQ(other.error().value(), Errc::unknown_parent);
}

TEST(JobBuilder, BadCountIsAnErrorAndTheFirstOneStays) {
  JobBuilder job;
  job.array("none", 0);
  job.array("negative", -1);
  ASSERT_TRUE(job.error());
  EXPECT_EQ(*job.error(), Errc::invalid_argument);
  EXPECT_EQ(job.error()->detail, "task 0 (none): the count is not 1 … 2^30 - 1");
  EXPECT_EQ(job.spec().tasks[1].count, 0U);
}

TEST(JobBuilder, TooManyTasksAreAnError) {
  JobBuilder job;
  job.array("most", TaskId::kIndexMax);
  EXPECT_FALSE(job.error());
  job.task("one too many");
  EXPECT_EQ(job.error().value(), Errc::limit_exceeded);
  JobBuilder huge;
  huge.array("huge", std::uint64_t{1} << 40U);
  EXPECT_EQ(huge.error().value(), Errc::invalid_argument);
}

TEST(JobBuilder, HandlesOutliveAMoveAndTheBuilder) {
  auto first = std::make_unique<JobBuilder>("alice");
  const auto task = first->task("a");
  JobBuilder moved{std::move(*first)};
  first.reset();
  moved.task("b").after(task);
  EXPECT_FALSE(moved.error());
  EXPECT_EQ(moved.spec().tasks.size(), 2U);

  auto orphan = JobBuilder{}.task("c");
  EXPECT_EQ(orphan.name("still harmless").count(), 1U);
}

}  // namespace
}  // namespace spider
