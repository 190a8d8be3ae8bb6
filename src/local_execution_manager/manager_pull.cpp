#include "local_execution_manager/manager_state.hpp"

#include <algorithm>
#include <utility>

namespace spider::inline v1::detail {

auto ManagerState::free_slots() const noexcept -> std::size_t {
  const auto unreported = outbox_.size() + in_report_;
  return unreported >= options_.slots ? 0 : options_.slots - running_.size();
}

auto ManagerState::pull() -> Async<void> {
  Duration backoff{};
  while (!stopping_) {
    const auto max = std::min(free_slots(), options_.batch);
    if (max == 0) {
      auto freed = slot_freed_->wait();
      co_await std::move(freed);
      continue;
    }
    in_next_tasks_ = true;
    auto next = co_await parts_.dispatch.next_tasks(options_.id, max, options_.poll_wait);
    in_next_tasks_ = false;
    if (stopping_) break;  // what came is on our record still: leaving hands it back
    if (next) {
      backoff = Duration::zero();
      if (!next.value().empty()) (void)co_await start(std::move(next).value());
    } else if (next.error() == Errc::dispatch_queue_closed) {
      why_ = next.error();
      break;
    } else {
      backoff = next_backoff(backoff);
      (void)co_await rest(backoff);
    }
  }
  pulling_ = false;
  co_return success();
}

auto ManagerState::start(std::vector<TaskAssignment> assignments) -> Async<void> {
  auto started = co_await parts_.execution.start(assignments, options_.id);
  for (Duration backoff{}; !started; started = co_await parts_.execution.start(assignments, options_.id)) {
    if (abandoned()) co_return started.error();
    backoff = next_backoff(backoff);
    auto failed = event(EventKind::storage_failed);
    failed.duration = backoff;
    observe(failed, &started.error());
    (void)co_await rest(backoff);
  }
  (void)co_await parts_.dispatch.acknowledge(options_.id, assignments);
  const auto now = parts_.clock.now();
  auto& tasks = started.value();
  for (std::size_t i = 0; i < assignments.size() && i < tasks.size(); ++i) {
    if (tasks[i]) {
      launch(assignments[i], std::move(tasks[i]).value(), now);
    } else {
      observe(event(EventKind::start_refused, assignments[i].ref()), &tasks[i].error());
    }
  }
  run_begun();
  wake_report();  // of what was released
  co_return success();
}

auto ManagerState::launch(const TaskAssignment& assignment, StartedTask started, TimePoint now) -> void {
  if (running_.empty()) holding_->notify_all();
  const auto& spec = *started.spec;
  auto handler = handlers_.find(spec.handler);
  if (!handler || stopping_) {
    FinishRequest request{started.instance, FinishRequest::Kind::released};
    Error why{Errc::unknown_handler, spec.handler};
    if (!stopping_) request.delay = options_.release_delay;
    if (stopping_) why = Errc::closed;
    put_report(std::move(request), ended(assignment, Duration::zero()), std::move(why));
    return;
  }
  auto task = std::make_shared<RunningTask>();
  task->assignment = assignment;
  task->started = std::move(started);
  task->handler = std::move(handler);
  task->began = now;
  task->position = running_.size();
  task->sequence = ++sequence_;
  running_.push_back(task);
  if (task->started.deadline != kForever) {
    task->deadline = deadlines_.emplace(task->started.deadline, task);
    deadline_set_->notify_all();
  }
  auto begun = event(EventKind::task_started, assignment.ref());
  begun.group = assignment.group;
  begun.duration = now - assignment.ready_at;
  if (spec.coalesce) {
    begun.operation = spec.coalesce->operation;
    begun.fold = task->started.fold;
    begun.count = task->started.folded;
  }
  begun.at = now;
  parts_.observer.observe(begun);
  const auto has_parents = assignment.task.kind() == TaskKind::regular && !spec.parents.empty();
  if (has_parents && task->handler->wants_context()) {
    spawn(prepare(std::move(task)), {});
  } else {
    begin(task, {});
  }
}

auto ManagerState::prepare(RunningTaskPtr task) -> Async<void> {
  auto outputs = co_await parts_.execution.parent_outputs(task->started.instance);
  Duration backoff{};
  while (!outputs && outputs.error() == Errc::storage_unavailable && !task->fenced && !stopping_) {
    backoff = next_backoff(backoff);
    auto failed = event(EventKind::storage_failed, task->assignment.ref());
    failed.duration = backoff;
    observe(failed, &outputs.error());
    (void)co_await rest(backoff);
    outputs = co_await parts_.execution.parent_outputs(task->started.instance);
  }
  if (outputs && !task->fenced && !stopping_) {
    begin(task, std::move(outputs).value());
    run_begun();
    co_return success();
  }
  if (!outputs && outputs.error() == Errc::stale_instance) task->fenced = true;
  if (!outputs && !task->fenced && !stopping_) {
    task->begun = true;
    task->answer = outputs.error();
  }
  std::vector<RunningTaskPtr> not_begun;
  not_begun.push_back(std::move(task));
  take_returned(std::move(not_begun));
  co_return success();
}

auto ManagerState::begin(const RunningTaskPtr& task, std::vector<std::vector<Bytes>> parents) -> void {
  TaskFacts facts;
  facts.task = task->assignment.ref();
  facts.attempt = task->started.attempt;
  facts.index = task->started.element;
  facts.deadline = task->started.deadline;
  facts.parents = std::move(parents);
  if (task->handler->wants_context()) task->stop = std::stop_source{};
  task->context.emplace(std::move(facts), task->stop.get_token());
  if (task->handler->is_coroutine()) {
    coroutines_begun_.push_back(task);
  } else {
    if (options_.hold_clock) task->hold = options_.hold_clock();
    plain_begun_.push_back(task);
  }
}

auto ManagerState::run_begun() -> void {
  if (!plain_begun_.empty()) plain_runner_->push(plain_begun_);
  if (!coroutines_begun_.empty()) {
    const auto next = free_slots() == 0 ? Next::suspends : Next::may_take_long;
    coroutine_runner_->push(std::move(coroutines_begun_), next);
  }
  plain_begun_.clear();
  coroutines_begun_.clear();
}

}  // namespace spider::inline v1::detail
