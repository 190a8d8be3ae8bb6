#include "spider/pull/memory_directory.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <string>

namespace spider {
namespace {

using namespace std::chrono_literals;

class MemoryDirectoryTest : public ::testing::Test {
 protected:
  static auto limits() -> MemberLimits {
    MemberLimits limits;
    limits.members_max = 8;
    return limits;
  }
  auto join(const std::string& name) -> Result<MemberId> {
    return block_on(clock_, directory_->join(MemberInfo{name}));
  }
  auto ping(MemberId member) -> Result<void> { return block_on(clock_, directory_->ping(member)); }
  auto leave(MemberId member) -> Result<void> { return block_on(clock_, directory_->leave(member)); }
  auto collect(std::size_t limit) -> Result<std::size_t> {
    return block_on(clock_, directory_->collect(limit));
  }
  auto active() -> std::vector<MemberId> {
    std::vector<MemberId> ids;
    const auto members = block_on(clock_, directory_->active()).value();
    for (const auto& member : members) ids.push_back(member.id);
    return ids;
  }

  asio::io_context context_;
  VirtualClock clock_{context_};
  std::unique_ptr<MemberDirectory> directory_ = make_memory_directory(limits(), clock_).value();
};
using Ids = std::vector<MemberId>;

TEST_F(MemoryDirectoryTest, R1AMemberIsActiveUpToExactlyTheLimit) {
  const auto member = join("a").value();
  clock_.run_until(TimePoint{20s});
  EXPECT_EQ(active(), Ids{member});
  clock_.run_until(TimePoint{20s + 1ns});
  EXPECT_EQ(active(), Ids{});
  ASSERT_TRUE(ping(member));
  EXPECT_EQ(active(), Ids{member});
}

TEST_F(MemoryDirectoryTest, R1EachStartHasAFreshId) {
  const auto before = join("a").value();
  const auto after = join("a").value();
  EXPECT_GT(after, before);
  EXPECT_EQ(ping(before).error(), Errc::unknown_member);
  EXPECT_EQ(active(), Ids{after});
}

TEST_F(MemoryDirectoryTest, R2ThereIsOneRowForEachName) {
  for (int start = 0; start < 20; ++start) ASSERT_TRUE(join("a")) << start;
  EXPECT_EQ(active().size(), 1U);
}

TEST_F(MemoryDirectoryTest, R2RowsOfTheDeadAreCollectedAfterExactlyTheLimit) {
  const auto dead = join("dead").value();
  clock_.run_until(TimePoint{30s});
  const auto alive = join("alive").value();
  EXPECT_EQ(collect(10).value(), 0U);
  clock_.run_until(TimePoint{30s + 1ns});
  EXPECT_EQ(collect(10).value(), 1U);
  EXPECT_EQ(ping(dead).error(), Errc::unknown_member);
  EXPECT_TRUE(ping(alive));
}

TEST_F(MemoryDirectoryTest, R10CollectingGoesOnWhereItEnded) {
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(join("member-" + std::to_string(i)));
  clock_.run_until(TimePoint{31s});
  const auto alive = join("late").value();
  std::size_t removed = 0;
  for (int call = 0; call < 4; ++call) removed += collect(2).value();
  EXPECT_EQ(removed, 7U);
  EXPECT_EQ(active(), Ids{alive});
}

TEST_F(MemoryDirectoryTest, R10WhoLeftStaysAway) {
  const auto member = join("a").value();
  ASSERT_TRUE(leave(member));
  ASSERT_TRUE(leave(member));
  EXPECT_EQ(ping(member).error(), Errc::unknown_member);
  EXPECT_EQ(active(), Ids{});
  EXPECT_TRUE(leave(MemberId{999}));
}

TEST_F(MemoryDirectoryTest, RefusesBadNamesTooManyMembersAndALimitOfZero) {
  EXPECT_EQ(join("no spaces").error(), Errc::invalid_name);
  EXPECT_EQ(join("").error(), Errc::invalid_name);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(join("member-" + std::to_string(i)));
  EXPECT_EQ(join("one-more").error(), Errc::limit_exceeded);
  EXPECT_TRUE(join("member-3"));
  EXPECT_EQ(collect(0).error(), Errc::invalid_argument);
}

TEST_F(MemoryDirectoryTest, RefusesLimitsThatMakeNoSense) {
  const auto refused = [this](auto change) {
    MemberLimits limits;
    change(limits);
    const auto made = make_memory_directory(limits, clock_);
    return made.has_error() && made.error() == Errc::invalid_argument;
  };
  EXPECT_TRUE(refused([](MemberLimits& limits) { limits.active_for = 0s; }));
  EXPECT_TRUE(refused([](MemberLimits& limits) { limits.lost_after = limits.active_for - 1ns; }));
  EXPECT_TRUE(refused([](MemberLimits& limits) { limits.members_max = 0; }));
}

}  // namespace
}  // namespace spider
