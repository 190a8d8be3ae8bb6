#include "spider/testing/worker_pool_trial.hpp"

// Who gets whom: exclusion, release, affinity, refusals.

#include <map>
#include <set>

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;

auto one_claimant_each(WorkerPoolTrial& trial) -> void {
  constexpr std::uint64_t kWorkers = 20;
  if (!trial.open_with(kWorkers)) return;
  std::set<WorkerId> taken;
  for (std::uint64_t owner = 1; owner <= kWorkers; ++owner) {
    const auto claim = trial.claim(owner);
    trial.expect(claim.has_value(), "while workers are idle, a claim gets one");
    if (!claim) return;
    trial.expect(taken.insert(claim->worker).second, "no worker is claimed twice");
    trial.expect(claim->owner == ClaimantId{owner}, "the claim is its claimant's");
    trial.expect(claim->lease_until == trial.clock().now() + WorkerPoolTrial::kLease,
                 "for the lease asked for");
  }
  trial.expect(!trial.claim(), "and then none");
}

auto pools_are_apart(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  trial.expect(trial.add(2, "gpu").has_value(), "a worker can be added to another pool");
  auto request = WorkerPoolTrial::request(1);
  request.pool = "gpu";
  const auto claim = trial.try_claim(request);
  trial.expect(claim && claim.value() && claim.value()->worker == WorkerId{2}, "a pool gives its own worker");
  const auto none = trial.try_claim(request);
  trial.expect(none && !none.value(), "and no other pool's");
}

auto release_is_idempotent(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto claim = trial.claim();
  if (!claim) return trial.expect(false, "an idle worker can be claimed");
  trial.expect(trial.release(*claim).has_value(), "a claim can be released");
  trial.expect(trial.release(*claim).has_value(), "twice");
  trial.expect(trial.claim().has_value(), "the worker can be claimed again");
  trial.expect(!trial.claim(), "once");
}

auto stale_release(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto first = trial.claim(1);
  if (!first) return trial.expect(false, "an idle worker can be claimed");
  trial.expect(trial.release(*first).has_value(), "a claim can be released");
  const auto second = trial.claim(1);
  if (!second) return trial.expect(false, "a released worker can be claimed");
  trial.expect(second->epoch > first->epoch, "epochs grow");
  trial.expect(refused(trial.release(*first), WorkerPoolErrc::stale_claim), "a stale release is refused");
  trial.expect(refused(trial.renew(*first), WorkerPoolErrc::stale_claim), "so is a stale renewal");
  trial.expect(!trial.claim(), "and does not free the next owner's worker");
  trial.expect(trial.release(*second).has_value(), "whose own release works");
  trial.expect(refused(trial.renew(*second), WorkerPoolErrc::stale_claim),
               "what was released cannot be renewed");
}

auto foreign_release(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto claim = trial.claim(1);
  if (!claim) return trial.expect(false, "an idle worker can be claimed");
  auto foreign = *claim;
  foreign.owner = ClaimantId{2};
  trial.expect(refused(trial.release(foreign), WorkerPoolErrc::foreign_claim),
               "another's claim cannot be released");
  trial.expect(refused(trial.renew(foreign), WorkerPoolErrc::foreign_claim), "nor renewed");
  auto invented = *claim;
  invented.epoch += 1;
  trial.expect(refused(trial.release(invented), WorkerPoolErrc::foreign_claim),
               "nor one that was never made");
  auto unknown = *claim;
  unknown.worker = WorkerId{99};
  trial.expect(refused(trial.release(unknown), WorkerPoolErrc::unknown_worker),
               "nor one of an unknown worker");
  auto misplaced = *claim;
  misplaced.place = ~std::uint64_t{0};
  trial.expect(!trial.claim(), "a refused release frees nothing");
  trial.expect(trial.release(misplaced).has_value(), "the place is a hint");
  trial.expect(trial.claim().has_value(), "the worker is free");
}

