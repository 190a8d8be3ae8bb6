#include "spider/pull/slot_owners.hpp"

#include <gtest/gtest.h>

#include <string>

namespace spider {
namespace {

auto members(std::size_t count) -> std::vector<MemberView> {
  std::vector<MemberView> all;
  for (std::size_t i = 1; i <= count; ++i) all.push_back({MemberId{i}, "member-" + std::to_string(i)});
  return all;
}

auto first_owner(const std::vector<MemberView>& all) -> std::vector<std::size_t> {
  std::vector<std::size_t> owner(kSlots, SIZE_MAX);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto owned = owned_slots(all, all[i].name, 2);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (!owned.first.test(slot)) continue;
      EXPECT_EQ(owner[slot], SIZE_MAX) << "slot " << slot << " has two first owners";
      owner[slot] = i;
    }
  }
  return owner;
}

// Computed by xxhsum over the twelve bytes.
TEST(SlotOf, R4IsFixedForEver) {
  const std::pair<TaskRef, Slot> known[] = {{{JobId{1}, TaskId{0}}, 15'878},
                                            {{JobId{1}, TaskId{1}}, 12'070},
                                            {{JobId{2}, TaskId::commit()}, 700},
                                            {{JobId{0x0123456789abcdef}, TaskId{77}}, 1'208}};
  for (const auto& [task, slot] : known) EXPECT_EQ(slot_of(task), slot) << task.job.value;
}

TEST(SlotOf, R4SpreadsTheTasksOfOneJob) {
  std::vector<int> hits(kSlots);
  for (std::uint32_t i = 0; i < 10 * kSlots; ++i) ++hits[slot_of({JobId{7}, TaskId{i}})];
  double deviation = 0;
  for (const auto hit : hits) deviation += (hit - 10.0) * (hit - 10.0) / 10.0;
  EXPECT_NEAR(deviation / kSlots, 1.0, 0.1);  // chi-squared per degree of freedom
}

TEST(SlotFilter, R5NextOwnersWaitForTheTakeoverDelay) {
  const TaskRef task{JobId{1}, TaskId{5}};
  const auto ready_at = TimePoint{std::chrono::seconds{7}};
  SlotFilter filter;
  filter.takeover_delay = std::chrono::seconds{5};
  EXPECT_EQ(filter.offered_from(task, ready_at), kForever);
  filter.later.set(slot_of(task));
  EXPECT_EQ(filter.offered_from(task, ready_at), ready_at + std::chrono::seconds{5});
  filter.first.set(slot_of(task));
  EXPECT_EQ(filter.offered_from(task, ready_at), ready_at);
}

TEST(SlotOwners, R4SharesAreWithinATenthForUpToEightMembers) {
  for (std::size_t count = 1; count <= 8; ++count) {
    const auto all = members(count);
    for (const auto& member : all) {
      const auto share = static_cast<double>(owned_slots(all, member.name, 2).first.count());
      EXPECT_NEAR(share * static_cast<double>(count) / kSlots, 1.0, 0.1) << member.name << " of " << count;
    }
  }
}

TEST(SlotOwners, R4ANewMemberMovesOnlyWhatItTakes) {
  for (std::size_t count = 1; count <= 8; ++count) {
    const auto before = first_owner(members(count));
    const auto after = first_owner(members(count + 1));
    std::size_t moved = 0;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (before[slot] == after[slot]) continue;
      ++moved;
      EXPECT_EQ(after[slot], count) << "slot " << slot << " moved between old members";
    }
    EXPECT_LE(static_cast<double>(moved) / kSlots, 1.0 / static_cast<double>(count + 1) + 0.02) << count;
  }
}

TEST(SlotOwners, R5TopRanksShareEachSlot) {
  const auto all = members(5);
  for (std::size_t redundancy = 1; redundancy <= 7; ++redundancy) {
    std::vector<std::size_t> first(kSlots);
    std::vector<std::size_t> later(kSlots);
    for (const auto& member : all) {
      const auto owned = owned_slots(all, member.name, redundancy);
      EXPECT_TRUE((owned.first & owned.later).none());
      for (std::size_t slot = 0; slot < kSlots; ++slot) {
        first[slot] += owned.first.test(slot) ? 1U : 0U;
        later[slot] += owned.later.test(slot) ? 1U : 0U;
      }
    }
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      ASSERT_EQ(first[slot], 1U);
      ASSERT_EQ(later[slot], std::min<std::size_t>(redundancy, 5) - 1);
    }
  }
}

TEST(SlotOwners, R5TheDeadOnesSlotsGoToTheirNextOwners) {
  auto all = members(4);
  const auto heir_waits = owned_slots(all, "member-2", 2).later;
  const auto gone = owned_slots(all, "member-1", 2).first;
  all.erase(all.begin());
  const auto heir = owned_slots(all, "member-2", 2).first;
  EXPECT_EQ(heir & gone, heir_waits & gone);
}

TEST(SlotOwners, R4ARestartAndAnotherOrderMoveNothing) {
  auto all = members(3);
  const auto before = owned_slots(all, "member-2", 2);
  all[1].id = MemberId{99};
  std::swap(all[0], all[2]);
  const auto after = owned_slots(all, "member-2", 2);
  EXPECT_EQ(before.first, after.first);
  EXPECT_EQ(before.later, after.later);
}

TEST(SlotOwners, R3WhoIsNotInTheListOwnsNothing) {
  EXPECT_TRUE(owned_slots(members(3), "stranger", 2).first.none());
  EXPECT_TRUE(owned_slots(members(3), "stranger", 2).later.none());
  EXPECT_TRUE(owned_slots({}, "member-1", 2).first.none());
  EXPECT_TRUE(owned_slots(members(1), "member-1", 2).first.all());
}

}  // namespace
}  // namespace spider
