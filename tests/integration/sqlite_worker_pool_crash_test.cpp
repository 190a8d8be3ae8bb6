// Two processes claim and release workers of one file, and are killed in the middle, again and again. What
// they were told is compared with what the file holds.

#include "killed_child.hpp"
#include "spider/rng.hpp"
#include "sqlite_pool_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <set>

namespace spider {
namespace {

constexpr int kRounds = 20;
constexpr std::uint64_t kWorkers = 8;
constexpr std::size_t kHeldMax = 3;

/// Each round is an hour after the one before; within a round no time passes.
auto time_of(int round) -> TimePoint { return TimePoint{std::chrono::hours{round + 1}}; }

/// Claims, and releases what it claimed first, until it is killed. Never returns. Tells what it 'c'laimed and
/// 'r'eleased.
[[noreturn]] auto claim_and_release(const std::string& path, int round, std::uint64_t owner, int pipe)
    -> void {
  SqlitePoolFixture pool{killed_file(path), time_of(round)};
  if (!pool.is_open()) ::_exit(3);
  std::deque<Claim> held;
  while (true) {
    const auto claimed = pool.try_claim(owner);
    if (!claimed) ::_exit(4);
    if (claimed.value()) {
      held.push_back(*claimed.value());
      tell(pipe, 'c', held.back());
    }
    if (held.size() < kHeldMax && claimed.value()) continue;
    if (held.empty()) continue;
    if (!pool.release(held.front())) ::_exit(5);
    tell(pipe, 'r', held.front());
    held.pop_front();
  }
}

/// A claimant, and what it has told.
struct Claimant {
  KilledChild<Claim> child;
  std::deque<Claim> held{};
  std::vector<Claim> claims{};
  std::vector<Claim> released{};

  auto listen() -> bool {
    const auto told = child.listen();
    if (!told) return false;
    if (told->what == 'c') {
      held.push_back(told->about);
      claims.push_back(told->about);
    } else {
      released.push_back(told->about);
      held.pop_front();
    }
    return true;
  }
  auto kill() -> void {
    child.kill();
    while (listen()) {
    }
  }
};

class Kills {
 public:
  explicit Kills(std::string path) : path_{std::move(path)} {
    SqlitePoolFixture pool{killed_file(path_)};
    for (std::uint64_t worker = 1; worker <= kWorkers; ++worker) EXPECT_TRUE(pool.add(worker));
  }

  /// Two children; each is killed after it has told so many things.
  auto round(int number, const std::array<std::uint64_t, 2>& tellings) -> void {
    const auto life_of = [&](std::uint64_t owner) {
      return [this, number, owner](int pipe) { claim_and_release(path_, number, owner, pipe); };
    };
    Claimant left{KilledChild<Claim>{life_of(1)}};
    Claimant right{KilledChild<Claim>{life_of(2)}};
    for (std::uint64_t told = 0; told < tellings[0]; ++told) ASSERT_TRUE(left.listen());
    left.kill();
    for (std::uint64_t told = 0; told < tellings[1]; ++told) ASSERT_TRUE(right.listen());
    right.kill();
    compare(number, {&left, &right});
  }

 private:
  auto compare(int number, const std::array<Claimant*, 2>& claimants) -> void {
    SqlitePoolFixture pool{killed_file(path_), time_of(number)};
    ASSERT_TRUE(pool.is_open());
    for (const auto* claimant : claimants) {
      for (const auto& claim : claimant->claims) {
        ASSERT_TRUE(epochs_.insert({claim.worker, claim.epoch}).second)
            << "worker " << claim.worker.value << " was claimed twice under epoch " << claim.epoch;
      }
      for (const auto& claim : claimant->released) ASSERT_FALSE(pool.renew(claim)) << "a release was lost";
      // It may have released the first one without having told.
      for (std::size_t i = 1; i < claimant->held.size(); ++i) {
        ASSERT_TRUE(pool.renew(claimant->held[i])) << "a claim was lost";
      }
    }
    expect_sum(pool.counts());
    const auto before = pool.counts();
    EXPECT_EQ(before.added, kWorkers);
    EXPECT_LE(before.claimed, 2 * (kHeldMax + 1));
    expect_nothing_leaked(pool, pool.clock());
  }

  std::string path_;
  std::set<std::pair<WorkerId, std::uint64_t>> epochs_;
};

TEST(SqliteWorkerPoolKill, TwoProcessesKilledInTheMiddleLeakNoWorker) {
  const TemporaryFolder folder;
  const auto rounds = kills_asked(kRounds);
  Kills kills{folder / "file"};
  Rng rng{1};
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const auto left = rng.below(60);
    kills.round(round, {left, rng.below(60)});
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace spider
