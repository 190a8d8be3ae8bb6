// What is refused instead of opened, and what other connections to the file do to the storage.

#include "spider/system_clock.hpp"
#include "sqlite_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace spider {
namespace {

namespace fs = std::filesystem;

/// Another connection to the file, as another process would have it.
class Other {
 public:
  explicit Other(const std::string& path) { sqlite3_open(path.c_str(), &handle_); }
  Other(const Other&) = delete;
  auto operator=(const Other&) -> Other& = delete;
  ~Other() { sqlite3_close(handle_); }
  auto execute(const std::string& sql) -> int {
    return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  }

 private:
  sqlite3* handle_ = nullptr;
};

auto why_not(const std::string& path) -> Error { return SqliteFixture{SqliteStorageOptions{path}}.error(); }

auto refused(const std::string& path, SqliteErrc code) -> bool {
  return why_not(path).code == make_error_code(code);
}

auto make_file(const std::string& path, int jobs = 1) -> void {
  SqliteFixture storage{SqliteStorageOptions{path}};
  for (int job = 0; job < jobs; ++job) ASSERT_TRUE(storage.submit());
}

auto overwrite(const std::string& path, std::streamoff at, const std::string& bytes) -> void {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(at);
  file << bytes;
}

TEST(SqliteFile, NewFileHasMode0600AndKeepsWhatItHolds) {
  const TemporaryFolder folder;
  make_file(folder / "new");
  struct stat found {};
  ASSERT_EQ(::stat((folder / "new").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  SqliteFixture again{SqliteStorageOptions{folder / "new"}};
  EXPECT_EQ(again.state(JobId{1}).value(), JobState::ready);
  EXPECT_EQ(again.submit().value(), JobId{2});
}

TEST(SqliteFile, GarbageIsCorrupt) {
  const TemporaryFolder folder;
  std::ofstream{folder / "garbage"} << std::string(8192, 'x');
  EXPECT_TRUE(refused(folder / "garbage", SqliteErrc::corrupt)) << why_not(folder / "garbage");
}

TEST(SqliteFile, DamagedPageIsCorruptAndLeftAsItIs) {
  const TemporaryFolder folder;
  make_file(folder / "file", 200);
  overwrite(folder / "file", 3 * 4096, std::string(4096, '\x7f'));
  const auto size = fs::file_size(folder / "file");
  EXPECT_TRUE(refused(folder / "file", SqliteErrc::corrupt)) << why_not(folder / "file");
  EXPECT_EQ(fs::file_size(folder / "file"), size);
}

TEST(SqliteFile, ShorterThanItsHeaderSaysIsTruncated) {
  const TemporaryFolder folder;
  make_file(folder / "file");
  fs::resize_file(folder / "file", fs::file_size(folder / "file") - 4096);
  EXPECT_TRUE(refused(folder / "file", SqliteErrc::truncated)) << why_not(folder / "file");
  fs::resize_file(folder / "file", 50);
  EXPECT_TRUE(refused(folder / "file", SqliteErrc::truncated)) << why_not(folder / "file");
}

TEST(SqliteFile, NewerSchemaAndForeignDatabaseAreRefused) {
  const TemporaryFolder folder;
  make_file(folder / "newer");
  Other{folder / "newer"}.execute("PRAGMA user_version = 1000");
  EXPECT_TRUE(refused(folder / "newer", SqliteErrc::newer_schema)) << why_not(folder / "newer");
  Other{folder / "foreign"}.execute("CREATE TABLE mine(x)");
  EXPECT_TRUE(refused(folder / "foreign", SqliteErrc::foreign_file)) << why_not(folder / "foreign");
}

TEST(SqliteFile, PathsThatCannotHoldAFileAreRefused) {
  const TemporaryFolder folder;
  EXPECT_TRUE(refused(folder / "none/file", SqliteErrc::missing_folder));
  EXPECT_TRUE(refused(folder.path(), SqliteErrc::not_a_file));
  make_file(folder / "file");
  fs::create_symlink(folder / "file", folder / "link");
  EXPECT_TRUE(refused(folder / "link", SqliteErrc::symbolic_link));
  fs::create_symlink(folder / "nothing", folder / "dangling");
  EXPECT_TRUE(refused(folder / "dangling", SqliteErrc::symbolic_link));
}

TEST(SqliteFile, ReadOnlyFileIsRefused) {
  const TemporaryFolder folder;
  make_file(folder / "file");
  fs::permissions(folder.path(), fs::perms::owner_all | fs::perms::others_exec | fs::perms::others_read);
  fs::permissions(folder / "file", fs::perms::owner_read | fs::perms::others_read);
  if (::geteuid() == 0) ::setfsuid(65534);  // root may write everywhere: look as nobody
  const auto why = why_not(folder / "file");
  ::setfsuid(::geteuid());
  EXPECT_EQ(why.code, make_error_code(SqliteErrc::read_only)) << why;
}

TEST(SqliteFile, AWriterThatHoldsTheLockMakesItUnavailableAndNoLonger) {
  const TemporaryFolder folder;
  SqliteStorageOptions options{folder / "file"};
  options.busy_timeout = std::chrono::milliseconds{0};
  SqliteFixture storage{options};
  Other other{folder / "file"};
  ASSERT_EQ(other.execute("BEGIN IMMEDIATE"), SQLITE_OK);
  EXPECT_EQ(storage.submit().error(), Errc::storage_unavailable);
  ASSERT_EQ(other.execute("COMMIT"), SQLITE_OK);
  EXPECT_EQ(storage.submit().value(), JobId{1});
}

TEST(SqliteFile, AReaderThatStarvesTheCheckpointStopsNobody) {
  const TemporaryFolder folder;
  SqliteFixture storage{SqliteStorageOptions{folder / "file"}};
  ASSERT_TRUE(storage.submit());
  Other reader{folder / "file"};
  ASSERT_EQ(reader.execute("BEGIN; SELECT count(*) FROM job"), SQLITE_OK);
  const auto log = [&] { return fs::file_size(folder / "file-wal"); };
  const auto submit_40_mb = [&] {
    JobSpec spec;
    for (auto i = 0; i < 8; ++i) spec.tasks.emplace_back().handler = "work";
    for (auto& task : spec.tasks) task.input.resize(1'000'000, 'x');
    for (auto i = 0; i < 5; ++i) ASSERT_TRUE(storage.run(storage->submit(std::span{&spec, 1})).value().at(0));
  };
  submit_40_mb();
  const auto starved = log();
  EXPECT_GT(starved, 8'000U * 4'096U);  // so many pages, after which it would have begun anew
  ASSERT_EQ(reader.execute("COMMIT"), SQLITE_OK);
  submit_40_mb();
  EXPECT_LE(log(), starved + 9'000'000U);
  EXPECT_EQ(storage.state(JobId{11}).value(), JobState::ready);
}

TEST(SqliteFile, TwoStoragesOnOneFileSeeAndWakeEachOther) {
  const TemporaryFolder folder;
  asio::thread_pool pool{2};
  SystemClock clock{pool.get_executor()};
  const auto open = [&] { return open_sqlite_storage(SqliteStorageOptions{folder / "file"}, clock).value(); };
  const auto worker = open();
  const auto submitter = open();
  const auto me = block_on(pool, worker->register_scheduler(SchedulerInfo{})).value();
  PollRequest request;
  request.scheduler = me.scheduler;
  request.session = me.session;
  request.wait = std::chrono::minutes{1};
  auto polled = asio::co_spawn(pool, rooted(worker->poll_ready(request)), asio::use_future);
  JobSpec spec;
  spec.tasks.resize(1);
  spec.tasks[0].handler = "work";
  const auto job = block_on(pool, submitter->submit(std::span{&spec, 1})).value().at(0).value().job;
  const auto batch = polled.get().value();
  ASSERT_EQ(batch.entries.size(), 1U);
  EXPECT_EQ(batch.entries[0].job, job);
  auto ended = asio::co_spawn(pool, rooted(submitter->wait(job, std::chrono::minutes{1})), asio::use_future);
  EXPECT_EQ(block_on(pool, worker->cancel(job)).value(), JobState::cancelled);
  EXPECT_EQ(ended.get().value(), JobState::cancelled);
}

}  // namespace
}  // namespace spider
