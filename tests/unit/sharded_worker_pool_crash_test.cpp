// Crashes and interleavings at every step of the pool's protocol.

#include "sharded_worker_pool_fixture.hpp"

#include <string>

namespace spider {
namespace {

using Step = WorkerPoolStep;

constexpr Step kSteps[] = {Step::popped, Step::recorded, Step::returning, Step::indexed};

auto name_of(Step step) -> std::string {
  switch (step) {
    case Step::popped: return "popped";
    case Step::recorded: return "recorded";
    case Step::returning: return "returning";
    case Step::indexed: return "indexed";
  }
  return "";
}

class ShardedPoolCrash : public ShardedPoolTest {
 protected:
  /// Calls that get to some of the steps. Each starts from three idle workers and claims of two others.
  struct Call {
    const char* name;
    std::function<void()> run;
  };

  auto prepare() -> void {
    disarm();
    open(5);
    held_.clear();
    for (int i = 0; i < 2; ++i) held_.push_back(*claim());
  }
  auto calls() -> std::vector<Call> {
    return {{"claim", [this] { (void)try_claim(7); }},
            {"claim for an actor",
             [this] {
               const auto first = try_claim(7, ActorId{1});
               if (!first || !first.value()) return;
               (void)release(*first.value());
               (void)try_claim(7, ActorId{1});
             }},
            {"release", [this] { (void)release(held_[0]); }},
            {"add", [this] { (void)run(pool_->add(WorkerInfo{WorkerId{77}})); }},
            {"remove", [this] { (void)run(pool_->remove(held_[0].worker)); }},
            {"remove an idle one", [this] { (void)run(pool_->remove(WorkerId{idle_worker()})); }},
            {"renew", [this] { (void)run(pool_->renew(held_[0])); }},
            {"sweep", [this] { (void)sweep(); }},
            {"sweep of lapsed claims", [this] { (void)run(pool_->sweep(clock_.now() + kPoolLease, 100)); }}};
  }
  /// One of the workers that no claim in `held_` has.
  auto idle_worker() -> std::uint64_t {
    std::uint64_t worker = 1;
    while (WorkerId{worker} == held_[0].worker || WorkerId{worker} == held_[1].worker) ++worker;
    return worker;
  }

  std::vector<Claim> held_;
};

TEST_F(ShardedPoolCrash, LeavesNothingThatASweepDoesNotComplete) {
  int crashes = 0;
  for (const auto step : kSteps) {
    for (const auto& call : calls()) {
      SCOPED_TRACE(std::string{call.name} + " dies at " + name_of(step));
      prepare();
      crash_at(step);
      call.run();
      if (!still_armed()) ++crashes;
      disarm();
      expect_nothing_leaked(*this, clock_);
    }
  }
  EXPECT_EQ(crashes, 12);  // at two claims and their records, and at four returns, twice each
}

TEST_F(ShardedPoolCrash, OtherCallsInBetweenKeepTheSumAndTheClaimsApart) {
  int interleavings = 0;
  for (const auto step : kSteps) {
    for (std::size_t outer = 0; outer < calls().size(); ++outer) {
      for (std::size_t inner = 0; inner < calls().size(); ++inner) {
        const auto all = calls();
        SCOPED_TRACE(std::string{all[inner].name} + " within " + all[outer].name + " at " + name_of(step));
        prepare();
        at(step, [&] {
          all[inner].run();
          expect_sum(counts());
          return false;
        });
        all[outer].run();
        if (!still_armed()) ++interleavings;
        disarm();
        expect_nothing_leaked(*this, clock_);
      }
    }
  }
  EXPECT_EQ(interleavings, 12 * 9);
}

TEST_F(ShardedPoolCrash, OfASweepIsCompletedByTheNext) {
  open(3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(claim());
  clock_.run_for(kPoolLease);
  for (const auto step : {Step::returning, Step::indexed, Step::returning}) {
    crash_at(step);
    EXPECT_FALSE(sweep());
    expect_sum(counts());
  }
  ASSERT_TRUE(sweep());
  EXPECT_EQ(counts(), (WorkerCounts{.idle = 3, .added = 3}));
}

TEST_F(ShardedPoolCrash, W6_ClaimOfAReturningWorkerWins) {
  open(1);
  const auto first = claim(1);
  std::optional<Claim> second;
  at(Step::indexed, [&] {
    second = claim(2);
    return false;
  });
  EXPECT_TRUE(release(*first));
  ASSERT_TRUE(second);
  EXPECT_EQ(counts().claimed, 1U);
  EXPECT_FALSE(claim(3));
  EXPECT_TRUE(run(pool_->renew(*second)));
}

TEST_F(ShardedPoolCrash, W6_SweeperThatLosesToAClaimDoesNotAddAgain) {
  open(1);
  crash_at(Step::returning);
  EXPECT_FALSE(release(*claim(1)));
  std::optional<Claim> winner;
  at(Step::indexed, [&] {
    winner = claim(2);
    return false;
  });
  EXPECT_TRUE(sweep());
  ASSERT_TRUE(winner);
  EXPECT_EQ(counts().claimed, 1U);
  EXPECT_FALSE(claim(3));
}

TEST_F(ShardedPoolCrash, W2_HintOfABusyWorkerIsDropped) {
  open(1);
  at(Step::popped, [&] {
    EXPECT_EQ(sweep().value().completed, 1U);  // suspects the claim, falsely, and puts the worker back
    return false;
  });
  const auto first = claim(1);
  ASSERT_TRUE(first);
  EXPECT_FALSE(claim(2));
  EXPECT_TRUE(run(pool_->renew(*first)));
}

TEST_F(ShardedPoolCrash, W2_ClaimThatMeetsOnlyWrongHintsEndsInConflict) {
  constexpr auto kWorkers = ShardedWorkerPoolOptions::kLiesMax + 10;
  open(kWorkers);
  std::size_t depth = 0;
  std::function<bool()> claim_within = [&] {
    if (++depth < kWorkers) {
      at(Step::popped, claim_within);
      EXPECT_TRUE(claim(1));
    } else {
      EXPECT_EQ(sweep().value().completed, kWorkers);  // suspects them all, falsely
    }
    return false;
  };
  at(Step::popped, claim_within);
  ASSERT_TRUE(claim(1));
  EXPECT_EQ(try_claim(2).error(), WorkerPoolErrc::claim_conflict);
  const auto then = try_claim(2);
  ASSERT_TRUE(then);
  EXPECT_FALSE(then.value());
}

TEST_F(ShardedPoolCrash, W11_TwoSweepsAtOnceBringEachWorkerHomeOnce) {
  open(6);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(claim());
  clock_.run_for(kPoolLease);
  std::size_t inner = 0;
  at(Step::indexed, [&] {
    inner = sweep().value().reclaimed;
    return false;
  });
  const auto outer = sweep().value().reclaimed;
  EXPECT_EQ(inner + outer, 6U);
  expect_nothing_leaked(*this, clock_);
}

TEST_F(ShardedPoolCrash, W11_ReportsHowLongTheOldestWasStranded) {
  open(2);
  const auto early = claim();
  clock_.run_for(std::chrono::seconds{10});
  crash_at(Step::popped);
  EXPECT_FALSE(try_claim(2));
  clock_.run_for(std::chrono::seconds{4});
  EXPECT_EQ(sweep().value().oldest, std::chrono::seconds{14});  // since it was added
  EXPECT_TRUE(release(*early));
}

}  // namespace
}  // namespace spider
