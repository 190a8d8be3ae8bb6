#include "spider/testing/worker_pool_trial.hpp"

// Who is on record: adding, removing, counting.

#include "spider/rng.hpp"

#include <cstdlib>
#include <map>

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;

auto counts_add_up(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(3)) return;
  trial.expect_counts({.idle = 3, .added = 3}, "of idle workers");
  const auto claim = trial.claim();
  const auto other = trial.claim();
  if (!claim || !other) return trial.expect(false, "idle workers can be claimed");
  trial.expect_counts({.idle = 1, .claimed = 2, .added = 3}, "with two claimed");
  trial.expect(trial.remove(claim->worker.value).has_value(), "a claimed worker can be removed");
  trial.expect_counts({.idle = 1, .claimed = 1, .dead = 1, .added = 3}, "with one dead");
  trial.expect(trial.renew(*claim).has_value(), "its claimant keeps it");
  trial.expect(trial.release(*claim).has_value(), "until it releases it");
  trial.expect_counts({.idle = 1, .claimed = 1, .added = 3, .removed = 1}, "with one gone");
  trial.expect(trial.remove(other->worker.value).has_value(), "another can be removed");
  trial.pass(WorkerPoolTrial::kLease);
  trial.expect(trial.sweep().removed == 1, "a sweep removes the dead whose claim has lapsed");
  trial.expect_counts({.idle = 1, .added = 3, .removed = 2}, "at the end");
}

auto removed_workers_are_offered_to_nobody(WorkerPoolTrial& trial) -> void {
  if (!trial.open_with(3)) return;
  trial.expect(trial.remove(2).has_value(), "an idle worker can be removed");
  trial.expect(refused(trial.remove(2), WorkerPoolErrc::unknown_worker), "once");
  trial.expect(refused(trial.remove(99), WorkerPoolErrc::unknown_worker),
               "an unknown worker cannot be removed");
  const auto claim = trial.claim();
  if (!claim) return trial.expect(false, "an idle worker can be claimed");
  trial.expect(claim->worker != WorkerId{2}, "a removed worker is not claimed");
  trial.expect(trial.remove(claim->worker.value).has_value(), "a claimed worker can be removed");
  trial.expect(refused(trial.remove(claim->worker.value), WorkerPoolErrc::unknown_worker), "once");
  trial.expect(refused(trial.add(claim->worker.value), Errc::duplicate_name),
               "and cannot be added again while it is claimed");
  trial.expect(trial.release(*claim).has_value(), "its claim can be released");
  const auto last = trial.claim();
  trial.expect(last && last->worker != claim->worker, "it is not offered again");
  trial.expect(!trial.claim(), "to anybody");
  trial.expect(trial.add(claim->worker.value).has_value(), "but can be added again");
  trial.expect(trial.claim().has_value(), "and claimed then");
}

auto bad_workers(WorkerPoolTrial& trial) -> void {
  WorkerPoolLimits limits;
  limits.workers_max = 3;
  limits.pools_max = 2;
  if (!trial.open_with(1, limits)) return;
  trial.expect(refused(trial.add(0), Errc::invalid_argument), "worker 0 is refused");
  trial.expect(refused(trial.add(2, "no spaces"), Errc::invalid_name), "a pool's name is checked");
  trial.expect(refused(trial.add(1), Errc::duplicate_name), "a worker cannot be added twice");
  trial.expect(refused(trial.add(1, "gpu"), Errc::duplicate_name), "not to another pool either");
  trial.expect(trial.add(2, "gpu").has_value(), "a second pool fits");
  trial.expect(refused(trial.add(3, "third"), Errc::limit_exceeded), "a third does not");
  trial.expect(trial.add(3).has_value(), "a third worker fits");
  trial.expect(refused(trial.add(4), Errc::limit_exceeded), "a fourth does not");
  trial.expect_counts({.idle = 3, .added = 3}, "are those of what was accepted");
  trial.expect(trial.remove(3).has_value() && trial.add(4).has_value(), "what leaves makes room");
}

/// What a pool must be like after random calls: the claims that are held, by worker.
struct PoolModel {
  std::uint64_t workers = 0;
  std::map<WorkerId, Claim> held;
  std::vector<Claim> ended;
};

auto step(WorkerPoolTrial& trial, PoolModel& model, Rng& rng) -> void {
  const auto what = rng.below(10);
  if (what < 5) {
    const auto claim = trial.claim(1 + rng.below(4));
    trial.expect(claim.has_value() == (model.held.size() < model.workers),
                 "idle workers, and only they, are claimed");
    if (claim) trial.expect(model.held.emplace(claim->worker, *claim).second, "no worker is claimed twice");
    return;
  }
  if (what < 7 && !model.ended.empty()) {
    const auto& claim = model.ended[rng.below(model.ended.size())];
    const auto released = trial.release(claim);
    const bool held = model.held.contains(claim.worker);
    trial.expect(!held || refused(released, WorkerPoolErrc::stale_claim),
                 "a release of what has ended frees nothing");
    return;
  }
  if (what < 9 && !model.held.empty()) {
    auto chosen = model.held.begin();
    std::advance(chosen, rng.below(model.held.size()));
    trial.expect(trial.release(chosen->second).has_value(), "what is held can be released");
    model.ended.push_back(chosen->second);
    model.held.erase(chosen);
    return;
  }
  trial.pass(std::chrono::seconds{rng.below(20)});
  trial.sweep(1 + rng.below(8));
  std::erase_if(model.held, [&](const auto& entry) {
    if (trial.renew(entry.second)) return false;
    model.ended.push_back(entry.second);
    return true;
  });
}

auto random_calls(WorkerPoolTrial& trial) -> void {
  const auto* given = std::getenv("SPIDER_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 4711;
  PoolModel model;
  model.workers = 12;
  if (!trial.open_with(model.workers)) return;
  Rng rng{seed};
  for (int number = 0; number < 1500 && trial.broken().empty(); ++number) {
    step(trial, model, rng);
    const auto counts = trial.counts();
    const auto sum = counts.idle + counts.claimed + counts.returning + counts.dead;
    trial.expect(sum == counts.added - counts.removed, "the counts add up");
    trial.expect(counts.claimed == model.held.size(), "what is claimed is what is held");
  }
  if (!trial.broken().empty()) trial.expect(false, "SPIDER_SEED=" + std::to_string(seed));
}

}  // namespace

auto worker_pool_record_checks() -> std::span<const WorkerPoolCheck> {
  static constexpr WorkerPoolCheck kWorkerPoolRecordChecks[] = {
      {"W12", "CountsAddUp", counts_add_up},
      {"W12", "RemovedWorkersAreOfferedToNobody", removed_workers_are_offered_to_nobody},
      {"W12", "BadWorkersAreRefused", bad_workers},
      {"W12", "RandomCallsKeepTheSum", random_calls},
  };
  return kWorkerPoolRecordChecks;
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
