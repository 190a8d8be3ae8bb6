// The memory storage, held to the contract of storages.

#include "spider/storage/memory.hpp"
#include "spider/testing/storage_suite.hpp"

#include <gtest/gtest.h>

namespace spider {
namespace {

auto open_memory(const testing::StorageSetup& setup) -> Result<std::unique_ptr<Storage>> {
  return make_memory_storage({.limits = setup.limits}, setup.clock);
}

using testing::StorageSuite;
INSTANTIATE_TEST_SUITE_P(Memory, StorageSuite, testing::storage_cases(open_memory),
                         testing::storage_case_name);

}  // namespace
}  // namespace spider
