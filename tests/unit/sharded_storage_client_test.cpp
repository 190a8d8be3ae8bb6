#include "sharded_storage_fixture.hpp"
#include "spider/rng.hpp"

#include <algorithm>
#include <set>

namespace spider {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

TEST_F(ShardedStorageTest, R1JoinsAndReadsBeforeItRegistersAndThenPingsInItsInterval) {
  auto& member = start("a");
  EXPECT_EQ(member.directory->log, (Names{"join", "active"}));
  clock_.run_until(TimePoint{31s});
  EXPECT_EQ(member.directory->pinged_at, (std::vector{TimePoint{10s}, TimePoint{20s}, TimePoint{30s}}));
  EXPECT_EQ(active(), 1U);
}

TEST_F(ShardedStorageTest, R1WhoStopsPingingIsActiveUpToTwoIntervals) {
  auto& member = start("a");
  kill(member);
  clock_.run_until(TimePoint{20s});
  EXPECT_EQ(active(), 1U);
  clock_.run_until(TimePoint{20s + 1ns});
  EXPECT_EQ(active(), 0U);
}

TEST_F(ShardedStorageTest, R2ARestartUnderTheSameNameTakesItsPlace) {
  auto& before = start("a");
  const auto id = before.client->stats().member;
  kill(before);
  auto& after = start("a");
  EXPECT_GT(after.client->stats().member, id);
  EXPECT_EQ(active(), 1U);
  submit(100);
  EXPECT_EQ(poll(after).value().entries.size(), 100U);
}

TEST_F(ShardedStorageTest, R2RowsOfTheDeadAreCollectedByTheLiving) {
  auto& dead = start("dead");
  start("b");
  kill(dead);
  clock_.run_for(30s);
  EXPECT_TRUE(block_on(clock_, directory_->ping(dead.client->stats().member)));
  clock_.run_for(41s);
  const auto gone = block_on(clock_, directory_->ping(dead.client->stats().member));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error(), Errc::unknown_member);
}

TEST_F(ShardedStorageTest, R3NobodyKnownMeansToPullForOneself) {
  auto& member = make();
  member.directory->view = [](auto) { return std::vector<MemberView>{}; };
  enrol(member, "a");
  submit(100);
  EXPECT_EQ(poll(member).value().entries.size(), 100U);
}

TEST_F(ShardedStorageTest, R3ADirectoryThatFailsFromTheStartMeansToPullForOneself) {
  auto& member = make();
  member.directory->view = [](auto) -> Result<std::vector<MemberView>> { return Errc::storage_unavailable; };
  enrol(member, "a");
  submit(100);
  EXPECT_EQ(poll(member).value().entries.size(), 100U);
  EXPECT_EQ(member.client->stats().ping_trouble, 1U);
}

TEST_F(ShardedStorageTest, R3WhoIsNotInTheListPingsAgainAndPullsNothingUntilItIsBack) {
  auto& member = make();
  member.directory->view = [](auto) { return std::vector{MemberView{MemberId{77}, "other"}}; };
  enrol(member, "a");
  EXPECT_EQ(member.directory->log, (Names{"join", "active", "ping", "active"}));
  submit(100);
  EXPECT_TRUE(poll(member).value().entries.empty());
  clock_.run_for(60s);
  EXPECT_TRUE(poll(member).value().entries.empty());
  member.directory->view = nullptr;
  clock_.run_for(10s);
  EXPECT_EQ(poll(member).value().entries.size(), 100U);
}

TEST_F(ShardedStorageTest, R3WhoIsNotInTheListAnyMoreGivesUpItsShare) {
  auto& member = start("a");
  submit(100);
  EXPECT_EQ(poll(member).value().entries.size(), 100U);
  member.directory->view = [](auto) { return std::vector{MemberView{MemberId{77}, "other"}}; };
  clock_.run_for(11s);
  submit(100);
  EXPECT_TRUE(poll(member).value().entries.empty());
}

TEST_F(ShardedStorageTest, R3WhoWasCollectedJoinsAnew) {
  auto& member = start("a");
  const auto id = member.client->stats().member;
  ASSERT_TRUE(block_on(clock_, directory_->leave(id)));
  clock_.run_for(11s);
  EXPECT_EQ(active(), 1U);
  EXPECT_GT(member.client->stats().member, id);
  EXPECT_EQ(member.client->stats().rejoined, 1U);
}

