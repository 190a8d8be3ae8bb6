#include "sim/idle_workers.hpp"

#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kLease = seconds{3};
constexpr auto kRenewal = seconds{1};
constexpr auto kSweepInterval = seconds{1};
constexpr std::size_t kAll = 1'000'000;
constexpr std::uint64_t kPurpose = 7;

}  // namespace

IdleWorkers::IdleWorkers(SimContext& context) : context_{context} {}

auto IdleWorkers::begin() -> void {
  if (context_.plan.idle_workers == 0) return;
  ShardedWorkerPoolOptions options;
  options.shards = 4;
  options.limits.heartbeat_interval = kRenewal;
  options.seed = context_.plan.seed;
  options.interrupt = [this](WorkerPoolStep step) {
    const bool of_claim = step == WorkerPoolStep::popped || step == WorkerPoolStep::recorded;
    const auto kind = of_claim ? FaultKind::worker_claim_crash : FaultKind::worker_release_crash;
    const bool cut = context_.fires(kind).has_value();
    if (cut && step == WorkerPoolStep::recorded)
      unknown_until_.push_back(saturating_add(context_.base.now(), kLease));
    return cut;
  };
  auto made = make_sharded_worker_pool(std::move(options), context_.base);
  if (!made) return context_.complain("setup", made.error().message());
  pool_ = std::move(made).value();
  context_.spawn(roster());
  context_.spawn(sweeper());
  for (std::uint64_t number = 0; number < context_.plan.claimants; ++number) context_.spawn(claimant(number));
}

// --- What is promised ------------------------------------------------------------------------------

auto IdleWorkers::claimed(const Claim& claim) -> void {
  context_.note(Note::worker, 1, claim.worker.value, claim.epoch, claim.owner.value);
  auto& held = ledger_[claim.worker];
  const auto worker = "worker " + std::to_string(claim.worker.value);
  if (claim.epoch <= held.epoch) context_.complain("I5", worker + ": its epoch did not grow");
  if (held.until > context_.base.now() && !held.suspected)
    context_.complain("I5", worker + " is claimed while it is held");
  held = {claim.epoch, saturating_add(context_.base.now(), claim.lease)};
}

auto IdleWorkers::written(const Claim& claim, const char* what) -> void {
  context_.note(Note::worker, 2, claim.worker.value, claim.epoch, claim.owner.value);
  if (ledger_[claim.worker].epoch <= claim.epoch) return;
  context_.complain("I5",
                    "worker " + std::to_string(claim.worker.value) + ": a stale " + what + " was accepted");
}

auto IdleWorkers::complain_unless_whole(const WorkerCounts& counts) -> void {
  const auto there = counts.idle + counts.claimed + counts.returning + counts.dead;
  if (there == counts.added - counts.removed) return;
  context_.complain("I6", std::to_string(there) + " workers of " +
                              std::to_string(counts.added - counts.removed) + " are accounted for");
}

/// Nothing is under way: a call ends, or is cut short, without a pause.
auto IdleWorkers::look_after_sweep() -> Async<void> {
  const auto counts = co_await pool_->count();
  if (!counts) co_return counts.error();
  const auto now = context_.base.now();
  std::erase_if(unknown_until_, [now](TimePoint until) { return until <= now; });
  std::uint64_t held = unknown_until_.size();
  for (const auto& [worker, claim] : ledger_) held += claim.until > now ? 1U : 0U;
  const auto away = counts.value().claimed + counts.value().returning + counts.value().dead;
  if (away > held)
    context_.complain("I7", std::to_string(away) + " workers are not idle after a sweep, and " +
                                std::to_string(held) + " are held");
  co_return success();
}

auto IdleWorkers::look() -> Async<void> {
  const auto counts = co_await pool_->count();
  if (counts) complain_unless_whole(counts.value());
  co_return success();
}

// --- Who uses it -----------------------------------------------------------------------------------

/// Claims a worker now and then; where a call is cut short, it has died, and another one begins.
auto IdleWorkers::claimant(std::uint64_t number) -> Async<void> {
  ClaimantId self{++claimants_};
  while (!context_.stopping) {
    const auto lot = context_.draw(kPurpose, ++draws_);
    (void)co_await context_.sleep(lot.between(milliseconds{1}, milliseconds{400}));
    ClaimRequest request{self};
    request.lease = kLease;
    request.actor = ActorId{lot.chance(0.5) ? number + 1 : 0};
    auto claiming = pool_->claim(std::move(request));
    const auto answer = co_await std::move(claiming);
    (void)co_await look();
    if (!answer && answer.error() == Errc::internal) self = ClaimantId{++claimants_};
    if (!answer || !answer.value()) continue;
    claimed(*answer.value());
    (void)co_await use(*answer.value(), lot.next(2));
  }
  co_return success();
}

