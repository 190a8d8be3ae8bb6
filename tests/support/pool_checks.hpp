#pragma once

/// What must hold of a worker pool after whatever was done to it, and how its tests ask for a worker.

#include "spider/virtual_clock.hpp"
#include "spider/worker_pool.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace spider {

inline constexpr Duration kPoolLease = std::chrono::seconds{30};

inline auto pool_request(std::uint64_t owner, ActorId actor) -> ClaimRequest {
  ClaimRequest request{ClaimantId{owner}};
  request.lease = kPoolLease;
  request.actor = actor;
  return request;
}

/// W12.
inline auto expect_sum(const WorkerCounts& now) -> void {
  EXPECT_EQ(now.idle + now.claimed + now.returning + now.dead, now.added - now.removed);
}

/// W12 and I7: after the lease and one sweep every worker is idle, and can be claimed exactly once. Leaves
/// all of them idle. `pool` is a fixture with counts, sweep, try_claim and release.
template <class Pool>
auto expect_nothing_leaked(Pool& pool, VirtualClock& clock) -> void {
  expect_sum(pool.counts());
  clock.run_for(kPoolLease);
  ASSERT_TRUE(pool.sweep());
  const auto now = pool.counts();
  EXPECT_EQ(now.idle, now.added - now.removed);
  std::set<WorkerId> taken;
  std::vector<Claim> held;
  for (auto claimed = pool.try_claim(99); claimed && claimed.value(); claimed = pool.try_claim(99)) {
    held.push_back(*claimed.value());
    ASSERT_TRUE(taken.insert(held.back().worker).second) << "claimed twice: " << held.back().worker.value;
  }
  EXPECT_EQ(taken.size(), now.idle);
  for (const auto& claim : held) EXPECT_TRUE(pool.release(claim));
}

}  // namespace spider
