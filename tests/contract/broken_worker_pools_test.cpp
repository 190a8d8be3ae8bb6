// The worker pool suite, held against pools that break one promise each.

#include "spider/sharded_worker_pool.hpp"
#include "spider/testing/worker_pool_suite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace spider {
namespace {

enum class PoolDefect {
  none,
  claims_twice,         // a worker that is held is given to a second claimant
  pools_mixed,          // any pool serves any request
  releases_for_anyone,  // the owner is not looked at
  stale_release_frees,  // a stale release ends the claim of the next owner
  second_release_fails,
  epochs_stand_still,
  none_is_an_error,
  unknown_pool_is_none,
  short_lease_passes,
  forgets_actors,
  waits_for_nobody,       // a claim answers at once, whatever it may wait
  cancelled_claim_takes,  // a claim that was cancelled holds a worker all the same
  never_reclaims,
  reclaims_early,
  sweeps_without_limit,
  renewal_is_ignored,
  double_add_passes,
  dead_return,  // a removed worker is on record again after its claim
  forgets_the_dead,
};

/// Forwards to a sound pool, except for the defect.
class BrokenPool final : public WorkerPool {
 public:
  BrokenPool(std::unique_ptr<WorkerPool> inner, PoolDefect defect)
      : inner_{std::move(inner)}, defect_{defect} {}

  auto add(WorkerInfo worker) -> Async<void> override {
    if (is(PoolDefect::pools_mixed)) worker.pool = "default";
    auto adding = inner_->add(std::move(worker));
    auto added = co_await std::move(adding);
    const bool twice = !added && added.error() == Errc::duplicate_name;
    if (is(PoolDefect::double_add_passes) && twice) co_return success();
    co_return added;
  }

  auto remove(WorkerId worker) -> Async<void> override {
    if (latest_.contains(worker)) dead_.insert(worker);
    auto removing = inner_->remove(worker);
    co_return co_await std::move(removing);
  }

  auto claim(ClaimRequest request) -> Async<std::optional<Claim>> override {
    if (is(PoolDefect::claims_twice) && held_) co_return std::exchange(held_, std::nullopt);
    if (is(PoolDefect::forgets_actors)) request.actor = {};
    if (is(PoolDefect::waits_for_nobody)) request.wait = {};
    if (is(PoolDefect::pools_mixed)) request.pool = "default";
    if (is(PoolDefect::short_lease_passes))
      request.lease = std::max<Duration>(request.lease, std::chrono::seconds{5});
    auto* const inner = inner_.get();
    const auto defect = defect_;
    auto claiming = inner->claim(std::move(request));
    auto claimed = co_await std::move(claiming);
    if (!claimed && claimed.error() == Errc::closed) co_return claimed;  // this object is gone by now
    const bool was_cancelled = !claimed && claimed.error() == Errc::cancelled;
    if (defect == PoolDefect::cancelled_claim_takes && was_cancelled) kept_by_cancelled_ = true;
    const bool unknown = !claimed && claimed.error() == WorkerPoolErrc::unknown_pool;
    if (defect == PoolDefect::unknown_pool_is_none && unknown) co_return std::optional<Claim>{};
    if (!claimed || !claimed.value()) {
      if (claimed && defect == PoolDefect::none_is_an_error) co_return Error{WorkerPoolErrc::claim_conflict};
      co_return claimed;
    }
    auto& claim = *claimed.value();
    held_ = claim;
    latest_[claim.worker] = claim;
    if (defect == PoolDefect::epochs_stand_still) claim.epoch = 1;
    co_return claimed;
  }

  auto release(Claim claim) -> Async<void> override {
    const auto known = latest_.find(claim.worker);
    const bool is_known = known != latest_.end();
    if (is(PoolDefect::releases_for_anyone) && is_known) claim.owner = known->second.owner;
    if (is(PoolDefect::epochs_stand_still) && is_known) claim.epoch = known->second.epoch;
    if (is(PoolDefect::stale_release_frees) && is_known) claim = known->second;
    if (is(PoolDefect::second_release_fails) && !released_.insert(claim.epoch).second)
      co_return Error{WorkerPoolErrc::stale_claim};
    if (std::exchange(kept_by_cancelled_, false)) co_return success();
    auto releasing = inner_->release(claim);
    auto released = co_await std::move(releasing);
    if (is(PoolDefect::dead_return) && dead_.erase(claim.worker) > 0) {
      WorkerInfo revived{claim.worker};
      auto adding = inner_->add(std::move(revived));
      (void)co_await std::move(adding);
    }
    co_return released;
  }

  auto renew(Claim claim) -> Async<void> override {
    if (is(PoolDefect::renewal_is_ignored)) co_return success();
    const auto known = latest_.find(claim.worker);
    if (is(PoolDefect::epochs_stand_still) && known != latest_.end()) claim.epoch = known->second.epoch;
    auto renewing = inner_->renew(claim);
    co_return co_await std::move(renewing);
  }

  auto sweep(TimePoint now, std::size_t limit) -> Async<PoolSweep> override {
    if (is(PoolDefect::never_reclaims)) co_return PoolSweep{};
    if (is(PoolDefect::reclaims_early)) now += std::chrono::seconds{1};
    if (is(PoolDefect::sweeps_without_limit) && limit > 0) limit = 1000;
    auto sweeping = inner_->sweep(now, limit);
    co_return co_await std::move(sweeping);
  }

