// The dispatch queue suite, held against queues that break one promise each.

#include "spider/dispatch_channel.hpp"
#include "spider/testing/dispatch_queue_suite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace spider {
namespace {

using Taken = std::optional<TaskAssignment>;

enum class QueueDefect {
  none,
  loses_on_cancel,    // a dequeue that was cancelled has taken all the same
  stale_after_bump,   // an assignment survives a bump
  over_capacity,      // one more goes in than is stated
  last_in_first_out,  //
  drops_when_full,    // enqueue on a full queue succeeds and forgets
  delivers_twice,     //
  accepts_any_stamp,  // a foreign session is stamped over
  bumps_backwards,    //
  answers_early,      // a timed dequeue gives up at half its time
  close_discards,     // what is queued at the close is gone
  spins_on_zero,      // dequeue(0) suspends
  slots_stay_taken,   // free_slots does not recover from a bump
  alters_argument,    // a refused try_enqueue changes what it was given
};

struct Shared {
  QueueDefect defect;
  std::optional<TaskAssignment> kept;  // what the defect withholds or repeats
  SessionId session;
  bool bumped = false;
  bool lose_next = false;
};

/// Forwards to a sound queue, except for the defect.
class BrokenSink final : public DispatchQueueSink {
 public:
  BrokenSink(std::unique_ptr<DispatchQueueSink> inner, std::shared_ptr<Shared> shared, std::size_t capacity)
      : inner_{std::move(inner)}, shared_{std::move(shared)}, capacity_{capacity} {}

  auto enqueue(TaskAssignment assignment) -> Async<void> override {
    if (is(QueueDefect::drops_when_full) && inner_->free_slots() == 0) co_return success();
    if (is(QueueDefect::accepts_any_stamp)) assignment.session = shared_->session;
    auto inner = inner_->enqueue(assignment);
    co_return co_await std::move(inner);
  }
  auto enqueue_batch(std::vector<TaskAssignment> assignments) -> Async<std::size_t> override {
    return inner_->enqueue_batch(std::move(assignments));
  }
  auto try_enqueue(const TaskAssignment& assignment) -> Result<void> override {
    auto offered = assignment;
    if (is(QueueDefect::accepts_any_stamp)) offered.session = shared_->session;
    auto result = inner_->try_enqueue(offered);
    if (is(QueueDefect::alters_argument) && !result) const_cast<TaskAssignment&>(assignment).job = JobId{};
    return result;
  }
  auto bump_session(SessionId session) -> Result<void> override {
    if (is(QueueDefect::bumps_backwards) && session <= shared_->session) return success();
    if (is(QueueDefect::stale_after_bump)) shared_->kept = held_back();
    auto result = inner_->bump_session(session);
    if (result) shared_->session = session;
    if (result) shared_->bumped = true;
    return result;
  }
  auto free_slots() const -> std::size_t override {
    const auto free = inner_->free_slots();
    return is(QueueDefect::slots_stay_taken) && shared_->bumped && free > 0 ? free - 1 : free;
  }
  auto wait_for_slots() -> Async<std::size_t> override { return inner_->wait_for_slots(); }
  auto close() -> void override {
    if (is(QueueDefect::close_discards)) (void)inner_->bump_session(SessionId{~std::uint64_t{0}});
    inner_->close();
  }

 private:
  [[nodiscard]] auto is(QueueDefect defect) const -> bool { return shared_->defect == defect; }
  [[nodiscard]] auto held_back() const -> Taken {
    if (inner_->free_slots() == capacity_) return std::nullopt;
    TaskAssignment stale;
    stale.session = shared_->session;
    return stale;
  }

  std::unique_ptr<DispatchQueueSink> inner_;
  std::shared_ptr<Shared> shared_;
  std::size_t capacity_;
};

class BrokenSource final : public DispatchQueueSource {
 public:
  BrokenSource(std::unique_ptr<DispatchQueueSource> inner, std::shared_ptr<Shared> shared)
      : inner_{std::move(inner)}, shared_{std::move(shared)} {}

  auto dequeue(Duration wait) -> Async<Taken> override {
    if (is(QueueDefect::answers_early)) wait /= 2;
    if (is(QueueDefect::spins_on_zero) && wait == Duration::zero()) wait = Duration{1};
    const auto shared = shared_;
    auto* const source = inner_.get();
    auto inner = source->dequeue(wait);
    auto result = co_await std::move(inner);
    const bool loses = shared->defect == QueueDefect::loses_on_cancel;  // this object may be gone by now
    if (loses && !result && result.error() == Errc::cancelled) shared->lose_next = true;
    co_return result;
  }
  auto dequeue_batch(std::size_t max, Duration wait) -> Async<std::vector<TaskAssignment>> override {
    return inner_->dequeue_batch(max, wait);
  }
  auto try_dequeue() -> Result<Taken> override {
    if (shared_->kept && (is(QueueDefect::delivers_twice) || is(QueueDefect::stale_after_bump))) {
      return std::exchange(shared_->kept, std::nullopt);
    }
    auto result = inner_->try_dequeue();
    if (result && result.value() && is(QueueDefect::delivers_twice)) shared_->kept = result.value();
    if (result && result.value() && is(QueueDefect::last_in_first_out)) return reversed(*result.value());
    if (std::exchange(shared_->lose_next, false)) return inner_->try_dequeue();
    return result;
  }