auto epochs_outlive_workers(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto first = trial.claim(1);
  if (!first) return trial.expect(false, "an idle worker can be claimed");
  trial.expect(trial.release(*first).has_value() && trial.remove(1).has_value(), "a worker can leave");
  trial.expect(refused(trial.release(*first), WorkerPoolErrc::unknown_worker),
               "its claims are of nobody then");
  trial.expect(trial.add(1).has_value(), "and it can return");
  trial.expect(refused(trial.release(*first), WorkerPoolErrc::stale_claim),
               "claims of its earlier life are stale");
  const auto second = trial.claim(1);
  if (!second) return trial.expect(false, "it can be claimed again");
  trial.expect(second->epoch > first->epoch, "epochs grow over its lives");
  trial.expect(refused(trial.release(*first), WorkerPoolErrc::stale_claim), "and fence its earlier holders");
  trial.expect(!trial.claim(), "who free nothing");
}

auto verdicts_differ(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  auto request = WorkerPoolTrial::request(1);
  request.pool = "nowhere";
  trial.expect(refused(trial.try_claim(request), WorkerPoolErrc::unknown_pool),
               "an unknown pool is an error");
  request.wait = 10s;
  trial.expect(refused(trial.try_claim(request), WorkerPoolErrc::unknown_pool), "also for who would wait");
  trial.expect(trial.claim().has_value(), "an idle worker is claimed");
  const auto none = trial.try_claim(WorkerPoolTrial::request(1));
  trial.expect(none && !none.value(), "none idle is an empty answer");
}

auto bad_claims(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(1)) return;
  const auto bad = [&trial](auto change) {
    auto request = WorkerPoolTrial::request(1);
    change(request);
    return refused(trial.try_claim(request), Errc::invalid_argument);
  };
  trial.expect(bad([](auto& request) { request.owner = {}; }), "owner 0 is refused");
  trial.expect(bad([](auto& request) { request.lease = WorkerPoolTrial::kHeartbeat - 1ns; }),
               "a lease shorter than the heartbeat is refused");
  trial.expect(bad([](auto& request) { request.lease = -1s; }), "a negative lease is refused");
  trial.expect(bad([](auto& request) { request.lease = 25h; }), "a lease over lease_max is refused");
  auto claim = trial.claim();
  if (!claim) return trial.expect(false, "refused claims take nothing");
  claim->lease = 1s;
  trial.expect(refused(trial.renew(*claim), Errc::invalid_argument), "a renewal's lease is checked, too");
}

auto last_of_the_actor(WorkerPoolTrial& trial) -> void {
  constexpr std::uint64_t kActors = 8;
  if (!trial.open_with(32)) return;
  std::map<std::uint64_t, WorkerId> served;
  std::vector<Claim> held;
  const auto claim_for = [&trial](std::uint64_t actor) {
    auto request = WorkerPoolTrial::request(1);
    request.actor = ActorId{actor};
    const auto claimed = trial.try_claim(request);
    return claimed ? claimed.value() : std::nullopt;
  };
  for (std::uint64_t actor = 1; actor <= kActors; ++actor) {
    const auto claim = claim_for(actor);
    if (!claim) return trial.expect(false, "an actor gets a worker");
    served[actor] = claim->worker;
    held.push_back(*claim);
  }
  for (const auto& claim : held) trial.expect(trial.release(claim).has_value(), "claims are released");
  for (std::uint64_t actor = kActors; actor >= 1; --actor) {
    const auto claim = claim_for(actor);
    trial.expect(claim && claim->worker == served[actor],
                 "the worker that served the actor last is tried first");
  }
  const auto other = claim_for(1);
  trial.expect(other && other->worker != served[1], "then any");
}

}  // namespace

auto worker_pool_claim_checks() -> std::span<const WorkerPoolCheck> {
  static constexpr WorkerPoolCheck kWorkerPoolClaimChecks[] = {
      {"W2", "OneClaimantEach", one_claimant_each},
      {"W2", "PoolsAreApart", pools_are_apart},
      {"W4", "ReleaseIsIdempotent", release_is_idempotent},
      {"W4", "StaleReleaseChangesNothing", stale_release},
      {"W4", "ForeignReleaseChangesNothing", foreign_release},
      {"W4", "EpochsOutliveWorkers", epochs_outlive_workers},
      {"W7", "VerdictsDiffer", verdicts_differ},
      {"W7", "BadClaimsAreRefused", bad_claims},
      {"W8", "LastOfTheActorIsTriedFirst", last_of_the_actor},
  };
  return kWorkerPoolClaimChecks;
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
