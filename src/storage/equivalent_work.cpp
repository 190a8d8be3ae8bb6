#include "spider/storage/equivalent_work.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace spider::inline v1::life_cycle {

namespace {

constexpr TaskRef kLastRef{JobId{std::numeric_limits<std::uint64_t>::max()}, TaskId::cleanup()};

using StepKind = EquivalentWork::Step::Kind;

}  // namespace

auto may_join(const JobSpec& job) -> FoldOutcome {
  if (job.tasks.size() != 1 || !job.tasks.front().coalesce || !job.unique_key.empty()) {
    return FoldOutcome::not_coalescible;
  }
  return job.commit || job.cleanup ? FoldOutcome::has_dependencies : FoldOutcome::folded;
}

auto work_name(const std::string& resource_group, const CoalesceKey& key) -> std::string {
  return resource_group + '\n' + canonical(key);
}

// The only place where a task's state changes: every index follows from it.
auto EquivalentWork::put(Task& task, State state) -> void {
  take_out(task);
  task.state = state;
  const bool is_due = state == State::kept_back || state == State::offered;
  if (is_due) due_.insert({task.queue, task.priority, task.ref});
  if (is_due || state == State::later) {
    if (task.joinable) joinable_.insert({task.queue, task.deadline, task.ready_at, task.ref});
    // What is late because of its retry or deferral may fold all the same.
    if (!task.has_dependents && (is_due || task.not_before < task.ready_at)) foldable_.insert(task.ref);
  }
  if (state == State::offered) offered_.insert(task.ref);
  if (state == State::folded) folded_.insert(task.ref);
  if (state == State::running) running_ = task.ref;
}

auto EquivalentWork::take_out(const Task& task) -> void {
  due_.erase({task.queue, task.priority, task.ref});
  joinable_.erase({task.queue, task.deadline, task.ready_at, task.ref});
  foldable_.erase(task.ref);
  offered_.erase(task.ref);
  folded_.erase(task.ref);
  if (running_ == task.ref) running_.reset();
}

auto EquivalentWork::add(const Task& task) -> void { put(tasks_[task.ref] = task, task.state); }

auto EquivalentWork::queue(Task& task, TimePoint at, TimePoint now, Steps& steps) -> void {
  take_out(task);
  task.ready_at = at;
  put(task, at > now ? State::later : State::kept_back);
  steps.push_back({StepKind::queue, task.ref, at});
}

auto EquivalentWork::ready(TaskRef ref, TimePoint at, TimePoint now, Steps& steps) -> void {
  auto& task = tasks_.at(ref);
  const bool ran = task.state == State::running;
  queue(task, at, now, steps);
  if (ran) release_folded(at, now, steps);
  offer_first(steps);
}

auto EquivalentWork::due(TaskRef ref, Steps& steps) -> void {
  put(tasks_.at(ref), State::kept_back);
  offer_first(steps);
}

auto EquivalentWork::start(TaskRef ref, Steps& steps) -> FoldOutcome {
  auto& leader = tasks_.at(ref);
  assert(may_start(ref) && leader.state != State::folded);
  put(leader, State::running);
  const bool alone = due_.empty() && foldable_.empty();
  auto outcome = alone ? FoldOutcome::key_differs : FoldOutcome::has_dependencies;
  if (!leader.has_dependents && !foldable_.empty()) {
    outcome = FoldOutcome::folded;
    for (const auto& other : std::exchange(foldable_, {})) {
      put(tasks_.at(other), State::folded);
      steps.push_back({StepKind::fold, other, {}});
    }
  }
  for (const auto& other : std::set<TaskRef>{offered_}) {
    put(tasks_.at(other), State::kept_back);
    steps.push_back({StepKind::keep_back, other, {}});
  }
  return outcome;
}

auto EquivalentWork::end(TaskRef ref, bool succeeded, TimePoint now, Steps& steps) -> void {
  const auto found = tasks_.find(ref);
  const bool ran = found->second.state == State::running;
  take_out(found->second);
  tasks_.erase(found);
  if (ran && succeeded) {
    for (const auto& other : std::exchange(folded_, {})) {
      tasks_.erase(other);
      steps.push_back({StepKind::succeed, other, {}});
    }
  } else if (ran) {
    release_folded(now, now, steps);
  }
  offer_first(steps);
}

auto EquivalentWork::release_folded(TimePoint at, TimePoint now, Steps& steps) -> void {
  for (const auto& other : std::exchange(folded_, {})) queue(tasks_.at(other), at, now, steps);
}

auto EquivalentWork::offer_first(Steps& steps) -> void {
  if (running_) return;
  for (auto line = due_.begin(); line != due_.end();) {
    const auto [queue, priority, ref] = *line;
    auto& first = tasks_.at(ref);
    if (first.state == State::kept_back) {
      put(first, State::offered);
      steps.push_back({StepKind::offer, ref, {}});
    }
    line = due_.upper_bound({queue, std::numeric_limits<PriorityClass>::max(), kLastRef});
  }
}

auto EquivalentWork::find(QueueId queue, const JobSpec& job, TimePoint now) const -> Found {
  const bool at_once = job.not_before <= now;
  const auto from = at_once ? TimePoint::min() : job.not_before;
  const auto line = joinable_.lower_bound({queue, job.deadline, from, {}});
  if (line != joinable_.end()) {
    const auto& [at_queue, deadline, ready_at, ref] = *line;
    const bool in_time = at_once ? ready_at <= now : ready_at == job.not_before;
    if (at_queue == queue && deadline == job.deadline && in_time) return {FoldOutcome::folded, ref};
  }
  if (running_) return {FoldOutcome::already_running, {}};
  return {tasks_.empty() ? FoldOutcome::key_differs : FoldOutcome::not_coalescible, {}};
}

auto EquivalentWork::promote(TaskRef ref, PriorityClass priority, Steps& steps) -> void {
  auto& task = tasks_.at(ref);
  const auto state = task.state;
  take_out(task);
  task.priority = priority;
  put(task, state);
  if (state == State::offered) steps.push_back({StepKind::offer, ref, {}});
  offer_first(steps);
}

auto folded_in(const EquivalentWork::Steps& steps) -> std::uint32_t {
  return static_cast<std::uint32_t>(std::ranges::count(steps, StepKind::fold, &EquivalentWork::Step::kind));
}

}  // namespace spider::inline v1::life_cycle
