#include "work_witness.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

auto WorkWitness::submitted(JobId id, const JobSpec& spec) -> void {
  Job job{++events_, {}};
  std::uint32_t first = 0;
  for (const auto& task : spec.tasks) {
    if (task.coalesce) job.works[first] = spec.resource_group + '\n' + canonical(*task.coalesce);
    first += task.count;
  }
  if (!job.works.empty()) jobs_[id] = std::move(job);
}

auto WorkWitness::work_of(TaskRef task) const -> const std::string* {
  const auto job = jobs_.find(task.job);
  if (job == jobs_.end() || task.task.kind() != TaskKind::regular) return nullptr;
  const auto work = job->second.works.find(task.task.index());
  return work == job->second.works.end() ? nullptr : &work->second;
}

auto WorkWitness::started(TaskRef task) -> void {
  if (work_of(task) != nullptr) began_[task] = ++events_;
}

auto WorkWitness::succeeded(TaskRef task) -> void {
  const auto* work = work_of(task);
  if (work == nullptr) return;
  auto& done = done_[*work];
  done = std::max(done, began_[task]);
}

auto WorkWitness::was_done(TaskRef task) const -> bool {
  const auto* work = work_of(task);
  const auto done = work == nullptr ? done_.end() : done_.find(*work);
  return done != done_.end() && done->second > jobs_.at(task.job).number;
}

}  // namespace spider::inline v1::detail
