#pragma once

/// The contract of a SchedulerCore as a test suite. To hold a core to it:
///
///   auto make_mine() -> std::unique_ptr<spider::SchedulerCore> { … }
///
///   using spider::testing::SchedulerCoreSuite;
///   INSTANTIATE_TEST_SUITE_P(Mine, SchedulerCoreSuite, spider::testing::scheduler_core_cases(make_mine),
///                            spider::testing::scheduler_core_case_name);
///
/// Each check makes a core of its own and runs it on one thread under a virtual clock. A check is also a
/// plain function from a factory to a list of broken promises: so the suite itself can be tested.
///
/// What is expected of time: a core that polls by a tick passes as well as one that is woken, if it
/// reacts within 2 s; it recovers from storage trouble within a minute. The end after a cancellation
/// takes no time at all. One regular task that was decided on already (suspended in `enqueue`) may
/// still go in after its job was finalized or has ended.
/// Limits: how well a core decides, how much it buffers and how fast it is are not checked here.

#include "spider/scheduler_core.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

using MakeSchedulerCore = std::function<std::unique_ptr<SchedulerCore>()>;

class CoreTrial;

struct SchedulerCoreCheck {
  const char* rule;  ///< "C5" … "C12" of the core's rules, or "run": a promise of scheduler_core.hpp
  const char* name;  ///< the promise, in PascalCase
  void (*run)(CoreTrial& trial, std::size_t variant);
  std::size_t capacity = 64;  ///< of the dispatch queue
  std::size_t variants = 1;   ///< `run` is called for each below this, each with a core of its own
};

/// All checks, by rule.
[[nodiscard]] auto scheduler_core_checks() -> std::span<const SchedulerCoreCheck>;

/// Which promises the core breaks, one sentence each, beginning with the rule; empty when it holds.
[[nodiscard]] auto broken_promises(const SchedulerCoreCheck& check, const MakeSchedulerCore& make)
    -> std::vector<std::string>;

struct SchedulerCoreCase {
  MakeSchedulerCore make;
  SchedulerCoreCheck check;

  friend auto operator<<(std::ostream& out, const SchedulerCoreCase& tested) -> std::ostream& {
    return out << tested.check.rule << ' ' << tested.check.name;
  }
};

class SchedulerCoreSuite : public ::testing::TestWithParam<SchedulerCoreCase> {};

[[nodiscard]] auto scheduler_core_cases(MakeSchedulerCore make)
    -> ::testing::internal::ParamGenerator<SchedulerCoreCase>;
[[nodiscard]] auto scheduler_core_case_name(const ::testing::TestParamInfo<SchedulerCoreCase>& info)
    -> std::string;

}  // namespace testing
}  // namespace v1
}  // namespace spider
