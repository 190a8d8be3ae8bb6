// A process is killed in the middle of submitting, starting and finishing, again and again. What it was
// told before is compared with what the file holds.

#include "spider/rng.hpp"
#include "sqlite_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <set>

namespace spider {
namespace {

constexpr int kKills = 60;

struct Told {
  char what = 0;  ///< 's'ubmitted or 'f'inished
  JobId job;
};

auto options_for(const std::string& path) -> SqliteStorageOptions {
  SqliteStorageOptions options{path};
  options.synchronous = SqliteStorageOptions::Synchronous::normal;  // enough against a kill
  options.limits.manager_lease = std::chrono::seconds{1};
  options.ended_jobs_kept = std::chrono::hours{24 * 365};  // each life begins an hour after the one before
  return options;
}

auto tell(int pipe, char what, JobId job) -> void {
  const Told told{what, job};
  if (::write(pipe, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) ::_exit(2);
}

/// Works until it is killed; tells what was acknowledged. Never returns.
[[noreturn]] auto work(const std::string& path, int round, int pipe) -> void {
  SqliteFixture storage{options_for(path), TimePoint{std::chrono::hours{round + 1}}};
  if (!storage.is_open() || !storage.join()) ::_exit(3);
  while (storage.run(storage->sweep(1000)).value().swept > 0) {
  }
  while (true) {
    for (int job = 0; job < 3; ++job) tell(pipe, 's', storage.submit().value());
    const auto entries = storage.poll(4);
    for (const auto& entry : entries.value()) {
      const auto started = storage.start(entry.ref());
      if (!started || !storage.succeed(started.value())) ::_exit(4);
      tell(pipe, 'f', entry.job);
    }
  }
}

class Crashes {
 public:
  explicit Crashes(std::string path) : path_{std::move(path)} {}

  /// One child, killed after it has told `acknowledgements` things.
  auto round(int number, std::uint64_t acknowledgements) -> void {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) work(path_, number, ends[1]);
    ::close(ends[1]);
    for (std::uint64_t told = 0; told < acknowledgements; ++told) ASSERT_TRUE(listen(ends[0]));
    ::kill(child, SIGKILL);
    while (listen(ends[0])) {
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  }

  auto compare(int rounds) -> void {
    SqliteFixture storage{options_for(path_), TimePoint{std::chrono::hours{rounds + 1}}};
    ASSERT_TRUE(storage.is_open()) << storage.error();
    for (const auto job : submitted_)
      ASSERT_TRUE(storage.state(job)) << "lost job " << job.value << ": " << storage.state(job).error();
    for (const auto job : finished_) {
      ASSERT_EQ(storage.state(job).value(), JobState::succeeded) << "job " << job.value;
    }
    const auto ended = storage.run(storage->poll_ended(EndedCursor{1}, {})).value().jobs;
    ASSERT_EQ(std::set<JobId>(ended.begin(), ended.end()).size(), ended.size()) << "a job ended twice";
  }

  auto finish_all(int rounds) -> void {
    SqliteFixture storage{options_for(path_), TimePoint{std::chrono::hours{rounds + 2}}};
    ASSERT_TRUE(storage.join());
    while (storage.run(storage->sweep(1000)).value().swept > 0) {
    }
    storage.clock().run_for(std::chrono::minutes{1});
    for (auto entries = storage.poll(); !entries.value().empty(); entries = storage.poll()) {
      for (const auto& entry : entries.value()) {
        ASSERT_TRUE(storage.succeed(storage.start(entry.ref()).value()));
      }
    }
    JobFilter filter;
    filter.max = 10'000;
    const auto views = storage.run(storage->list(filter)).value();
    EXPECT_GE(views.size(), submitted_.size());
    for (const auto& view : views) EXPECT_EQ(view.state, JobState::succeeded) << "job " << view.id.value;
  }

 private:
  auto listen(int pipe) -> bool {
    Told told;
    if (::read(pipe, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) return false;
    (told.what == 's' ? submitted_ : finished_).insert(told.job);
    return true;
  }

  std::string path_;
  std::set<JobId> submitted_;
  std::set<JobId> finished_;
};

TEST(SqliteCrash, KilledInTheMiddleNothingAcknowledgedIsLost) {
  const TemporaryFolder folder;
  const auto* kills = std::getenv("SPIDER_KILLS");
  const auto rounds = kills != nullptr ? std::atoi(kills) : kKills;
  Crashes crashes{folder / "file"};
  Rng rng{1};
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("kill " + std::to_string(round));
    crashes.round(round, rng.below(40));
    crashes.compare(round);
    if (::testing::Test::HasFatalFailure()) return;
  }
  crashes.finish_all(rounds);
}

}  // namespace
}  // namespace spider
