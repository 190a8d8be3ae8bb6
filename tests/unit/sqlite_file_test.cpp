// What is refused instead of opened, and what other connections to the file do to the storage.

#include "spider/storage/sqlite_member_directory.hpp"
#include "spider/storage/sqlite_worker_pool.hpp"
#include "spider/system_clock.hpp"
#include "sqlite_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

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
  auto number(const std::string& sql) -> int {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr);
    const int found = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    return found;
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
  ASSERT_EQ(::stat((folder / "new-wal").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
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

TEST(SqliteFile, SchemaVersionOneIsUpgradedAndItsJobsGoOn) {
  const TemporaryFolder folder;
  const auto path = folder / "old";
  std::stringstream version_1;
  version_1 << std::ifstream{"tests/unit/sqlite_version_1.sql"}.rdbuf();
  ASSERT_EQ(Other{path}.execute(version_1.str()), SQLITE_OK);
  ASSERT_EQ(Other{path}.number("PRAGMA user_version"), 1);

  SqliteFixture storage{SqliteStorageOptions{path}, TimePoint{std::chrono::hours{500'000}}};
  ASSERT_TRUE(storage.is_open()) << storage.error();
  EXPECT_EQ(Other{path}.number("PRAGMA user_version"), 3);
  EXPECT_GE(Other{path}.number("SELECT min(abs(position)) FROM ready"), 16'777'216) << "room for ranges";
  EXPECT_EQ(storage.state(JobId{2}).value(), JobState::cancelled);
  EXPECT_EQ(storage.run(storage->view(JobId{1})).value().submitters, 1U);
  ASSERT_TRUE(storage.join());
  const auto entries = storage.poll().value();
  ASSERT_EQ(entries.size(), 2U);
  for (const auto& entry : entries) {
    ASSERT_TRUE(storage.succeed(storage.start(entry.ref()).value()));
  }
  EXPECT_EQ(storage.state(JobId{1}).value(), JobState::succeeded);

  JobSpec keyed;
  keyed.tasks.emplace_back().handler = "work";
  keyed.tasks[0].coalesce = CoalesceKey{"work", {"orders"}};
  const std::vector<JobSpec> twice{keyed, keyed};
  const auto answers = storage.run(storage->submit(twice)).value();
  EXPECT_EQ(answers[0].value().job, JobId{3});
  EXPECT_EQ(answers[1].value().fold, FoldOutcome::folded);
  storage.close();
  EXPECT_TRUE(check_sqlite_storage(path).value().complaints.empty());
}

TEST(SqliteFile, SchemaVersionTwoIsUpgradedWithItsLeasesAndDeadlines) {
  const TemporaryFolder folder;
  const auto path = folder / "old";
  std::stringstream version_2;
  version_2 << std::ifstream{"tests/unit/sqlite_version_2.sql"}.rdbuf();
  ASSERT_EQ(Other{path}.execute(version_2.str()), SQLITE_OK);

  SqliteFixture storage{SqliteStorageOptions{path}, TimePoint{std::chrono::hours{495'000}}};
  ASSERT_TRUE(storage.is_open()) << storage.error();
  EXPECT_EQ(Other{path}.number("PRAGMA user_version"), 3);
  EXPECT_EQ(check_sqlite_storage(path).value().complaints, std::vector<std::string>{});
  ASSERT_TRUE(storage.join()) << "as the member that held the leases";
  const auto entries = storage.poll().value();
  std::vector<TaskRef> polled;
  for (const auto& entry : entries) polled.push_back(entry.ref());
  ASSERT_EQ(polled.size(), 4U);
  for (const auto& leased : {TaskRef{JobId{2}, TaskId{0}}, TaskRef{JobId{1}, TaskId{1}}}) {
    const auto same_job = [&](const TaskRef& ref) { return ref.job == leased.job; };
    EXPECT_EQ(*std::ranges::find_if(polled, same_job), leased) << "it is offered before the job's others";
  }
  for (const auto& ref : polled) ASSERT_TRUE(storage.succeed(storage.start(ref).value()));
  EXPECT_EQ(storage.state(JobId{2}).value(), JobState::succeeded);
  EXPECT_EQ(storage.state(JobId{1}).value(), JobState::running) << "one runs elsewhere";

  storage.clock().run_for(std::chrono::hours{1});
  ASSERT_TRUE(storage.run(storage->sweep(100)));
  EXPECT_EQ(storage.state(JobId{1}).value(), JobState::failed);
  EXPECT_EQ(storage.run(storage->view(JobId{1})).value().reason, "the job's deadline has passed");
  storage.close();
  EXPECT_EQ(check_sqlite_storage(path).value().complaints, std::vector<std::string>{});
}

TEST(SqliteFile, NumbersAreNotDrawnAgainWhenOnlySubmitsWereWritten) {
  const TemporaryFolder folder;
  make_file(folder / "file", 3);
  Other file{folder / "file"};
  EXPECT_EQ(file.number("SELECT job FROM counter"), 1) << "the first one has drawn its group's turn, too";
  SqliteFixture again{SqliteStorageOptions{folder / "file"}};
  ASSERT_EQ(again.submit().value(), JobId{4});
  EXPECT_EQ(file.number("SELECT count(DISTINCT turn) FROM job_turn"), 4);
  ASSERT_TRUE(again.run(again->cancel(JobId{4})));
  EXPECT_EQ(file.number("SELECT job FROM counter"), 4);
}

struct Damage {
  const char* sql;
  const char* found;
};
constexpr Damage kDamages[] = {
    {"UPDATE equivalent SET state = 4", "runs twice at once"},
    {"UPDATE equivalent SET state = 3", "in another state than its task"},
    {"UPDATE equivalent SET job = 99 WHERE state = 4", "of a job that is not there"},
    {"DELETE FROM equivalent WHERE state = 4", "nothing equivalent runs"},
    {"DELETE FROM folded_into", "nobody knows into what"},
    {"UPDATE folded_into SET job = 99", "it was folded, and the job is not there"},
};

TEST(SqliteFile, DamageOfEquivalentWorkIsFound) {
  const TemporaryFolder folder;
  {
    SqliteFixture storage{SqliteStorageOptions{folder / "sound"}};
    JobSpec keyed;
    keyed.tasks.emplace_back().handler = "work";
    keyed.tasks[0].coalesce = CoalesceKey{"work", {"orders"}};
    keyed.cleanup.emplace().handler = "work";
    const std::vector<JobSpec> twice{keyed, keyed};
    ASSERT_TRUE(storage.run(storage->submit(twice)));
    ASSERT_TRUE(storage.join());
    ASSERT_TRUE(storage.start({JobId{1}, TaskId{0}}));
    ASSERT_EQ(storage.run(storage->view_tasks(JobId{2}, {})).value()[0].state, TaskState::folded);
  }
  EXPECT_EQ(check_sqlite_storage(folder / "sound").value().complaints, std::vector<std::string>{});
  for (const auto& [sql, found] : kDamages) {
    const auto path = folder / std::string{"damaged "} + found;
    fs::copy_file(folder / "sound", path);
    ASSERT_EQ(Other{path}.execute(sql), SQLITE_OK) << sql;
    const auto complaints = check_sqlite_storage(path).value().complaints;
    const auto tells = [&](const std::string& line) { return line.find(found) != std::string::npos; };
    EXPECT_TRUE(std::ranges::any_of(complaints, tells)) << sql;
  }
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

TEST(SqliteFile, APoolOrADirectoryThatCannotMakeItsTablesSaysThatTheFileIsBusy) {
  const TemporaryFolder folder;
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  make_file(folder / "file");
  SqliteStorageOptions options{folder / "file"};
  options.busy_timeout = std::chrono::milliseconds{0};
  SqliteWorkerPoolOptions pool;
  pool.file = options;
  SqliteMemberDirectoryOptions directory;
  directory.file = options;
  Other other{folder / "file"};
  ASSERT_EQ(other.execute("BEGIN IMMEDIATE"), SQLITE_OK);
  const auto no_pool = open_sqlite_worker_pool(pool, clock).error();
  EXPECT_EQ(no_pool.code, make_error_code(SqliteErrc::busy)) << no_pool;
  const auto no_directory = open_sqlite_member_directory(directory, clock).error();
  EXPECT_EQ(no_directory.code, make_error_code(SqliteErrc::busy)) << no_directory;
  ASSERT_EQ(other.execute("COMMIT"), SQLITE_OK);
  EXPECT_TRUE(open_sqlite_worker_pool(pool, clock));
  EXPECT_TRUE(open_sqlite_member_directory(directory, clock));
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