TEST_F(ShardedStorageTest, R4MembersShareTheWorkAndNothingIsPulledTwice) {
  for (const auto* name : {"a", "b", "c"}) start(name);
  clock_.run_for(10s);  // all have read the list
  const auto at = clock_.now();
  for (auto& member : members_) pull(member);
  submit(30'000);
  clock_.run_for(1s);
  EXPECT_EQ(pulled_in_all(), 30'000U);
  expect_nothing_twice();
  for (const auto& member : members_) {
    EXPECT_NEAR(static_cast<double>(member.pulled.size()), 10'000, 1'000);
    EXPECT_EQ(member.client->stats().pulled, member.pulled.size());
    EXPECT_EQ(member.client->stats().conflicts, 0U);
    for (const auto& [task, pulled_at] : member.pulled) ASSERT_EQ(pulled_at, at);
  }
}

TEST_F(ShardedStorageTest, R4ANewMemberTakesItsSlotsFromAllOthers) {
  auto& first = start("a");
  auto& second = start("b");
  clock_.run_for(10s);
  EXPECT_EQ(first.client->stats().moved + first.client->stats().slots, kSlots);
  const auto moved = first.client->stats().moved;
  auto& third = start("c");
  clock_.run_for(10s);
  const auto lost = first.client->stats().moved - moved + second.client->stats().moved;
  EXPECT_EQ(third.client->stats().slots, lost);
  EXPECT_NEAR(static_cast<double>(lost) / kSlots, 1.0 / 3, 0.04);
}

TEST_F(ShardedStorageTest, R5ASlowOwnersTasksAreTakenOverAfterExactlyTheDelay) {
  auto& slow = start("slow");
  auto& quick = start("quick");
  clock_.run_for(10s);
  pull(quick);
  submit(1'000);
  const auto at = clock_.now();
  clock_.run_for(4s);
  submit(1'000);
  clock_.run_for(20s);
  EXPECT_EQ(quick.pulled.size(), 2'000U);
  std::size_t conflicts = 0;
  for (const auto& [task, pulled_at] : quick.pulled) {
    const auto ready_at = at + (task.job == JobId{1} ? 0s : 4s);
    if (pulled_at == ready_at) continue;
    ++conflicts;
    ASSERT_EQ(pulled_at, ready_at + 5s);
  }
  EXPECT_EQ(quick.client->stats().conflicts, conflicts);
  EXPECT_NEAR(static_cast<double>(conflicts), 1'000, 100);
  EXPECT_EQ(slow.pulled.size(), 0U);
}

TEST_F(ShardedStorageTest, R5OneOwnerOnlyMeansThatNobodyTakesOver) {
  ShardedStorageOptions options;
  options.redundancy = 1;
  start("slow", options);
  auto& quick = start("quick", options);
  clock_.run_for(10s);
  pull(quick);
  submit(1'000);
  clock_.run_for(60s);
  EXPECT_NEAR(static_cast<double>(quick.pulled.size()), 500, 75);
}

TEST_F(ShardedStorageTest, R5ADeadMembersSlotsPassOnOnceItIsInactive) {
  auto& dead = start("dead");
  auto& alive = start("alive");
  clock_.run_for(10s);
  kill(dead);
  pull(alive);
  clock_.run_for(30s);  // 20 s until it is inactive, 10 s until that is read
  EXPECT_EQ(alive.client->stats().slots, kSlots);
  submit(1'000);
  clock_.run_for(1ms);
  EXPECT_EQ(alive.pulled.size(), 1'000U);
}

TEST_F(ShardedStorageTest, R7AtTheFloorEachTaskIsStillPulledWithinItsWindows) {
  ShardedStorageOptions options;
  options.redundancy = 1;
  const auto load = std::make_shared<StuckLoad>(100.0);
  for (const auto* name : {"a", "b", "c"}) start(name, options, load);
  clock_.run_for(10s + 300ms);
  for (auto& member : members_) pull(member);
  submit(3'000);
  const auto at = clock_.now();
  clock_.run_for(500ms);
  EXPECT_LT(pulled_in_all(), 600U) << "of their tenth";
  clock_.run_for(10s - 500ms);
  EXPECT_EQ(pulled_in_all(), 3'000U) << "after 1000 / 100 windows of a second";
  expect_nothing_twice();
  for (const auto& member : members_) {
    EXPECT_EQ(member.client->stats().ratio, 100U);
    EXPECT_GT(member.client->stats().shed, 0U);
    for (const auto& [task, pulled_at] : member.pulled) ASSERT_LE(pulled_at, at + 10s);
  }
}

TEST_F(ShardedStorageTest, R6WithoutInformationNothingIsShed) {
  const auto load = std::make_shared<StuckLoad>(-1.0);
  auto& member = start("a", {}, load);
  clock_.run_for(2s);
  EXPECT_EQ(member.client->stats().ratio, kPullAll);
  load->value = 65;
  clock_.run_for(1s);
  EXPECT_EQ(member.client->stats().ratio, 550U);
  submit(10'000);
  const auto before = member.client->stats().shed;
  EXPECT_EQ(poll(member).value().entries.size(), 256U);
  EXPECT_EQ(member.client->stats().shed, before + 1);
}

/// Polls are never woken: they look when their wait is over.
class DeafStorage final : public testing::ForwardingStorage {
 public:
  DeafStorage(std::shared_ptr<Storage> behind, Clock& clock)
      : ForwardingStorage{std::move(behind)}, clock_{clock} {}
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    auto sleep = clock_.sleep_until(saturating_add(clock_.now(), request.wait));
    const auto slept = co_await std::move(sleep);
    if (!slept) co_return slept.error();
    request.wait = {};
    auto call = behind().poll_ready(std::move(request));
    co_return co_await std::move(call);
  }

 private:
  Clock& clock_;
};

TEST_F(ShardedStorageTest, R9AllWakeUpsDroppedDelayATaskByOneIntervalAtMost) {
  front_ = std::make_shared<DeafStorage>(storage_, clock_);
  for (const auto* name : {"a", "b"}) start(name);
  clock_.run_for(10s);
  for (auto& member : members_) pull(member);
  std::map<JobId, TimePoint> ready_at;
  for (int i = 0; i < 20; ++i) {
    clock_.run_for(370ms);
    ready_at[submit(5)] = clock_.now();
  }
  clock_.run_for(2s);
  EXPECT_EQ(pulled_in_all(), 100U);
  for (const auto& member : members_) {
    for (const auto& [task, pulled_at] : member.pulled) EXPECT_LE(pulled_at, ready_at[task.job] + 1s);
  }
}

TEST_F(ShardedStorageTest, R12APollAsksForABatchAtMost) {
  ShardedStorageOptions options;
  options.batch_max = 7;
  auto& member = start("a", options);
  submit(100);
  EXPECT_EQ(poll(member).value().entries.size(), 7U);
}

TEST_F(ShardedStorageTest, R14DifferingViewsNeverLeaseATaskTwice) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng{seed};
    ShardedStorageOptions options;
    options.ping_interval = 1s;
    options.takeover_delay = 300ms;
    const auto begin = members_.size();
    for (int i = 0; i < 5; ++i) {
      auto& member = make(options);
      member.directory->view = [&rng](std::vector<MemberView> all) {  // anybody may be missing
        std::erase_if(all, [&rng](const auto&) { return rng.below(3) == 0; });
        return all;
      };
      enrol(member, "seed" + std::to_string(seed) + "-" + std::to_string(i));
      pull(member);
    }
    const auto before = pulled_in_all();
    for (int i = 0; i < 40; ++i) {
      submit(50);
      clock_.run_for(from_seconds(rng.unit()));
    }
    clock_.run_for(8s);
    EXPECT_EQ(pulled_in_all() - before, 2'000U);
    expect_nothing_twice();
    for (auto at = begin; at < members_.size(); ++at) kill(members_[at]);
    clock_.run_for(25s);
  }
}

TEST_F(ShardedStorageTest, RefusesOptionsThatMakeNoSense) {
  const auto refused = [this](auto change, bool with_parts = true) {
    ShardedStorageOptions options;
    change(options);
    ShardedStorageParts parts;
    if (with_parts) parts = {storage_, directory_, nullptr};
    const auto made = make_sharded_storage_client(parts, options, clock_);
    return made.has_error() && made.error() == Errc::invalid_argument;
  };
  using Options = ShardedStorageOptions;
  EXPECT_FALSE(refused([](Options&) {}));
  EXPECT_TRUE(refused([](Options&) {}, false)) << "no parts";
  EXPECT_TRUE(refused([](Options& o) { o.ping_interval = 0s; }));
  EXPECT_FALSE(refused([](Options& o) { o.ping_interval = 10s; })) << "exactly half of what is active";
  EXPECT_TRUE(refused([](Options& o) { o.ping_interval = 10s + 1ns; }))
      << "a lease shorter than the heartbeat";
  EXPECT_TRUE(refused([](Options& o) { o.poll_interval = 0s; }));
  EXPECT_TRUE(refused([](Options& o) { o.takeover_delay = -1ns; }));
  EXPECT_TRUE(refused([](Options& o) { o.redundancy = 0; }));
  EXPECT_TRUE(refused([](Options& o) { o.batch_max = 0; }));
  EXPECT_TRUE(refused([](Options& o) { o.shed_step = 0; }));
  EXPECT_TRUE(refused([](Options& o) { o.shed_step = 101; })) << "above the curve's floor";
  EXPECT_TRUE(refused([](Options& o) { o.shed_window = 0s; }));
}

}  // namespace
}  // namespace spider
