#pragma once

/// One poll of a lane while it goes through the rotations.

#include "spider/slots.hpp"
#include "sqlite/rows.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spider::inline v1::detail {

/// How far a poll that asks for some slots has looked: it passes over what is none of its own without
/// touching the rotations. By `turn`, and within a job by position.
struct SlotCursors {
  std::map<std::pair<QueueId, PriorityClass>, std::uint64_t> groups;
  std::map<BacklogKey, std::uint64_t> jobs;
  std::unordered_map<JobId, std::int64_t> tasks;
  TimePoint next_due = kForever;  ///< of those that it has passed over until they are due
};

/// Which of the lower classes of a queue is next; see StorageLimits::lower_class_share.
struct ClassShare {
  std::uint32_t urgent_offers = 0;
  int lower_served = 0;
};

struct OfferPoll {
  struct Aside {
    BacklogKey key;
    std::vector<JobId> jobs;
  };

  const SchedulerRow& scheduler;
  std::size_t items_max = 0;
  std::size_t per_group_max = 0;
  std::size_t per_job_max = 0;
  std::vector<InboundEntry> entries{};
  std::unordered_map<ResourceGroupId, std::size_t> group_taken{};
  std::unordered_map<JobId, std::size_t> job_taken{};
  std::vector<Aside> jobs_aside{};
  std::vector<BacklogKey> groups_aside{};
  std::map<BacklogKey, std::deque<JobTurn>> fronts{};  ///< the first jobs of each group's rotation
  std::map<BacklogKey, std::uint64_t> turns_passed{};  ///< stored turns of jobs that have left it

  std::uint64_t lease = 0;  ///< the number of the one that holds `leased`
  std::vector<TaskRef> leased{};

  const SlotFilter* slots = nullptr;  ///< none: all tasks
  SlotCursors cursors{};
  std::size_t looks_left = 0;  ///< at tasks and jobs
  std::map<QueueId, ClassShare> shares{};
};

}  // namespace spider::inline v1::detail
