// What the contract of member directories does not show of the durable one: several on one file, restarts.

#include "spider/storage/sqlite_member_directory.hpp"

#include "sqlite_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace spider {
namespace {

using namespace std::chrono_literals;

class SqliteMemberDirectory : public ::testing::Test {
 protected:
  auto try_open(MemberLimits limits = {}) -> Result<std::unique_ptr<MemberDirectory>> {
    SqliteMemberDirectoryOptions options;
    options.file.path = folder_ / "file";
    options.file.synchronous = SqliteStorageOptions::Synchronous::normal;
    options.file.hold = [this] { return std::make_shared<VirtualClock::Hold>(clock_.hold()); };
    options.limits = limits;
    return open_sqlite_member_directory(std::move(options), clock_);
  }
  auto open() -> std::unique_ptr<MemberDirectory> { return try_open().value(); }
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }
  auto names(MemberDirectory& directory) -> std::string {
    const auto members = run(directory.active()).value();
    std::string all;
    for (const auto& member : members) all += member.name + ' ';
    return all;
  }

  TemporaryFolder folder_;
  asio::io_context context_;
  VirtualClock clock_{context_, TimePoint{1h}};
};

TEST_F(SqliteMemberDirectory, TwoOnOneFileSeeTheSameMembers) {
  const auto left = open();
  const auto right = open();
  const auto a = run(left->join(MemberInfo{"a"})).value();
  const auto b = run(right->join(MemberInfo{"b"})).value();
  EXPECT_NE(a, b);
  EXPECT_EQ(names(*left), "a b ");
  EXPECT_EQ(names(*right), "a b ");
  EXPECT_TRUE(run(right->leave(a)));
  EXPECT_EQ(run(left->ping(a)).error(), Errc::unknown_member);
  EXPECT_EQ(names(*left), "b ");
  const auto again = run(left->join(MemberInfo{"b"})).value();
  EXPECT_EQ(run(right->ping(b)).error(), Errc::unknown_member);
  EXPECT_TRUE(run(right->ping(again)));
}

TEST_F(SqliteMemberDirectory, TwoCollectEachRowOnce) {
  const auto left = open();
  const auto right = open();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(run(left->join(MemberInfo{"m" + std::to_string(i)})));
  clock_.run_for(30s + 1ns);
  EXPECT_EQ(run(left->collect(4)).value(), 4U);
  EXPECT_EQ(run(right->collect(4)).value(), 2U);
  EXPECT_EQ(run(left->collect(4)).value(), 0U);
}

TEST_F(SqliteMemberDirectory, RowsAndIdsOutliveTheProcess) {
  MemberId a;
  {
    const auto directory = open();
    a = run(directory->join(MemberInfo{"a"})).value();
  }
  const auto directory = open();
  EXPECT_EQ(names(*directory), "a ");
  EXPECT_TRUE(run(directory->ping(a)));
  EXPECT_TRUE(run(directory->leave(a)));
  EXPECT_GT(run(directory->join(MemberInfo{"a"})).value(), a) << "an id was drawn again";
}

TEST_F(SqliteMemberDirectory, LivesInTheFileOfAStorage) {
  SqliteStorageOptions file{folder_ / "file"};
  file.synchronous = SqliteStorageOptions::Synchronous::normal;
  SqliteFixture storage{std::move(file)};
  ASSERT_TRUE(storage.is_open());
  const auto directory = open();
  ASSERT_TRUE(run(directory->join(MemberInfo{"a"})));
  ASSERT_TRUE(storage.join());
  const auto job = storage.submit();
  ASSERT_TRUE(job);
  const auto polled = storage.poll();
  ASSERT_TRUE(polled);
  EXPECT_EQ(polled.value().size(), 1U);
  EXPECT_EQ(names(*directory), "a ");
  const auto checked = check_sqlite_storage(folder_ / "file");
  ASSERT_TRUE(checked);
  EXPECT_TRUE(checked.value().complaints.empty());
}

TEST_F(SqliteMemberDirectory, BadLimitsAreRefused) {
  MemberLimits limits;
  limits.active_for = 0s;
  EXPECT_EQ(try_open(limits).error(), Errc::invalid_argument);
  limits = {};
  limits.lost_after = limits.active_for - 1ns;
  EXPECT_EQ(try_open(limits).error(), Errc::invalid_argument);
  limits = {};
  limits.members_max = 0;
  EXPECT_EQ(try_open(limits).error(), Errc::invalid_argument);
}

}  // namespace
}  // namespace spider
