#pragma once

/// The contract of a member directory as a test suite. To hold an implementation to it:
///
///   auto open_mine(const spider::testing::MemberDirectorySetup& setup)
///       -> spider::Result<std::unique_ptr<spider::MemberDirectory>> { … }
///
///   using spider::testing::MemberDirectorySuite;
///   INSTANTIATE_TEST_SUITE_P(Mine, MemberDirectorySuite, spider::testing::member_directory_cases(open_mine),
///                            spider::testing::member_directory_case_name);
///
/// Each check opens an empty directory of its own and runs on one thread under a virtual clock; an
/// implementation that works on other threads holds the clock meanwhile (`VirtualClock::hold`). A check is
/// also a plain function from an opener to a list of broken promises: so the suite itself can be tested.
/// The rules: R1 who is active, by one clock. R2 one row per name, and the rows of the dead are collected.
/// R10 who left stays away. Limits: several processes at once, and crashes, are not checked here.

#include "spider/member_directory.hpp"
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

struct MemberDirectorySetup {
  MemberLimits limits;  ///< to be honoured
  VirtualClock& clock;  ///< the only source of time; outlives the directory
};

/// Opens an empty directory.
using OpenMemberDirectory =
    std::function<Result<std::unique_ptr<MemberDirectory>>(const MemberDirectorySetup&)>;

class MemberDirectoryTrial;

struct MemberDirectoryCheck {
  const char* rule;  ///< "R1", "R2", "R10"
  const char* name;  ///< the promise, in PascalCase
  void (*run)(MemberDirectoryTrial&);
};

/// All checks, by rule.
[[nodiscard]] auto member_directory_checks() -> std::span<const MemberDirectoryCheck>;

/// Which promises the directory breaks, one sentence each, beginning with the rule; empty when it holds.
[[nodiscard]] auto broken_promises(const MemberDirectoryCheck& check, const OpenMemberDirectory& open)
    -> std::vector<std::string>;

struct MemberDirectoryCase {
  OpenMemberDirectory open;
  MemberDirectoryCheck check;

  friend auto operator<<(std::ostream& out, const MemberDirectoryCase& tested) -> std::ostream& {
    return out << tested.check.rule << ' ' << tested.check.name;
  }
};

class MemberDirectorySuite : public ::testing::TestWithParam<MemberDirectoryCase> {};

[[nodiscard]] auto member_directory_cases(OpenMemberDirectory open)
    -> ::testing::internal::ParamGenerator<MemberDirectoryCase>;
[[nodiscard]] auto member_directory_case_name(const ::testing::TestParamInfo<MemberDirectoryCase>& info)
    -> std::string;

}  // namespace testing
}  // namespace v1
}  // namespace spider
