#pragma once

/// A durable worker pool under a virtual clock, with short forms of the calls. One thread.

#include "spider/storage/sqlite_worker_pool.hpp"
#include "spider/virtual_clock.hpp"
#include "support/pool_checks.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace spider {

class SqlitePoolFixture {
 public:
  explicit SqlitePoolFixture(SqliteStorageOptions file, TimePoint start = TimePoint{std::chrono::hours{1}})
      : clock_{context_, start} {
    SqliteWorkerPoolOptions options;
    options.file = std::move(file);
    options.file.hold = [this] { return std::make_shared<VirtualClock::Hold>(clock_.hold()); };
    auto opened = open_sqlite_worker_pool(std::move(options), clock_);
    if (opened) pool_ = std::move(opened).value();
  }

  [[nodiscard]] auto is_open() const -> bool { return pool_ != nullptr; }
  auto close() -> void { pool_.reset(); }
  [[nodiscard]] auto clock() -> VirtualClock& { return clock_; }

  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }
  auto add(std::uint64_t worker) -> Result<void> { return run(pool_->add(WorkerInfo{WorkerId{worker}})); }
  auto remove(std::uint64_t worker) -> Result<void> { return run(pool_->remove(WorkerId{worker})); }
  auto try_claim(std::uint64_t owner = 1, ActorId actor = {}) -> Result<std::optional<Claim>> {
    return run(pool_->claim(pool_request(owner, actor)));
  }
  auto release(const Claim& claim) -> Result<void> { return run(pool_->release(claim)); }
  auto renew(const Claim& claim) -> Result<void> { return run(pool_->renew(claim)); }
  auto sweep() -> Result<PoolSweep> { return run(pool_->sweep(clock_.now(), 100'000)); }
  auto counts() -> WorkerCounts { return run(pool_->count()).value(); }

 private:
  asio::io_context context_;
  VirtualClock clock_;
  std::unique_ptr<WorkerPool> pool_;
};

}  // namespace spider
