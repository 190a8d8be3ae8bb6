#include "spider/types.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>
#include <type_traits>

namespace spider {
namespace {

using namespace std::chrono_literals;

TEST(Time, SaturatingAddStopsAtForever) {
  EXPECT_EQ(saturating_add(TimePoint{5ns}, 7ns), TimePoint{12ns});
  EXPECT_EQ(saturating_add(kForever, 0ns), kForever);
  EXPECT_EQ(saturating_add(kForever, 1ns), kForever);
  EXPECT_EQ(saturating_add(TimePoint{1ns}, Duration::max()), kForever);
  EXPECT_EQ(saturating_add(TimePoint{-1ns}, Duration::max()), TimePoint{Duration::max() - 1ns});
}

TEST(Time, FromSecondsClampsWhatDoesNotFit) {
  EXPECT_EQ(from_seconds(1.5), 1500ms);
  EXPECT_EQ(from_seconds(1e-9), 1ns);
  EXPECT_EQ(from_seconds(-3.0), Duration::zero());
  EXPECT_EQ(from_seconds(std::numeric_limits<double>::quiet_NaN()), Duration::zero());
  EXPECT_EQ(from_seconds(std::numeric_limits<double>::infinity()), Duration::max());
  EXPECT_EQ(from_seconds(1e300), Duration::max());
}

TEST(Time, ToSecondsInvertsFromSeconds) { EXPECT_DOUBLE_EQ(to_seconds(from_seconds(12.25)), 12.25); }

TEST(Id, KindsDoNotMix) {
  EXPECT_FALSE((std::is_convertible_v<JobId, SessionId>));
  EXPECT_FALSE((std::is_convertible_v<JobId, std::uint64_t>));
}

TEST(Id, ZeroMeansNone) {
  EXPECT_FALSE(JobId{});
  EXPECT_TRUE(JobId{1});
  EXPECT_LT(JobId{1}, JobId{2});
}

TEST(Id, HashSpreadsNeighbours) {
  const std::hash<JobId> hash;
  EXPECT_NE(hash(JobId{1}) & 0xFFU, hash(JobId{2}) & 0xFFU);
  EXPECT_NE(hash(JobId{1}) >> 56U, hash(JobId{2}) >> 56U);
}

TEST(Mix64, MatchesSplitMix64) {
  EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafU);
  EXPECT_EQ(mix64(0x9e3779b97f4a7c15U), 0x6e789e6aa1b965f4U);
}

TEST(TaskId, KeepsKindAndIndex) {
  EXPECT_EQ(TaskId{17}.kind(), TaskKind::regular);
  EXPECT_EQ(TaskId{17}.index(), 17U);
  EXPECT_EQ(TaskId{TaskId::kIndexMax}.kind(), TaskKind::regular);
  EXPECT_EQ(TaskId{TaskId::kIndexMax}.index(), TaskId::kIndexMax);
  EXPECT_EQ(TaskId::commit().kind(), TaskKind::commit);
  EXPECT_EQ(TaskId::cleanup().kind(), TaskKind::cleanup);
  EXPECT_EQ(TaskId::commit().index(), 0U);
  EXPECT_EQ(TaskId::cleanup().index(), 0U);
}

TEST(TaskId, PrintsIndexOrKind) {
  EXPECT_EQ(to_string(TaskId{17}), "17");
  EXPECT_EQ(to_string(TaskId::commit()), "commit");
  EXPECT_EQ(to_string(TaskId::cleanup()), "cleanup");
}

TEST(TaskRef, HashTellsKindsApart) {
  const std::hash<TaskRef> hash;
  EXPECT_NE(hash({JobId{1}, TaskId{0}}), hash({JobId{1}, TaskId::commit()}));
  EXPECT_NE(hash({JobId{1}, TaskId{2}}), hash({JobId{2}, TaskId{1}}));
}

TEST(Name, AdmitsTheStatedAlphabet) {
  EXPECT_TRUE(is_valid_name("a"));
  EXPECT_TRUE(is_valid_name("team-7/stage_2:resize.v1"));
  EXPECT_TRUE(is_valid_name("AZaz09_.:/-"));
}

TEST(Name, RefusesEverythingElse) {
  for (const auto* bad :
       {"a b", "a\tb", "a\n", "caf\xc3\xa9", "\xff", "a@b", "a[b", "a`b", "a{b", "a;b", "a,b"}) {
    EXPECT_FALSE(is_valid_name(bad)) << bad;
  }
  EXPECT_FALSE(is_valid_name(std::string_view{"a\0b", 3}));
}

TEST(Name, LengthIsOneToOneHundredTwentyEight) {
  EXPECT_FALSE(is_valid_name(""));
  EXPECT_TRUE(is_valid_name(std::string(128, 'x')));
  EXPECT_FALSE(is_valid_name(std::string(129, 'x')));
}

}  // namespace
}  // namespace spider
