// What the contract of worker pools does not show: options, cost, the spread over shards.

#include "sharded_worker_pool_fixture.hpp"

#include "spider/rng.hpp"

#include <algorithm>
#include <numeric>

namespace spider {
namespace {

auto refuses(void (*change)(ShardedWorkerPoolOptions&)) -> bool {
  asio::io_context context;
  VirtualClock clock{context};
  ShardedWorkerPoolOptions options;
  change(options);
  const auto made = make_sharded_worker_pool(options, clock);
  return made.has_error() && made.error() == Errc::invalid_argument;
}

TEST(ShardedWorkerPool, OptionsOutOfRangeAreRefused) {
  using Options = ShardedWorkerPoolOptions;
  EXPECT_FALSE(refuses([](Options&) {}));
  EXPECT_TRUE(refuses([](Options& options) { options.shards = 0; }));
  EXPECT_TRUE(refuses([](Options& options) { options.shards = 12; }));
  EXPECT_TRUE(refuses([](Options& options) { options.shards = 512; }));
  EXPECT_TRUE(refuses([](Options& options) { options.actors_remembered = 0; }));
  EXPECT_TRUE(refuses([](Options& options) { options.actors_remembered = 1000; }));
  EXPECT_TRUE(refuses([](Options& options) { options.limits.heartbeat_interval = {}; }));
  EXPECT_TRUE(refuses([](Options& options) { options.limits.lease_max = Duration{1}; }));
  EXPECT_TRUE(refuses([](Options& options) { options.limits.workers_max = 0; }));
  EXPECT_TRUE(refuses([](Options& options) { options.limits.workers_max = (1U << 24U) + 1; }));
  EXPECT_TRUE(refuses([](Options& options) { options.limits.pools_max = 0; }));
  EXPECT_TRUE(refuses([](Options& options) { options.limits.pools_max = 5000; }));
}

class ShardedPool : public ShardedPoolTest {
 protected:
  auto churn(std::vector<std::optional<Claim>>& held, std::size_t turns) -> Async<void> {
    Rng rng{4711};
    for (std::size_t turn = 0; turn < turns; ++turn) {
      auto& mine = held[rng.below(held.size())];
      if (mine) {
        SPIDER_CO_TRY(co_await pool_->release(*mine));
      }
      ClaimRequest request{ClaimantId{1}};
      auto claiming = pool_->claim(std::move(request));
      SPIDER_CO_TRY(mine, co_await std::move(claiming));
    }
    co_return success();
  }

  /// `turns` times one of `claimants` releases what it holds and claims anew. The largest share of a shard.
  auto largest_share(std::uint64_t workers, std::size_t claimants, std::size_t turns) -> double {
    open(workers);
    std::vector<std::optional<Claim>> held(claimants);
    EXPECT_TRUE(run(churn(held, turns)));
    const auto traffic = pool_->traffic("default");
    EXPECT_EQ(traffic.size(), 16U);
    const auto sum = std::accumulate(traffic.begin(), traffic.end(), std::uint64_t{0});
    EXPECT_EQ(sum, turns) << "each claim takes one hint";
    return static_cast<double>(*std::max_element(traffic.begin(), traffic.end())) / static_cast<double>(sum);
  }
};

TEST_F(ShardedPool, W9_NoShardTakesMoreThanItsShare) {
  constexpr double kShareMax = 1.2 / 16;
  constexpr std::size_t kTurns = 40'000;
  EXPECT_LE(largest_share(2'000, 1, kTurns), kShareMax);
  EXPECT_LE(largest_share(2'000, 64, kTurns), kShareMax);
  EXPECT_LE(largest_share(100, 64, kTurns), kShareMax);
  EXPECT_LE(largest_share(17, 16, kTurns), kShareMax);
}

TEST_F(ShardedPool, W1_AClaimTakesOneHintHoweverManyWorkersAreIdleOrBusy) {
  for (const std::uint64_t workers : {100U, 10'000U}) {
    open(workers);
    for (std::uint64_t number = 0; number < workers; ++number) ASSERT_TRUE(claim()) << number;
    const auto traffic = pool_->traffic("default");
    EXPECT_EQ(std::accumulate(traffic.begin(), traffic.end(), std::uint64_t{0}), workers);
  }
}

TEST_F(ShardedPool, W7_LastIdleWorkerIsFoundOnWhicheverShardItIs) {
  constexpr std::uint64_t kWorkers = 300;
  open(kWorkers);
  for (std::uint64_t number = 0; number < kWorkers; ++number) ASSERT_TRUE(claim()) << number;
  EXPECT_FALSE(claim());
}

TEST_F(ShardedPool, UnknownPoolHasNoTraffic) {
  open(1);
  EXPECT_TRUE(pool_->traffic("nowhere").empty());
}

TEST_F(ShardedPool, SlotsOfGoneWorkersAreUsedAgainByAnyPool) {
  ShardedWorkerPoolOptions options;
  options.limits.workers_max = 2;
  open(2, options);
  for (std::uint64_t worker = 3; worker < 100; ++worker) {
    const auto* pool = worker % 3 == 0 ? "default" : "other";
    ASSERT_TRUE(run(pool_->remove(WorkerId{worker - 2})));
    ASSERT_TRUE(run(pool_->add(WorkerInfo{WorkerId{worker}, pool})));
    ClaimRequest request{ClaimantId{1}};
    request.pool = pool;
    const auto claimed = run(pool_->claim(std::move(request))).value();
    ASSERT_TRUE(claimed) << worker;
    ASSERT_TRUE(release(*claimed));
  }
  EXPECT_EQ(counts(), (WorkerCounts{.idle = 2, .added = 99, .removed = 97}));
}

TEST_F(ShardedPool, W2_SlotThatIsAnotherPoolsByNowIsNotClaimed) {
  open(1);
  at(WorkerPoolStep::popped, [this] {
    EXPECT_TRUE(run(pool_->remove(WorkerId{1})));
    EXPECT_TRUE(run(pool_->add(WorkerInfo{WorkerId{2}, "other"})));
    return false;
  });
  EXPECT_FALSE(claim());
  EXPECT_EQ(counts(), (WorkerCounts{.idle = 1, .added = 2, .removed = 1}));
}

}  // namespace
}  // namespace spider
