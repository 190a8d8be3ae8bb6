#include "cli/run/monitored_storage.hpp"

#include <cassert>
#include <utility>

namespace spider::cli {

auto MonitoredStorage::cut_off() -> void {
  assert(takeovers_ != nullptr);
  if (std::exchange(cut_off_, true)) return;
  for (const auto& [instance, task] : running_) lose(task);
  for (const auto& task : leased_) takeovers_->lost(task, clock_.now());
  running_.clear();
  leased_.clear();
}

/// It runs no more, and will be run again.
auto MonitoredStorage::lose(TaskRef task) -> void {
  monitor_.finished(task, FinishRequest::Kind::failed, true, clock_.now());
  takeovers_->lost(task, clock_.now());
}

auto MonitoredStorage::begin(const StartedTask& task) -> void {
  if (task.attempt >= task.spec->retry.attempts_max) last_attempts_.insert(task.instance.id);
  if (takeovers_ != nullptr) running_.emplace(task.instance.id, task.instance.task);
}

auto MonitoredStorage::submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> {
  auto answers = co_await unless_cut_off(inner_->submit(jobs));
  if (!answers) co_return answers.error();
  for (std::size_t i = 0; i < answers.value().size(); ++i) {
    const auto& answer = answers.value()[i];
    if (answer && !answer.value().existing) monitor_.submitted(answer.value().job, jobs[i], clock_.now());
  }
  co_return answers;
}

auto MonitoredStorage::polled(Async<InboundBatch> poll) -> Async<InboundBatch> {
  auto batch = co_await std::move(poll);
  if (!batch || takeovers_ == nullptr) co_return batch;
  for (const auto& entry : batch.value().entries) {
    if (cut_off_) {
      takeovers_->lost(entry.ref(), clock_.now());  // leased to nobody
    } else {
      takeovers_->offered(entry.ref(), clock_.now());
      leased_.insert(entry.ref());
    }
  }
  co_return batch;
}

auto MonitoredStorage::start(std::span<const TaskAssignment> assignments, ManagerId manager)
    -> Async<std::vector<Result<StartedTask>>> {
  auto answers = co_await unless_cut_off(inner_->start(assignments, manager));
  if (takeovers_ != nullptr) {
    for (const auto& assignment : assignments) leased_.erase(assignment.ref());
  }
  if (!answers) co_return answers.error();
  for (const auto& answer : answers.value()) {
    if (!answer) continue;
    const auto& task = answer.value();
    monitor_.started(task.instance.task, clock_.now());
    if (cut_off_) {  // meanwhile
      lose(task.instance.task);
    } else {
      begin(task);
    }
  }
  co_return answers;
}

auto MonitoredStorage::finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> {
  std::vector<std::unordered_map<InstanceId, TaskRef>::node_type> ending;  // not lost while this is under way
  if (takeovers_ != nullptr) {
    for (const auto& request : requests) ending.push_back(running_.extract(request.instance.id));
  }
  auto answers = co_await unless_cut_off(inner_->finish(requests));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& request = requests[i];
    const bool known = !ending.empty() && !ending[i].empty();
    if (!answers && known && cut_off_) lose(request.instance.task);
    if (!answers && known && !cut_off_) running_.insert(std::move(ending[i]));
    if (!answers) continue;
    const bool last_attempt = last_attempts_.erase(request.instance.id) > 0;
    if (!answers.value()[i]) continue;
    const bool again = request.retry && !last_attempt;
    monitor_.finished(request.instance.task, request.kind, again, clock_.now());
    const bool failed = request.kind == FinishRequest::Kind::failed;
    if (request.kind == FinishRequest::Kind::succeeded || (failed && !again)) ++tasks_ended_;
  }
  co_return answers;
}

auto MonitoredStorage::poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> {
  return unless_cut_off(inner_->poll_ended(cursor, wait));
}

auto MonitoredStorage::limits() const -> const StorageLimits& { return inner_->limits(); }

auto MonitoredStorage::register_scheduler(SchedulerInfo info) -> Async<Registration> {
  return unless_cut_off(inner_->register_scheduler(std::move(info)));
}
auto MonitoredStorage::unregister_scheduler(Registration registration) -> Async<void> {
  return unless_cut_off(inner_->unregister_scheduler(registration));
}
auto MonitoredStorage::poll_ready(PollRequest request) -> Async<InboundBatch> {
  return polled(unless_cut_off(inner_->poll_ready(std::move(request))));
}
auto MonitoredStorage::poll_commit_ready(PollRequest request) -> Async<InboundBatch> {
  return polled(unless_cut_off(inner_->poll_commit_ready(std::move(request))));
}
auto MonitoredStorage::poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> {
  return polled(unless_cut_off(inner_->poll_cleanup_ready(std::move(request))));
}
auto MonitoredStorage::job_state(JobId job) -> Async<JobState> {
  return unless_cut_off(inner_->job_state(job));
}
auto MonitoredStorage::cancel(JobId job) -> Async<JobState> { return unless_cut_off(inner_->cancel(job)); }
auto MonitoredStorage::view(JobId job) -> Async<JobView> { return unless_cut_off(inner_->view(job)); }
auto MonitoredStorage::view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> {
  return unless_cut_off(inner_->view_tasks(job, page));
}
auto MonitoredStorage::explain(TaskRef task) -> Async<TaskExplanation> {
  return unless_cut_off(inner_->explain(task));
}
auto MonitoredStorage::list(JobFilter filter) -> Async<std::vector<JobView>> {
  return unless_cut_off(inner_->list(std::move(filter)));
}
auto MonitoredStorage::wait(JobId job, Duration timeout) -> Async<JobState> {
  return unless_cut_off(inner_->wait(job, timeout));
}
auto MonitoredStorage::outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> {
  return unless_cut_off(inner_->outputs(job, page));
}
auto MonitoredStorage::retry(JobId job) -> Async<void> { return unless_cut_off(inner_->retry(job)); }
auto MonitoredStorage::pause(PauseTarget target) -> Async<void> {
  return unless_cut_off(inner_->pause(std::move(target)));
}
auto MonitoredStorage::resume(PauseTarget target) -> Async<void> {
  return unless_cut_off(inner_->resume(std::move(target)));
}
auto MonitoredStorage::has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> {
  return unless_cut_off(inner_->has_pending(std::move(resource_group), std::move(key)));
}
auto MonitoredStorage::parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> {
  return unless_cut_off(inner_->parent_outputs(instance));
}
auto MonitoredStorage::renew(ManagerId manager) -> Async<Renewal> {
  return unless_cut_off(inner_->renew(manager));
}
auto MonitoredStorage::sweep(std::size_t limit) -> Async<SweepReport> {
  return unless_cut_off(inner_->sweep(limit));
}
auto MonitoredStorage::run() -> Async<void> { return inner_->run(); }

}  // namespace spider::cli
