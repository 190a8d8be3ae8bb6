// Two processes claim and release workers of one file, and are killed in the middle, again and again. What
// they were told is compared with what the file holds.

#include "spider/rng.hpp"
#include "sqlite_pool_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>

namespace spider {
namespace {

constexpr int kRounds = 20;
constexpr std::uint64_t kWorkers = 8;
constexpr std::size_t kHeldMax = 3;

struct Told {
  char what = 0;  ///< 'c'laimed or 'r'eleased
  Claim claim;
};

auto options_for(const std::string& path) -> SqliteStorageOptions {
  SqliteStorageOptions options{path};
  options.synchronous = SqliteStorageOptions::Synchronous::normal;  // enough against a kill
  return options;
}

/// Each round is an hour after the one before; within a round no time passes.
auto time_of(int round) -> TimePoint { return TimePoint{std::chrono::hours{round + 1}}; }

auto tell(int pipe, char what, const Claim& claim) -> void {
  Told told{what, claim};
  if (::write(pipe, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) ::_exit(2);
}

/// Claims, and releases what it claimed first, until it is killed. Never returns.
[[noreturn]] auto work(const std::string& path, int round, std::uint64_t owner, int pipe) -> void {
  SqlitePoolFixture pool{options_for(path), time_of(round)};
  if (!pool.is_open()) ::_exit(3);
  std::deque<Claim> held;
  while (true) {
    const auto claimed = pool.claim(owner);
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

class Child {
 public:
  Child(const std::string& path, int round, std::uint64_t owner) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) ::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      work(path, round, owner, ends[1]);
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  Child(const Child&) = delete;
  auto operator=(const Child&) -> Child& = delete;
  ~Child() { ::close(pipe_); }

  auto listen() -> bool {
    Told told;
    if (::read(pipe_, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) return false;
    if (told.what == 'c') {
      held.push_back(told.claim);
      claims.push_back(told.claim);
    } else {
      released.push_back(told.claim);
      held.pop_front();
    }
    return true;
  }
  auto kill() -> void {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    while (listen()) {
    }
  }

  std::deque<Claim> held;
  std::vector<Claim> claims;
  std::vector<Claim> released;

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

class Kills {
 public:
  explicit Kills(std::string path) : path_{std::move(path)} {
    SqlitePoolFixture pool{options_for(path_)};
    for (std::uint64_t worker = 1; worker <= kWorkers; ++worker) EXPECT_TRUE(pool.add(worker));
  }

  /// Two children; each is killed after it has told so many things.
  auto round(int number, const std::array<std::uint64_t, 2>& tellings) -> void {
    Child left{path_, number, 1};
    Child right{path_, number, 2};
    for (std::uint64_t told = 0; told < tellings[0]; ++told) ASSERT_TRUE(left.listen());
    left.kill();
    for (std::uint64_t told = 0; told < tellings[1]; ++told) ASSERT_TRUE(right.listen());
    right.kill();
    compare(number, {&left, &right});
  }

 private:
  auto compare(int number, const std::array<Child*, 2>& children) -> void {
    SqlitePoolFixture pool{options_for(path_), time_of(number)};
    ASSERT_TRUE(pool.is_open());
    for (auto* child : children) {
      for (const auto& claim : child->claims) {
        ASSERT_TRUE(epochs_.insert({claim.worker, claim.epoch}).second)
            << "worker " << claim.worker.value << " was claimed twice under epoch " << claim.epoch;
      }
      for (const auto& claim : child->released) ASSERT_FALSE(pool.renew(claim)) << "a release was lost";
      // It may have released the first one without having told.
      for (std::size_t i = 1; i < child->held.size(); ++i) {
        ASSERT_TRUE(pool.renew(child->held[i])) << "a claim was lost";
      }
    }
    pool.expect_sum();
    const auto before = pool.counts();
    EXPECT_EQ(before.added, kWorkers);
    EXPECT_LE(before.claimed, 2 * (kHeldMax + 1));
    pool.expect_nothing_leaked();
  }

  std::string path_;
  std::set<std::pair<WorkerId, std::uint64_t>> epochs_;
};

TEST(SqliteWorkerPoolKill, TwoProcessesKilledInTheMiddleLeakNoWorker) {
  const TemporaryFolder folder;
  const auto* given = std::getenv("SPIDER_KILLS");
  const auto rounds = given != nullptr ? std::atoi(given) : kRounds;
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
