// A process is killed in the middle of submitting, starting and finishing, again and again. What it was
// told before is compared with what the file holds.

#include "killed_child.hpp"
#include "spider/rng.hpp"
#include "sqlite_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <set>

namespace spider {
namespace {

constexpr int kKills = 60;

auto crash_options(const std::string& path) -> SqliteStorageOptions {
  auto options = killed_file(path);
  options.limits.manager_lease = std::chrono::seconds{1};
  options.ended_jobs_kept = std::chrono::hours{24 * 365};  // each life begins an hour after the one before
  return options;
}

/// Works until it is killed; tells what was 's'ubmitted and 'f'inished. Never returns.
[[noreturn]] auto submit_and_finish(const std::string& path, int round, int pipe) -> void {
  SqliteFixture storage{crash_options(path), TimePoint{std::chrono::hours{round + 1}}};
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
    KilledChild<JobId> child{[&](int pipe) { submit_and_finish(path_, number, pipe); }};
    for (std::uint64_t told = 0; told < acknowledgements; ++told) ASSERT_TRUE(listen(child));
    child.kill();
    while (listen(child)) {
    }
  }

  auto compare(int rounds) -> void {
    SqliteFixture storage{crash_options(path_), TimePoint{std::chrono::hours{rounds + 1}}};
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
    SqliteFixture storage{crash_options(path_), TimePoint{std::chrono::hours{rounds + 2}}};
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
  auto listen(KilledChild<JobId>& child) -> bool {
    const auto told = child.listen();
    if (told) (told->what == 's' ? submitted_ : finished_).insert(told->about);
    return told.has_value();
  }

  std::string path_;
  std::set<JobId> submitted_;
  std::set<JobId> finished_;
};

TEST(SqliteCrash, KilledInTheMiddleNothingAcknowledgedIsLost) {
  const TemporaryFolder folder;
  const auto rounds = kills_asked(kKills);
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
