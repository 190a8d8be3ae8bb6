#include "sim/watched_storage.hpp"

#include <utility>

namespace spider::inline v1::sim {

auto WatchedStorage::register_scheduler(SchedulerInfo info) -> Async<Registration> {
  auto answer = co_await behind_.register_scheduler(std::move(info));
  if (answer) monitor_.registered(answer.value().scheduler, answer.value().session);
  co_return answer;
}

auto WatchedStorage::unregister_scheduler(Registration registration) -> Async<void> {
  auto answer = co_await behind_.unregister_scheduler(registration);
  if (answer) monitor_.unregistered(registration.scheduler, registration.session);
  co_return answer;
}

auto WatchedStorage::poll_behind(TaskKind lane, PollRequest request) -> Async<InboundBatch> {
  switch (lane) {
    case TaskKind::commit: return behind_.poll_commit_ready(std::move(request));
    case TaskKind::cleanup: return behind_.poll_cleanup_ready(std::move(request));
    case TaskKind::regular: break;
  }
  return behind_.poll_ready(std::move(request));
}

auto WatchedStorage::poll(TaskKind lane, PollRequest request) -> Async<InboundBatch> {
  const auto scheduler = request.scheduler;
  const auto slots = request.slots;
  const auto number = monitor_.polls().begins(lane, request);
  auto polling = poll_behind(lane, std::move(request));
  auto answer = co_await std::move(polling);
  if (answer) monitor_.polled(lane, scheduler, slots.get(), answer.value());
  monitor_.polls().ends(number, answer);
  co_return answer;
}

auto WatchedStorage::poll_ready(PollRequest request) -> Async<InboundBatch> {
  return poll(TaskKind::regular, std::move(request));
}
auto WatchedStorage::poll_commit_ready(PollRequest request) -> Async<InboundBatch> {
  return poll(TaskKind::commit, std::move(request));
}
auto WatchedStorage::poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> {
  return poll(TaskKind::cleanup, std::move(request));
}

auto WatchedStorage::poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> {
  auto answer = co_await behind_.poll_ended(cursor, wait);
  if (answer) monitor_.ended(cursor, answer.value());
  co_return answer;
}

auto WatchedStorage::submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> {
  auto answers = co_await behind_.submit(jobs);
  if (!answers) co_return answers;
  for (std::size_t i = 0; i < jobs.size() && i < answers.value().size(); ++i) {
    monitor_.submitted(jobs[i], answers.value()[i]);
  }
  co_return answers;
}

auto WatchedStorage::cancel(JobId job) -> Async<JobState> {
  auto answer = co_await behind_.cancel(job);
  if (answer) monitor_.cancelled(job, answer.value());
  co_return answer;
}

auto WatchedStorage::retry(JobId job) -> Async<void> {
  auto answer = co_await behind_.retry(job);
  if (answer) monitor_.retried(job);
  co_return answer;
}

auto WatchedStorage::pause(PauseTarget target) -> Async<void> {
  auto answer = co_await behind_.pause(target);
  if (answer) monitor_.paused(target.name, true);
  co_return answer;
}

auto WatchedStorage::resume(PauseTarget target) -> Async<void> {
  auto answer = co_await behind_.resume(target);
  if (answer) monitor_.paused(target.name, false);
  co_return answer;
}

auto WatchedStorage::start(std::span<const TaskAssignment> assignments, ManagerId manager)
    -> Async<std::vector<Result<StartedTask>>> {
  std::vector<SessionId> live;
  live.reserve(assignments.size());
  for (const auto& assignment : assignments) live.push_back(monitor_.live_session(assignment.scheduler));
  auto answers = co_await behind_.start(assignments, manager);
  if (!answers) co_return answers;
  for (std::size_t i = 0; i < assignments.size() && i < answers.value().size(); ++i) {
    monitor_.started(assignments[i], manager, live[i], answers.value()[i]);
  }
  co_return answers;
}

auto WatchedStorage::finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> {
  auto answers = co_await behind_.finish(requests);
  if (!answers) co_return answers;
  for (std::size_t i = 0; i < requests.size() && i < answers.value().size(); ++i) {
    monitor_.finished(requests[i], answers.value()[i]);
  }
  co_return answers;
}

auto WatchedStorage::renew(ManagerId manager) -> Async<Renewal> {
  auto answer = co_await behind_.renew(manager);
  monitor_.renewed(manager, answer);
  co_return answer;
}

}  // namespace spider::inline v1::sim
