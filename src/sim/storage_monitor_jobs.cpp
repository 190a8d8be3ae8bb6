#include "sim/storage_monitor.hpp"

#include <algorithm>

// What becomes of jobs as wholes.

namespace spider::inline v1::sim {

auto StorageMonitor::submitted(const JobSpec& spec, const Result<Submitted>& answer) -> void {
  const auto id = answer ? answer.value().job : JobId{};
  context_.note(Note::submitted, id.value, outcome_of(answer), answer && answer.value().existing ? 1 : 0);
  if (!answer) return;
  auto& known = by_key_[spec.unique_key];
  if (spec.unique_key.empty() || !known) {
    known = id;
    if (answer.value().existing) context_.complain("I1", "a first submit was said to exist already");
    return add(id, spec);
  }
  if (known != id) context_.complain("I1", "one unique key made two jobs: '" + spec.unique_key + '\'');
}

auto StorageMonitor::add(JobId id, const JobSpec& spec) -> void {
  auto& job = jobs_[id];
  if (job.regular > 0) context_.complain("I1", "job " + std::to_string(id.value) + " was submitted twice");
  job_order_.push_back(id);
  witness_.submitted(id, spec);
  job.spec = spec;
  job.submitted_at = context_.storage_clock.now();
  job.nodes.resize(spec.tasks.size());
  for (std::uint32_t i = 0; i < spec.tasks.size(); ++i) {
    auto& node = job.nodes[i];
    node.first = job.regular;
    node.tasks_left = spec.tasks[i].count;
    node.parents_left = static_cast<std::uint32_t>(spec.tasks[i].parents.size());
    for (const auto parent : spec.tasks[i].parents) job.nodes[parent].children.push_back(i);
    job.regular += spec.tasks[i].count;
  }
  job.tasks.resize(job.regular + 2);
}

auto StorageMonitor::acknowledged(const std::string& unique_key, JobId job) -> void {
  const auto [found, fresh] = acknowledged_.emplace(unique_key, job);
  if (!fresh && found->second != job) context_.complain("I1", "two answers to '" + unique_key + '\'');
}

auto StorageMonitor::cancelled(JobId id, JobState after) -> void {
  context_.note(Note::cancelled, id.value, static_cast<std::uint64_t>(after));
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  if (after != JobState::cancelled && after != JobState::cleanup_ready) return;
  found->second.cancelled = true;
  found->second.over = true;
}

/// What has failed, was cancelled or ran in vain is to run, and what was running then is nobody's any more.
auto StorageMonitor::retried(JobId id) -> void {
  context_.note(Note::retried, id.value);
  auto& job = jobs_.at(id);
  if (job.cancelled && !job.failed) context_.complain("T2", "a cancelled job was given another chance");
  job.over = job.failed = job.cancelled = false;
  job.ended_at_cursor = 0;
  const auto* const cleanup = &job.tasks[job.regular + 1];
  for (auto& task : job.tasks) {
    task.failed = false;
    if (&task == cleanup) task.succeeded = false;
    task.leased_to = {};
    task.changed_at = context_.storage_clock.now();
    for (auto& instance : task.instances) instance.lost = instance.lost || !instance.finished;
  }
}

auto StorageMonitor::paused(const std::string& group, bool paused) -> void {
  context_.note(Note::paused, paused ? 1 : 0);
  groups_[group].paused = paused;
  if (!paused) groups_[group].resumed_at = context_.storage_clock.now();
}

auto StorageMonitor::ended(EndedCursor from, const EndedBatch& batch) -> void {
  for (const auto id : batch.jobs) {
    context_.note(Note::ended, id.value);
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) {
      context_.complain("I2", "job " + std::to_string(id.value) + " ended and was never submitted");
      continue;
    }
    auto& job = found->second;
    job.over = true;
    if (job.ended_at_cursor != 0 && from.position >= job.ended_at_cursor) {
      context_.complain("I2", "job " + std::to_string(id.value) + " ended twice");
    }
    if (job.ended_at_cursor == 0) job.ended_at_cursor = batch.cursor.position;
  }
}

auto StorageMonitor::close(JobId id, const Result<JobView>& view) -> void {
  const auto name = "job " + std::to_string(id.value);
  if (!view) return context_.complain("I1", name + " is gone: " + view.error().message());
  const auto state = view.value().state;
  const auto& job = jobs_.at(id);
  const auto most = may_have_succeeded(id, job);
  const auto committed = !job.spec.commit || job.tasks[job.regular].succeeded;
  if (!has_ended(state)) return;  // what has not healed is complained about elsewhere
  if (state == JobState::succeeded && !(most == job.regular && committed)) {
    context_.complain("I2", name + " succeeded, and not all its tasks have");
  }
  if (state == JobState::cancelled && !job.cancelled) {
    context_.complain("I2", name + " was cancelled, and nobody asked for that");
  }
  if (state == JobState::failed && job.succeeded == job.regular && committed) {
    context_.complain("I2", name + " failed, and all its tasks have succeeded");
  }
  const auto& counts = view.value().tasks;
  const auto counted = counts[static_cast<std::size_t>(TaskState::succeeded)];
  if (counted < job.succeeded || counted > most) {
    context_.complain("I2", name + ": " + std::to_string(job.succeeded) + " tasks succeeded, " +
                                std::to_string(counted) + " are counted");
  }
  std::uint64_t open = 0;
  for (const auto unfinished : {TaskState::pending, TaskState::ready, TaskState::running}) {
    open += counts[static_cast<std::size_t>(unfinished)];
  }
  if (open > 0) context_.complain("T4", name + " has ended with unfinished tasks");
}

}  // namespace spider::inline v1::sim
