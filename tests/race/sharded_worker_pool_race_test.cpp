// The worker pool under real threads: claimants that release, die and are cancelled, sweepers, workers
// that come and go.

#include "race/race_seed.hpp"
#include "spider/rng.hpp"
#include "spider/sharded_worker_pool.hpp"
#include "spider/system_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <memory>
#include <numeric>
#include <set>
#include <vector>

namespace spider {
namespace {

constexpr std::uint64_t kPooledWorkers = 64;
constexpr std::uint64_t kVisitors = 8;  // workers that come and go
constexpr auto kShortLease = std::chrono::microseconds{1};
constexpr auto kLongLease = std::chrono::hours{1};

/// Who holds which worker, as the claimants see it.
struct Ledger {
  std::array<std::atomic<std::uint64_t>, kPooledWorkers + kVisitors + 1> holder{};
  std::array<std::atomic<std::uint64_t>, kPooledWorkers + kVisitors + 1> epoch{};
  std::atomic<std::uint64_t> claimed{0};
  std::atomic<std::uint64_t> abandoned{0};
  std::atomic<std::uint64_t> violations{0};
  std::atomic<std::uint64_t> unexpected{0};
  std::atomic<int> running{0};

  auto enter(const Claim& claim) -> void {
    ++claimed;
    if (holder[claim.worker.value].exchange(claim.owner.value) != 0) ++violations;
    if (epoch[claim.worker.value].exchange(claim.epoch) >= claim.epoch) ++violations;
  }
  auto leave(const Claim& claim) -> void {
    if (holder[claim.worker.value].exchange(0) != claim.owner.value) ++violations;
  }
};

auto pause_a_little() -> asio::awaitable<void> {
  const auto executor = co_await asio::this_coro::executor;
  auto posted = asio::post(executor, asio::deferred);
  co_await std::move(posted);
}

/// Claims, renews, releases, sometimes twice; some claims it abandons.
auto visit(WorkerPool& pool, Ledger& ledger, Rng& rng, std::uint64_t self) -> Async<void> {
  const bool abandons = rng.below(8) == 0;
  ClaimRequest request{ClaimantId{self}};
  request.lease = abandons ? Duration{kShortLease} : Duration{kLongLease};
  request.wait = std::chrono::microseconds{rng.below(300)};
  request.actor = ActorId{rng.below(3)};
  auto claiming = pool.claim(std::move(request));
  const auto claimed = co_await std::move(claiming);
  if (!claimed) co_return claimed.error();
  if (!claimed.value()) co_return success();
  const auto claim = *claimed.value();
  if (abandons) {
    ++ledger.abandoned;
    co_return success();
  }
  ledger.enter(claim);
  if (rng.below(2) == 0) co_await pause_a_little();
  const auto renewed = co_await pool.renew(claim);
  if (!renewed) ++ledger.unexpected;
  ledger.leave(claim);
  const auto released = co_await pool.release(claim);
  if (!released) ++ledger.unexpected;
  if (rng.below(4) == 0) (void)co_await pool.release(claim);
  co_return success();
}

auto claimant(WorkerPool& pool, Ledger& ledger, std::uint64_t self, std::uint64_t& visits) -> Async<void> {
  Rng rng{mix64(race_seed() + self * 1'000'003 + visits)};
  while (visits > 0) {
    --visits;
    const auto visited = co_await visit(pool, ledger, rng, self);
    if (!visited && visited.error() == Errc::cancelled) co_return Errc::cancelled;
    if (!visited && visited.error() != WorkerPoolErrc::claim_conflict) ++ledger.unexpected;
  }
  co_return success();
}

auto sweeper(WorkerPool& pool, Clock& clock, Ledger& ledger) -> Async<void> {
  while (ledger.running > 0) {
    const auto swept = co_await pool.sweep(clock.now(), 7);
    if (!swept) ++ledger.unexpected;
    co_await pause_a_little();
  }
  co_return success();
}

auto visitors(WorkerPool& pool, Ledger& ledger) -> Async<void> {
  for (std::uint64_t turn = 0; ledger.running > 0; ++turn) {
    WorkerInfo info{WorkerId{kPooledWorkers + 1 + turn % kVisitors}};
    const auto id = info.worker;
    const auto added = co_await pool.add(std::move(info));
    if (!added && added.error() != Errc::duplicate_name) ++ledger.unexpected;
    co_await pause_a_little();
    if (turn % 2 == 0) (void)co_await pool.remove(id);
  }
  co_return success();
}

class PoolRace {
 public:
  static constexpr std::uint64_t kClaimants = 16;
  static constexpr std::uint64_t kVisits = 3000;

