#pragma once

/// `grouped`: a policy out of a GroupPicker (which group next) and an inner policy per group (which of
/// its entries). It does the bookkeeping once: dense group numbers, sizes, drops, memory of idle groups.
///
/// A group that has no entries is idle. Up to `idle_max` idle groups are remembered, with what picker
/// and inner policy know of them; beyond that the one that has been idle longest is forgotten, and its
/// number and its inner policy, cleared, serve the next new group.
///
/// Bound: (turns of the picker) · (bound of the inner policy within one group). `admit` and `next` cost
/// one table access by group and, unless grouped by job, one by job, beside what picker and inner policy
/// cost; `drop_job` visits only the groups that hold entries of the job.
///
/// Places: where the picker can tell whose turn is first, both, in O(groups with entries) beside what a
/// place of the inner policy costs; where it cannot, and the groups are resource groups, `in_group`.
/// Exact for resource groups if picker and inner policy are exact; otherwise an estimate.

#include "spider/scheduling_policy.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace spider {
inline namespace v1 {

enum class GroupBy : std::uint8_t { resource_group, job, priority_class };

struct GroupedOptions {
  std::size_t idle_max = 65'536;  ///< idle groups remembered, beside the active ones
};

/// Preconditions: `picker` and `inner` are not empty; what `inner` makes is work-conserving (asserted):
/// a group with entries must be able to answer when it is picked, or the pick would be charged for
/// nothing. `inner` is called once for the traits and then once per group that is held at the same time.
/// `next` throws std::logic_error when the picker names a group without entries.
[[nodiscard]] auto grouped(GroupBy by, std::unique_ptr<GroupPicker> picker, PolicyFactory inner,
                           GroupedOptions options = {}) -> std::unique_ptr<SchedulingPolicy>;

}  // namespace v1
}  // namespace spider
