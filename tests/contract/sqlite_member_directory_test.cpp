// The durable member directory, held to the contract.

#include "spider/storage/sqlite_member_directory.hpp"
#include "spider/testing/member_directory_suite.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace spider {
namespace {

auto open_sqlite_directory(const testing::MemberDirectorySetup& setup)
    -> Result<std::unique_ptr<MemberDirectory>> {
  static const TemporaryFolder folder;
  static int files = 0;
  SqliteMemberDirectoryOptions options;
  options.file.path = folder / ("members" + std::to_string(++files));
  options.file.synchronous = SqliteStorageOptions::Synchronous::normal;
  options.file.hold = [&clock = setup.clock] { return std::make_shared<VirtualClock::Hold>(clock.hold()); };
  options.limits = setup.limits;
  return open_sqlite_member_directory(std::move(options), setup.clock);
}

using testing::MemberDirectorySuite;
INSTANTIATE_TEST_SUITE_P(Sqlite, MemberDirectorySuite, testing::member_directory_cases(open_sqlite_directory),
                         testing::member_directory_case_name);

}  // namespace
}  // namespace spider
