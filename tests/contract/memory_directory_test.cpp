// The member directory of one process, held to the contract.

#include "spider/pull/memory_directory.hpp"
#include "spider/testing/member_directory_suite.hpp"

#include <gtest/gtest.h>

namespace spider {
namespace {

auto open_memory_directory(const testing::MemberDirectorySetup& setup)
    -> Result<std::unique_ptr<MemberDirectory>> {
  return make_memory_directory(setup.limits, setup.clock);
}

using testing::MemberDirectorySuite;
INSTANTIATE_TEST_SUITE_P(Memory, MemberDirectorySuite, testing::member_directory_cases(open_memory_directory),
                         testing::member_directory_case_name);

}  // namespace
}  // namespace spider
