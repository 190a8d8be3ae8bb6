#pragma once

/// Weighted `fair-share`: groups get service in proportion to their weights, never more than one task
/// ahead of an ideal server that serves all at once, and never more than one behind.
///
/// Earliest eligible virtual deadline first (Stoica and Abdel-Wahab 1995), worst-case fair like WF²Q+
/// (Bennett and Zhang 1997). Virtual time moves by 1 / (sum of weights) per entry; a group's next entry
/// is eligible once virtual time reaches what the group was charged so far, and due 1 / weight later;
/// of the eligible ones the one due first goes. A newcomer starts at the present and cannot claim the
/// past. A group that runs empty while it is ahead counts in the sum until virtual time has caught up:
/// otherwise those who come, take one entry and leave would be served at the cost of all others.
///
/// Weights are those of the entries (JobSpec::weight), or of `weights` for the groups it names. A new
/// weight counts from the next time that its group has work after it had none.
///
/// With `measured`, a group is charged the run time of its tasks instead of one each: at first what they
/// took lately, and corrected when `finished` tells. A task's charge is at least a microsecond.
///
/// Bounds, with `groups` the number of groups with work at any one time and `ratio` that of the
/// greatest weight to the smallest: a group with work is picked within 3 · ratio · (groups +
/// `departed_max`) + 1 picks; it is within one entry of its ideal share, unless more than
/// `departed_max` others ran empty ahead of theirs meanwhile, or costs are measured.
///
/// Cost: O(log groups) per pick, arrival and feedback. No places but those within a group.

#include "spider/error.hpp"
#include "spider/scheduling_policy.hpp"

#include <cstdint>
#include <map>
#include <memory>

namespace spider {
inline namespace v1 {

struct WeightedFairShareOptions {
  std::map<ResourceGroupId, double> weights{};  ///< each 0.001 … 1,000,000
  bool measured = false;                        ///< charge measured run time, not a count
  std::uint32_t departed_max = 512;  ///< groups that ran empty ahead of their share, and still count
};

/// Errors: `invalid_argument` for a weight that is not finite, not positive or out of range.
[[nodiscard]] auto weighted_fair_share_picker(WeightedFairShareOptions options = {})
    -> Result<std::unique_ptr<GroupPicker>>;

/// Over resource groups; within a group `inner`, or `fifo` where it is empty. Errors: as the picker.
[[nodiscard]] auto make_weighted_fair_share(PolicyFactory inner = {}, WeightedFairShareOptions options = {})
    -> Result<std::unique_ptr<SchedulingPolicy>>;

}  // namespace v1
}  // namespace spider
