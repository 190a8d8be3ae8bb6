#include "spider/testing/worker_pool_trial.hpp"

// Leases and the sweeper.

#include <algorithm>

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;
constexpr auto kLease = WorkerPoolTrial::kLease;

auto lapsed_claims_come_back(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto claim = trial.claim();
  if (!claim) return trial.expect(false, "an idle worker can be claimed");
  trial.pass(kLease - 1ns);
  trial.expect(trial.sweep().reclaimed == 0, "before the lease ends nothing is taken back");
  trial.pass(1ns);
  trial.expect(!trial.claim(), "a worker whose lease has lapsed is not idle before a sweep");
  trial.expect(trial.sweep().reclaimed == 1, "a sweep takes back what has lapsed");
  trial.expect(refused(trial.renew(*claim), WorkerPoolErrc::stale_claim), "the former claimant cannot renew");
  trial.expect(refused(trial.release(*claim), WorkerPoolErrc::stale_claim), "its release is stale");
  const auto next = trial.claim(2);
  trial.expect(next && next->epoch > claim->epoch, "the worker is claimed again, under a new epoch");
  trial.expect(!trial.claim(), "once");
  trial.expect(trial.sweep().reclaimed == 0, "and not swept again");
}

auto renewals_keep(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto claim = trial.claim();
  if (!claim) return trial.expect(false, "an idle worker can be claimed");
  for (int beat = 0; beat < 10; ++beat) {
    trial.pass(kLease / 2);
    trial.expect(trial.renew(*claim).has_value(), "a claim can be renewed");
    trial.expect(trial.sweep().reclaimed == 0, "what is renewed does not lapse");
  }
  trial.pass(kLease);
  trial.expect(trial.renew(*claim).has_value(), "what has lapsed is renewed, as long as nobody has swept");
  trial.expect(trial.sweep().reclaimed == 0, "and is safe then");
  trial.pass(kLease);
  trial.expect(trial.sweep().reclaimed == 1, "a renewal lasts as long as the lease");
}

auto sweeps_are_bounded(WorkerPoolTrial& trial) -> void {
  constexpr std::size_t kWorkers = 10;
  if (!trial.open_with(kWorkers)) return;
  for (std::size_t i = 0; i < kWorkers; ++i) trial.claim();
  trial.pass(kLease + 7s);
  std::size_t reclaimed = 0;
  for (int pass = 0; pass < 4; ++pass) {
    const auto swept = trial.sweep(3);
    trial.expect(swept.looked <= 3 && swept.reclaimed <= 3, "a sweep looks at no more than its limit");
    if (swept.reclaimed > 0) trial.expect(swept.oldest == 7s, "it says for how long the oldest was stranded");
    reclaimed += swept.reclaimed;
  }
  trial.expect(reclaimed == kWorkers, "the next goes on where it ended");
  trial.expect(trial.sweep().oldest == 0s, "nothing is stranded afterwards");
  trial.expect(refused(trial.run(trial.pool().sweep(trial.clock().now(), 0)), Errc::invalid_argument),
               "limit 0 is refused");
}

auto an_interval_is_enough(WorkerPoolTrial& trial) -> void {
  constexpr std::size_t kWorkers = 8;
  constexpr auto kInterval = 10s;
  if (!trial.open_with(kWorkers)) return;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    trial.claim();
    trial.pass(1s);
  }
  const auto end = trial.clock().now() + kLease + kInterval;
  while (trial.clock().now() < end) {
    trial.pass(kInterval);
    trial.sweep();
  }
  trial.expect_counts({.idle = kWorkers, .added = kWorkers}, "after lease + interval");
}

auto false_suspicion(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(2)) return;
  const auto slow = trial.claim(1);
  if (!slow) return trial.expect(false, "an idle worker can be claimed");
  const auto ahead = trial.run(trial.pool().sweep(trial.clock().now() + kLease, 1000));
  trial.expect(ahead && ahead.value().reclaimed == 1, "a sweeper whose clock is ahead takes a live claim");
  const auto first = trial.claim(2);
  const auto second = trial.claim(2);
  trial.expect(first && second && first->worker != second->worker, "the worker has one claimant then");
  trial.expect(!trial.claim(), "not two");
  trial.expect(refused(trial.renew(*slow), WorkerPoolErrc::stale_claim),
               "the first one learns of it at its renewal");
  trial.expect(refused(trial.release(*slow), WorkerPoolErrc::stale_claim),
               "or at its release, which frees nothing");
  trial.expect(!trial.claim(), "of the next owner");
}

}  // namespace

auto worker_pool_lease_checks() -> std::span<const WorkerPoolCheck> {
  static constexpr WorkerPoolCheck kWorkerPoolLeaseChecks[] = {
      {"W5", "LapsedClaimsComeBack", lapsed_claims_come_back},
      {"W5", "RenewalsKeepTheWorker", renewals_keep},
      {"W5", "LeaseAndIntervalAreEnough", an_interval_is_enough},
      {"W11", "SweepsAreBoundedAndResumed", sweeps_are_bounded},
      {"W11", "FalseSuspicionFencesTheClaimant", false_suspicion},
  };
  return kWorkerPoolLeaseChecks;
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
