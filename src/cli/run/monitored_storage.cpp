#include "cli/run/monitored_storage.hpp"

#include <utility>

namespace spider::cli {

auto MonitoredStorage::submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> {
  auto answers = co_await inner_->submit(jobs);
  if (!answers) co_return answers.error();
  for (std::size_t i = 0; i < answers.value().size(); ++i) {
    const auto& answer = answers.value()[i];
    if (answer && !answer.value().existing) monitor_.submitted(answer.value().job, jobs[i], clock_.now());
  }
  co_return answers;
}

auto MonitoredStorage::start(std::span<const TaskAssignment> assignments, ManagerId manager)
    -> Async<std::vector<Result<StartedTask>>> {
  auto answers = co_await inner_->start(assignments, manager);
  if (!answers) co_return answers.error();
  for (const auto& answer : answers.value()) {
    if (!answer) continue;
    const auto& task = answer.value();
    last_attempts_[task.instance.id] = task.attempt >= task.spec->retry.attempts_max;
    monitor_.started(task.instance.task, clock_.now());
  }
  co_return answers;
}

auto MonitoredStorage::finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> {
  auto answers = co_await inner_->finish(requests);
  if (!answers) co_return answers.error();
  for (std::size_t i = 0; i < answers.value().size(); ++i) {
    const auto& request = requests[i];
    const auto known = last_attempts_.find(request.instance.id);
    const auto last_attempt = known != last_attempts_.end() && known->second;
    if (known != last_attempts_.end()) last_attempts_.erase(known);
    if (!answers.value()[i]) continue;
    monitor_.finished(request.instance.task, request.kind, request.retry && !last_attempt, clock_.now());
  }
  co_return answers;
}

auto MonitoredStorage::poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> {
  return inner_->poll_ended(cursor, wait);
}

auto MonitoredStorage::limits() const -> const StorageLimits& { return inner_->limits(); }

auto MonitoredStorage::register_scheduler(SchedulerInfo info) -> Async<Registration> {
  return inner_->register_scheduler(std::move(info));
}
auto MonitoredStorage::unregister_scheduler(Registration registration) -> Async<void> {
  return inner_->unregister_scheduler(registration);
}
auto MonitoredStorage::poll_ready(PollRequest request) -> Async<InboundBatch> {
  return inner_->poll_ready(std::move(request));
}
auto MonitoredStorage::poll_commit_ready(PollRequest request) -> Async<InboundBatch> {
  return inner_->poll_commit_ready(std::move(request));
}
auto MonitoredStorage::poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> {
  return inner_->poll_cleanup_ready(std::move(request));
}
auto MonitoredStorage::job_state(JobId job) -> Async<JobState> { return inner_->job_state(job); }
auto MonitoredStorage::cancel(JobId job) -> Async<JobState> { return inner_->cancel(job); }
auto MonitoredStorage::view(JobId job) -> Async<JobView> { return inner_->view(job); }
auto MonitoredStorage::view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> {
  return inner_->view_tasks(job, page);
}
auto MonitoredStorage::explain(TaskRef task) -> Async<TaskExplanation> { return inner_->explain(task); }
auto MonitoredStorage::list(JobFilter filter) -> Async<std::vector<JobView>> {
  return inner_->list(std::move(filter));
}
auto MonitoredStorage::wait(JobId job, Duration timeout) -> Async<JobState> {
  return inner_->wait(job, timeout);
}
auto MonitoredStorage::outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> {
  return inner_->outputs(job, page);
}
auto MonitoredStorage::retry(JobId job) -> Async<void> { return inner_->retry(job); }
auto MonitoredStorage::pause(PauseTarget target) -> Async<void> { return inner_->pause(std::move(target)); }
auto MonitoredStorage::resume(PauseTarget target) -> Async<void> { return inner_->resume(std::move(target)); }
auto MonitoredStorage::has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> {
  return inner_->has_pending(std::move(resource_group), std::move(key));
}
auto MonitoredStorage::parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> {
  return inner_->parent_outputs(instance);
}
auto MonitoredStorage::renew(ManagerId manager) -> Async<Renewal> { return inner_->renew(manager); }
auto MonitoredStorage::sweep(std::size_t limit) -> Async<SweepReport> { return inner_->sweep(limit); }
auto MonitoredStorage::run() -> Async<void> { return inner_->run(); }

}  // namespace spider::cli
