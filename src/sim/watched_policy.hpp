#pragma once

/// Stands before a policy: keeps its own book of what the policy holds, complains about broken promises
/// (P1, I10), and lets it be slow or throw. One thread, as every policy.

#include "sim/ask_monitor.hpp"
#include "sim/dispatch_monitor.hpp"
#include "sim/sim_context.hpp"
#include "spider/scheduling_policy.hpp"

#include <algorithm>
#include <memory>
#include <unordered_map>

namespace spider::inline v1::sim {

class WatchedPolicy final : public SchedulingPolicy {
 public:
  /// `asks` is told how much the policy holds; null: nobody is.
  WatchedPolicy(std::unique_ptr<SchedulingPolicy> behind, SimContext& context, DispatchMonitor& monitor,
                std::shared_ptr<AskMonitor> asks = nullptr);

  auto admit(const InboundEntry& entry, TimePoint now) -> void override;
  auto next(TimePoint now) -> std::optional<InboundEntry> override;
  auto take_oldest(JobId job, TimePoint now) -> std::optional<InboundEntry> override;
  auto drop_job(JobId job) -> std::size_t override;
  auto clear() -> void override;
  [[nodiscard]] auto size() const -> std::size_t override { return behind_->size(); }
  auto finished(const InboundEntry& entry, Duration cost) -> void override { behind_->finished(entry, cost); }
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return behind_->wake_at(); }
  [[nodiscard]] auto place(JobId job, TaskId task) const -> std::optional<QueuePlace> override {
    return behind_->place(job, task);
  }
  [[nodiscard]] auto traits() const -> PolicyTraits override { return traits_; }

 private:
  struct Held {
    std::uint32_t copies = 0;  // a task that moved to another class is held twice
    std::uint64_t picked_before = 0;
    std::uint64_t admitted_before = 0;
    std::uint64_t ahead = 0;
  };
  struct Job {
    std::unordered_map<std::uint32_t, Held> tasks;
    std::uint64_t group = 0;
  };

  [[nodiscard]] auto holds(const InboundEntry& entry) const -> bool;
  auto picked(const InboundEntry& entry) -> void;
  auto remove(const InboundEntry& entry) -> void;
  auto check_wait(const Held& held, const InboundEntry& entry) -> void;
  auto holds_now(std::size_t entries) -> void;
  auto widen(const InboundEntry& entry) -> void;

  std::unique_ptr<SchedulingPolicy> behind_;
  SimContext& context_;
  DispatchMonitor& monitor_;
  std::shared_ptr<AskMonitor> asks_;
  PolicyTraits traits_;
  std::unordered_map<JobId, Job> jobs_;
  std::unordered_map<std::uint64_t, std::uint64_t> group_jobs_;  // jobs that are held, by group
  std::size_t held_ = 0;
  std::uint64_t picks_ = 0;
  std::uint64_t admissions_ = 0;
  double heaviest_ = 1;  // a group that nobody gave a weight has 1
  double lightest_ = 1;
  BacklogShape widest_;
};

}  // namespace spider::inline v1::sim
