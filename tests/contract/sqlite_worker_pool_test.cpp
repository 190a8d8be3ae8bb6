// The durable pool, held to the contract of worker pools.

#include "spider/storage/sqlite_worker_pool.hpp"
#include "spider/testing/worker_pool_suite.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace spider {
namespace {

auto open_sqlite_pool(const testing::WorkerPoolSetup& setup) -> Result<std::unique_ptr<WorkerPool>> {
  static const TemporaryFolder folder;
  static int files = 0;
  SqliteWorkerPoolOptions options;
  options.file.path = folder / ("pool" + std::to_string(++files));
  options.file.synchronous = SqliteStorageOptions::Synchronous::normal;
  options.file.hold = [&clock = setup.clock] { return std::make_shared<VirtualClock::Hold>(clock.hold()); };
  options.limits = setup.limits;
  return open_sqlite_worker_pool(std::move(options), setup.clock);
}

using testing::WorkerPoolSuite;
INSTANTIATE_TEST_SUITE_P(Sqlite, WorkerPoolSuite, testing::worker_pool_cases(open_sqlite_pool),
                         testing::worker_pool_case_name);

}  // namespace
}  // namespace spider
