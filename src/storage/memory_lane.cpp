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

  [[nodiscard]] auto is_cut() const -> bool { return limits.scan != nullptr && limits.scan->looks_left == 0; }
  [[nodiscard]] auto is_over() const -> bool { return offers.size() >= limits.items_max || is_cut(); }

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
      const auto urgent_offers = queues_[id]->urgent_offers;
      const auto lower_served = queues_[id]->lower_served;
      auto* from = choose_class(*queues_[id], limits.lower_class_share);
      if (from == nullptr) break;
      if (offer_one(from->groups.front(), poll) || limits.scan == nullptr) continue;
      queues_[id]->urgent_offers = urgent_offers;  // to be passed over is no offer
      queues_[id]->lower_served = lower_served;
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
auto Lane::offer_one(GroupBacklog& backlog, Poll& poll) -> bool {
  auto& in_class = *backlog.in;
  auto& taken = poll.taken(*backlog.group);
  in_class.groups.remove(backlog);
  bool served = false;
  while (!served && !poll.is_over() && taken < poll.limits.per_group_max && !backlog.jobs.empty()) {
    served = offer_from(backlog.jobs.front(), backlog, poll);
  }
  if (served) ++taken, ++poll.taken(backlog);
  const bool has_more = !backlog.jobs.empty();
  if (has_more && taken < poll.limits.per_group_max) {
    in_class.groups.push_back(backlog);
  } else if (has_more || !backlog.jobs_aside.empty() || !backlog.jobs_passed.empty()) {
    if (in_class.groups_aside.empty() && in_class.groups_passed.empty())
      poll.with_groups_aside.push_back(&in_class);
    const bool passed = !has_more && poll.taken(backlog) == 0;
    (passed ? in_class.groups_passed : in_class.groups_aside).push_back(backlog);
  }
  update_class(in_class);
  return served;
}

/// Whether the job had a task to offer; it leaves the rotation when it has no more.
auto Lane::offer_from(Job& job, GroupBacklog& backlog, Poll& poll) -> bool {
  backlog.jobs.remove(job);
  auto* scan = poll.limits.scan;
  const auto task = scan == nullptr ? job.take_ready() : job.take_ready(*scan);
  if (task) poll.offers.push_back({&job, *task}), ++poll.taken(job);
  if (job.ready.empty()) {
    job.backlog = nullptr;
  } else if (task && poll.taken(job) < poll.limits.per_job_max) {
    backlog.jobs.push_back(job);
  } else {
    if (backlog.jobs_aside.empty() && backlog.jobs_passed.empty()) poll.with_jobs_aside.push_back(&backlog);
    (poll.taken(job) == 0 ? backlog.jobs_passed : backlog.jobs_aside).push_back(job);
  }
  return task.has_value();
}

// A poll that was cut short passes over others the next time.
auto Lane::restore(Poll& poll) -> void {
  const auto restore_to = [&](auto& ring, auto& passed, auto& aside) {
    poll.is_cut() ? ring.append(passed) : ring.prepend(passed);
    ring.append(aside);
  };
  for (auto* backlog : poll.with_jobs_aside)
    restore_to(backlog->jobs, backlog->jobs_passed, backlog->jobs_aside);
  for (auto* in_class : poll.with_groups_aside) {
    restore_to(in_class->groups, in_class->groups_passed, in_class->groups_aside);
    update_class(*in_class);
  }
}

}  // namespace spider::inline v1::detail
