#pragma once

/// Which tasks a core holds, and in which class: the deduplication index of PolicyCore.
///
/// Two levels, job then task, because a job is dropped as a whole. A job with one buffered task is
/// kept without a second level. Nothing here iterates in hash order.

#include "spider/types.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace spider::inline v1::detail {

class TaskIndex {
 public:
  [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }

  [[nodiscard]] auto find(TaskRef ref) const -> std::optional<PriorityClass> {
    const auto job = jobs_.find(ref.job);
    if (job == jobs_.end()) return std::nullopt;
    if (!job->second.more) {
      if (job->second.task != ref.task.bits()) return std::nullopt;
      return job->second.priority;
    }
    const auto task = job->second.more->find(ref.task.bits());
    if (task == job->second.more->end()) return std::nullopt;
    return task->second;
  }

  /// Adds the task, or gives it another class.
  auto put(TaskRef ref, PriorityClass priority) -> void {
    const auto [job, fresh] = jobs_.try_emplace(ref.job, Tasks{ref.task.bits(), priority, nullptr});
    auto& tasks = job->second;
    if (fresh) {
      ++size_;
      return;
    }
    if (!tasks.more) {
      if (tasks.task == ref.task.bits()) {
        tasks.priority = priority;
        return;
      }
      tasks.more = std::make_unique<Map>();
      tasks.more->emplace(tasks.task, tasks.priority);
    }
    if (tasks.more->insert_or_assign(ref.task.bits(), priority).second) ++size_;
  }

  /// False when it was not there.
  auto erase(TaskRef ref) -> bool {
    const auto job = jobs_.find(ref.job);
    if (job == jobs_.end()) return false;
    auto& tasks = job->second;
    if (!tasks.more) {
      if (tasks.task != ref.task.bits()) return false;
      jobs_.erase(job);
    } else {
      if (tasks.more->erase(ref.task.bits()) == 0) return false;
      if (tasks.more->empty()) jobs_.erase(job);
    }
    --size_;
    return true;
  }

  /// How many there were.
  auto erase_job(JobId id) -> std::size_t {
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) return 0;
    const auto count = job->second.more ? job->second.more->size() : 1;
    jobs_.erase(job);
    size_ -= count;
    return count;
  }

  auto clear() -> void {
    jobs_.clear();
    size_ = 0;
  }

 private:
  struct Mix {
    using is_avalanching = void;
    auto operator()(std::uint32_t bits) const noexcept -> std::size_t { return mix64(bits); }
    auto operator()(JobId id) const noexcept -> std::size_t { return mix64(id.value); }
  };
  using Map = boost::unordered_flat_map<std::uint32_t, PriorityClass, Mix>;
  struct Tasks {
    std::uint32_t task;  // the only one, while `more` is empty
    PriorityClass priority;
    std::unique_ptr<Map> more;
  };

  boost::unordered_flat_map<JobId, Tasks, Mix> jobs_;
  std::size_t size_ = 0;
};

}  // namespace spider::inline v1::detail