/// Delivers to the worker, renews while it works, and releases it.
auto IdleWorkers::use(Claim claim, Draw lot) -> Async<void> {
  const bool delivered = !context_.fires(FaultKind::deliver_fails);
  const auto until = saturating_add(context_.base.now(),
                                    delivered ? lot.between(milliseconds{1}, seconds{6}) : Duration::zero());
  while (context_.base.now() < until && !context_.stopping) {
    const auto step = std::min<Duration>(kRenewal, until - context_.base.now());
    (void)co_await context_.sleep(step);
    const auto renewed = co_await pool_->renew(claim);
    if (!renewed) co_return success();  // it was taken for dead, or its worker is gone
    written(claim, "renewal");
    auto& held = ledger_[claim.worker];
    if (held.epoch != claim.epoch) continue;
    held.until = saturating_add(context_.base.now(), claim.lease);
  }
  auto& held = ledger_[claim.worker];
  if (held.epoch == claim.epoch) held.until = TimePoint{};  // from here on others may claim it
  const auto released = co_await pool_->release(claim);
  if (released) written(claim, "release");
  co_return co_await look();
}

auto IdleWorkers::add(WorkerId worker) -> Async<void> {
  WorkerInfo info{worker};
  auto adding = pool_->add(std::move(info));
  const auto added = co_await std::move(adding);
  (void)co_await look();
  co_return added;
}

/// Workers come, go without a word, and come back, as soon as nobody holds them.
auto IdleWorkers::roster() -> Async<void> {
  for (std::uint64_t worker = 1; worker <= context_.plan.idle_workers; ++worker)
    (void)co_await add(WorkerId{worker});
  while (!context_.stopping) {
    (void)co_await context_.sleep(milliseconds{250});
    const auto ghost = context_.fires(FaultKind::worker_ghost);
    if (!ghost) continue;
    const WorkerId worker{1 + ghost->below(context_.plan.idle_workers)};
    (void)co_await pool_->remove(worker);
    (void)co_await look();
    for (int attempt = 0; attempt < 20 && !context_.stopping; ++attempt) {
      (void)co_await context_.sleep(ghost->between(milliseconds{1}, milliseconds{500}));
      const auto added = co_await add(worker);
      if (added) break;
    }
  }
  co_return success();
}

auto IdleWorkers::sweep(Duration ahead) -> Async<void> {
  if (ahead > Duration::zero()) {
    for (auto& [worker, held] : ledger_) held.suspected = true;
  }
  auto sweeping = pool_->sweep(saturating_add(context_.base.now(), ahead), kAll);
  const auto swept = co_await std::move(sweeping);
  if (!swept) co_return co_await look();  // cut short
  context_.note(Note::worker, 3, swept.value().reclaimed, swept.value().completed, swept.value().removed);
  (void)co_await look_after_sweep();
  co_return co_await look();
}

auto IdleWorkers::sweeper() -> Async<void> {
  while (!context_.stopping) {
    (void)co_await context_.sleep(kSweepInterval);
    (void)co_await sweep({});
    if (context_.fires(FaultKind::sweeper_false_suspicion)) (void)co_await sweep(kLease);
  }
  co_return success();
}

auto IdleWorkers::close() -> void {
  if (!pool_) return;
  context_.base.run_for(kLease + kSweepInterval);
  (void)block_on(context_.base, sweep({}));
  const auto counted = block_on(context_.base, pool_->count());
  if (!counted) return context_.complain("I6", "workers cannot be counted: " + counted.error().message());
  const auto& counts = counted.value();
  complain_unless_whole(counts);
  if (counts.idle != counts.added - counts.removed)
    context_.complain("I7", std::to_string(counts.added - counts.removed - counts.idle) +
                                " workers are not back after lease and sweep");
  std::uint64_t claimable = 0;
  while (claimable <= counts.idle) {
    const auto claim = block_on(context_.base, pool_->claim(ClaimRequest{ClaimantId{++claimants_}}));
    if (!claim || !claim.value()) break;
    ++claimable;
  }
  if (claimable != counts.idle)
    context_.complain("I7", std::to_string(claimable) + " of " + std::to_string(counts.idle) +
                                " idle workers can be claimed");
}

}  // namespace spider::inline v1::sim
