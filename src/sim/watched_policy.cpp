#include "sim/watched_policy.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

namespace spider::inline v1::sim {

WatchedPolicy::WatchedPolicy(std::unique_ptr<SchedulingPolicy> behind, SimContext& context,
                             DispatchMonitor& monitor, std::shared_ptr<AskMonitor> asks)
    : behind_{std::move(behind)},
      context_{context},
      monitor_{monitor},
      asks_{std::move(asks)},
      traits_{behind_->traits()} {}

auto WatchedPolicy::holds_now(std::size_t entries) -> void {
  held_ = entries;
  if (asks_) asks_->holds(entries);
}

auto WatchedPolicy::admit(const InboundEntry& entry, TimePoint now) -> void {
  behind_->admit(entry, now);
  ++admissions_;
  holds_now(held_ + 1);
  auto& job = jobs_[entry.job];
  if (job.tasks.empty()) {
    job.group = entry.group.value;
    ++group_jobs_[job.group];
  }
  auto& held = job.tasks[entry.task.bits()];
  if (held.copies++ == 0) {
    held.picked_before = picks_;
    held.admitted_before = admissions_;
    held.ahead = job.tasks.size() - 1;
  }
  widen(entry);
}

/// Upper limits since the last `clear`: what is promised for a wider backlog holds for any within it.
auto WatchedPolicy::widen(const InboundEntry& entry) -> void {
  widest_.entries = std::max<std::uint64_t>(widest_.entries, held_);
  widest_.jobs = std::max(widest_.jobs, group_jobs_[jobs_[entry.job].group]);
  widest_.groups = std::max<std::uint64_t>(widest_.groups, group_jobs_.size());
  widest_.classes = std::max<std::uint64_t>(widest_.classes, entry.priority + 1U);
  if (entry.weight <= 0) return;  // as it was before
  heaviest_ = std::max(heaviest_, double{entry.weight});
  lightest_ = std::min(lightest_, double{entry.weight});
}

auto WatchedPolicy::next(TimePoint now) -> std::optional<InboundEntry> {
  if (held_ > 0) {
    if (context_.fires(FaultKind::policy_throws)) throw std::runtime_error{"simulated"};
    if (const auto slow = context_.fires(FaultKind::policy_slow)) {
      const auto time = slow->between(Duration{1}, std::chrono::milliseconds{200});
      context_.scheduler_clock.jump(time);  // it thought, and the others' work went on meanwhile
      monitor_.disturbed(time);
    }
  }
  auto entry = behind_->next(now);
  if (entry) {
    picked(*entry);
  } else if (held_ > 0 && traits_.work_conserving) {
    context_.complain("P1", "the policy returned nothing and holds " + std::to_string(held_) + " entries");
  }
  if (behind_->size() != held_) {
    context_.complain("P1", "the policy says that it holds " + std::to_string(behind_->size()) +
                                " entries; it holds " + std::to_string(held_));
  }
  return entry;
}

// Out of turn: nobody's wait grows.
auto WatchedPolicy::take_oldest(JobId job, TimePoint now) -> std::optional<InboundEntry> {
  auto entry = behind_->take_oldest(job, now);
  if (entry && holds(*entry)) {
    remove(*entry);
  } else if (entry || jobs_.contains(job)) {
    context_.complain("P1", "the oldest entry of job " + std::to_string(job.value) + " is not what it holds");
  }
  return entry;
}

auto WatchedPolicy::holds(const InboundEntry& entry) const -> bool {
  const auto job = jobs_.find(entry.job);
  return job != jobs_.end() && job->second.tasks.contains(entry.task.bits());
}

auto WatchedPolicy::picked(const InboundEntry& entry) -> void {
  ++picks_;
  if (!holds(entry)) {
    return context_.complain("P1",
                             "the policy returned " + to_text(entry.ref()) + ", which it does not hold");
  }
  check_wait(jobs_[entry.job].tasks[entry.task.bits()], entry);
  remove(entry);
}

auto WatchedPolicy::remove(const InboundEntry& entry) -> void {
  const auto job = jobs_.find(entry.job);
  auto& held = job->second.tasks[entry.task.bits()];
  holds_now(held_ - 1);
  if (--held.copies > 0) return;
  job->second.tasks.erase(entry.task.bits());
  if (!job->second.tasks.empty()) return;
  if (--group_jobs_[job->second.group] == 0) group_jobs_.erase(job->second.group);
  jobs_.erase(job);
}

auto WatchedPolicy::check_wait(const Held& held, const InboundEntry& entry) -> void {
  if (!traits_.starvation_bound || held.copies > 1) return;
  auto shape = widest_;
  shape.weight_ratio = heaviest_ / lightest_;
  shape.entries_ahead = held.ahead;
  shape.older_arrivals = shape.older_arrivals_elsewhere = admissions_ - held.admitted_before;
  const auto bound = traits_.starvation_bound(shape);
  const auto waited = picks_ - held.picked_before;
  if (bound && waited > *bound) {
    context_.complain("I10", to_text(entry.ref()) + " waited for " + std::to_string(waited) +
                                 " picks; the policy promises " + std::to_string(*bound));
  }
}

auto WatchedPolicy::drop_job(JobId id) -> std::size_t {
  const auto dropped = behind_->drop_job(id);
  std::size_t expected = 0;
  if (const auto job = jobs_.find(id); job != jobs_.end()) {
    for (const auto& [task, held] : job->second.tasks) expected += held.copies;
    if (--group_jobs_[job->second.group] == 0) group_jobs_.erase(job->second.group);
    jobs_.erase(job);
  }
  holds_now(held_ - expected);
  if (dropped != expected) {
    context_.complain("P1", "the policy dropped " + std::to_string(dropped) + " entries of job " +
                                std::to_string(id.value) + ", it held " + std::to_string(expected));
  }
  return dropped;
}

auto WatchedPolicy::clear() -> void {
  behind_->clear();
  jobs_.clear();
  group_jobs_.clear();
  holds_now(0);
  widest_ = {};
}

}  // namespace spider::inline v1::sim
