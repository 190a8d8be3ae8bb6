#pragma once

/// What one check of the worker pool suite works with: a pool, a virtual clock, short forms of the calls,
/// and the list of promises found broken. One thread.

#include "spider/testing/worker_pool_suite.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

/// A claim that may wait.
struct WaitingClaim {
  asio::cancellation_signal signal;
  std::optional<Result<std::optional<Claim>>> result;

  [[nodiscard]] auto done() const -> bool { return result.has_value(); }
  [[nodiscard]] auto has_worker() const -> bool { return done() && *result && result->value(); }
  [[nodiscard]] auto empty() const -> bool { return done() && *result && !result->value(); }
  [[nodiscard]] auto failed_with(Errc errc) const -> bool {
    return done() && result->has_error() && result->error() == errc;
  }
};

class WorkerPoolTrial {
 public:
  /// Of the limits, unless a check says otherwise.
  static constexpr Duration kHeartbeat = std::chrono::seconds{5};
  static constexpr Duration kLease = std::chrono::seconds{30};

  WorkerPoolTrial(std::string rule, const OpenWorkerPool& open)
      : rule_{std::move(rule)}, open_{open}, clock_{context_} {}

  auto open(WorkerPoolLimits limits = {}) -> bool;
  /// Opens a pool with workers 1 … `workers` in `default`.
  auto open_with(std::uint64_t workers, WorkerPoolLimits limits = {}) -> bool;
  [[nodiscard]] auto pool() -> WorkerPool& { return *pool_; }
  auto drop_pool() -> void { pool_.reset(); }
  [[nodiscard]] auto clock() -> VirtualClock& { return clock_; }

  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }
  auto add(std::uint64_t worker, std::string pool = "default") -> Result<void>;
  auto remove(std::uint64_t worker) -> Result<void> { return run(pool_->remove(WorkerId{worker})); }
  [[nodiscard]] static auto request(std::uint64_t owner, Duration wait = {}) -> ClaimRequest;
  auto claim(std::uint64_t owner = 1) -> std::optional<Claim>;
  auto try_claim(ClaimRequest request) -> Result<std::optional<Claim>> {
    return run(pool_->claim(std::move(request)));
  }
  auto release(const Claim& claim) -> Result<void> { return run(pool_->release(claim)); }
  auto renew(const Claim& claim) -> Result<void> { return run(pool_->renew(claim)); }
  auto sweep(std::size_t limit = 1000) -> PoolSweep;
  auto counts() -> WorkerCounts;
  /// Starts a claim and runs what is ready; time stands still.
  auto begin(ClaimRequest request) -> std::shared_ptr<WaitingClaim>;
  auto cancel(WaitingClaim& claim) -> void;
  auto settle() -> void { clock_.drain(); }
  auto pass(Duration duration) -> void { clock_.run_for(duration); }

  auto expect(bool holds, const std::string& promise) -> void {
    if (!holds) broken_.push_back(rule_ + ": " + promise);
  }
  auto expect_counts(WorkerCounts expected, const std::string& when) -> void;
  [[nodiscard]] auto broken() const -> const std::vector<std::string>& { return broken_; }

 private:
  std::string rule_;
  OpenWorkerPool open_;
  std::vector<std::string> broken_;
  asio::io_context context_;
  VirtualClock clock_;
  std::unique_ptr<WorkerPool> pool_;
};

[[nodiscard]] auto refused(const auto& result, auto code) -> bool {
  return result.has_error() && result.error() == code;
}

[[nodiscard]] auto worker_pool_claim_checks() -> std::span<const WorkerPoolCheck>;
[[nodiscard]] auto worker_pool_lease_checks() -> std::span<const WorkerPoolCheck>;
[[nodiscard]] auto worker_pool_line_checks() -> std::span<const WorkerPoolCheck>;
[[nodiscard]] auto worker_pool_record_checks() -> std::span<const WorkerPoolCheck>;

}  // namespace testing
}  // namespace v1
}  // namespace spider
