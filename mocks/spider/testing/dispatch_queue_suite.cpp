#include "spider/testing/dispatch_queue_suite.hpp"

#include "spider/testing/dispatch_queue_trial.hpp"

#include <utility>

namespace spider {
inline namespace v1 {
namespace testing {

auto DispatchQueueTrial::open(DispatchQueueSetup setup) -> bool {
  auto opened = open_(setup, clock_);
  expect(opened.has_value(), "a queue of capacity " + std::to_string(setup.capacity) + " can be opened");
  if (!opened) return false;
  halves_ = std::move(opened).value();
  return true;
}

auto DispatchQueueTrial::item(std::uint64_t id, std::uint64_t session) -> TaskAssignment {
  TaskAssignment assignment;
  assignment.id = AssignmentId{id};
  assignment.job = JobId{id + 1000};
  assignment.session = SessionId{session};
  return assignment;
}

auto DispatchQueueTrial::fill(std::uint64_t first, std::uint64_t last, std::uint64_t session) -> std::size_t {
  std::size_t count = 0;
  for (auto id = first; id <= last; ++id) {
    if (sink().try_enqueue(item(id, session))) ++count;
  }
  return count;
}

auto DispatchQueueTrial::drain_ids() -> Ids {
  constexpr std::size_t kLimit = 100'000;  // a broken queue may never end
  Ids ids;
  while (ids.size() < kLimit) {
    const auto taken = source().try_dequeue();
    if (!taken || !taken.value()) break;
    ids.push_back(taken.value()->id.value);
    settle();
  }
  return ids;
}

auto DispatchQueueTrial::expect_ids(const Ids& actual, const Ids& expected, const std::string& promise)
    -> void {
  if (actual == expected) return;
  std::string got;
  for (const auto id : actual) {
    if (!got.empty()) got += ' ';
    got += std::to_string(id);
  }
  expect(false, promise + " (got: " + got + ")");
}

auto dispatch_queue_checks() -> std::span<const DispatchQueueCheck> {
  static const auto checks = [] {
    std::vector<DispatchQueueCheck> all;
    for (const auto part : {intake_checks(), session_checks(), delivery_checks(), shutdown_checks()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return checks;
}

auto broken_promises(const DispatchQueueCheck& check, const OpenDispatchQueue& open)
    -> std::vector<std::string> {
  DispatchQueueTrial trial{check.rule, open};
  check.run(trial);
  return trial.broken();
}

auto dispatch_queue_cases(OpenDispatchQueue open) -> ::testing::internal::ParamGenerator<DispatchQueueCase> {
  std::vector<DispatchQueueCase> cases;
  for (const auto& check : dispatch_queue_checks()) cases.push_back({open, check});
  return ::testing::ValuesIn(cases);
}

auto dispatch_queue_case_name(const ::testing::TestParamInfo<DispatchQueueCase>& info) -> std::string {
  return std::string{info.param.check.rule} + info.param.check.name;
}

TEST_P(DispatchQueueSuite, Holds) {
  for (const auto& promise : broken_promises(GetParam().check, GetParam().open)) {
    ADD_FAILURE() << "broken promise " << promise;
  }
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DispatchQueueSuite);

}  // namespace testing
}  // namespace v1
}  // namespace spider
