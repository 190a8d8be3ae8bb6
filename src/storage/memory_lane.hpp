#pragma once

/// The order in which one lane of the memory storage offers ready work: queues as asked, class by class
/// with a share for the lower ones, round-robin over resource groups, then over their jobs.
///
/// Rotations are rings in which whoever was served goes to the back, and a newcomer joins at the back.
/// Who has reached the poll's maximum is set aside for the rest of the poll, and then goes to the back:
/// every offer is O(1), whatever the number of groups and jobs. A poll that asks for some slots only passes
/// over who has nothing for it, who then keeps its place; but when it has looked at enough, the poll ends,
/// and who was passed over goes to the back, so that the next one goes on behind them. Not thread-safe.

#include "class_set.hpp"
#include "storage/memory_job.hpp"
#include "storage/ring.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace spider::inline v1::detail {

/// A resource group, as all lanes share it.
struct Group {
  ResourceGroupId id;
  bool paused = false;
  std::uint64_t poll_number = 0;  ///< of the poll that `poll_taken` counts for
  std::size_t poll_taken = 0;
  std::vector<GroupBacklog*> backlogs;  ///< one for each lane, queue and class it had work in
};

struct ClassBacklog;

/// One resource group's ready work in one class of one queue of one lane.
struct GroupBacklog {
  RingLink<GroupBacklog> link;
  Group* group = nullptr;
  ClassBacklog* in = nullptr;
  Ring<Job> jobs;
  Ring<Job> jobs_passed;
  Ring<Job> jobs_aside;
  std::uint64_t poll_number = 0;  ///< as in Group
  std::size_t poll_taken = 0;
};

struct QueueBacklog;

struct ClassBacklog {
  QueueBacklog* in = nullptr;
  PriorityClass priority = 0;
  Ring<GroupBacklog> groups;
  Ring<GroupBacklog> groups_passed;
  Ring<GroupBacklog> groups_aside;
  std::unordered_map<ResourceGroupId, std::unique_ptr<GroupBacklog>> by_group;
};

struct QueueBacklog {
  bool paused = false;
  ClassSet with_backlog;
  std::unordered_map<PriorityClass, std::unique_ptr<ClassBacklog>> classes;
  std::uint32_t urgent_offers = 0;  ///< in a row, while a lower class had backlog
  PriorityClass lower_served = 0;   ///< the lower class that was served last
};

struct Offer {
  Job* job = nullptr;
  TaskId task;
};

struct OfferLimits {
  std::uint64_t poll_number = 0;  ///< another one for each poll of any lane
  std::size_t items_max = 0;
  std::size_t per_group_max = 0;
  std::size_t per_job_max = 0;
  std::uint32_t lower_class_share = 0;
  SlotScan* scan = nullptr;  ///< none: all tasks
};

class Lane {
 public:
  /// The job has ready tasks: it takes part from now on. Returns whether it did not before.
  auto join(Job& job, Group& group) -> bool;
  /// The job has none any more.
  static auto withdraw(Job& job) -> void;
  /// Takes tasks out of the jobs' ready work, in the order of offers.
  auto take(const std::vector<QueueId>& queues, const OfferLimits& limits, std::vector<Offer>& offers)
      -> void;

  auto pause_queue(QueueId queue, bool paused) -> void;
  /// After Group::paused has changed.
  static auto pause_group(Group& group) -> void;

 private:
  struct Poll;

  auto queue(QueueId id) -> QueueBacklog&;
  static auto choose_class(QueueBacklog& queue, std::uint32_t share) -> ClassBacklog*;
  static auto offer_one(GroupBacklog& backlog, Poll& poll) -> bool;
  static auto offer_from(Job& job, GroupBacklog& backlog, Poll& poll) -> bool;
  static auto restore(Poll& poll) -> void;

  std::vector<std::unique_ptr<QueueBacklog>> queues_;  // by QueueId
};

}  // namespace spider::inline v1::detail
