#include "spider/pull/memory_directory.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

namespace spider {
namespace {

// What every directory promises is in tests/contract.
TEST(MemoryDirectory, RefusesLimitsThatMakeNoSense) {
  asio::io_context context;
  VirtualClock clock{context};
  const auto refused = [&](auto change) {
    MemberLimits limits;
    change(limits);
    const auto made = make_memory_directory(limits, clock);
    return made.has_error() && made.error() == Errc::invalid_argument;
  };
  EXPECT_TRUE(refused([](MemberLimits& limits) { limits.active_for = Duration::zero(); }));
  EXPECT_TRUE(refused([](MemberLimits& limits) { limits.lost_after = limits.active_for - Duration{1}; }));
  EXPECT_TRUE(refused([](MemberLimits& limits) { limits.members_max = 0; }));
}

}  // namespace
}  // namespace spider
