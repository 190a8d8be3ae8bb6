#include "sharded_worker_pool/state.hpp"

#include "worker_pool_checks.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

auto interruption() -> Error { return {Errc::internal, "worker pool: interrupted, as it was asked to be"}; }

}  // namespace

ShardedWorkerPool::State::State(ShardedWorkerPoolOptions options, Clock& clock)
    : options_{std::move(options)},
      clock_{clock},
      slab_{options_.limits.workers_max},
      pools_{options_.limits.pools_max},
      roster_{slab_} {}

// --- Workers come and go ---------------------------------------------------------------------------

auto ShardedWorkerPool::State::register_worker(const WorkerInfo& info) -> Result<Errand> {
  const auto now = clock_.now();
  const std::scoped_lock roster{roster_mutex_};
  if (roster_.find(info.worker) != detail::kNoSlot) {
    return Error{Errc::duplicate_name, "worker " + std::to_string(info.worker.value)};
  }
  auto* pool = pools_.find(info.pool);
  if (pool == nullptr && pools_.full()) return Error{Errc::limit_exceeded, "pools_max"};
  WorkerSlot slot = detail::kNoSlot;
  try {
    if (pool == nullptr) pool = &pools_.insert(info.pool, slab_, options_);
    slot = roster_.enter(info.worker);
  } catch (const std::bad_alloc&) {
    return Error{Errc::limit_exceeded, "out of memory"};
  }
  if (slot == detail::kNoSlot) return Error{Errc::limit_exceeded, "workers_max"};
  auto& record = slab_[slot];
  const std::scoped_lock lock{record.lock};
  record.state = WorkerState::returning;
  record.pool = pool->number;
  record.worker = info.worker;
  record.owner = {};
  record.epoch = roster_.fresh_epoch();
  record.changed_at = now;
  return Errand{Errand::Kind::bring_home, slot, record.pool, record.epoch, info.worker};
}

auto ShardedWorkerPool::State::add(const WorkerInfo& info) -> Result<void> {
  SPIDER_TRY(detail::check_worker(info));
  SPIDER_TRY(const auto errand, register_worker(info));
  return run(errand);
}

auto ShardedWorkerPool::State::remove(WorkerId worker) -> Result<void> {
  const std::scoped_lock roster{roster_mutex_};
  const auto slot = roster_.find(worker);
  if (slot == detail::kNoSlot) return Error{WorkerPoolErrc::unknown_worker, std::to_string(worker.value)};
  auto& record = slab_[slot];
  const std::scoped_lock lock{record.lock};
  switch (record.state) {
    case WorkerState::claimed: record.state = WorkerState::dead; return success();
    case WorkerState::idle:
    case WorkerState::returning: break;
    case WorkerState::dead:
    case WorkerState::gone: return Error{WorkerPoolErrc::unknown_worker, std::to_string(worker.value)};
  }
  pools_[record.pool].idle.unlink(slot);
  record.state = WorkerState::gone;
  record.worker = {};
  roster_.strike(worker, record.epoch);
  return success();
}

// --- The way home ----------------------------------------------------------------------------------

auto ShardedWorkerPool::State::put_into_index(const Errand& errand) -> bool {
  auto& pool = pools_[errand.pool];
  {
    auto& record = slab_[errand.slot];
    const std::scoped_lock lock{record.lock};
    const bool free = record.state == WorkerState::returning || record.state == WorkerState::idle;
    if (!free || record.epoch != errand.epoch) return false;
    pool.idle.push(errand.slot);
  }
  if (pool.line.occupied()) pool.line.wake_first();
  return true;
}

