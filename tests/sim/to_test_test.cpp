// What a printed unit test says of its case.

#include "spider/sim/check.hpp"
#include "spider/storage/memory.hpp"
#include "spider/testing/forwarding_storage.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace spider::sim {
namespace {

using std::chrono::nanoseconds;

/// Folds nothing: equivalent tasks run side by side.
class KeylessStorage final : public testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;
  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override {
    std::vector<JobSpec> keyless(jobs.begin(), jobs.end());
    for (auto& job : keyless) {
      for (auto& task : job.tasks) task.coalesce.reset();
    }
    auto answers = co_await behind().submit(keyless);
    co_return answers;
  }
};

auto open_keyless(const StorageLimits& limits, Clock& clock) -> Result<std::unique_ptr<Storage>> {
  SPIDER_TRY(std::shared_ptr<Storage> behind, make_memory_storage({limits}, clock));
  return Result<std::unique_ptr<Storage>>{std::make_unique<KeylessStorage>(std::move(behind))};
}

auto says(const std::string& test, const std::string& line) -> bool {
  return test.find("  " + line + ";\n") != std::string::npos;
}

TEST(SimToTest, ShrunkCaseNamesTheWholeCoalesceKey) {
  SimCase failing;
  failing.task_seconds_max = std::chrono::seconds{8};
  failing.managers.push_back({.at = {}, .batch = 1, .lanes = 2});
  for (std::size_t i = 0; i < 6; ++i) {
    auto& submit = failing.submits.emplace_back();
    submit.job.tasks.emplace_back().handler = "work";
    submit.job.tasks.back().coalesce = CoalesceKey{"resize", {"a \"b\"", std::nullopt, "", "\\\n"}};
  }
  const SimParts parts{.policy = {}, .storage = open_keyless};
  const auto shrunk = shrink(failing, "Q5", parts, 200);
  EXPECT_LT(shrunk.submits.size(), failing.submits.size());
  const auto test = to_test(shrunk, {"Q5", "two at once", {}}, "{.storage = open_keyless}");
  const std::string key = R"(spider::CoalesceKey{"resize", {"a \042b\042", std::nullopt, "", "\134\012"}})";
  const auto first = test.find(".tasks[0].coalesce = " + key);
  ASSERT_NE(first, std::string::npos) << test;
  EXPECT_NE(test.find(".tasks[0].coalesce = " + key, first + 1), std::string::npos) << test;
  EXPECT_TRUE(says(test, "const auto outcome = spider::sim::replay(failing, {.storage = open_keyless})"))
      << test;
}

/// A case of a user's own making has what no seed draws.
TEST(SimToTest, EveryFieldOfAJobIsWritten) {
  SimCase what;
  auto& job = what.submits.emplace_back().job;
  job.resource_group = "alice";
  job.queue = "night";
  job.priority = 2;
  job.weight = 0.1;
  job.not_before = TimePoint{nanoseconds{5}};
  job.deadline = TimePoint{nanoseconds{7}};
  auto& task = job.tasks.emplace_back();
  task.handler = "work";
  task.name = "photo";
  task.input = std::string{"\0\xff?7", 4};
  task.retry.attempts_max = 4;
  task.retry.backoff_first = nanoseconds{8};
  task.retry.backoff_max = nanoseconds{9};
  task.retry.backoff_factor = 1.5;
  task.timeout = nanoseconds{1};
  task.estimate = nanoseconds{2};
  task.instances_max = 3;
  const auto test = to_test(what, {"I1", "told\nin two lines", {}});
  for (const auto* line :
       {"job1.resource_group = \"alice\"", "job1.queue = \"night\"", "job1.priority = 2",
        "job1.weight = 0.10000000000000001",
        "job1.not_before = spider::TimePoint{std::chrono::nanoseconds{5}}",
        "job1.deadline = spider::TimePoint{std::chrono::nanoseconds{7}}", "job1.tasks[0].handler = \"work\"",
        "job1.tasks[0].name = \"photo\"", R"(job1.tasks[0].input = std::string{"\000\377\0777", 4})",
        "job1.tasks[0].retry.attempts_max = 4",
        "job1.tasks[0].retry.backoff_first = std::chrono::nanoseconds{8}",
        "job1.tasks[0].retry.backoff_max = std::chrono::nanoseconds{9}",
        "job1.tasks[0].retry.backoff_factor = 1.5", "job1.tasks[0].timeout = std::chrono::nanoseconds{1}",
        "job1.tasks[0].estimate = std::chrono::nanoseconds{2}", "job1.tasks[0].instances_max = 3"}) {
    EXPECT_TRUE(says(test, line)) << line << " is not in\n" << test;
  }
  EXPECT_NE(test.find("// I1: told in two lines\n"), std::string::npos) << test;
}

/// A log that differs from run to run breaks no promise of a single run.
TEST(SimToTest, UnequalLogsAreComparedAgain) {
  const auto test = to_test(SimCase{}, {"replay", "the same seed logged something else", {}});
  EXPECT_TRUE(says(test, "EXPECT_EQ(outcome.log_hash, spider::sim::replay(failing, {}).log_hash)")) << test;
}

}  // namespace
}  // namespace spider::sim
