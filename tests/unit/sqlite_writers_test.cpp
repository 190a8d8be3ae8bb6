// Writers on one database file at a time: they wait for each other, and nobody is told to try again.

#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"
#include "temporary_folder.hpp"

#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

namespace spider {
namespace {

auto submit_many(std::shared_ptr<Storage> storage, int jobs) -> Async<void> {
  std::vector<JobSpec> one(1);
  one[0].tasks.resize(1);
  one[0].tasks[0].handler = "work";
  for (int job = 0; job < jobs; ++job) {
    const auto answers = co_await storage->submit(one);
    if (!answers) co_return answers.error();
    if (!answers.value().at(0)) co_return answers.value().at(0).error();
  }
  co_return success();
}

// A transaction that began as a reader and then writes is refused at once, whatever the busy timeout.
TEST(SqliteWriters, SeveralOnOneFileWaitForEachOther) {
  constexpr int kWriters = 3;
  constexpr int kJobsEach = 150;
  const TemporaryFolder folder;
  asio::thread_pool pool{kWriters};
  SystemClock clock{pool.get_executor()};
  std::vector<std::shared_ptr<Storage>> storages;
  for (int writer = 0; writer < kWriters; ++writer) {
    SqliteStorageOptions options{folder / "file"};
    options.synchronous = SqliteStorageOptions::Synchronous::normal;
    options.busy_timeout = std::chrono::seconds{60};
    storages.push_back(open_sqlite_storage(std::move(options), clock).value());
  }
  std::vector<std::future<Result<void>>> ends;
  for (const auto& storage : storages) {
    ends.push_back(asio::co_spawn(pool, rooted(submit_many(storage, kJobsEach)), asio::use_future));
  }
  for (auto& end : ends) {
    const auto result = end.get();
    EXPECT_TRUE(result) << result.error();
  }
  JobFilter all;
  all.max = 10'000;
  const auto stored = block_on(pool, storages.front()->list(all)).value();
  EXPECT_EQ(stored.size(), std::size_t{kWriters * kJobsEach});
}

}  // namespace
}  // namespace spider