auto ShardedWorkerPool::State::run(const Errand& errand) -> Result<void> {
  if (errand.kind == Errand::Kind::none) return success();
  if (errand.kind == Errand::Kind::bury) {
    const std::scoped_lock roster{roster_mutex_};
    roster_.strike(errand.worker, errand.epoch);
    return success();
  }
  const bool returns = errand.kind == Errand::Kind::bring_home;
  if (returns && interrupted(WorkerPoolStep::returning)) return interruption();
  if (!put_into_index(errand)) return success();  // somebody else has brought it home, or has claimed it
  if (!returns) return success();
  if (interrupted(WorkerPoolStep::indexed)) return interruption();
  auto& record = slab_[errand.slot];
  const std::scoped_lock lock{record.lock};
  if (record.state == WorkerState::returning && record.epoch == errand.epoch)
    record.state = WorkerState::idle;
  return success();
}

auto ShardedWorkerPool::State::sweep_one(WorkerSlot slot, TimePoint now, PoolSweep& report) -> Errand {
  auto& record = slab_[slot];
  const std::scoped_lock lock{record.lock};
  const bool lapsed = record.lease_until <= now;
  auto since = record.changed_at;
  auto kind = Errand::Kind::bring_home;
  switch (record.state) {
    case WorkerState::gone: return {};
    case WorkerState::idle:
      if (record.shard.load(std::memory_order_relaxed) != detail::kNoShard) return {};
      kind = Errand::Kind::index;
      ++report.completed;
      break;
    case WorkerState::returning: ++report.completed; break;
    case WorkerState::claimed:
      if (!lapsed) return {};
      since = record.lease_until;
      record.state = WorkerState::returning;
      ++record.epoch;
      ++report.reclaimed;
      break;
    case WorkerState::dead:
      if (!lapsed) return {};
      since = record.lease_until;
      record.state = WorkerState::gone;
      kind = Errand::Kind::bury;
      ++report.removed;
      break;
  }
  report.oldest = std::max(report.oldest, now - since);
  Errand errand{kind, slot, record.pool, record.epoch, record.worker};
  if (kind == Errand::Kind::bury) record.worker = {};
  return errand;
}

auto ShardedWorkerPool::State::next_slots(std::size_t used, std::size_t count) -> std::size_t {
  auto first = cursor_.load(std::memory_order_relaxed);
  while (!cursor_.compare_exchange_weak(first, (first + count) % used, std::memory_order_relaxed)) {
  }
  return first;
}

auto ShardedWorkerPool::State::sweep(TimePoint now, std::size_t limit) -> Result<PoolSweep> {
  if (limit == 0) return Error{Errc::invalid_argument, "sweep: limit 0"};
  PoolSweep report;
  const auto used = slab_.used();
  if (used == 0) return report;
  const auto count = std::min(limit, used);
  const auto first = next_slots(used, count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto slot = static_cast<WorkerSlot>((first + i) % used);
    SPIDER_TRY(run(sweep_one(slot, now, report)));
    ++report.looked;
  }
  return report;
}

auto ShardedWorkerPool::State::count() -> WorkerCounts {
  const std::scoped_lock roster{roster_mutex_};
  WorkerCounts counts;
  counts.added = roster_.added();
  counts.removed = roster_.removed();
  for (WorkerSlot slot = 0; slot < slab_.used(); ++slot) {
    auto& record = slab_[slot];
    const std::scoped_lock lock{record.lock};
    switch (record.state) {
      case WorkerState::gone: break;
      case WorkerState::idle: ++counts.idle; break;
      case WorkerState::claimed: ++counts.claimed; break;
      case WorkerState::returning: ++counts.returning; break;
      case WorkerState::dead: ++counts.dead; break;
    }
  }
  return counts;
}

auto ShardedWorkerPool::State::traffic(std::string_view pool) const -> std::vector<std::uint64_t> {
  const auto* part = pools_.find(pool);
  return part == nullptr ? std::vector<std::uint64_t>{} : part->idle.traffic();
}

auto ShardedWorkerPool::State::close() -> void {
  const std::scoped_lock roster{roster_mutex_};
  for (std::uint32_t number = 0; number < pools_.size(); ++number) pools_[number].line.close();
}

}  // namespace v1
}  // namespace spider
