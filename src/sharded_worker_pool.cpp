#include "spider/sharded_worker_pool.hpp"

#include "sharded_worker_pool/state.hpp"
#include "worker_pool_checks.hpp"

#include <bit>
#include <string>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

using detail::PlaceInLine;

/// Holds a place in the line until it has a worker, or its time is up.
template <class State>
auto claim_in_line(std::shared_ptr<State> state, detail::PoolPart* pool, ClaimRequest request)
    -> Async<std::optional<Claim>> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  const auto until = saturating_add(state->clock().now(), request.wait);
  PlaceInLine place{state, pool->line, state->clock()};
  if (!place.joined()) co_return Error{Errc::limit_exceeded, "waiting_max"};
  while (true) {
    const auto ticket = place.ticket();
    if (place.is_first()) {
      auto claimed = state->claim(*pool, request);
      if (!claimed && claimed.error() == WorkerPoolErrc::claim_conflict)
        continue;  // each look drops what lied
      if (!claimed || claimed.value()) co_return claimed;
    }
    const auto woken = co_await place.wait(ticket, until);
    if (woken) continue;
    if (woken.error() == Errc::timed_out) co_return std::optional<Claim>{};
    co_return woken.error();
  }
}

auto find_fault(const ShardedWorkerPoolOptions& options) -> const char* {
  if (const auto* fault = detail::find_fault(options.limits)) return fault;
  if (!std::has_single_bit(options.shards) || options.shards > 256) return "shards is no power of two ≤ 256";
  if (!std::has_single_bit(options.actors_remembered) || options.actors_remembered > (1U << 24U))
    return "actors_remembered is no power of two ≤ 2^24";
  return nullptr;
}

}  // namespace

ShardedWorkerPool::ShardedWorkerPool(std::shared_ptr<State> state) : state_{std::move(state)} {}

ShardedWorkerPool::~ShardedWorkerPool() { state_->close(); }

auto ShardedWorkerPool::add(WorkerInfo worker) -> Async<void> { co_return state_->add(worker); }

auto ShardedWorkerPool::remove(WorkerId worker) -> Async<void> { co_return state_->remove(worker); }

auto ShardedWorkerPool::claim(ClaimRequest request) -> Async<std::optional<Claim>> {
  const auto pool = state_->admit(request);
  if (!pool) co_return pool.error();
  if (!pool.value()->line.occupied()) {
    auto claimed = state_->claim(*pool.value(), request);
    if (!claimed || claimed.value() || request.wait <= Duration::zero()) co_return claimed;
  }
  if (request.wait <= Duration::zero()) co_return std::optional<Claim>{};
  auto waiting = claim_in_line(state_, pool.value(), std::move(request));
  co_return co_await std::move(waiting);
}

auto ShardedWorkerPool::release(Claim claim) -> Async<void> { co_return state_->release(claim); }

auto ShardedWorkerPool::renew(Claim claim) -> Async<void> { co_return state_->renew(claim); }

auto ShardedWorkerPool::sweep(TimePoint now, std::size_t limit) -> Async<PoolSweep> {
  co_return state_->sweep(now, limit);
}

auto ShardedWorkerPool::count() -> Async<WorkerCounts> { co_return state_->count(); }

auto ShardedWorkerPool::traffic(std::string_view pool) const -> std::vector<std::uint64_t> {
  return state_->traffic(pool);
}

auto make_sharded_worker_pool(ShardedWorkerPoolOptions options, Clock& clock)
    -> Result<std::unique_ptr<ShardedWorkerPool>> {
  if (const auto* fault = find_fault(options)) {
    return Error{Errc::invalid_argument, std::string{"worker pool: "} + fault};
  }
  auto state = std::make_shared<ShardedWorkerPool::State>(std::move(options), clock);
  return std::unique_ptr<ShardedWorkerPool>{new ShardedWorkerPool{std::move(state)}};
}

}  // namespace v1
}  // namespace spider
