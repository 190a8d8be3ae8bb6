#pragma once

/// `fair-share`: the group served longest ago goes next.
///
/// Groups never served go first, in order of arrival. When a group was last served is remembered while
/// it is idle, and moves only forward. Unweighted: each pick counts one.
///
/// Arrivals cannot starve those who wait. A group that gets work goes ahead of waiting groups that were
/// served more recently (a new one: of all that were served); but within one round, the time in which
/// every group that waited at its start is served, only `overtakes_max` arrivals may do so. Further
/// ones count as served at their arrival: they queue behind everyone. A wait spans at most two
/// rounds, hence the bound: a group with work is picked within `groups + 2 · overtakes_max` picks,
/// with `groups` the number of groups with work at any one time.
///
/// Against an ideal server that serves all groups at once, a group with work is less than one entry
/// behind or ahead, and one more behind for each arrival that overtakes it: `1 + 2 · overtakes_max`.
///
/// Places are exact over an inner policy with exact places (F8: a drain without arrivals follows them).
/// The one in the group changes only by the group's own events. A burst of another group raises the
/// global place of the r-th task of its group by at most r, own later submissions by 0.
///
/// Cost: O(1) per pick and per arrival; O(log returning groups) for one that comes back while groups
/// served after it wait. Not a sort, not a scan over groups.

#include "spider/scheduling_policy.hpp"

#include <cstdint>
#include <memory>

namespace spider {
inline namespace v1 {

struct FairShareOptions {
  std::uint32_t overtakes_max = 512;  ///< 0 = arrivals always queue behind everyone who waits
};

[[nodiscard]] auto fair_share_picker(FairShareOptions options = {}) -> std::unique_ptr<GroupPicker>;

/// `fair-share` over resource groups; within a group `inner`, or `fifo` where it is empty. Remembers
/// 65,536 idle groups.
[[nodiscard]] auto make_fair_share(PolicyFactory inner = {}, FairShareOptions options = {})
    -> std::unique_ptr<SchedulingPolicy>;

}  // namespace v1
}  // namespace spider
