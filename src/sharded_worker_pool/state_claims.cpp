// Claims: made, renewed and ended.

#include "sharded_worker_pool/state.hpp"
#include "worker_pool_checks.hpp"

#include <string>

namespace spider {
inline namespace v1 {

namespace {

using detail::WorkerRecord;
using detail::WorkerState;

/// Whether the record's present claim, or the one that ended last, is this one.
auto check_claim(const WorkerRecord& record, const Claim& claim) -> Result<void> {
  if (record.epoch > claim.epoch) return Error{WorkerPoolErrc::stale_claim};
  if (record.epoch < claim.epoch || record.owner != claim.owner) return Error{WorkerPoolErrc::foreign_claim};
  return success();
}

auto is_held(const WorkerRecord& record) -> bool {
  return record.state == WorkerState::claimed || record.state == WorkerState::dead;
}

}  // namespace

auto ShardedWorkerPool::State::admit(const ClaimRequest& request) const -> Result<detail::PoolPart*> {
  SPIDER_TRY(detail::check_request(request, options_.limits));
  auto* pool = pools_.find(request.pool);
  if (pool == nullptr) return Error{WorkerPoolErrc::unknown_pool, request.pool};
  return pool;
}

auto ShardedWorkerPool::State::take(const detail::PoolPart& pool, WorkerSlot slot,
                                    const ClaimRequest& request, TimePoint now) -> std::optional<Claim> {
  auto& record = slab_[slot];
  const std::scoped_lock lock{record.lock};
  const bool free = record.state == WorkerState::idle || record.state == WorkerState::returning;
  if (!free || record.pool != pool.number) return std::nullopt;
  record.state = WorkerState::claimed;
  record.owner = request.owner;
  record.lease_until = saturating_add(now, request.lease);
  record.changed_at = now;
  return Claim{record.worker, record.owner, ++record.epoch, request.lease, record.lease_until, slot};
}

auto ShardedWorkerPool::State::take_last_of(detail::PoolPart& pool, const ClaimRequest& request,
                                            TimePoint now) -> Result<std::optional<Claim>> {
  const auto slot = pool.actors.find(request.actor);
  if (slot == detail::kNoSlot) return std::nullopt;
  auto& record = slab_[slot];
  {
    const std::scoped_lock lock{record.lock};
    if (record.pool != pool.number || record.state != WorkerState::idle) return std::nullopt;
    pool.idle.unlink(slot);
  }
  if (interrupted(WorkerPoolStep::popped)) return Error{Errc::internal, "worker pool: interrupted"};
  return take(pool, slot, request, now);
}

auto ShardedWorkerPool::State::take_any(detail::PoolPart& pool, const ClaimRequest& request, TimePoint now)
    -> Result<std::optional<Claim>> {
  const auto first = pool.idle.fuller_of_two();
  std::size_t lies = 0;
  for (std::size_t step = 0; step < pool.idle.shards();) {
    const auto slot = pool.idle.pop(first + step);
    if (slot == detail::kNoSlot) {
      ++step;
      continue;
    }
    if (interrupted(WorkerPoolStep::popped)) return Error{Errc::internal, "worker pool: interrupted"};
    if (auto claim = take(pool, slot, request, now)) return claim;
    if (++lies == ShardedWorkerPoolOptions::kLiesMax) return Error{WorkerPoolErrc::claim_conflict};
  }
  return std::nullopt;
}

auto ShardedWorkerPool::State::claim(detail::PoolPart& pool, const ClaimRequest& request)
    -> Result<std::optional<Claim>> {
  const auto now = clock_.now();
  Result<std::optional<Claim>> claimed{std::nullopt};
  if (request.actor) claimed = take_last_of(pool, request, now);
  if (claimed && !claimed.value()) claimed = take_any(pool, request, now);
  if (!claimed || !claimed.value()) return claimed;
  if (request.actor) pool.actors.remember(request.actor, static_cast<WorkerSlot>(claimed.value()->place));
  if (interrupted(WorkerPoolStep::recorded)) return Error{Errc::internal, "worker pool: interrupted"};
  return claimed;
}

auto ShardedWorkerPool::State::slot_of(const Claim& claim) -> WorkerSlot {
  const std::scoped_lock roster{roster_mutex_};
  return roster_.find(claim.worker);
}

template <class Act>
auto ShardedWorkerPool::State::on_record(const Claim& claim, Act act) -> Result<Errand> {
  if (!claim.worker) return Error{WorkerPoolErrc::unknown_worker, "worker 0"};
  auto slot = static_cast<WorkerSlot>(claim.place);
  if (claim.place < slab_.used()) {
    auto& record = slab_[slot];
    const std::scoped_lock lock{record.lock};
    if (record.worker == claim.worker) return act(record, slot);
  }
  slot = slot_of(claim);
  if (slot == detail::kNoSlot)
    return Error{WorkerPoolErrc::unknown_worker, std::to_string(claim.worker.value)};
  auto& record = slab_[slot];
  const std::scoped_lock lock{record.lock};
  if (record.worker != claim.worker)
    return Error{WorkerPoolErrc::unknown_worker, std::to_string(claim.worker.value)};
  return act(record, slot);
}

auto ShardedWorkerPool::State::release(const Claim& claim) -> Result<void> {
  const auto end_claim = [&claim](WorkerRecord& record, WorkerSlot slot) -> Result<Errand> {
    SPIDER_TRY(check_claim(record, claim));
    if (!is_held(record)) return Errand{};
    const bool dead = record.state == WorkerState::dead;
    record.state = dead ? WorkerState::gone : WorkerState::returning;
    if (dead) record.worker = {};
    return Errand{dead ? Errand::Kind::bury : Errand::Kind::bring_home, slot, record.pool, record.epoch,
                  claim.worker};
  };
  SPIDER_TRY(const auto errand, on_record(claim, end_claim));
  return run(errand);
}

auto ShardedWorkerPool::State::renew(const Claim& claim) -> Result<void> {
  SPIDER_TRY(detail::check_lease(claim.lease, options_.limits));
  const auto now = clock_.now();
  const auto extend = [&claim, now](WorkerRecord& record, WorkerSlot) -> Result<Errand> {
    SPIDER_TRY(check_claim(record, claim));
    if (!is_held(record)) return Error{WorkerPoolErrc::stale_claim};
    record.lease_until = saturating_add(now, claim.lease);
    record.changed_at = now;
    return Errand{};
  };
  SPIDER_TRY(on_record(claim, extend));
  return success();
}

}  // namespace v1
}  // namespace spider
