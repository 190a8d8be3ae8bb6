// The member directory suite, held against directories that break one promise each.

#include "spider/pull/memory_directory.hpp"
#include "spider/testing/member_directory_suite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace spider {
namespace {

using namespace std::chrono_literals;

enum class DirectoryDefect {
  none,
  active_too_short,  // no longer active exactly at the limit
  active_too_long,   // still active a moment after it
  time_of_its_own,   // a clock that does not move with the others
  joins_silently,    // a join is not a ping
  unsorted,
  pings_for_anyone,   // a ping of nobody succeeds
  cancelled_pings,    // a cancelled call is carried out
  reuses_ids,         // a name keeps its id
  two_rows_per_name,  // the former owner of a name stays
  leave_takes_names,  // a leave of the former owner removes the successor
  leaves_late,        // active until the last ping lapses
  ping_brings_back,   // a ping after a leave makes the member active again
  names_unchecked,
  rows_unbounded,
  restart_needs_room,  // a restart is refused at members_max
  collects_early,
  collects_late,
  collects_all,  // whatever the limit
  never_collects,
  looks_at_the_first,  // a collect looks at the first rows only, and never further
  zero_limit_passes,
};

/// A small directory of its own, with a defect.
class BrokenDirectory final : public MemberDirectory {
 public:
  BrokenDirectory(const testing::MemberDirectorySetup& setup, DirectoryDefect defect)
      : limits_{setup.limits}, clock_{setup.clock}, defect_{defect} {}

  auto join(MemberInfo info) -> Async<MemberId> override {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    co_return add(std::move(info.name));
  }
  auto ping(MemberId member) -> Async<void> override {
    const auto stop = co_await cancelled();
    if (stop && !is(DirectoryDefect::cancelled_pings)) co_return Errc::cancelled;
    if (is(DirectoryDefect::ping_brings_back) && left_.contains(member))
      rows_[member] = {left_[member], now()};
    const auto row = rows_.find(member);
    if (row == rows_.end()) {
      if (is(DirectoryDefect::pings_for_anyone)) co_return success();
      co_return Errc::unknown_member;
    }
    row->second.pinged_at = now();
    co_return success();
  }
  auto leave(MemberId member) -> Async<void> override {
    if (is(DirectoryDefect::leaves_late)) co_return success();
    if (is(DirectoryDefect::leave_takes_names)) {
      const auto name = names_[member];
      std::erase_if(rows_, [&](const auto& row) { return row.second.name == name; });
    }
    if (rows_.contains(member)) left_[member] = rows_[member].name;
    rows_.erase(member);
    co_return success();
  }
  auto active() -> Async<std::vector<MemberView>> override {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    auto span = limits_.active_for;
    if (is(DirectoryDefect::active_too_short)) span -= 1ns;
    if (is(DirectoryDefect::active_too_long)) span += 1ns;
    std::vector<MemberView> members;
    for (const auto& [member, row] : rows_) {
      if (now() - row.pinged_at <= span) members.push_back({member, row.name});
    }
    if (is(DirectoryDefect::unsorted)) std::ranges::reverse(members);
    co_return members;
  }
  auto collect(std::size_t limit) -> Async<std::size_t> override {
    if (limit == 0 && !is(DirectoryDefect::zero_limit_passes)) co_return Error{Errc::invalid_argument};
    if (is(DirectoryDefect::never_collects)) co_return std::size_t{0};
    if (is(DirectoryDefect::collects_all)) limit = rows_.size();
    co_return remove_lost(limit);
  }
  [[nodiscard]] auto limits() const -> const MemberLimits& override { return limits_; }

 private:
  struct Row {
    std::string name;
    TimePoint pinged_at{};
  };

  [[nodiscard]] auto is(DirectoryDefect defect) const -> bool { return defect_ == defect; }
  [[nodiscard]] auto now() const -> TimePoint {
    return is(DirectoryDefect::time_of_its_own) ? TimePoint{} : clock_.now();
  }

  auto add(std::string name) -> Result<MemberId> {
    if (!is_valid_name(name) && !is(DirectoryDefect::names_unchecked)) return Errc::invalid_name;
    const auto same = std::ranges::find(rows_, name, [](const auto& row) { return row.second.name; });
    const bool known = same != rows_.end();
    const bool full = rows_.size() >= limits_.members_max && !is(DirectoryDefect::rows_unbounded);
    if (full && (!known || is(DirectoryDefect::restart_needs_room))) return Errc::limit_exceeded;
    if (known && is(DirectoryDefect::reuses_ids)) {
      same->second.pinged_at = now();
      return same->first;
    }
    if (known && !is(DirectoryDefect::two_rows_per_name)) rows_.erase(same);
    const MemberId member{++last_id_};
    names_[member] = name;
    rows_[member] = {std::move(name), is(DirectoryDefect::joins_silently) ? TimePoint{} : now()};
    return member;
  }

