#include "spider/testing/worker_pool_trial.hpp"

// Claims that wait.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;

/// Nobody else runs in between, unless the pool suspends.
auto release_and_claim(WorkerPool& pool, Claim held, ClaimRequest request) -> Async<std::optional<Claim>> {
  SPIDER_CO_TRY(co_await pool.release(held));
  auto claiming = pool.claim(std::move(request));
  co_return co_await std::move(claiming);
}

auto release_both(WorkerPool& pool, Claim first, Claim second) -> Async<void> {
  SPIDER_CO_TRY(co_await pool.release(first));
  co_return co_await pool.release(second);
}

auto two_returns_serve_two(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(2)) return;
  const auto held = trial.claim();
  const auto also_held = trial.claim();
  if (!held || !also_held) return trial.expect(false, "idle workers can be claimed");
  const auto first = trial.begin(WorkerPoolTrial::request(11, 1h));
  const auto second = trial.begin(WorkerPoolTrial::request(12, 1h));
  trial.expect(trial.run(release_both(trial.pool(), *held, *also_held)).has_value(), "claims are released");
  trial.settle();
  trial.expect(first->has_worker() && second->has_worker(), "two returns at once serve two who wait");
}

auto first_come_first_served(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(2)) return;
  const auto held = trial.claim();
  const auto also_held = trial.claim();
  if (!held || !also_held) return trial.expect(false, "idle workers can be claimed");
  const auto first = trial.begin(WorkerPoolTrial::request(11, 1h));
  const auto second = trial.begin(WorkerPoolTrial::request(12, 1h));
  const auto third = trial.begin(WorkerPoolTrial::request(13, 1h));
  trial.expect(!first->done() && !second->done() && !third->done(), "with none idle, claims wait");
  trial.expect(trial.release(*held).has_value(), "a claim can be released");
  trial.settle();
  trial.expect(first->has_worker() && !second->done(), "the first to come is the first served");
  trial.expect(trial.release(*also_held).has_value(), "another can be released");
  trial.settle();
  trial.expect(second->has_worker() && !third->done(), "then the second");
  if (!first->has_worker()) return;
  trial.expect(trial.release(*first->result->value()).has_value(), "who waited can release");
  trial.settle();
  trial.expect(third->has_worker(), "then the third");
}

auto nobody_claims_past_them(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto held = trial.claim();
  if (!held) return trial.expect(false, "an idle worker can be claimed");
  const auto first = trial.begin(WorkerPoolTrial::request(11, 1h));
  const auto second = trial.begin(WorkerPoolTrial::request(12, 1h));
  trial.expect(!trial.claim(13), "who does not wait finds none");
  const auto late = trial.run(release_and_claim(trial.pool(), *held, WorkerPoolTrial::request(13)));
  trial.expect(late && !late.value(), "and gets none of those for whom others wait");
  trial.settle();
  trial.expect(first->has_worker() && !second->done(), "they get it");
}

auto waits_end(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto held = trial.claim();
  if (!held) return trial.expect(false, "an idle worker can be claimed");
  const auto waiting = trial.begin(WorkerPoolTrial::request(11, 10s));
  trial.pass(10s - 1ns);
  trial.expect(!waiting->done(), "a claim waits for as long as it says");
  trial.pass(1ns);
  trial.expect(waiting->empty(), "and is empty then");
  trial.expect(trial.release(*held).has_value(), "a claim can be released");
  trial.expect(trial.claim().has_value(), "a wait that ended leaves nothing behind");
}

auto cancelled_claims_pass_on(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto held = trial.claim();
  if (!held) return trial.expect(false, "an idle worker can be claimed");
  const auto first = trial.begin(WorkerPoolTrial::request(11, 1h));
  const auto second = trial.begin(WorkerPoolTrial::request(12, 1h));
  trial.cancel(*first);
  trial.expect(first->failed_with(Errc::cancelled), "a claim that waits can be cancelled");
  trial.expect(!second->done(), "others wait on");
  trial.expect(trial.release(*held).has_value(), "a claim can be released");
  trial.settle();
  trial.expect(second->has_worker(), "and are served");
  trial.expect(trial.counts().claimed == 1, "the cancelled one has claimed nothing");
}

auto every_return_wakes(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  trial.claim();
  const auto for_add = trial.begin(WorkerPoolTrial::request(11, 1h));
  trial.expect(trial.add(2).has_value(), "a worker can be added");
  trial.settle();
  trial.expect(for_add->has_worker(), "a new worker serves who waits");
  const auto for_sweep = trial.begin(WorkerPoolTrial::request(12, 1h));
  trial.pass(WorkerPoolTrial::kLease);
  trial.expect(!for_sweep->done(), "who waits has no worker before a sweep");
  trial.sweep();
  trial.settle();
  trial.expect(for_sweep->has_worker(), "a sweep serves who waits");
}

auto the_line_is_bounded(WorkerPoolTrial& trial) -> void {
  WorkerPoolLimits limits;
  limits.waiting_max = 2;
  if (!trial.open_with(1, limits)) return;
  trial.claim();
  const auto first = trial.begin(WorkerPoolTrial::request(11, 1h));
  const auto second = trial.begin(WorkerPoolTrial::request(12, 1h));
  const auto third = trial.begin(WorkerPoolTrial::request(13, 1h));
  trial.expect(third->failed_with(Errc::limit_exceeded), "one more than waiting_max is refused");
  trial.expect(!first->done() && !second->done(), "the others wait");
  trial.drop_pool();
  trial.settle();
  trial.expect(first->failed_with(Errc::closed) && second->failed_with(Errc::closed),
               "when the pool is destroyed they answer `closed`");
}

}  // namespace

auto worker_pool_line_checks() -> std::span<const WorkerPoolCheck> {
  static constexpr WorkerPoolCheck kWorkerPoolLineChecks[] = {
      {"W10", "FirstComeFirstServed", first_come_first_served},
      {"W10", "TwoReturnsServeTwo", two_returns_serve_two},
      {"W10", "NobodyClaimsPastThem", nobody_claims_past_them},
      {"W10", "WaitsEnd", waits_end},
      {"W10", "CancelledClaimsPassOn", cancelled_claims_pass_on},
      {"W10", "EveryReturnWakes", every_return_wakes},
      {"W10", "TheLineIsBounded", the_line_is_bounded},
  };
  return kWorkerPoolLineChecks;
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
