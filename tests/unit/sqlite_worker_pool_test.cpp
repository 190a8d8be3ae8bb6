// What the contract of worker pools does not show of the durable one: crashes, and several on one file.

#include "spider/storage/sqlite_worker_pool.hpp"

#include "faulty_vfs.hpp"
#include "spider/system_clock.hpp"
#include "sqlite_pool_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

namespace spider {
namespace {

using namespace std::chrono_literals;
using Synchronous = SqliteStorageOptions::Synchronous;

auto plain(const std::string& path) -> SqliteStorageOptions {
  SqliteStorageOptions options{path};
  options.synchronous = Synchronous::normal;
  return options;
}

/// What a short life of a pool was told: the claims that it holds, and those that it has released.
struct Told {
  std::vector<Claim> held;
  std::vector<Claim> released;
  bool unsure = false;  ///< the last call failed, and may have been carried out or not
};

/// Each kind of call that changes anything; ends with the first that fails.
auto short_life(SqlitePoolFixture& pool) -> Told {
  Told told;
  const auto claim = [&](ActorId actor = {}) {
    const auto claimed = pool.try_claim(7, actor);
    if (claimed && claimed.value()) told.held.push_back(*claimed.value());
    return claimed.has_value();
  };
  const auto release = [&] {
    const auto first = told.held.front();
    const auto released = pool.release(first).has_value();
    told.held.erase(told.held.begin());  // when unsure: either
    if (released) told.released.push_back(first);
    return released;
  };
  const auto sweep = [&] { return pool.sweep().has_value(); };
  const bool whole = claim() && claim(ActorId{5}) && release() && claim() && pool.remove(4).has_value() &&
                     release() && sweep() && pool.add(5).has_value() && claim() && release() && claim();
  told.unsure = !whole;
  return told;
}

TEST(SqliteWorkerPoolCrash, W12_AtEveryWriteOfClaimAndReleaseOneSweepIsEnough) {
  auto& vfs = FaultyVfs::instance();
  const TemporaryFolder folder;
  bool lost_power = true;
  long crashes = 0;
  for (long writes = 0; lost_power; ++writes) {
    SCOPED_TRACE("power lost at write " + std::to_string(writes));
    const auto before = folder / "before";
    std::filesystem::remove_all(before);
    std::filesystem::create_directory(before);
    vfs.arm(-1, SQLITE_OK);
    auto options = plain(before + "/file");
    options.synchronous = Synchronous::full;
    options.vfs = FaultyVfs::kName;
    SqlitePoolFixture doomed{options};
    ASSERT_TRUE(doomed.is_open());
    for (std::uint64_t worker = 1; worker <= 4; ++worker) ASSERT_TRUE(doomed.add(worker));
    vfs.arm_again(writes, SQLITE_IOERR_WRITE);
    const auto told = short_life(doomed);
    lost_power = vfs.has_failed();
    crashes += lost_power ? 1 : 0;
    EXPECT_EQ(told.unsure, lost_power);
    Rng rng{static_cast<std::uint64_t>(writes)};
    vfs.write_image(before, folder / "after", rng);
    doomed.close();

    SqlitePoolFixture again{plain(folder / "after/file"), doomed.clock().now()};
    ASSERT_TRUE(again.is_open());
    for (const auto& claim : told.held) EXPECT_TRUE(again.renew(claim)) << claim.worker.value;
    for (const auto& claim : told.released) EXPECT_FALSE(again.renew(claim)) << claim.worker.value;
    expect_nothing_leaked(again, again.clock());
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(crashes, 15);
}

TEST(SqliteWorkerPool, ClaimsOutliveThePoolThatMadeThem) {
  const TemporaryFolder folder;
  std::vector<Claim> held;
  {
    SqlitePoolFixture pool{plain(folder / "file")};
    for (std::uint64_t worker = 1; worker <= 3; ++worker) ASSERT_TRUE(pool.add(worker));
    for (int i = 0; i < 2; ++i) held.push_back(*pool.try_claim().value());
  }
  SqlitePoolFixture pool{plain(folder / "file")};
  EXPECT_EQ(pool.counts(), (WorkerCounts{.idle = 1, .claimed = 2, .added = 3}));
  EXPECT_TRUE(pool.renew(held[0]));
  EXPECT_TRUE(pool.release(held[0]));
  EXPECT_EQ(pool.renew(held[0]).error(), WorkerPoolErrc::stale_claim);
  pool.clock().run_for(kPoolLease);
  EXPECT_EQ(pool.sweep().value().reclaimed, 1U);
  EXPECT_EQ(pool.release(held[1]).error(), WorkerPoolErrc::stale_claim);
}

TEST(SqliteWorkerPool, W2_TwoOnOneFileShareTheWorkers) {
  const TemporaryFolder folder;
  SqlitePoolFixture left{plain(folder / "file")};
  SqlitePoolFixture right{plain(folder / "file")};
  for (std::uint64_t worker = 1; worker <= 10; ++worker)
    ASSERT_TRUE((worker % 2 == 0 ? left : right).add(worker));
  EXPECT_EQ(right.add(2).error(), Errc::duplicate_name);
  std::set<WorkerId> taken;
  std::vector<Claim> held;
  for (int number = 0; number < 10; ++number) {
    const auto claimed = (number % 2 == 0 ? left : right).try_claim(number % 2 == 0 ? 1 : 2).value();
    ASSERT_TRUE(claimed);
    EXPECT_TRUE(taken.insert(claimed->worker).second);
    held.push_back(*claimed);
  }
  EXPECT_FALSE(left.try_claim().value());
  EXPECT_FALSE(right.try_claim().value());
  EXPECT_TRUE(right.release(held[0])) << "claims are plain data: the other may release them";
  const auto next = left.try_claim(1).value();
  ASSERT_TRUE(next);
  EXPECT_EQ(left.release(held[0]).error(), WorkerPoolErrc::stale_claim);
  EXPECT_EQ(left.counts(), right.counts());
}

TEST(SqliteWorkerPool, W11_TwoSweepsOnOneFileBringEachWorkerHomeOnce) {
  const TemporaryFolder folder;
  SqlitePoolFixture left{plain(folder / "file")};
  SqlitePoolFixture right{plain(folder / "file")};
  for (std::uint64_t worker = 1; worker <= 6; ++worker) {
    ASSERT_TRUE(left.add(worker));
    ASSERT_TRUE(left.try_claim());
  }
  left.clock().run_for(kPoolLease);
  right.clock().run_for(kPoolLease);
  EXPECT_EQ(left.sweep().value().reclaimed, 6U);
  EXPECT_EQ(right.sweep().value().reclaimed, 0U);
  expect_nothing_leaked(right, right.clock());
}

TEST(SqliteWorkerPool, W10_WaitingClaimFindsAReturnOfAnotherProcess) {
  const TemporaryFolder folder;
  SqlitePoolFixture other{plain(folder / "file")};
  ASSERT_TRUE(other.add(1));
  const auto held = other.try_claim(1).value();
  ASSERT_TRUE(held);
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  SqliteWorkerPoolOptions options;
  options.file = plain(folder / "file");
  options.peek_interval = 1ms;
  const auto pool = open_sqlite_worker_pool(std::move(options), clock).value();
  ClaimRequest request{ClaimantId{2}};
  request.wait = 60s;
  auto waiting = asio::co_spawn(context, rooted(pool->claim(std::move(request))), asio::use_future);
  for (int step = 0; step < 10; ++step) ASSERT_GT(context.run_one(), 0U);  // looks, waits, looks again
  ASSERT_NE(waiting.wait_for(0s), std::future_status::ready);
  ASSERT_TRUE(other.release(*held));
  while (waiting.wait_for(0s) != std::future_status::ready) ASSERT_GT(context.run_one(), 0U);
  const auto claimed = waiting.get();
  ASSERT_TRUE(claimed && claimed.value());
  EXPECT_EQ(claimed.value()->worker, WorkerId{1});
}

}  // namespace
}  // namespace spider
