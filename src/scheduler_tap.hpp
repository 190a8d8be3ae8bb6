#pragma once

/// The observer that a Scheduler's parts talk to: forwards to the user's, tells the service which
/// scheduler it serves, and the core what the tasks that ended have cost.

#include "spider/dispatch_service.hpp"
#include "spider/observer.hpp"
#include "spider/policy_core.hpp"

#include <memory>
#include <utility>

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
