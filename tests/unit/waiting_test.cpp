#include "waiting.hpp"

#include "spider/testing/dispatch_queue_trial.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace spider {
namespace {

using detail::WaitingLine;
using std::chrono::seconds;
using testing::Call;

class WaitingLineTest : public ::testing::Test {
 protected:
  auto wait(TimePoint deadline = kForever) -> Call<void> {
    return trial_.start(line_->wait(line_->ticket(), deadline));
  }
  auto now() -> TimePoint { return trial_.clock().now(); }

  testing::DispatchQueueTrial trial_{"unit", {}};
  std::shared_ptr<WaitingLine> line_ = WaitingLine::make(trial_.clock());
};

TEST_F(WaitingLineTest, NotifyWakesAllWhoWait) {
  const auto first = wait();
  const auto second = wait(now() + seconds{9});
  EXPECT_FALSE(first->done());
  EXPECT_EQ(line_->waiters(), 2U);
  line_->notify_all();
  trial_.settle();
  EXPECT_TRUE(first->succeeded());
  EXPECT_TRUE(second->succeeded());
  EXPECT_EQ(line_->waiters(), 0U);
}

TEST_F(WaitingLineTest, NotifyBetweenTicketAndWaitIsNotMissed) {
  const auto ticket = line_->ticket();
  line_->notify_all();
  EXPECT_TRUE(trial_.start(line_->wait(ticket, kForever))->succeeded());
}

TEST_F(WaitingLineTest, DeadlineEndsTheWaitInItsOwnTime) {
  const auto later = wait(now() + seconds{2});
  const auto earlier = wait(now() + seconds{1});
  trial_.clock().run_for(seconds{1} - Duration{1});
  EXPECT_FALSE(earlier->done());
  trial_.clock().run_for(Duration{1});
  EXPECT_TRUE(earlier->failed_with(Errc::timed_out));
  EXPECT_FALSE(later->done());
  trial_.clock().run_for(seconds{1});
  EXPECT_TRUE(later->failed_with(Errc::timed_out));
}

TEST_F(WaitingLineTest, DeadlineInThePastAnswersAtOnce) {
  EXPECT_TRUE(wait(now())->failed_with(Errc::timed_out));
}

TEST_F(WaitingLineTest, CancelledWaitSaysSoAndLeavesTheOthers) {
  const auto first = wait(now() + seconds{9});
  const auto second = wait(now() + seconds{9});
  first->cancel();
  trial_.settle();
  EXPECT_TRUE(first->failed_with(Errc::cancelled));
  EXPECT_FALSE(second->done());
  EXPECT_EQ(line_->waiters(), 1U);
}

TEST_F(WaitingLineTest, CloseEndsPresentAndLaterWaits) {
  const auto present = wait();
  line_->close();
  trial_.settle();
  EXPECT_TRUE(present->failed_with(Errc::closed));
  EXPECT_TRUE(wait()->failed_with(Errc::closed));
}

TEST_F(WaitingLineTest, WithoutDeadlinesNoTimerIsLeft) {
  const auto notified = wait(now() + seconds{9});
  const auto cancelled = wait(now() + seconds{5});
  cancelled->cancel();
  trial_.settle();
  line_->notify_all();
  trial_.settle();
  EXPECT_EQ(trial_.clock().step(), 0U);
}

TEST_F(WaitingLineTest, LineMayDieWhileItsWaitersLive) {
  const auto call = wait(now() + seconds{1});
  line_.reset();
  trial_.clock().run_for(seconds{1});
  EXPECT_TRUE(call->failed_with(Errc::timed_out));
}

TEST_F(WaitingLineTest, ContextThatDiesTakesItsWaitersAlong) {
  {
    asio::io_context other;
    const auto doomed = trial_.start_on(other, line_->wait(line_->ticket(), now() + seconds{1}));
    EXPECT_EQ(line_->waiters(), 1U);
  }
  EXPECT_EQ(line_->waiters(), 0U);
  const auto survivor = wait();
  line_->notify_all();
  trial_.settle();
  EXPECT_TRUE(survivor->succeeded());
}

}  // namespace
}  // namespace spider