  auto count() -> Async<WorkerCounts> override {
    auto counting = inner_->count();
    auto counts = co_await std::move(counting);
    if (counts && is(PoolDefect::forgets_the_dead)) counts.value().dead = 0;
    co_return counts;
  }

 private:
  [[nodiscard]] auto is(PoolDefect defect) const -> bool { return defect_ == defect; }

  std::unique_ptr<WorkerPool> inner_;
  PoolDefect defect_;
  std::set<WorkerId> dead_;
  std::set<std::uint64_t> released_;
  std::map<WorkerId, Claim> latest_;
  std::optional<Claim> held_;
  bool kept_by_cancelled_ = false;
};

auto opener(PoolDefect defect) -> testing::OpenWorkerPool {
  return [defect](const testing::WorkerPoolSetup& setup) -> Result<std::unique_ptr<WorkerPool>> {
    ShardedWorkerPoolOptions options;
    options.limits = setup.limits;
    SPIDER_TRY(auto pool, make_sharded_worker_pool(std::move(options), setup.clock));
    return std::unique_ptr<WorkerPool>{std::make_unique<BrokenPool>(std::move(pool), defect)};
  };
}

/// The rules that the suite finds broken.
auto broken_rules(PoolDefect defect) -> std::set<std::string> {
  std::set<std::string> rules;
  for (const auto& check : testing::worker_pool_checks()) {
    if (!testing::broken_promises(check, opener(defect)).empty()) rules.insert(check.rule);
  }
  return rules;
}

using ::testing::Contains;
using ::testing::IsEmpty;

TEST(WorkerPoolSuiteItself, SoundPoolBehindForwardersHoldsAll) {
  EXPECT_THAT(broken_rules(PoolDefect::none), IsEmpty());
}
TEST(WorkerPoolSuiteItself, SecondClaimantBreaksW2) {
  EXPECT_THAT(broken_rules(PoolDefect::claims_twice), Contains("W2"));
}
TEST(WorkerPoolSuiteItself, MixedPoolsBreakW2) {
  EXPECT_THAT(broken_rules(PoolDefect::pools_mixed), Contains("W2"));
}
TEST(WorkerPoolSuiteItself, ReleaseForAnyoneBreaksW4) {
  EXPECT_THAT(broken_rules(PoolDefect::releases_for_anyone), Contains("W4"));
}
TEST(WorkerPoolSuiteItself, StaleReleaseThatFreesBreaksW4) {
  EXPECT_THAT(broken_rules(PoolDefect::stale_release_frees), Contains("W4"));
}
TEST(WorkerPoolSuiteItself, FailingSecondReleaseBreaksW4) {
  EXPECT_THAT(broken_rules(PoolDefect::second_release_fails), Contains("W4"));
}
TEST(WorkerPoolSuiteItself, EpochThatStandsStillBreaksW4) {
  EXPECT_THAT(broken_rules(PoolDefect::epochs_stand_still), Contains("W4"));
}
TEST(WorkerPoolSuiteItself, NoneAsAnErrorBreaksW7) {
  EXPECT_THAT(broken_rules(PoolDefect::none_is_an_error), Contains("W7"));
}
TEST(WorkerPoolSuiteItself, UnknownPoolAsNoneBreaksW7) {
  EXPECT_THAT(broken_rules(PoolDefect::unknown_pool_is_none), Contains("W7"));
}
TEST(WorkerPoolSuiteItself, ShortLeaseThatPassesBreaksW7) {
  EXPECT_THAT(broken_rules(PoolDefect::short_lease_passes), Contains("W7"));
}
TEST(WorkerPoolSuiteItself, ForgottenActorBreaksW8) {
  EXPECT_THAT(broken_rules(PoolDefect::forgets_actors), Contains("W8"));
}
TEST(WorkerPoolSuiteItself, ClaimThatDoesNotWaitBreaksW10) {
  EXPECT_THAT(broken_rules(PoolDefect::waits_for_nobody), Contains("W10"));
}
TEST(WorkerPoolSuiteItself, CancelledClaimThatTakesBreaksW10) {
  EXPECT_THAT(broken_rules(PoolDefect::cancelled_claim_takes), Contains("W10"));
}
TEST(WorkerPoolSuiteItself, LapsedClaimThatStaysBreaksW5) {
  EXPECT_THAT(broken_rules(PoolDefect::never_reclaims), Contains("W5"));
}
TEST(WorkerPoolSuiteItself, EarlySweepBreaksW5) {
  EXPECT_THAT(broken_rules(PoolDefect::reclaims_early), Contains("W5"));
}
TEST(WorkerPoolSuiteItself, IgnoredRenewalBreaksW5) {
  EXPECT_THAT(broken_rules(PoolDefect::renewal_is_ignored), Contains("W5"));
}
TEST(WorkerPoolSuiteItself, UnboundedSweepBreaksW11) {
  EXPECT_THAT(broken_rules(PoolDefect::sweeps_without_limit), Contains("W11"));
}
TEST(WorkerPoolSuiteItself, DoubleAddThatPassesBreaksW12) {
  EXPECT_THAT(broken_rules(PoolDefect::double_add_passes), Contains("W12"));
}
TEST(WorkerPoolSuiteItself, DeadThatReturnBreakW12) {
  EXPECT_THAT(broken_rules(PoolDefect::dead_return), Contains("W12"));
}
TEST(WorkerPoolSuiteItself, ForgottenDeadBreakW12) {
  EXPECT_THAT(broken_rules(PoolDefect::forgets_the_dead), Contains("W12"));
}

}  // namespace
}  // namespace spider
