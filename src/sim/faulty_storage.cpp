#include "sim/faulty_storage.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kRepeatedMax = 8;

auto unavailable() -> Error { return Error{Errc::storage_unavailable, "simulated"}; }

}  // namespace

auto FaultyStorageClient::register_scheduler(SchedulerInfo info) -> Async<Registration> {
  SPIDER_CO_TRY(co_await link_.reach());
  const auto error = context_.fires(FaultKind::register_error);
  if (error && error->below(2) == 0) co_return unavailable();
  auto answer = co_await behind_.register_scheduler(info);
  if (error) co_return unavailable();
  if (answer) {
    if (const auto twice = context_.fires(FaultKind::register_twice)) {
      const auto second = co_await behind_.register_scheduler(std::move(info));
      if (second && twice->below(2) == 0) answer = second.value();
    }
    registration_ = answer.value();
  }
  co_return answer;
}

auto FaultyStorageClient::unregister_scheduler(Registration registration) -> Async<void> {
  SPIDER_CO_TRY(co_await link_.reach());
  co_return co_await behind_.unregister_scheduler(registration);
}

auto FaultyStorageClient::poll_behind(TaskKind lane, PollRequest request) -> Async<InboundBatch> {
  switch (lane) {
    case TaskKind::commit: return behind_.poll_commit_ready(std::move(request));
    case TaskKind::cleanup: return behind_.poll_cleanup_ready(std::move(request));
    case TaskKind::regular: break;
  }
  return behind_.poll_ready(std::move(request));
}

/// Looks, sleeps for as long as the poll may wait, and looks again.
auto FaultyStorageClient::poll_asleep(TaskKind lane, PollRequest request) -> Async<InboundBatch> {
  const auto wait = std::exchange(request.wait, Duration::zero());
  auto first = co_await poll_behind(lane, request);
  if (!first || !first.value().entries.empty()) co_return first;
  SPIDER_CO_TRY(co_await context_.scheduler_clock.sleep(wait));
  co_return co_await poll_behind(lane, std::move(request));
}

auto FaultyStorageClient::poll(TaskKind lane, PollRequest request) -> Async<InboundBatch> {
  SPIDER_CO_TRY(co_await link_.reach());
  if (context_.fires(FaultKind::poll_error)) co_return unavailable();
  InboundBatch none;
  none.session = request.session;
  if (context_.fires(FaultKind::poll_empty)) co_return none;
  const auto& earlier = earlier_[static_cast<std::size_t>(lane)];
  const auto can_be_stale = earlier.session && earlier.session < request.session;
  if (can_be_stale && context_.fires(FaultKind::poll_stale_session)) co_return earlier;
  if (context_.fires(FaultKind::poll_partial)) request.max_items = 1;
  const auto asleep = context_.fires(FaultKind::wakeup_lost);
  auto polling = asleep ? poll_asleep(lane, std::move(request)) : poll_behind(lane, std::move(request));
  auto answer = co_await std::move(polling);
  if (!answer) co_return answer;
  if (!answer.value().entries.empty() && context_.fires(FaultKind::poll_reply_lost)) co_return unavailable();
  disturb(lane, answer.value());
  if (const auto stall = context_.fires(FaultKind::poll_stall)) {
    // Whatever comes of the sleep: what was polled is leased and must not be forgotten here.
    (void)co_await context_.sleep(stall->between(milliseconds{10}, seconds{12}));
  }
  co_return answer;
}

auto FaultyStorageClient::disturb(TaskKind lane, InboundBatch& batch) -> void {
  auto& earlier = earlier_[static_cast<std::size_t>(lane)];
  const auto fresh = batch;
  if (!batch.entries.empty()) {
    if (const auto twice = context_.fires(FaultKind::poll_duplicate)) {
      const auto& again = twice->below(2) == 0 || earlier.session != batch.session ? fresh : earlier;
      const auto count = std::min(again.entries.size(), kRepeatedMax);
      batch.entries.insert(batch.entries.end(), again.entries.begin(),
                           again.entries.begin() + static_cast<std::ptrdiff_t>(count));
    }
  }
  if (batch.entries.size() > 1) {
    if (const auto order = context_.fires(FaultKind::poll_reorder)) {
      for (std::size_t left = batch.entries.size(); left > 1; --left) {
        std::swap(batch.entries[left - 1], batch.entries[order->next(left).below(left)]);
      }
    }
  }
  if (!fresh.entries.empty()) earlier = fresh;
}