  auto remove_lost(std::size_t limit) -> std::size_t {
    auto span = limits_.lost_after;
    if (is(DirectoryDefect::collects_early)) span -= 1ns;
    if (is(DirectoryDefect::collects_late)) span += 1ns;
    std::size_t removed = 0;
    std::size_t looked = 0;
    for (auto row = rows_.begin(); row != rows_.end() && removed < limit;) {
      if (is(DirectoryDefect::looks_at_the_first) && ++looked > limit) break;
      const bool lost = now() - row->second.pinged_at > span;
      row = lost ? rows_.erase(row) : std::next(row);
      removed += lost ? 1U : 0U;
    }
    return removed;
  }

  MemberLimits limits_;
  VirtualClock& clock_;
  DirectoryDefect defect_;
  std::map<MemberId, Row> rows_;
  std::map<MemberId, std::string> names_;
  std::map<MemberId, std::string> left_;
  std::uint64_t last_id_ = 0;
};

/// The rules that the suite finds broken.
auto broken_rules(DirectoryDefect defect) -> std::set<std::string> {
  const auto open = [defect](const testing::MemberDirectorySetup& setup) {
    return Result<std::unique_ptr<MemberDirectory>>{std::make_unique<BrokenDirectory>(setup, defect)};
  };
  std::set<std::string> rules;
  for (const auto& check : testing::member_directory_checks()) {
    if (!testing::broken_promises(check, open).empty()) rules.insert(check.rule);
  }
  return rules;
}

using ::testing::Contains;
using ::testing::IsEmpty;

TEST(MemberDirectorySuiteItself, SoundDirectoryHoldsAll) {
  EXPECT_THAT(broken_rules(DirectoryDefect::none), IsEmpty());
}
TEST(MemberDirectorySuiteItself, WrongBoundaryBreaksR1) {
  EXPECT_THAT(broken_rules(DirectoryDefect::active_too_short), Contains("R1"));
  EXPECT_THAT(broken_rules(DirectoryDefect::active_too_long), Contains("R1"));
}
TEST(MemberDirectorySuiteItself, SecondSourceOfTimeBreaksR1) {
  EXPECT_THAT(broken_rules(DirectoryDefect::time_of_its_own), Contains("R1"));
}
TEST(MemberDirectorySuiteItself, JoinWithoutPingBreaksR1) {
  EXPECT_THAT(broken_rules(DirectoryDefect::joins_silently), Contains("R1"));
}
TEST(MemberDirectorySuiteItself, UnsortedMembersBreakR1) {
  EXPECT_THAT(broken_rules(DirectoryDefect::unsorted), Contains("R1"));
}
TEST(MemberDirectorySuiteItself, PingOfNobodyThatPassesBreaksR1) {
  EXPECT_THAT(broken_rules(DirectoryDefect::pings_for_anyone), Contains("R1"));
}
TEST(MemberDirectorySuiteItself, CancelledPingThatCountsBreaksR1) {
  EXPECT_THAT(broken_rules(DirectoryDefect::cancelled_pings), Contains("R1"));
}
TEST(MemberDirectorySuiteItself, ReusedIdBreaksR2) {
  EXPECT_THAT(broken_rules(DirectoryDefect::reuses_ids), Contains("R2"));
}
TEST(MemberDirectorySuiteItself, SecondRowOfANameBreaksR2) {
  EXPECT_THAT(broken_rules(DirectoryDefect::two_rows_per_name), Contains("R2"));
}
TEST(MemberDirectorySuiteItself, LeaveThatTakesTheSuccessorBreaksR2) {
  EXPECT_THAT(broken_rules(DirectoryDefect::leave_takes_names), Contains("R2"));
}
TEST(MemberDirectorySuiteItself, UncheckedNameBreaksR2) {
  EXPECT_THAT(broken_rules(DirectoryDefect::names_unchecked), Contains("R2"));
}
TEST(MemberDirectorySuiteItself, WrongNumberOfRowsBreaksR2) {
  EXPECT_THAT(broken_rules(DirectoryDefect::rows_unbounded), Contains("R2"));
  EXPECT_THAT(broken_rules(DirectoryDefect::restart_needs_room), Contains("R2"));
}
TEST(MemberDirectorySuiteItself, CollectingEarlyOrLateBreaksR2) {
  EXPECT_THAT(broken_rules(DirectoryDefect::collects_early), Contains("R2"));
  EXPECT_THAT(broken_rules(DirectoryDefect::collects_late), Contains("R2"));
  EXPECT_THAT(broken_rules(DirectoryDefect::never_collects), Contains("R2"));
}
TEST(MemberDirectorySuiteItself, CollectingTooManyOrNeverTheLastBreaksR2) {
  EXPECT_THAT(broken_rules(DirectoryDefect::collects_all), Contains("R2"));
  EXPECT_THAT(broken_rules(DirectoryDefect::looks_at_the_first), Contains("R2"));
  EXPECT_THAT(broken_rules(DirectoryDefect::zero_limit_passes), Contains("R2"));
}
TEST(MemberDirectorySuiteItself, LateLeaveBreaksR10) {
  EXPECT_THAT(broken_rules(DirectoryDefect::leaves_late), Contains("R10"));
}
TEST(MemberDirectorySuiteItself, PingThatBringsBackBreaksR10) {
  EXPECT_THAT(broken_rules(DirectoryDefect::ping_brings_back), Contains("R10"));
}

}  // namespace
}  // namespace spider
