#pragma once

/// `fifo`: the leaf of every shipped stack of policies; it holds the entries.
///
/// Order: by the submission of the job (`created_at`, then job id), and within a job by admission. So
/// the tasks of one workflow run in the order in which they became ready, and an older job's tasks go
/// before a younger one's, also when they become ready later. Of a job whose entries disagree on
/// `created_at`, that of the first one held counts.
///
/// Bound: an entry is returned after at most `entries_ahead + 1` where all are of one job, and else
/// after at most `entries + older_arrivals` (see BacklogShape; those of its own resource group suffice
/// where `fifo` serves only one). Work-conserving. Places are exact.
///
/// Cost: `admit` and `next` O(log jobs), O(1) in entries; `drop_job` O(entries of the job). A place
/// costs O(log jobs); `in_group` O(jobs ahead) where one leaf holds several resource groups. The first
/// place that is asked for makes an index over all entries, which costs 16 to 32 bytes each from then on.
/// Memory: 80 bytes per entry and 56 to 72 per job, from chunks that grow without copying and are used
/// again; given back when the last policy on them is destroyed.

#include "spider/scheduling_policy.hpp"

#include <memory>

namespace spider {
inline namespace v1 {

/// One `fifo` by itself.
[[nodiscard]] auto make_fifo() -> std::unique_ptr<SchedulingPolicy>;

/// What `grouped` takes: makes `fifo`s that share their memory, so that thousands of them cost no more
/// than their entries. All policies made by copies of one factory must live on one strand.
[[nodiscard]] auto fifo_leaves() -> PolicyFactory;

}  // namespace v1
}  // namespace spider
