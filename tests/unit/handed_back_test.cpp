#include "spider/handed_back.hpp"

#include "spider/testing/dispatch_queue_trial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace spider {
namespace {

using testing::DispatchQueueTrial;
using ::testing::ElementsAre;
using testing::Ids;
using ::testing::IsEmpty;

auto items(std::uint64_t first, std::uint64_t last) -> std::vector<TaskAssignment> {
  std::vector<TaskAssignment> made;
  for (auto id = first; id <= last; ++id) made.push_back(DispatchQueueTrial::item(id));
  return made;
}

auto numbers_of(const std::vector<TaskAssignment>& assignments) -> Ids {
  Ids found;
  for (const auto& assignment : assignments) found.push_back(assignment.id.value);
  return found;
}

class HandedBackTest : public ::testing::Test {
 protected:
  auto wait() -> testing::Call<void> { return trial_.start(queue_->wait()); }

  DispatchQueueTrial trial_{"handed back", {}};
  std::unique_ptr<HandedBackQueue> queue_ = std::make_unique<HandedBackQueue>(trial_.clock(), 4);
};

TEST_F(HandedBackTest, TakeReturnsOldestFirstAndAtMostMax) {
  EXPECT_EQ(queue_->put(items(1, 2)), 2U);
  EXPECT_EQ(queue_->put(items(3, 3)), 1U);
  EXPECT_THAT(numbers_of(queue_->take(2)), ElementsAre(1, 2));
  EXPECT_THAT(numbers_of(queue_->take(9)), ElementsAre(3));
  EXPECT_THAT(queue_->take(9), IsEmpty());
}

TEST_F(HandedBackTest, OrderHoldsAcrossManyBlocks) {
  HandedBackQueue queue{trial_.clock(), 1'000};
  EXPECT_EQ(queue.put(items(1, 700)), 700U);
  EXPECT_EQ(numbers_of(queue.take(100)), numbers_of(items(1, 100)));
  EXPECT_EQ(queue.put(items(701, 1'000)), 300U);
  EXPECT_EQ(numbers_of(queue.take(2'000)), numbers_of(items(101, 1'000)));
}

TEST_F(HandedBackTest, PutAcceptsTheFirstThatFitAndRefusesTheRest) {
  EXPECT_EQ(queue_->put(items(1, 3)), 3U);
  EXPECT_EQ(queue_->put(items(4, 6)), 1U);
  EXPECT_EQ(queue_->put(items(7, 7)), 0U);
  EXPECT_EQ(queue_->size(), 4U);
  EXPECT_THAT(numbers_of(queue_->take(2)), ElementsAre(1, 2));
  EXPECT_EQ(queue_->put(items(8, 9)), 2U);
  EXPECT_THAT(numbers_of(queue_->take(9)), ElementsAre(3, 4, 8, 9));
}

TEST_F(HandedBackTest, WaitIsOverAtOnceWhenThereIsSomethingAndConsumesNothing) {
  ASSERT_EQ(queue_->put(items(1, 1)), 1U);
  EXPECT_TRUE(wait()->succeeded());
  EXPECT_TRUE(wait()->succeeded());
  EXPECT_EQ(queue_->size(), 1U);
}

TEST_F(HandedBackTest, WaitEndsWithAPut) {
  const auto waiting = wait();
  EXPECT_FALSE(waiting->done());
  EXPECT_EQ(queue_->put({}), 0U);
  trial_.settle();
  EXPECT_FALSE(waiting->done());
  ASSERT_EQ(queue_->put(items(1, 1)), 1U);
  trial_.settle();
  EXPECT_TRUE(waiting->succeeded());
}

TEST_F(HandedBackTest, WaitIsCancelled) {
  const auto waiting = wait();
  waiting->cancel();
  trial_.settle();
  EXPECT_TRUE(waiting->failed_with(Errc::cancelled));
}

TEST_F(HandedBackTest, CloseEndsTheIntakeAndWhatIsQueuedMayBeTaken) {
  ASSERT_EQ(queue_->put(items(1, 1)), 1U);
  queue_->close();
  EXPECT_EQ(queue_->put(items(2, 2)), 0U);
  EXPECT_TRUE(wait()->succeeded());
  EXPECT_THAT(numbers_of(queue_->take(9)), ElementsAre(1));
  EXPECT_TRUE(wait()->failed_with(Errc::closed));
}

TEST_F(HandedBackTest, CloseAndDestructionEndWaits) {
  const auto closed = wait();
  queue_->close();
  trial_.settle();
  EXPECT_TRUE(closed->failed_with(Errc::closed));

  queue_ = std::make_unique<HandedBackQueue>(trial_.clock(), 4);
  const auto destroyed = wait();
  queue_.reset();
  trial_.settle();
  EXPECT_TRUE(destroyed->failed_with(Errc::closed));
}

TEST_F(HandedBackTest, AnExecutionContextMayDieWithAWaiter) {
  auto context = std::make_unique<asio::io_context>();
  const auto waiting = trial_.start_on(*context, queue_->wait());
  context.reset();
  EXPECT_EQ(queue_->put(items(1, 1)), 1U);
  EXPECT_FALSE(waiting->done());
}

}  // namespace
}  // namespace spider
