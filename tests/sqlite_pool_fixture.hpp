#pragma once

/// A durable worker pool under a virtual clock, with short forms of the calls. One thread.

#include "spider/storage/sqlite_worker_pool.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace spider {

class SqlitePoolFixture {
 public:
  static constexpr Duration kLease = std::chrono::seconds{30};

  explicit SqlitePoolFixture(SqliteStorageOptions file, TimePoint start = TimePoint{std::chrono::hours{1}})
      : clock_{context_, start} {
    SqliteWorkerPoolOptions options;
    options.file = std::move(file);
    options.file.hold = [this] { return std::make_shared<VirtualClock::Hold>(clock_.hold()); };
    auto opened = open_sqlite_worker_pool(std::move(options), clock_);
    if (opened) pool_ = std::move(opened).value();
  }

  [[nodiscard]] auto is_open() const -> bool { return pool_ != nullptr; }
  auto close() -> void { pool_.reset(); }
  [[nodiscard]] auto clock() -> VirtualClock& { return clock_; }

  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }
  auto add(std::uint64_t worker) -> Result<void> { return run(pool_->add(WorkerInfo{WorkerId{worker}})); }
  auto remove(std::uint64_t worker) -> Result<void> { return run(pool_->remove(WorkerId{worker})); }
  auto claim(std::uint64_t owner = 1, ActorId actor = {}) -> Result<std::optional<Claim>> {
    ClaimRequest request{ClaimantId{owner}};
    request.lease = kLease;
    request.actor = actor;
    return run(pool_->claim(std::move(request)));
  }
  auto release(const Claim& claim) -> Result<void> { return run(pool_->release(claim)); }
  auto renew(const Claim& claim) -> Result<void> { return run(pool_->renew(claim)); }
  auto sweep() -> Result<PoolSweep> { return run(pool_->sweep(clock_.now(), 100'000)); }
  auto counts() -> WorkerCounts { return run(pool_->count()).value(); }

  auto expect_sum() -> void {
    const auto now = counts();
    EXPECT_EQ(now.idle + now.claimed + now.returning + now.dead, now.added - now.removed);
  }
  /// W12 and I7: after the lease and one sweep every worker is idle, and can be claimed exactly once. Leaves
  /// all of them idle.
  auto expect_nothing_leaked() -> void {
    expect_sum();
    clock_.run_for(kLease);
    ASSERT_TRUE(sweep());
    const auto now = counts();
    EXPECT_EQ(now.idle, now.added - now.removed);
    std::set<WorkerId> taken;
    for (auto claimed = claim(99); claimed && claimed.value(); claimed = claim(99)) {
      ASSERT_TRUE(taken.insert(claimed.value()->worker).second) << claimed.value()->worker.value;
      held_.push_back(*claimed.value());
    }
    EXPECT_EQ(taken.size(), now.idle);
    for (const auto& claim : std::exchange(held_, {})) EXPECT_TRUE(release(claim));
  }

 private:
  asio::io_context context_;
  VirtualClock clock_;
  std::unique_ptr<WorkerPool> pool_;
  std::vector<Claim> held_;
};

}  // namespace spider