auto FaultyStorageClient::poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> {
  SPIDER_CO_TRY(co_await link_.reach());
  auto answer = co_await behind_.poll_ended(cursor, wait);
  if (!answer || answer.value().jobs.empty()) co_return answer;
  if (context_.fires(FaultKind::ended_lost)) answer.value().jobs.clear();
  if (const auto late = context_.fires(FaultKind::ended_late)) {
    (void)co_await context_.sleep(late->between(milliseconds{1}, seconds{3}));
  }
  co_return answer;
}

auto FaultyStorageClient::job_state(JobId job) -> Async<JobState> {
  SPIDER_CO_TRY(co_await link_.reach());
  co_return co_await behind_.job_state(job);
}

auto FaultyExecutionClient::start(std::span<const TaskAssignment> assignments, ManagerId manager)
    -> Async<std::vector<Result<StartedTask>>> {
  SPIDER_CO_TRY(co_await link_.reach());
  if (context_.fires(FaultKind::start_error)) co_return unavailable();
  if (const auto late = context_.fires(FaultKind::start_late)) {
    SPIDER_CO_TRY(co_await context_.sleep(late->between(milliseconds{1}, seconds{9})));
  }
  auto answers = co_await behind_.start(assignments, manager);
  if (context_.fires(FaultKind::start_duplicate)) {
    const auto again = co_await behind_.start(assignments, manager);
    for (std::size_t i = 0; answers && again && i < answers.value().size(); ++i) {
      const auto& first = answers.value()[i];
      const auto& second = again.value()[i];
      if (first && second && first.value().instance != second.value().instance) {
        context_.complain("T10", to_text(assignments[i].ref()) + ": a repeated start made a second instance");
      }
    }
  }
  if (context_.fires(FaultKind::start_reply_lost)) co_return unavailable();
  co_return answers;
}

auto FaultyExecutionClient::finish(std::span<const FinishRequest> requests)
    -> Async<std::vector<Result<void>>> {
  SPIDER_CO_TRY(co_await link_.reach());
  if (context_.fires(FaultKind::finish_error)) co_return unavailable();
  if (const auto late = context_.fires(FaultKind::finish_late)) {
    SPIDER_CO_TRY(co_await context_.sleep(late->between(milliseconds{1}, seconds{12})));
  }
  auto answers = co_await behind_.finish(requests);
  if (context_.fires(FaultKind::finish_duplicate)) {
    const auto again = co_await behind_.finish(requests);
    for (std::size_t i = 0; answers && again && i < answers.value().size(); ++i) {
      if (answers.value()[i] && !again.value()[i]) {
        context_.complain("T10", to_text(requests[i].instance.task) + ": a repeated finish was refused");
      }
    }
  }
  if (context_.fires(FaultKind::finish_reply_lost)) co_return unavailable();
  co_return answers;
}

auto FaultyExecutionClient::renew(ManagerId manager) -> Async<Renewal> {
  SPIDER_CO_TRY(co_await link_.reach());
  if (context_.fires(FaultKind::renew_lost)) co_return unavailable();
  if (const auto late = context_.fires(FaultKind::renew_late)) {
    SPIDER_CO_TRY(co_await context_.sleep(late->between(milliseconds{1}, seconds{6})));
  }
  co_return co_await behind_.renew(manager);
}

auto FaultyJobClient::submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> {
  SPIDER_CO_TRY(co_await context_.reach_storage());
  auto answers = co_await behind_.submit(jobs);
  if (context_.fires(FaultKind::submit_duplicate)) answers = co_await behind_.submit(jobs);
  if (context_.fires(FaultKind::submit_reply_lost)) co_return unavailable();
  co_return answers;
}

auto FaultyJobClient::cancel(JobId job) -> Async<JobState> {
  SPIDER_CO_TRY(co_await context_.reach_storage());
  co_return co_await behind_.cancel(job);
}

auto FaultyJobClient::retry(JobId job) -> Async<void> {
  SPIDER_CO_TRY(co_await context_.reach_storage());
  co_return co_await behind_.retry(job);
}

auto FaultyJobClient::set_paused(PauseTarget target, bool paused) -> Async<void> {
  SPIDER_CO_TRY(co_await context_.reach_storage());
  auto call = paused ? behind_.pause(std::move(target)) : behind_.resume(std::move(target));
  co_return co_await std::move(call);
}

}  // namespace spider::inline v1::sim
