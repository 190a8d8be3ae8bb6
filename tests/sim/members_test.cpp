// Worlds of several schedulers on one storage: clean, shrunk, and woken for what is theirs.

#include "spider/sim/check.hpp"
#include "spider/storage/memory.hpp"
#include "spider/testing/forwarding_storage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace spider::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kPollInterval = seconds{1};  // of the members of a simulated world

/// The first `count` seeds that have several members.
auto seeds_with_members(std::size_t count) -> std::vector<SimCase> {
  std::vector<SimCase> drawn;
  for (std::uint64_t seed = 1; drawn.size() < count; ++seed) {
    auto next = expand(seed);
    if (next.members > 1) drawn.push_back(std::move(next));
  }
  return drawn;
}

/// Three members, and jobs of one task that come when all of them wait.
auto quiet_world(std::size_t jobs) -> SimCase {
  SimCase quiet;
  quiet.members = 3;
  quiet.task_seconds_max = milliseconds{1};
  quiet.managers.push_back({});
  for (std::size_t i = 0; i < jobs; ++i) {
    auto& submit = quiet.submits.emplace_back();
    submit.at = seconds{3} + milliseconds{170} * i;
    submit.job.tasks.emplace_back().handler = "work";
  }
  return quiet;
}

/// How long each job of the log was ready before a member was offered its task.
auto waits_of(const std::string& log) -> std::vector<Duration> {
  std::map<std::uint64_t, std::int64_t> submitted;
  std::vector<Duration> waits;
  std::istringstream lines{log};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::int64_t at = 0;
    std::string what;
    std::uint64_t job = 0;
    words >> at >> what >> job;
    if (what == "submitted") submitted.emplace(job, at);
    if (what != "offered" || !submitted.contains(job)) continue;
    waits.emplace_back(at - submitted.extract(job).mapped());
  }
  return waits;
}

TEST(SimMembers, EveryFaultOfMembersFiresAndAllPromisesAreKept) {
  FaultCounts fired{};
  for (const auto& drawn : seeds_with_members(12)) {
    const auto outcome = replay(drawn);
    EXPECT_TRUE(outcome.clean()) << describe(drawn) << '\n' << outcome.violations.front().what;
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind) fired[kind] += outcome.fired[kind];
  }
  for (const auto kind : {FaultKind::member_joins, FaultKind::member_leaves, FaultKind::member_killed,
                          FaultKind::member_partitioned, FaultKind::view_stale, FaultKind::ping_lost}) {
    EXPECT_GT(fired[static_cast<std::size_t>(kind)], 0U) << to_string(kind);
  }
}

TEST(SimMembers, SameSeedGivesTheSameLog) {
  const auto drawn = seeds_with_members(1).front();
  const auto first = replay(drawn, {}, true);
  EXPECT_NE(first.log.find("\n"), std::string::npos);
  EXPECT_EQ(first.log, replay(drawn, {}, true).log);
  auto named = drawn;
  named.rates.reset();
  named.faults = first.faults;
  EXPECT_EQ(first.log_hash, replay(named).log_hash) << "faults by name instead of by rate";
}

TEST(SimMembers, CountOutsideItsRangeIsSaidAtOnce) {
  for (const std::size_t members : {0U, 7U}) {
    SimCase wrong;
    wrong.members = members;
    const auto outcome = replay(wrong);
    ASSERT_FALSE(outcome.clean());
    EXPECT_EQ(outcome.violations.front().rule, "setup");
  }
}

TEST(SimMembers, WithoutFaultsNothingIsDispatchedTwice) {
  const auto outcome = replay(quiet_world(30));
  EXPECT_TRUE(outcome.clean());
  EXPECT_EQ(outcome.dispatches, 30U);
}

/// R9: an arrival wakes the owner of its slot.
TEST(SimMembers, OwnersAreWokenAtOnce) {
  const auto outcome = replay(quiet_world(30), {}, true);
  const auto waits = waits_of(outcome.log);
  ASSERT_EQ(waits.size(), 30U);
  EXPECT_EQ(*std::ranges::max_element(waits), Duration::zero());
}

/// I11, R9: with every wake-up lost, the owner finds it within one poll interval.
TEST(SimMembers, OwnersFindTheirWorkWithinOnePollWhenEveryWakeUpIsLost) {
  auto lost = quiet_world(30);
  lost.rates.emplace();
  (*lost.rates)[static_cast<std::size_t>(FaultKind::wakeup_lost)] = 1;
  const auto outcome = replay(lost, {}, true);
  EXPECT_TRUE(outcome.clean());
  const auto waits = waits_of(outcome.log);
  ASSERT_EQ(waits.size(), 30U);
  EXPECT_GT(*std::ranges::max_element(waits), milliseconds{100}) << "or no wake-up was lost";
  EXPECT_LE(*std::ranges::max_element(waits), kPollInterval + milliseconds{1});
}

/// Offers everybody everything.
class GenerousStorage final : public testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    request.slots.reset();
    return behind().poll_ready(std::move(request));
  }
};

TEST(SimMembers, StorageThatIgnoresSlotsIsFoundAndShrunk) {
  SimParts parts;
  parts.storage = [](const StorageLimits& limits, Clock& clock) -> Result<std::unique_ptr<Storage>> {
    SPIDER_TRY(std::shared_ptr<Storage> behind, make_memory_storage({limits}, clock));
    return Result<std::unique_ptr<Storage>>{std::make_unique<GenerousStorage>(std::move(behind))};
  };
  auto failing = quiet_world(8);
  failing.members = 4;
  const auto outcome = replay(failing, parts);
  ASSERT_FALSE(outcome.clean());
  EXPECT_EQ(outcome.violations.front().rule, "R4");
  const auto shrunk = shrink(failing, "R4", parts, 200);
  EXPECT_GE(shrunk.members, 2U) << "one alone has every slot";
  EXPECT_LT(shrunk.members, 4U);
  EXPECT_LE(shrunk.submits.size(), 2U);
  const auto test = to_test(shrunk, outcome.violations.front());
  EXPECT_NE(test.find("failing.members = " + std::to_string(shrunk.members)), std::string::npos) << test;
}

}  // namespace
}  // namespace spider::sim