 private:
  [[nodiscard]] auto is(QueueDefect defect) const -> bool { return shared_->defect == defect; }

  auto reversed(TaskAssignment first) -> Taken {
    const auto second = inner_->try_dequeue();
    if (!second || !second.value()) return std::exchange(shared_->kept, std::nullopt).value_or(first);
    shared_->kept = first;
    return second.value();
  }

  std::unique_ptr<DispatchQueueSource> inner_;
  std::shared_ptr<Shared> shared_;
};

auto opener(QueueDefect defect) -> testing::OpenDispatchQueue {
  return [defect](testing::DispatchQueueSetup setup, Clock& clock) -> Result<testing::DispatchQueueHalves> {
    const auto extra = defect == QueueDefect::over_capacity && setup.capacity > 0 ? 1U : 0U;
    auto opened =
        make_dispatch_channel({.capacity = setup.capacity + extra, .session = setup.session}, clock);
    if (!opened) return opened.error();
    auto shared = std::make_shared<Shared>(Shared{.defect = defect, .kept = {}, .session = setup.session});
    auto& channel = opened.value();
    return testing::DispatchQueueHalves{
        std::make_unique<BrokenSink>(std::move(channel.sink), shared, setup.capacity),
        std::make_unique<BrokenSource>(std::move(channel.source), shared)};
  };
}

/// The rules that the suite finds broken.
auto broken_rules(QueueDefect defect) -> std::set<std::string> {
  std::set<std::string> rules;
  for (const auto& check : testing::dispatch_queue_checks()) {
    if (!testing::broken_promises(check, opener(defect)).empty()) rules.insert(check.rule);
  }
  return rules;
}

using ::testing::Contains;
using ::testing::IsEmpty;

TEST(DispatchQueueSuiteItself, SoundQueueBehindForwardersHoldsAll) {
  EXPECT_THAT(broken_rules(QueueDefect::none), IsEmpty());
}
TEST(DispatchQueueSuiteItself, LossOnCancelBreaksD10) {
  EXPECT_THAT(broken_rules(QueueDefect::loses_on_cancel), Contains("D10"));
}
TEST(DispatchQueueSuiteItself, StaleAfterBumpBreaksD6) {
  EXPECT_THAT(broken_rules(QueueDefect::stale_after_bump), Contains("D6"));
}
TEST(DispatchQueueSuiteItself, OverCapacityBreaksD1) {
  EXPECT_THAT(broken_rules(QueueDefect::over_capacity), Contains("D1"));
}
TEST(DispatchQueueSuiteItself, LastInFirstOutBreaksD2) {
  EXPECT_THAT(broken_rules(QueueDefect::last_in_first_out), Contains("D2"));
}
TEST(DispatchQueueSuiteItself, DropWhenFullBreaksD2) {
  EXPECT_THAT(broken_rules(QueueDefect::drops_when_full), Contains("D2"));
}
TEST(DispatchQueueSuiteItself, DoubleDeliveryBreaksD2) {
  EXPECT_THAT(broken_rules(QueueDefect::delivers_twice), Contains("D2"));
}
TEST(DispatchQueueSuiteItself, ForeignStampBreaksD5) {
  EXPECT_THAT(broken_rules(QueueDefect::accepts_any_stamp), Contains("D5"));
}
TEST(DispatchQueueSuiteItself, BackwardBumpBreaksD6) {
  EXPECT_THAT(broken_rules(QueueDefect::bumps_backwards), Contains("D6"));
}
TEST(DispatchQueueSuiteItself, EarlyAnswerBreaksD9) {
  EXPECT_THAT(broken_rules(QueueDefect::answers_early), Contains("D9"));
}
TEST(DispatchQueueSuiteItself, DiscardAtCloseBreaksD11) {
  EXPECT_THAT(broken_rules(QueueDefect::close_discards), Contains("D11"));
}
TEST(DispatchQueueSuiteItself, SuspensionOnZeroBreaksD9) {
  EXPECT_THAT(broken_rules(QueueDefect::spins_on_zero), Contains("D9"));
}
TEST(DispatchQueueSuiteItself, SlotsLostByABumpBreakD8) {
  EXPECT_THAT(broken_rules(QueueDefect::slots_stay_taken), Contains("D8"));
}
TEST(DispatchQueueSuiteItself, AlteredArgumentBreaksD2) {
  EXPECT_THAT(broken_rules(QueueDefect::alters_argument), Contains("D2"));
}

}  // namespace
}  // namespace spider
