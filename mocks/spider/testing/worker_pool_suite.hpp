#pragma once

/// The contract of a worker pool as a test suite. To hold an implementation to it:
///
///   auto open_mine(const spider::testing::WorkerPoolSetup& setup)
///       -> spider::Result<std::unique_ptr<spider::WorkerPool>> { … }
///
///   using spider::testing::WorkerPoolSuite;
///   INSTANTIATE_TEST_SUITE_P(Mine, WorkerPoolSuite, spider::testing::worker_pool_cases(open_mine),
///                            spider::testing::worker_pool_case_name);
///
/// Each check opens an empty pool of its own and runs on one thread under a virtual clock; an
/// implementation that works on other threads holds the clock meanwhile (`VirtualClock::hold`). A check is
/// also a plain function from an opener to a list of broken promises: so the suite itself can be tested.
/// Limits: cost (W1), the spread over shards (W9) and crashes within a call (W3, W6) are not checked here.

#include "spider/virtual_clock.hpp"
#include "spider/worker_pool.hpp"

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

struct WorkerPoolSetup {
  WorkerPoolLimits limits;  ///< to be honoured
  VirtualClock& clock;      ///< outlives the pool
};

/// Opens an empty pool.
using OpenWorkerPool = std::function<Result<std::unique_ptr<WorkerPool>>(const WorkerPoolSetup&)>;

class WorkerPoolTrial;

struct WorkerPoolCheck {
  const char* rule;  ///< "W2" … "W12", as in worker_pool.hpp
  const char* name;  ///< the promise, in PascalCase
  void (*run)(WorkerPoolTrial&);
};

/// All checks, by rule.
[[nodiscard]] auto worker_pool_checks() -> std::span<const WorkerPoolCheck>;

/// Which promises the pool breaks, one sentence each, beginning with the rule; empty when it holds.
[[nodiscard]] auto broken_promises(const WorkerPoolCheck& check, const OpenWorkerPool& open)
    -> std::vector<std::string>;

struct WorkerPoolCase {
  OpenWorkerPool open;
  WorkerPoolCheck check;

  friend auto operator<<(std::ostream& out, const WorkerPoolCase& tested) -> std::ostream& {
    return out << tested.check.rule << ' ' << tested.check.name;
  }
};

class WorkerPoolSuite : public ::testing::TestWithParam<WorkerPoolCase> {};

[[nodiscard]] auto worker_pool_cases(OpenWorkerPool open)
    -> ::testing::internal::ParamGenerator<WorkerPoolCase>;
[[nodiscard]] auto worker_pool_case_name(const ::testing::TestParamInfo<WorkerPoolCase>& info) -> std::string;

}  // namespace testing
}  // namespace v1
}  // namespace spider
