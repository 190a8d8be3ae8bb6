#include "spider/policy_core.hpp"
#include "spider/testing/scheduler_core_suite.hpp"
#include "support/policy_cores.hpp"

#include <chrono>
#include <memory>

namespace spider::inline v1::testing {
namespace {

auto fifo_core() -> std::unique_ptr<SchedulerCore> { return policy_core(); }
auto priority_core() -> std::unique_ptr<SchedulerCore> { return policy_core({.by_class = true}); }
auto pausing_core() -> std::unique_ptr<SchedulerCore> {
  return policy_core({.paused = std::chrono::milliseconds{300}});
}
auto small_core() -> std::unique_ptr<SchedulerCore> {
  return policy_core({}, {.buffered_max = 1, .poll_items_max = 1, .lane_quantum = 1, .reregister_after = 1});
}

INSTANTIATE_TEST_SUITE_P(PolicyCoreFifo, SchedulerCoreSuite, scheduler_core_cases(fifo_core),
                         scheduler_core_case_name);
INSTANTIATE_TEST_SUITE_P(PolicyCorePriority, SchedulerCoreSuite, scheduler_core_cases(priority_core),
                         scheduler_core_case_name);
INSTANTIATE_TEST_SUITE_P(PolicyCorePausing, SchedulerCoreSuite, scheduler_core_cases(pausing_core),
                         scheduler_core_case_name);
INSTANTIATE_TEST_SUITE_P(PolicyCoreSmall, SchedulerCoreSuite, scheduler_core_cases(small_core),
                         scheduler_core_case_name);

}  // namespace
}  // namespace spider::inline v1::testing
