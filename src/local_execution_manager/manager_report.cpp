#include "local_execution_manager/manager_state.hpp"

#include <utility>

namespace spider::inline v1::detail {

namespace {

using FinishKind = FinishRequest::Kind;

auto event_of(FinishKind kind) -> EventKind {
  switch (kind) {
    case FinishKind::succeeded: return EventKind::task_succeeded;
    case FinishKind::failed: return EventKind::task_failed;
    case FinishKind::deferred: return EventKind::task_deferred;
    case FinishKind::released: break;
  }
  return EventKind::task_released;
}

auto failure(TaskInstance instance, const Error& error, bool retry) -> FinishRequest {
  FinishRequest request{instance, FinishKind::failed};
  request.reason = error.message();
  request.retry = retry;
  return request;
}

}  // namespace

auto ManagerState::take_returned(std::vector<RunningTaskPtr> tasks) -> void {
  if (tasks.empty()) return;
  const auto now = parts_.clock.now();
  for (const auto& task : tasks) {
    forget(*task);
    settle(*task, now);
  }
  wake_report();
  if (free_slots() > 0) slot_freed_->ring();
  if (running_.empty()) changed_->notify_all();
}

auto ManagerState::forget(RunningTask& task) -> void {
  running_.back()->position = task.position;
  std::swap(running_[task.position], running_.back());
  running_.pop_back();
  if (task.deadline) deadlines_.erase(*std::exchange(task.deadline, std::nullopt));
  task.hold.reset();
}

auto ManagerState::settle(RunningTask& task, TimePoint now) -> void {
  const auto instance = task.started.instance;
  const auto ref = task.assignment.ref();
  auto& answer = task.answer;
  if (task.fenced) {
    const Error late{Errc::stale_instance};
    observe(event(EventKind::finish_refused, ref), &late);
  } else if (!task.begun || (task.stopped_by_user && !answer.has_value())) {
    put_report({instance, FinishKind::released}, ended(task.assignment, Duration::zero()), Errc::closed);
  } else if (answer.has_value()) {
    FinishRequest request{instance, FinishKind::succeeded};
    request.output = std::move(answer).value();
    put_report(std::move(request), ended(task.assignment, now - task.began), {});
  } else if (answer.error() != nullptr) {
    put_report(failure(instance, *answer.error(), true), ended(task.assignment, now - task.began),
               *answer.error());
  } else if (!answer.retry()->delay()) {
    const auto& reason = answer.retry()->reason();
    put_report(failure(instance, reason, false), ended(task.assignment, now - task.began), reason);
  } else {
    FinishRequest request{instance, FinishKind::deferred};
    request.delay = *answer.retry()->delay();
    const auto delay = request.delay;
    put_report(std::move(request), ended(task.assignment, delay), {});
  }
}

auto ManagerState::ended(const TaskAssignment& assignment, Duration duration) const -> Event {
  auto said = event(EventKind::task_released, assignment.ref());
  said.group = assignment.group;
  said.priority = assignment.priority;
  said.queue = assignment.queue;
  said.duration = duration;
  return said;
}

auto ManagerState::put_report(FinishRequest&& request, const Event& said, Error error) -> void {
  auto& report = outbox_reports_.emplace_back();
  report.event = said;
  report.event.kind = event_of(request.kind);
  report.error = std::move(error);
  outbox_.push_back(std::move(request));
}

/// Whoever puts reports calls it when it has put them all, and is done with everything else.
auto ManagerState::wake_report() -> void {
  if (!outbox_.empty()) reported_->ring();
}

auto ManagerState::report() -> Async<void> {
  Duration backoff{};
  std::vector<FinishRequest> requests;
  std::vector<Report> reports;
  while (true) {
    if (outbox_.empty()) {
      if (last_reports_) break;
      auto put = reported_->wait();
      co_await std::move(put);
      continue;
    }
    requests.swap(outbox_);
    reports.swap(outbox_reports_);
    in_report_ = requests.size();
    auto answers = co_await parts_.execution.finish(requests);
    for (backoff = {}; !answers && !abandoned(); answers = co_await parts_.execution.finish(requests)) {
      backoff = next_backoff(backoff);
      auto failed = event(EventKind::storage_failed);
      failed.duration = backoff;
      observe(failed, &answers.error());
      (void)co_await rest(backoff);
    }
    const auto now = parts_.clock.now();
    for (std::size_t i = 0; answers && i < requests.size() && i < answers.value().size(); ++i) {
      reports[i].event.at = now;
      conclude(requests[i], reports[i], answers.value()[i]);
    }
    in_report_ = 0;
    requests.clear();
    reports.clear();
    slot_freed_->ring();
  }
  last_reports_ = false;
  co_return success();
}

auto ManagerState::conclude(const FinishRequest& request, Report& report, const Result<void>& answer)
    -> void {
  if (answer) {
    report.event.error = report.error.code ? &report.error : nullptr;
    return parts_.observer.observe(report.event);
  }
  observe(event(EventKind::finish_refused, report.event.task), &answer.error());
  if (answer.error() == Errc::limit_exceeded && request.kind == FinishKind::succeeded) {
    // Refused for good, but the task would be running for ever.
    const Error too_large{Errc::limit_exceeded, "its output is larger than the storage takes"};
    put_report(failure(request.instance, too_large, false), report.event, too_large);
  }
}

}  // namespace spider::inline v1::detail
