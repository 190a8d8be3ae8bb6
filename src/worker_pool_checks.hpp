#pragma once

/// What every worker pool refuses, in the same words.

#include "spider/worker_pool.hpp"

namespace spider::inline v1::detail {

/// Null when each is in its range.
[[nodiscard]] auto find_fault(const WorkerPoolLimits& limits) -> const char*;

/// Errors: `invalid_argument`; `invalid_name`.
[[nodiscard]] auto check_worker(const WorkerInfo& info) -> Result<void>;

/// Errors: `invalid_argument`.
[[nodiscard]] auto check_lease(Duration lease, const WorkerPoolLimits& limits) -> Result<void>;
[[nodiscard]] auto check_request(const ClaimRequest& request, const WorkerPoolLimits& limits) -> Result<void>;

}  // namespace spider::inline v1::detail
