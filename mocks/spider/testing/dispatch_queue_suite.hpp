#pragma once

/// The contract of a dispatch queue as a test suite. To hold an implementation to it:
///
///   auto open_mine(spider::testing::DispatchQueueSetup setup, spider::Clock& clock)
///       -> spider::Result<spider::testing::DispatchQueueHalves> { … }
///
///   using spider::testing::DispatchQueueSuite;
///   INSTANTIATE_TEST_SUITE_P(Mine, DispatchQueueSuite, spider::testing::dispatch_queue_cases(open_mine),
///                            spider::testing::dispatch_queue_case_name);
///
/// Each check opens a queue of its own and runs on one thread under a virtual clock. A check is also a
/// plain function from an opener to a list of broken promises: so the suite itself can be tested.
/// Limits: rules that the two interfaces do not show (cost, memory, threads) are not checked here.

#include "spider/clock.hpp"
#include "spider/dispatch_queue.hpp"

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

struct DispatchQueueSetup {
  std::size_t capacity = 4;
  SessionId session{1};
};

struct DispatchQueueHalves {
  std::unique_ptr<DispatchQueueSink> sink;
  std::unique_ptr<DispatchQueueSource> source;
};

/// Opens an empty queue. Refuses capacity 0 with `invalid_argument`. The queue resumes a suspended
/// producer for each freed slot, and caps timed waits at no more than an hour.
using OpenDispatchQueue = std::function<Result<DispatchQueueHalves>(DispatchQueueSetup, Clock&)>;

class DispatchQueueTrial;

struct DispatchQueueCheck {
  const char* rule;  ///< "D1" … "D16", as in dispatch_channel.hpp
  const char* name;  ///< the promise, in PascalCase
  void (*run)(DispatchQueueTrial&);
};

/// All checks, by rule.
[[nodiscard]] auto dispatch_queue_checks() -> std::span<const DispatchQueueCheck>;

/// Which promises the queue breaks, one sentence each, beginning with the rule; empty when it holds.
[[nodiscard]] auto broken_promises(const DispatchQueueCheck& check, const OpenDispatchQueue& open)
    -> std::vector<std::string>;

struct DispatchQueueCase {
  OpenDispatchQueue open;
  DispatchQueueCheck check;

  friend auto operator<<(std::ostream& out, const DispatchQueueCase& tested) -> std::ostream& {
    return out << tested.check.rule << ' ' << tested.check.name;
  }
};

class DispatchQueueSuite : public ::testing::TestWithParam<DispatchQueueCase> {};

[[nodiscard]] auto dispatch_queue_cases(OpenDispatchQueue open)
    -> ::testing::internal::ParamGenerator<DispatchQueueCase>;
[[nodiscard]] auto dispatch_queue_case_name(const ::testing::TestParamInfo<DispatchQueueCase>& info)
    -> std::string;

}  // namespace testing
}  // namespace v1
}  // namespace spider
