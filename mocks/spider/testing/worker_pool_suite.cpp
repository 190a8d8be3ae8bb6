#include "spider/testing/worker_pool_suite.hpp"

#include "spider/testing/worker_pool_trial.hpp"

#include <utility>

namespace spider {
inline namespace v1 {
namespace testing {

auto WorkerPoolTrial::open(WorkerPoolLimits limits) -> bool {
  auto opened = open_(WorkerPoolSetup{limits, clock_});
  expect(opened.has_value(), "an empty pool can be opened");
  if (!opened) return false;
  pool_ = std::move(opened).value();
  return true;
}

auto WorkerPoolTrial::open_with(std::uint64_t workers, WorkerPoolLimits limits) -> bool {
  if (!open(limits)) return false;
  for (std::uint64_t worker = 1; worker <= workers; ++worker) {
    const auto added = add(worker);
    expect(added.has_value(), "a worker can be added");
    if (!added) return false;
  }
  return true;
}

auto WorkerPoolTrial::add(std::uint64_t worker, std::string pool) -> Result<void> {
  return run(pool_->add(WorkerInfo{WorkerId{worker}, std::move(pool)}));
}

auto WorkerPoolTrial::request(std::uint64_t owner, Duration wait) -> ClaimRequest {
  ClaimRequest request{ClaimantId{owner}};
  request.lease = kLease;
  request.wait = wait;
  return request;
}

auto WorkerPoolTrial::claim(std::uint64_t owner) -> std::optional<Claim> {
  const auto claimed = try_claim(request(owner));
  expect(claimed.has_value(), "a sound claim is answered");
  return claimed ? claimed.value() : std::nullopt;
}

auto WorkerPoolTrial::sweep(std::size_t limit) -> PoolSweep {
  const auto swept = run(pool_->sweep(clock_.now(), limit));
  expect(swept.has_value(), "a sweep answers");
  return swept ? swept.value() : PoolSweep{};
}

auto WorkerPoolTrial::counts() -> WorkerCounts {
  const auto counted = run(pool_->count());
  expect(counted.has_value(), "workers can be counted");
  return counted ? counted.value() : WorkerCounts{};
}

auto WorkerPoolTrial::begin(ClaimRequest request) -> std::shared_ptr<WaitingClaim> {
  auto waiting = std::make_shared<WaitingClaim>();
  auto finish = [waiting](std::exception_ptr thrown, Result<std::optional<Claim>> result) {
    if (thrown) result = Error{Errc::internal, "an exception left the call"};
    waiting->result.emplace(std::move(result));
  };
  asio::co_spawn(context_, rooted(pool_->claim(std::move(request))),
                 asio::bind_cancellation_slot(waiting->signal.slot(), std::move(finish)));
  settle();
  return waiting;
}

auto WorkerPoolTrial::cancel(WaitingClaim& claim) -> void {
  claim.signal.emit(asio::cancellation_type::terminal);
  settle();
}

auto WorkerPoolTrial::expect_counts(WorkerCounts expected, const std::string& when) -> void {
  const auto actual = counts();
  expect(actual == expected, "counts " + when + ": idle " + std::to_string(actual.idle) + ", claimed " +
                                 std::to_string(actual.claimed) + ", returning " +
                                 std::to_string(actual.returning) + ", dead " + std::to_string(actual.dead) +
                                 ", added " + std::to_string(actual.added) + ", removed " +
                                 std::to_string(actual.removed));
}

auto worker_pool_checks() -> std::span<const WorkerPoolCheck> {
  static const auto checks = [] {
    std::vector<WorkerPoolCheck> all;
    for (const auto part : {worker_pool_claim_checks(), worker_pool_lease_checks(), worker_pool_line_checks(),
                            worker_pool_record_checks()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return checks;
}

auto broken_promises(const WorkerPoolCheck& check, const OpenWorkerPool& open) -> std::vector<std::string> {
  WorkerPoolTrial trial{check.rule, open};
  check.run(trial);
  return trial.broken();
}

auto worker_pool_cases(OpenWorkerPool open) -> ::testing::internal::ParamGenerator<WorkerPoolCase> {
  std::vector<WorkerPoolCase> cases;
  for (const auto& check : worker_pool_checks()) cases.push_back({open, check});
  return ::testing::ValuesIn(cases);
}

auto worker_pool_case_name(const ::testing::TestParamInfo<WorkerPoolCase>& info) -> std::string {
  return std::string{info.param.check.rule} + info.param.check.name;
}

TEST_P(WorkerPoolSuite, Holds) {
  for (const auto& promise : broken_promises(GetParam().check, GetParam().open)) {
    ADD_FAILURE() << "broken promise " << promise;
  }
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WorkerPoolSuite);

}  // namespace testing
}  // namespace v1
}  // namespace spider
