#include "policy_core/task_index.hpp"
#include "spider/rng.hpp"
#include "support/seed.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace spider::inline v1::detail {
namespace {

auto ref(std::uint64_t job, std::uint32_t task) -> TaskRef { return {JobId{job}, TaskId{task}}; }

auto index_seed() -> std::uint64_t { return testing::chosen_seed().value_or(20'261'121); }

TEST(TaskIndex, FindsOnlyWhatWasPut) {
  TaskIndex index;
  index.put(ref(1, 70), 3);
  EXPECT_EQ(index.find(ref(1, 70)), 3);
  EXPECT_EQ(index.find(ref(1, 69)), std::nullopt);
  EXPECT_EQ(index.find(ref(1, 6)), std::nullopt);
  EXPECT_EQ(index.find(ref(2, 70)), std::nullopt);
  EXPECT_EQ(index.size(), 1U);
}

TEST(TaskIndex, TasksOfOneChunkKeepTheirOwnClasses) {
  TaskIndex index;
  index.put(ref(1, 0), 5);
  index.put(ref(1, 1), 2);
  EXPECT_EQ(index.find(ref(1, 0)), 5);
  EXPECT_EQ(index.find(ref(1, 1)), 2);
  EXPECT_TRUE(index.erase(ref(1, 1)));
  index.put(ref(1, 1), 5);
  EXPECT_EQ(index.find(ref(1, 1)), 5);
}

TEST(TaskIndex, AnErasedJobLeavesNothingToTheNextOfItsId) {
  TaskIndex index;
  for (std::uint32_t task = 0; task < 300; ++task) index.put(ref(1, task), task == 200 ? 1 : 0);
  index.put(ref(2, 0), 0);
  EXPECT_EQ(index.erase_job(JobId{1}), 300U);
  EXPECT_EQ(index.erase_job(JobId{1}), 0U);
  EXPECT_EQ(index.size(), 1U);
  index.put(ref(1, 200), 4);
  EXPECT_EQ(index.find(ref(1, 200)), 4);
  EXPECT_EQ(index.find(ref(1, 0)), std::nullopt);
}

/// Few jobs and sparse tasks: chunks come and go at the head, in the middle and at the end.
TEST(TaskIndex, AnswersAsAMapWould) {
  Rng rng{index_seed()};
  SCOPED_TRACE("SPIDER_SEED=" + std::to_string(index_seed()));
  TaskIndex index;
  std::map<TaskRef, PriorityClass> model;
  for (int step = 0; step < 200'000; ++step) {
    const auto asked = ref(rng.below(5) + 1, static_cast<std::uint32_t>(rng.below(400)));
    const auto held = model.find(asked);
    ASSERT_EQ(index.find(asked), held == model.end() ? std::nullopt : std::optional{held->second});
    const auto choice = rng.below(1'000);
    if (choice < 480) {
      const auto priority = static_cast<PriorityClass>(rng.below(10) == 0 ? rng.below(3) : 1);
      index.put(asked, priority);
      model[asked] = priority;
    } else if (choice < 999) {
      ASSERT_EQ(index.erase(asked), model.erase(asked) == 1);
    } else {
      const auto erased = std::erase_if(model, [&](const auto& one) { return one.first.job == asked.job; });
      ASSERT_EQ(index.erase_job(asked.job), erased);
    }
    ASSERT_EQ(index.size(), model.size());
  }
}

}  // namespace
}  // namespace spider::inline v1::detail
