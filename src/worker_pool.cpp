#include "spider/worker_pool.hpp"

#include "worker_pool_checks.hpp"

namespace spider {
inline namespace v1 {

namespace {

class PoolErrcCategory final : public std::error_category {
 public:
  [[nodiscard]] auto name() const noexcept -> const char* override { return "spider.worker_pool"; }
  [[nodiscard]] auto message(int code) const -> std::string override {
    switch (static_cast<WorkerPoolErrc>(code)) {
      case WorkerPoolErrc::unknown_pool: return "unknown worker pool";
      case WorkerPoolErrc::unknown_worker: return "unknown worker";
      case WorkerPoolErrc::stale_claim: return "stale claim";
      case WorkerPoolErrc::foreign_claim: return "foreign claim";
      case WorkerPoolErrc::claim_conflict: return "claim conflict";
    }
    return "unknown error";
  }
};

}  // namespace

auto worker_pool_error_category() noexcept -> const std::error_category& {
  static const PoolErrcCategory category;
  return category;
}

auto make_error_code(WorkerPoolErrc code) noexcept -> std::error_code {
  return {static_cast<int>(code), worker_pool_error_category()};
}

}  // namespace v1
}  // namespace spider

namespace spider::inline v1::detail {

auto find_fault(const WorkerPoolLimits& limits) -> const char* {
  if (limits.heartbeat_interval <= Duration::zero()) return "heartbeat_interval is not positive";
  if (limits.lease_max < limits.heartbeat_interval) return "lease_max is shorter than the heartbeat";
  if (limits.workers_max == 0 || limits.workers_max > (1U << 24U)) return "workers_max is not in 1 … 2^24";
  if (limits.pools_max == 0 || limits.pools_max > 4096) return "pools_max is not in 1 … 4096";
  return nullptr;
}

auto check_worker(const WorkerInfo& info) -> Result<void> {
  if (!info.worker) return Error{Errc::invalid_argument, "worker 0"};
  if (!is_valid_name(info.pool)) return Error{Errc::invalid_name, "pool: " + info.pool};
  return success();
}

auto check_lease(Duration lease, const WorkerPoolLimits& limits) -> Result<void> {
  if (lease < limits.heartbeat_interval)
    return Error{Errc::invalid_argument, "the lease is shorter than the heartbeat"};
  if (lease > limits.lease_max) return Error{Errc::invalid_argument, "the lease is longer than lease_max"};
  return success();
}

auto check_request(const ClaimRequest& request, const WorkerPoolLimits& limits) -> Result<void> {
  if (!request.owner) return Error{Errc::invalid_argument, "claim: owner 0"};
  return check_lease(request.lease, limits);
}

}  // namespace spider::inline v1::detail
