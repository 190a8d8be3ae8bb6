// Failing writes and lost power: what was acknowledged is stored, what was not is answered as such.

#include "faulty_vfs.hpp"
#include "sqlite_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

namespace spider {
namespace {

using Synchronous = SqliteStorageOptions::Synchronous;

auto faulty(const std::string& path, Synchronous synchronous = Synchronous::full) -> SqliteStorageOptions {
  SqliteStorageOptions options{path};
  options.synchronous = synchronous;
  options.vfs = FaultyVfs::kName;
  return options;
}

/// What a short life of a storage was told before the lights went out.
struct Acknowledged {
  std::set<JobId> submitted;
  std::set<JobId> succeeded;
};

auto short_life(SqliteFixture& storage) -> Acknowledged {
  Acknowledged told;
  if (!storage.is_open() || !storage.join()) return told;
  for (int round = 0; round < 2; ++round) {
    for (int job = 0; job < 2; ++job) {
      const auto submitted = storage.submit();
      if (!submitted) return told;
      told.submitted.insert(submitted.value());
    }
    const auto entries = storage.poll(1);
    if (!entries || entries.value().empty()) return told;
    const auto started = storage.start(entries.value()[0].ref());
    if (!started || !storage.succeed(started.value())) return told;
    told.succeeded.insert(entries.value()[0].job);
  }
  return told;
}

/// Everything ends that the file holds, each job once.
auto finish_all(SqliteFixture& storage) -> void {
  ASSERT_TRUE(storage.join());
  storage.clock().run_for(std::chrono::hours{1});
  ASSERT_TRUE(storage.run(storage->sweep(1000)));
  const auto entries = storage.poll();
  ASSERT_TRUE(entries);
  for (const auto& entry : entries.value()) {
    const auto started = storage.start(entry.ref());
    ASSERT_TRUE(started) << started.error();
    ASSERT_TRUE(storage.succeed(started.value()));
  }
  const auto views = storage.run(storage->list({})).value();
  for (const auto& view : views) EXPECT_EQ(view.state, JobState::succeeded) << view.id.value;
  const auto ended = storage.run(storage->poll_ended(EndedCursor{1}, {})).value();
  EXPECT_EQ(std::set<JobId>(ended.jobs.begin(), ended.jobs.end()).size(), ended.jobs.size());
  EXPECT_EQ(ended.jobs.size(), views.size());
}

class SqlitePowerLoss : public ::testing::TestWithParam<Synchronous> {};

TEST_P(SqlitePowerLoss, AtEveryWriteLeavesWhatWasAcknowledged) {
  auto& vfs = FaultyVfs::instance();
  const TemporaryFolder folder;
  bool lost_power = true;
  for (long writes = 0; lost_power; ++writes) {
    SCOPED_TRACE("power lost at write " + std::to_string(writes));
    const auto before = folder / "before";
    std::filesystem::remove_all(before);
    std::filesystem::create_directory(before);
    vfs.arm(writes, SQLITE_IOERR_WRITE);
    SqliteFixture doomed{faulty(before + "/file", GetParam())};
    const auto told = short_life(doomed);
    lost_power = vfs.has_failed();
    Rng rng{static_cast<std::uint64_t>(writes)};
    vfs.write_image(before, folder / "after", rng);
    doomed.close();

    SqliteStorageOptions options{folder / "after/file"};
    options.synchronous = Synchronous::normal;
    SqliteFixture again{options};
    ASSERT_TRUE(again.is_open()) << again.error();
    if (GetParam() == Synchronous::full) {
      for (const auto job : told.submitted) ASSERT_TRUE(again.state(job)) << "job " << job.value;
      for (const auto job : told.succeeded) ASSERT_EQ(again.state(job).value(), JobState::succeeded);
    }
    finish_all(again);
    if (HasFatalFailure()) return;
    if (lost_power) continue;
    EXPECT_EQ(told.succeeded.size(), 2U) << "the life that lost no power was not whole";
  }
  vfs.heal();
}
INSTANTIATE_TEST_SUITE_P(Sqlite, SqlitePowerLoss, ::testing::Values(Synchronous::full, Synchronous::normal),
                         [](const auto& tested) -> std::string {
                           return tested.param == Synchronous::full ? "Full" : "Normal";
                         });

class SqliteFault : public ::testing::TestWithParam<int> {};

TEST_P(SqliteFault, IsAnsweredAsUnavailableAndPasses) {
  auto& vfs = FaultyVfs::instance();
  const TemporaryFolder folder;
  vfs.arm(-1, SQLITE_OK);
  SqliteFixture storage{faulty(folder / "file")};
  ASSERT_TRUE(storage.submit());
  for (long writes = 0; writes < 12; ++writes) {
    vfs.arm_again(writes, GetParam());
    auto submitted = storage.submit();
    while (submitted) submitted = storage.submit();
    EXPECT_EQ(submitted.error(), Errc::storage_unavailable) << submitted.error();
    vfs.heal();
    const auto next = storage.submit();
    ASSERT_TRUE(next) << next.error();
    const auto count = storage.run(storage->list({})).value().size();
    EXPECT_EQ(count, next.value().value) << "a refused submit was stored, or drew an id";
  }
}
INSTANTIATE_TEST_SUITE_P(Sqlite, SqliteFault,
                         ::testing::Values(SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC));

TEST(SqliteReadFault, IsAnsweredAsUnavailableAndPasses) {
  auto& vfs = FaultyVfs::instance();
  const TemporaryFolder folder;
  vfs.arm(-1, SQLITE_OK);
  SqliteFixture storage{faulty(folder / "file")};
  ASSERT_TRUE(storage.submit());
  SqliteFixture other{SqliteStorageOptions{folder / "file"}};
  ASSERT_TRUE(other.submit());  // so that what the first one remembers is out of date
  vfs.fail_reads(SQLITE_IOERR_READ);
  EXPECT_EQ(storage.submit().error(), Errc::storage_unavailable);
  EXPECT_EQ(storage.state(JobId{1}).error(), Errc::storage_unavailable);
  vfs.heal();
  EXPECT_EQ(storage.submit().value(), JobId{3});
  EXPECT_EQ(storage.state(JobId{2}).value(), JobState::ready);
}

}  // namespace
}  // namespace spider
