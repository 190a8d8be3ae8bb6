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
    const auto [known, fresh] = index_.try_emplace(entry.group, groups_.size());
    if (fresh) groups_.emplace_back();
    auto& group = groups_[known->second];
    if (group.held == 0) {
      group.served = std::max(group.served, now_);
      if (entry.weight > 0) group.weight = entry.weight;
    }
    ++group.held;
    auto& job = jobs_[entry.job];
    job.group = known->second;
    ++job.held;
  }

  auto next(TimePoint now) -> std::optional<InboundEntry> override {
    const auto entry = policy_->next(now);
    if (!entry) return entry;
    release(entry->job, 1);
    auto& group = groups_[index_[entry->group]];
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

  auto release(JobId id, std::size_t count) -> void {
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) return;
    groups_[job->second.group].held -= count;
    job->second.held -= count;
    if (job->second.held == 0) jobs_.erase(job);
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
  double now_ = 0;  // virtual time
};

}  // namespace

auto with_lag_meter(std::unique_ptr<SchedulingPolicy> policy, std::shared_ptr<LagFigures> figures)
    -> std::unique_ptr<SchedulingPolicy> {
  return std::make_unique<LagMeter>(std::move(policy), std::move(figures));
}

}  // namespace spider::cli
