#pragma once

/// A policy that looks over another one's shoulder: how far do groups get ahead of an ideal server, or
/// behind it, that serves all groups with work at once, in proportion to their weights?

#include "spider/scheduling_policy.hpp"

#include <memory>
#include <optional>

namespace spider::cli {

struct LagFigures {
  double largest = 0;           ///< in entries, of any group at any decision
  std::optional<double> bound;  ///< what the policy declares
};

/// Decides as `policy` does. Writes to `figures`, which may be read when the policy is not at work. A
/// group that runs empty ahead of its share counts until the ideal server has caught up.
[[nodiscard]] auto with_lag_meter(std::unique_ptr<SchedulingPolicy> policy,
                                  std::shared_ptr<LagFigures> figures) -> std::unique_ptr<SchedulingPolicy>;

}  // namespace spider::cli
