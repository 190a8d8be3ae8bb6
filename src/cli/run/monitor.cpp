#include "cli/run/monitor.hpp"

#include <algorithm>
#include <utility>

namespace spider::cli {

auto jain_index(const std::vector<GroupFigures>& groups) -> double {
  double sum = 0;
  double squares = 0;
  std::size_t count = 0;
  for (const auto& group : groups) {
    if (group.entitled_s <= 0) continue;
    sum += group.share();
    squares += group.share() * group.share();
    ++count;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(count) * squares) : 1;
}

auto Monitor::complain(TaskRef task, const char* what) -> void {
  constexpr std::size_t kComplaintsMax = 20;
  ++violations_;
  if (complaints_.size() < kComplaintsMax) {
    complaints_.push_back("job " + std::to_string(task.job.value) + " task " + to_string(task.task) + ": " +
                          what);
  }
}

auto Monitor::group_of(const std::string& name) -> std::uint32_t {
  const auto [found, fresh] = group_index_.try_emplace(name, static_cast<std::uint32_t>(groups_.size()));
  if (fresh) {
    groups_.push_back({.name = name});
    state_.emplace_back();
  }
  return found->second;
}

auto Monitor::advance(TimePoint now) -> void {
  const auto elapsed = to_seconds(now - now_);
  if (elapsed <= 0) return;
  busy_seconds_ += static_cast<double>(busy_) * elapsed;
  if (backlogged_ > 0)
    entitlement_ += static_cast<double>(busy_) / static_cast<double>(backlogged_) * elapsed;
  now_ = now;
}

auto Monitor::change(std::uint32_t index, std::int64_t waiting, std::int64_t running, TimePoint now) -> void {
  advance(now);
  auto& group = state_[index];
  auto& figures = groups_[index];
  const auto had_backlog = group.waiting > 0;
  if (had_backlog) figures.received_s += static_cast<double>(group.running) * to_seconds(now - group.since);
  group.since = now;
  group.waiting += static_cast<std::uint64_t>(waiting);
  group.running += static_cast<std::uint64_t>(running);
  waiting_ += static_cast<std::uint64_t>(waiting);
  busy_ += static_cast<std::uint64_t>(running);
  const auto has_backlog = group.waiting > 0;
  if (!had_backlog && has_backlog) {
    ++backlogged_;
    group.entitled_then = entitlement_;
  } else if (had_backlog && !has_backlog) {
    --backlogged_;
    figures.entitled_s += entitlement_ - group.entitled_then;
  }
}

auto Monitor::submitted(JobId id, const JobSpec& spec, TimePoint now) -> void {
  if (jobs_.empty() && tasks_submitted_ == 0) first_submit_ = now_ = now;
  auto& job = jobs_[id];
  witness_.submitted(id, spec);
  job.group = group_of(spec.resource_group);
  job.has_cleanup = spec.cleanup.has_value();
  std::uint32_t first = 0;
  for (const auto& task : spec.tasks) {
    auto parents = task.parents;
    std::ranges::sort(parents);
    const auto [last, end] = std::ranges::unique(parents);
    parents.erase(last, end);
    Node node{.first = first, .count = task.count, .tasks_left = task.count};
    node.parents_left = static_cast<std::uint32_t>(parents.size());
    job.nodes.push_back(std::move(node));
    first += task.count;
  }
  for (std::uint32_t index = 0; index < spec.tasks.size(); ++index) {
    for (const auto parent : spec.tasks[index].parents) {
      auto& children = job.nodes[parent].children;
      if (children.empty() || children.back() != index) children.push_back(index);
    }
  }
  job.tasks.assign(first + 2, State::pending);
  tasks_submitted_ += first;
  groups_[job.group].tasks += first;
  for (std::uint32_t index = 0; index < job.nodes.size(); ++index) {
    if (job.nodes[index].parents_left == 0) make_ready(job, index, std::max(now, spec.not_before));
  }
}

auto Monitor::make_ready(Job& job, std::uint32_t index, TimePoint now) -> void {
  auto& node = job.nodes[index];
  node.ready_at = now;
  change(job.group, node.count, 0, now);
}

auto Monitor::node_of(Job& job, std::uint32_t index) -> Node* {
  const auto after = std::ranges::upper_bound(job.nodes, index, {}, &Node::first);
  return after == job.nodes.begin() ? nullptr : &*std::prev(after);
}

auto Monitor::slot_of(const Job& job, TaskId task) -> std::size_t {
  switch (task.kind()) {
    case TaskKind::commit: return job.tasks.size() - 2;
    case TaskKind::cleanup: return job.tasks.size() - 1;
    case TaskKind::regular: break;
  }
  return task.index();
}

auto Monitor::started(TaskRef ref, TimePoint now) -> void {
  ++starts_;
  witness_.started(ref);
  const auto found = jobs_.find(ref.job);
  if (found == jobs_.end()) return complain(ref, "started although its job is unknown or has ended");
  auto& job = found->second;
  if (slot_of(job, ref.task) >= job.tasks.size())
    return complain(ref, "started, but the job has no such task");
  auto& state = job.tasks[slot_of(job, ref.task)];
  if (state == State::running) complain(ref, "started while it runs");
  if (state == State::succeeded) complain(ref, "started again after it succeeded");
  if (state == State::failed) complain(ref, "started again after it failed for good");
  state = State::running;
  const auto regular = ref.task.kind() == TaskKind::regular;
  if (regular) {
    const auto& node = *node_of(job, ref.task.index());
    if (node.parents_left > 0) complain(ref, "started before its parents succeeded");
    const auto again = job.ready_again.find(ref.task.index());
    const auto ready_at = again == job.ready_again.end() ? node.ready_at : again->second;
    groups_[job.group].waits_ns.push_back((now - ready_at).count());
    if (again != job.ready_again.end()) job.ready_again.erase(again);
  }
  change(job.group, regular ? -1 : 0, 1, now);
}

auto Monitor::occupied() -> void {
  if (++occupied_ > workers_) complain({}, "more handlers run than there are workers");
}

auto Monitor::vacated() -> void { --occupied_; }

auto Monitor::finished(TaskRef ref, FinishRequest::Kind kind, bool will_retry, TimePoint now) -> void {
  const auto found = jobs_.find(ref.job);
  if (found == jobs_.end()) return complain(ref, "finished although its job is unknown or has ended");
  auto& job = found->second;
  auto& state = job.tasks[slot_of(job, ref.task)];
  if (state != State::running) complain(ref, "finished although it did not run");
  const auto regular = ref.task.kind() == TaskKind::regular;
  const auto again =
      kind != FinishRequest::Kind::succeeded && (kind != FinishRequest::Kind::failed || will_retry);
  change(job.group, again && regular ? 1 : 0, -1, now);
  if (again) {
    state = State::pending;
    if (regular) job.ready_again[ref.task.index()] = now;
    return;
  }
  last_end_ = std::max(last_end_, now);
  if (regular) ++tasks_ended_;
  state = kind == FinishRequest::Kind::succeeded ? State::succeeded : State::failed;
  if (state != State::succeeded || !regular) return;
  witness_.succeeded(ref);
  succeed(job, *node_of(job, ref.task.index()), now);
}

auto Monitor::succeed(Job& job, Node& node, TimePoint now) -> void {
  if (node.tasks_left > 0 && --node.tasks_left > 0) return;
  for (const auto child : node.children) {
    if (--job.nodes[child].parents_left == 0) make_ready(job, child, now);
  }
}

auto Monitor::ended(JobId id, JobState end, TimePoint now) -> void {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return complain({id, TaskId{}}, "its job ended twice, or was never submitted");
  auto& job = found->second;
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  for (const auto& node : job.nodes) {
    for (auto index = node.first; index < node.first + node.count; ++index) {
      if (job.tasks[index] == State::running) --running;
      if (job.tasks[index] == State::pending && node.parents_left == 0) --waiting;
      if (end != JobState::succeeded || job.tasks[index] == State::succeeded) continue;
      if (witness_.was_done({id, TaskId{index}})) {
        ++tasks_ended_;
      } else {
        complain({id, TaskId{index}}, "its job succeeded without it");
      }
    }
  }
  if (waiting != 0 || running != 0) change(job.group, waiting, running, now);
  jobs_.erase(found);
}

auto Monitor::close(TimePoint now) -> void {
  advance(now);
  std::vector<JobId> open;
  for (const auto& [id, job] : jobs_) open.push_back(id);
  std::ranges::sort(open);
  for (const auto id : open) complain({id, TaskId{}}, "its job never ended");
}

}  // namespace spider::cli