  PoolRace() {
    std::cout << "SPIDER_SEED=" << race_seed() << '\n';
    ShardedWorkerPoolOptions options;
    options.limits.heartbeat_interval = kShortLease;
    pool_ = make_sharded_worker_pool(options, clock_).value();
    for (std::uint64_t worker = 1; worker <= kPooledWorkers; ++worker) {
      EXPECT_TRUE(block_on(threads_, pool_->add(WorkerInfo{WorkerId{worker}})));
    }
  }

  auto run() -> void {
    ledger_.running = kClaimants;
    for (std::uint64_t self = 0; self < kClaimants; ++self) {
      actors_.push_back(std::make_unique<Actor>(threads_));
      start(self);
    }
    background(sweeper(*pool_, clock_, ledger_));
    background(sweeper(*pool_, clock_, ledger_));
    background(visitors(*pool_, ledger_));
    cancel_at_random();
    for (auto& ended : background_) EXPECT_TRUE(ended.get());
  }

  auto check() -> void {
    EXPECT_EQ(ledger_.violations, 0U);
    EXPECT_EQ(ledger_.unexpected, 0U);
    EXPECT_GT(ledger_.claimed, 0U);
    EXPECT_GT(ledger_.abandoned, 0U);
    const auto later = clock_.now() + std::chrono::seconds{1};
    EXPECT_TRUE(block_on(threads_, pool_->sweep(later, 1'000)));
    const auto counts = block_on(threads_, pool_->count()).value();
    EXPECT_EQ(counts.idle, counts.added - counts.removed);
    EXPECT_EQ(counts.claimed + counts.returning + counts.dead, 0U);
    const auto traffic = pool_->traffic("default");
    const auto sum = std::accumulate(traffic.begin(), traffic.end(), std::uint64_t{0});
    const auto most = *std::max_element(traffic.begin(), traffic.end());
    EXPECT_LE(static_cast<double>(most), 1.2 / 16 * static_cast<double>(sum));
    std::set<WorkerId> taken;
    while (const auto claim = block_on(threads_, pool_->claim(ClaimRequest{ClaimantId{99}})).value()) {
      ASSERT_TRUE(taken.insert(claim->worker).second);
    }
    EXPECT_EQ(taken.size(), counts.idle);
  }

 private:
  struct Actor {
    explicit Actor(asio::thread_pool& threads) : strand{asio::make_strand(threads)} {}

    asio::strand<asio::thread_pool::executor_type> strand;
    asio::cancellation_signal signal;
    std::uint64_t visits = kVisits;
    std::atomic<bool> done{false};
  };

  auto start(std::uint64_t self) -> void {
    auto& actor = *actors_[self];
    auto finish = [this, self](const std::exception_ptr& thrown, const Result<void>& result) {
      if (thrown) ++ledger_.unexpected;
      if (!result && result.error() == Errc::cancelled) return start(self);
      actors_[self]->done = true;
      --ledger_.running;
    };
    asio::co_spawn(
        actor.strand, rooted(claimant(*pool_, ledger_, self + 1, actor.visits)),
        asio::bind_cancellation_slot(actor.signal.slot(), asio::bind_executor(actor.strand, finish)));
  }
  auto background(Async<void> work) -> void {
    background_.push_back(
        asio::co_spawn(asio::make_strand(threads_), rooted(std::move(work)), asio::use_future));
  }
  auto cancel_at_random() -> void {
    Rng rng{race_seed()};
    while (ledger_.running > 0) {
      auto* actor = actors_[rng.below(actors_.size())].get();
      auto emitted = asio::post(actor->strand, asio::use_future([actor] {
                                  if (!actor->done) actor->signal.emit(asio::cancellation_type::terminal);
                                }));
      emitted.wait();
    }
  }

  asio::thread_pool threads_{2};
  SystemClock clock_{threads_.get_executor()};
  Ledger ledger_;
  std::unique_ptr<ShardedWorkerPool> pool_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::vector<std::future<Result<void>>> background_;
};

TEST(ShardedWorkerPoolRace, SixteenClaimantsOnTwoThreadsNeverShareAWorker) {
  PoolRace race;
  race.run();
  race.check();
}

}  // namespace
}  // namespace spider
