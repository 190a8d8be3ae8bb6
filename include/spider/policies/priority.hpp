#pragma once

/// `priority`: strict classes that cannot starve. Class 0 is the most urgent; within a class the inner
/// policy decides.
///
/// Two rules keep lower classes alive:
///  - A reserved share: after `share` − 1 decisions in a row for the most urgent class while lower ones
///    wait, one goes to a lower class, in turn over all that have entries.
///  - Bounded staleness: an entry that was held for `stale_after` goes ahead of every class, the one
///    held longest first, out of its job's oldest entry. It costs its group no turn. Time counts from
///    its admission: what waits in the storage is the storage's to order.
///
/// Where everything waits longer than `stale_after`, the order is that of admission and nothing else:
/// choose it longer than waits are in good times.
///
/// Bound, in decisions, with `classes` those with entries at any one time and `inner` the bound of the
/// inner policy within one class: `entries + share · max(classes − 1, 1) · inner`; `entries` are
/// those that became stale before it. So, while nothing is stale, an entry at depth d of its class starts
/// within share · (classes − 1) · d decisions, however much urgent work arrives. In time: an entry is
/// among the first `entries` once it is stale.
///
/// Work-conserving. Places are an estimate: as if classes were strict. Cost: beside that of the inner
/// policies, O(1) per `admit` and `next`, and 32 bytes per run of entries of one job admitted together.

#include "spider/error.hpp"
#include "spider/scheduling_policy.hpp"

#include <cstdint>
#include <memory>

namespace spider {
inline namespace v1 {

struct PriorityOptions {
  Duration stale_after = std::chrono::hours{24};  ///< > 0; Duration::max() = never
  std::uint32_t share = 8;  ///< one decision in so many goes to the lower classes; ≥ 2
};

/// `inner` is called once per class in use, and must make a work-conserving policy; `fifo` where it is
/// empty. Errors: `invalid_time` for a `stale_after` that is not positive; `invalid_argument` for a share
/// below 2.
[[nodiscard]] auto make_priority(PolicyFactory inner = {}, PriorityOptions options = {})
    -> Result<std::unique_ptr<SchedulingPolicy>>;

}  // namespace v1
}  // namespace spider
