#pragma once

/// The observer that a Scheduler's parts talk to: forwards to the user's, tells the service which
/// scheduler it serves, and the core what the tasks that ended have cost. Makes an event of every submit.

#include "spider/dispatch_service.hpp"
#include "spider/job_client.hpp"
#include "spider/observer.hpp"
#include "spider/policy_core.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace spider::inline v1::detail {

class SchedulerTap final : public Observer {
 public:
  explicit SchedulerTap(std::shared_ptr<Observer> next) : next_{std::move(next)} {}

  auto observe(const Event& event) noexcept -> void override {
    if (event.kind == EventKind::registered && service_ != nullptr) service_->serve(event.scheduler);
    if (core_ != nullptr) feed_back(event);
    if (next_) next_->observe(event);
  }

  /// Before anything runs; both outlive whatever observes. Either may be missing.
  auto connect(DispatchService* service, PolicyCore* core) -> void {
    service_ = service;
    core_ = core;
  }

  auto submitted(const std::vector<JobSpec>& jobs, const std::vector<Result<Submitted>>& answers,
                 TimePoint now) noexcept -> void {
    for (std::size_t i = 0; next_ && i < std::min(jobs.size(), answers.size()); ++i) {
      if (!answers[i]) continue;
      Event event;
      event.kind = EventKind::job_submitted;
      event.at = now;
      event.task.job = answers[i].value().job;
      event.priority = jobs[i].priority;
      event.fold = answers[i].value().fold;
      const auto& tasks = jobs[i].tasks;
      if (!tasks.empty() && tasks.front().coalesce) event.operation = tasks.front().coalesce->operation;
      next_->observe(event);
    }
  }

 private:
  auto feed_back(const Event& event) -> void {
    const auto ran = event.kind == EventKind::task_succeeded || event.kind == EventKind::task_failed;
    if (!ran && event.kind != EventKind::task_deferred && event.kind != EventKind::task_released) return;
    InboundEntry entry;
    entry.job = event.task.job;
    entry.task = event.task.task;
    entry.group = event.group;
    entry.queue = event.queue;
    entry.priority = event.priority;
    core_->finished(entry, ran ? event.duration : Duration::zero());
  }

  std::shared_ptr<Observer> next_;
  DispatchService* service_ = nullptr;
  PolicyCore* core_ = nullptr;
};

}  // namespace spider::inline v1::detail
