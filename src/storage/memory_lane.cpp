#include "storage/memory_lane.hpp"

#include <algorithm>
#include <cassert>

namespace spider::inline v1::detail {

namespace {

auto update_class(ClassBacklog& held) -> void {
  held.in->with_backlog.set(held.priority, !held.groups.empty());
}

auto link(GroupBacklog& backlog) -> void {
  backlog.in->groups.push_back(backlog);
  update_class(*backlog.in);
}

auto unlink(GroupBacklog& backlog) -> void {
  if (!backlog.link.linked) return;
  backlog.in->groups.remove(backlog);
  update_class(*backlog.in);
}

}  // namespace

/// What one poll has taken, and what it must put back into the rotations at its end.
struct Lane::Poll {
  const OfferLimits& limits;
  std::vector<Offer>& offers;
  std::vector<GroupBacklog*> with_jobs_aside{};
  std::vector<ClassBacklog*> with_groups_aside{};

  [[nodiscard]] auto is_over() const -> bool {
    return offers.size() >= limits.items_max || (limits.scan != nullptr && limits.scan->looks_left == 0);
  }

  template <class T>
  auto taken(T& by) const -> std::size_t& {
    if (by.poll_number != limits.poll_number) {
      by.poll_number = limits.poll_number;
      by.poll_taken = 0;
    }
    return by.poll_taken;
  }
};

auto Lane::queue(QueueId id) -> QueueBacklog& {
  if (id >= queues_.size()) queues_.resize(id + std::size_t{1});
  if (!queues_[id]) queues_[id] = std::make_unique<QueueBacklog>();
  return *queues_[id];
}

auto Lane::join(Job& job, Group& group) -> bool {
  if (job.backlog != nullptr) return false;
  const auto priority = job.priority;
  auto& in_queue = queue(job.queue);
  auto& in_class = in_queue.classes[priority];
  if (!in_class) {
    in_class = std::make_unique<ClassBacklog>();
    in_class->in = &in_queue;
    in_class->priority = priority;
  }
  auto& backlog = in_class->by_group[group.id];
  if (!backlog) {
    backlog = std::make_unique<GroupBacklog>();
    backlog->group = &group;
    backlog->in = in_class.get();
    group.backlogs.push_back(backlog.get());
  }
  job.backlog = backlog.get();
  backlog->jobs.push_back(job);
  if (!backlog->link.linked && !group.paused) link(*backlog);
  return true;
}

auto Lane::withdraw(Job& job) -> void {
  if (job.backlog == nullptr) return;
  auto& backlog = *job.backlog;
  backlog.jobs.remove(job);
  job.backlog = nullptr;
  if (backlog.jobs.empty()) unlink(backlog);
}

auto Lane::pause_queue(QueueId id, bool paused) -> void { queue(id).paused = paused; }

auto Lane::pause_group(Group& group) -> void {
  for (auto* backlog : group.backlogs) {
    if (group.paused) {
      unlink(*backlog);
    } else if (!backlog->link.linked && !backlog->jobs.empty()) {
      link(*backlog);
    }
  }
}

auto Lane::take(const std::vector<QueueId>& queues, const OfferLimits& limits, std::vector<Offer>& offers)
    -> void {
  Poll poll{.limits = limits, .offers = offers};
  for (const auto id : queues) {
    if (id >= queues_.size() || !queues_[id] || queues_[id]->paused) continue;
    while (!poll.is_over()) {
      auto* from = choose_class(*queues_[id], limits.lower_class_share);
      if (from == nullptr) break;
      offer_one(from->groups.front(), poll);
    }
  }
  restore(poll);
}

// The most urgent class, but after `share` − 1 offers in a row a lower one if any has backlog: the one
// after that which was served last, so that all lower classes take turns.
auto Lane::choose_class(QueueBacklog& queue, std::uint32_t share) -> ClassBacklog* {
  const auto urgent = queue.with_backlog.next(0);
  if (!urgent) return nullptr;
  auto chosen = *urgent;
  if (const auto lower = queue.with_backlog.next(*urgent + std::size_t{1}); lower && share > 0) {
    if (++queue.urgent_offers >= share) {
      queue.urgent_offers = 0;
      const auto after = queue.with_backlog.next(std::max<std::size_t>(queue.lower_served, *urgent) + 1);
      chosen = after.value_or(*lower);
      queue.lower_served = chosen;
    }
  }
  return queue.classes[chosen].get();
}

/// Serves the group once, or finds that it has nothing to offer in this poll.
auto Lane::offer_one(GroupBacklog& backlog, Poll& poll) -> void {
  auto& in_class = *backlog.in;
  auto& taken = poll.taken(*backlog.group);
  in_class.groups.remove(backlog);
  bool served = false;
  while (!served && !poll.is_over() && taken < poll.limits.per_group_max && !backlog.jobs.empty()) {
    served = offer_from(backlog.jobs.front(), backlog, poll);
  }
  if (served) ++taken;
  const bool exhausted = backlog.jobs.empty();
  if (!exhausted && taken < poll.limits.per_group_max) {
    in_class.groups.push_back(backlog);
  } else if (!exhausted || !backlog.jobs_aside.empty()) {
    if (in_class.groups_aside.empty()) poll.with_groups_aside.push_back(&in_class);
    in_class.groups_aside.push_back(backlog);
  }
  update_class(in_class);
}

/// Whether the job had a task to offer; it leaves the rotation when it has no more.
auto Lane::offer_from(Job& job, GroupBacklog& backlog, Poll& poll) -> bool {
  backlog.jobs.remove(job);
  auto* scan = poll.limits.scan;
  const auto task = scan == nullptr ? job.take_ready() : job.take_ready(*scan);
  if (task) poll.offers.push_back({&job, *task});
  if (job.ready.empty()) {
    job.backlog = nullptr;
  } else if (task && ++poll.taken(job) < poll.limits.per_job_max) {
    backlog.jobs.push_back(job);
  } else {
    if (backlog.jobs_aside.empty()) poll.with_jobs_aside.push_back(&backlog);
    backlog.jobs_aside.push_back(job);
  }
  return task.has_value();
}

auto Lane::restore(Poll& poll) -> void {
  for (auto* backlog : poll.with_jobs_aside) backlog->jobs.append(backlog->jobs_aside);
  for (auto* in_class : poll.with_groups_aside) {
    in_class->groups.append(in_class->groups_aside);
    update_class(*in_class);
  }
}

}  // namespace spider::inline v1::detail
