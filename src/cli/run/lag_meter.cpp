#include "cli/run/lag_meter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spider::cli {
namespace {

constexpr double kRounding = 1e-9;

class LagMeter final : public SchedulingPolicy {
 public:
  LagMeter(std::unique_ptr<SchedulingPolicy> policy, std::shared_ptr<LagFigures> figures)
      : policy_{std::move(policy)}, figures_{std::move(figures)} {
    figures_->bound = policy_->traits().lag_bound;
  }

  auto admit(const InboundEntry& entry, TimePoint now) -> void override {
    policy_->admit(entry, now);
    auto& job = job_of(entry);
    auto& group = groups_[job.group];
    if (group.held == 0) {
      group.served = std::max(group.served, now_);
      if (entry.weight > 0) group.weight = entry.weight;
    }
    ++group.held;
    ++job.held;
  }

  auto next(TimePoint now) -> std::optional<InboundEntry> override {
    const auto entry = policy_->next(now);
    if (!entry) return entry;
    const auto* job = find(entry->job);
    auto& group = groups_[job == nullptr ? group_of(entry->group) : job->group];
    release(entry->job, 1);
    group.served += 1 / group.weight;
    give(1);
    for (const auto& one : groups_) {
      if (one.held > 0)
        figures_->largest = std::max(figures_->largest, std::abs(one.weight * (now_ - one.served)));
    }
    return entry;
  }

  auto take_oldest(JobId job, TimePoint now) -> std::optional<InboundEntry> override {
    auto entry = policy_->take_oldest(job, now);
    if (entry) release(job, 1);
    return entry;
  }

  auto drop_job(JobId job) -> std::size_t override {
    const auto dropped = policy_->drop_job(job);
    release(job, dropped);
    return dropped;
  }

  auto clear() -> void override {
    policy_->clear();
    index_.clear();
    groups_.clear();
    jobs_.clear();
    found_ = nullptr;
    now_ = 0;
  }

  [[nodiscard]] auto size() const -> std::size_t override { return policy_->size(); }
  auto finished(const InboundEntry& entry, Duration cost) -> void override { policy_->finished(entry, cost); }
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return policy_->wake_at(); }
  [[nodiscard]] auto place(JobId job, TaskId task) const -> std::optional<QueuePlace> override {
    return policy_->place(job, task);
  }
  [[nodiscard]] auto traits() const -> PolicyTraits override { return policy_->traits(); }

 private:
  struct Group {
    double served = 0;  // virtual time up to which it was served
    double weight = 1;
    std::size_t held = 0;
  };
  struct Job {
    std::size_t group = 0;
    std::size_t held = 0;
  };

  auto group_of(ResourceGroupId id) -> std::size_t {
    const auto [known, fresh] = index_.try_emplace(id, groups_.size());
    if (fresh) groups_.emplace_back();
    return known->second;
  }

  auto job_of(const InboundEntry& entry) -> Job& {
    if (auto* known = find(entry.job)) return *known;
    found_ = &jobs_[entry.job];
    found_->group = group_of(entry.group);
    return *found_;
  }

  /// Null when there is none. Calls come in bursts about one job.
  auto find(JobId id) -> Job* {
    if (found_ != nullptr && found_id_ == id) return found_;
    const auto found = jobs_.find(id);
    found_ = found == jobs_.end() ? nullptr : &found->second;
    found_id_ = id;
    return found_;
  }

  auto release(JobId id, std::size_t count) -> void {
    auto* job = find(id);
    if (job == nullptr) return;
    groups_[job->group].held -= count;
    job->held -= count;
    if (job->held > 0) return;
    jobs_.erase(id);
    found_ = nullptr;
  }

  /// The ideal server gives `left` entries' worth to all that count.
  auto give(double left) -> void {
    while (left > kRounding) {
      double weights = 0;
      auto first = std::numeric_limits<double>::infinity();
      for (const auto& group : groups_) {
        if (group.held == 0 && group.served <= now_ + kRounding) continue;
        weights += group.weight;
        if (group.held == 0) first = std::min(first, group.served);
      }
      if (weights == 0) return;
      const auto step = std::min(left, (first - now_) * weights);
      now_ = step < left ? first : now_ + step / weights;
      left -= step;
    }
  }

  std::unique_ptr<SchedulingPolicy> policy_;
  std::shared_ptr<LagFigures> figures_;
  std::unordered_map<ResourceGroupId, std::size_t> index_;
  std::vector<Group> groups_;
  std::unordered_map<JobId, Job> jobs_;
  JobId found_id_;  // by find, most recently
  Job* found_ = nullptr;
  double now_ = 0;  // virtual time
};

}  // namespace

auto with_lag_meter(std::unique_ptr<SchedulingPolicy> policy, std::shared_ptr<LagFigures> figures)
    -> std::unique_ptr<SchedulingPolicy> {
  return std::make_unique<LagMeter>(std::move(policy), std::move(figures));
}

}  // namespace spider::cli
