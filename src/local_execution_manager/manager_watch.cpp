#include "local_execution_manager/manager_state.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace spider::inline v1::detail {

auto ManagerState::deadlines() -> Async<void> {
  while (!over_) {
    const auto now = parts_.clock.now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) overdue(*deadlines_.begin()->second, now);
    wake_report();
    const auto next = deadlines_.empty() ? kForever : deadlines_.begin()->first;
    (void)co_await deadline_set_->wait(deadline_set_->ticket(), next);
  }
  co_return success();
}

auto ManagerState::overdue(RunningTask& task, TimePoint now) -> void {
  const auto ran = now - task.began;
  Error error{Errc::deadline_exceeded, "ran for " + std::to_string(to_seconds(ran)) + " s"};
  auto said = event(EventKind::task_overdue, task.assignment.ref());
  said.duration = ran;
  observe(said, &error);
  FinishRequest request{task.started.instance, FinishRequest::Kind::failed};
  request.reason = error.message();
  put_report(std::move(request), ended(task.assignment, ran), std::move(error));
  fence(task);
}

auto ManagerState::renew() -> Async<void> {
  TimePoint due{};
  Duration backoff{};
  while (!over_) {
    const auto now = parts_.clock.now();
    if (running_.empty() && outbox_.empty() && in_report_ == 0) {
      (void)co_await holding_->wait(holding_->ticket(), kForever);
    } else if (now < due) {
      (void)co_await ending_->wait(ending_->ticket(), due);
    } else {
      const auto known = sequence_;
      const auto renewal = co_await parts_.execution.renew(options_.id);
      if (renewal) {
        backoff = {};
        due = saturating_add(now, std::max(renewal.value().lease / 3, Duration{1'000'000}));
        fence_lost(renewal.value());
      } else if (renewal.error() == Errc::unknown_manager) {
        due = saturating_add(now, options_.heartbeat_interval);
        fence_before(known);
      } else {
        backoff = next_backoff(backoff);
        due = saturating_add(now, backoff);
        auto failed = event(EventKind::storage_failed);
        failed.duration = backoff;
        observe(failed, &renewal.error());
      }
    }
  }
  co_return success();
}

auto ManagerState::fence_lost(const Renewal& renewal) -> void {
  if (renewal.lost.empty()) return;
  std::unordered_map<InstanceId, RunningTaskPtr> by_id;
  for (const auto& task : running_) by_id.emplace(task->started.instance.id, task);
  for (const auto& lost : renewal.lost) {
    const auto found = by_id.find(lost.id);
    if (found != by_id.end() && found->second->started.instance == lost) fence(*found->second);
  }
}

// The storage knows of nothing that runs here: all that was started before it was asked is lost.
auto ManagerState::fence_before(std::uint64_t sequence) -> void {
  for (const auto& task : running_) {
    if (task->sequence <= sequence) fence(*task);
  }
}

auto ManagerState::fence(RunningTask& task) -> void {
  if (std::exchange(task.fenced, true)) return;
  const auto held = running_[task.position];
  if (task.deadline) deadlines_.erase(*std::exchange(task.deadline, std::nullopt));
  ask_to_stop(held);
}

auto ManagerState::ask_to_stop(const RunningTaskPtr& task) -> void {
  task->stop.request_stop();
  if (task->handler->is_coroutine()) coroutine_runner_->cancel(task);
}

auto ManagerState::heartbeat() -> Async<void> {
  while (!over_) {
    const auto next = saturating_add(parts_.clock.now(), options_.heartbeat_interval);
    while (!over_ && parts_.clock.now() < next) (void)co_await ending_->wait(ending_->ticket(), next);
    if (!over_) (void)co_await parts_.dispatch.heartbeat(options_.id);
  }
  co_return success();
}

}  // namespace spider::inline v1::detail
