#pragma once

/// The contract of a storage as a test suite. To hold an adapter to it:
///
///   auto open_mine(const spider::testing::StorageSetup& setup)
///       -> spider::Result<std::unique_ptr<spider::Storage>> { … }
///
///   using spider::testing::StorageSuite;
///   INSTANTIATE_TEST_SUITE_P(Mine, StorageSuite, spider::testing::storage_cases(open_mine),
///                            spider::testing::storage_case_name);
///
/// Each check opens an empty storage of its own and runs on one thread under a virtual clock; an adapter
/// that works on other threads holds the clock meanwhile (`VirtualClock::hold`). A check is also a plain
/// function from an opener to a list of broken promises: so the suite itself can be tested.

#include "spider/storage.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

struct StorageSetup {
  StorageLimits limits;  ///< to be honoured; `adapter` and `durable` are the adapter's to say
  VirtualClock& clock;   ///< outlives the storage
};

/// Opens an empty storage.
using OpenStorage = std::function<Result<std::unique_ptr<Storage>>(const StorageSetup&)>;

class StorageTrial;

struct StorageCheck {
  const char* rule;  ///< "T1" … "T15", "Q1" … "Q11", "R4" … "R14", "F13"
  const char* name;  ///< the promise, in PascalCase
  void (*run)(StorageTrial&);
};

/// All checks, by rule.
[[nodiscard]] auto storage_checks() -> std::span<const StorageCheck>;

/// Which promises the storage breaks, one sentence each, beginning with the rule; empty when it holds.
[[nodiscard]] auto broken_promises(const StorageCheck& check, const OpenStorage& open)
    -> std::vector<std::string>;

struct StorageCase {
  OpenStorage open;
  StorageCheck check;

  friend auto operator<<(std::ostream& out, const StorageCase& tested) -> std::ostream& {
    return out << tested.check.rule << ' ' << tested.check.name;
  }
};

class StorageSuite : public ::testing::TestWithParam<StorageCase> {};

[[nodiscard]] auto storage_cases(OpenStorage open) -> ::testing::internal::ParamGenerator<StorageCase>;
[[nodiscard]] auto storage_case_name(const ::testing::TestParamInfo<StorageCase>& info) -> std::string;

}  // namespace testing
}  // namespace v1
}  // namespace spider
