#pragma once

/// A pool under a virtual clock whose calls can be cut short, or interleaved with others, at any step.

#include "spider/sharded_worker_pool.hpp"
#include "spider/virtual_clock.hpp"
#include "support/pool_checks.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace spider {

class ShardedPoolTest : public ::testing::Test {
 public:
  auto open(std::uint64_t workers, ShardedWorkerPoolOptions options = {}) -> void {
    options.interrupt = [this](WorkerPoolStep step) { return at_step_ && at_step_(step); };
    pool_ = make_sharded_worker_pool(std::move(options), clock_).value();
    for (std::uint64_t worker = 1; worker <= workers; ++worker) {
      ASSERT_TRUE(run(pool_->add(WorkerInfo{WorkerId{worker}})));
    }
  }

  /// Runs `action` when the next call gets to `step`, once; the call is cut short where it answers true.
  auto at(WorkerPoolStep step, std::function<bool()> action) -> void {
    at_step_ = [this, step, action = std::move(action)](WorkerPoolStep reached) {
      if (reached != step) return false;
      const auto once = std::exchange(at_step_, nullptr);  // keeps this closure alive while it runs
      return action();
    };
  }
  auto crash_at(WorkerPoolStep step) -> void {
    at(step, [] { return true; });
  }
  /// Whether no call has got to the step that was asked for.
  [[nodiscard]] auto still_armed() const -> bool { return at_step_ != nullptr; }
  auto disarm() -> void { at_step_ = nullptr; }

  /// For calls that do not wait; also from within another call.
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    asio::io_context context;
    return block_on(context, std::move(work));
  }
  auto try_claim(std::uint64_t owner = 1, ActorId actor = {}) -> Result<std::optional<Claim>> {
    return run(pool_->claim(pool_request(owner, actor)));
  }
  auto claim(std::uint64_t owner = 1) -> std::optional<Claim> { return try_claim(owner).value(); }
  auto release(const Claim& claim) -> Result<void> { return run(pool_->release(claim)); }
  auto sweep(std::size_t limit = 100'000) -> Result<PoolSweep> {
    return run(pool_->sweep(clock_.now(), limit));
  }
  auto counts() -> WorkerCounts { return run(pool_->count()).value(); }

 protected:
  asio::io_context context_;
  VirtualClock clock_{context_};
  std::function<bool(WorkerPoolStep)> at_step_;
  std::unique_ptr<ShardedWorkerPool> pool_;
};

}  // namespace spider
