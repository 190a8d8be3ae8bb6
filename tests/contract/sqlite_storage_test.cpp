// The SQLite storage, held to the contract of storages.

#include "spider/storage/sqlite.hpp"
#include "spider/testing/storage_suite.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

namespace spider {
namespace {

auto open_sqlite(const testing::StorageSetup& setup) -> Result<std::unique_ptr<Storage>> {
  static const TemporaryFolder folder;
  static int files = 0;
  SqliteStorageOptions options{folder / ("contract" + std::to_string(++files))};
  options.synchronous = SqliteStorageOptions::Synchronous::normal;
  options.limits = setup.limits;
  options.hold = [&clock = setup.clock] { return std::make_shared<VirtualClock::Hold>(clock.hold()); };
  return open_sqlite_storage(std::move(options), setup.clock);
}

using testing::StorageSuite;
INSTANTIATE_TEST_SUITE_P(Sqlite, StorageSuite, testing::storage_cases(open_sqlite),
                         testing::storage_case_name);

}  // namespace
}  // namespace spider
