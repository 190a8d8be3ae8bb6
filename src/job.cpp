#include "spider/job.hpp"

namespace spider {
inline namespace v1 {

auto can_move(JobState from, JobState to) noexcept -> bool {
  using S = JobState;
  switch (from) {
    case S::ready:
      return to == S::running || to == S::commit_ready || to == S::cleanup_ready || to == S::cancelled ||
             to == S::failed;
    case S::running:
      return to == S::commit_ready || to == S::succeeded || to == S::failed || to == S::cancelled ||
             to == S::cleanup_ready;
    case S::commit_ready:
      return to == S::succeeded || to == S::failed || to == S::cleanup_ready || to == S::cancelled;
    case S::cleanup_ready: return to == S::cancelled || to == S::failed;
    case S::failed: return to == S::ready;
    case S::succeeded:
    case S::cancelled: return false;
  }
  return false;
}

auto can_move(TaskState from, TaskState to) noexcept -> bool {
  using S = TaskState;
  switch (from) {
    case S::pending: return to == S::ready || to == S::cancelled;
    case S::ready: return to == S::running || to == S::cancelled || to == S::folded;
    case S::running: return to == S::succeeded || to == S::failed || to == S::ready || to == S::cancelled;
    case S::failed:
    case S::cancelled: return to == S::pending;
    case S::folded: return to == S::succeeded || to == S::ready || to == S::cancelled;
    case S::succeeded: return false;
  }
  return false;
}

auto has_ended(JobState state) noexcept -> bool {
  return state == JobState::succeeded || state == JobState::failed || state == JobState::cancelled;
}

auto has_ended(TaskState state) noexcept -> bool {
  return state == TaskState::succeeded || state == TaskState::failed || state == TaskState::cancelled;
}

auto to_string(JobState state) noexcept -> std::string_view {
  constexpr std::string_view kNames[] = {"ready",     "running", "commit_ready", "cleanup_ready",
                                         "succeeded", "failed",  "cancelled"};
  return kNames[static_cast<std::size_t>(state)];
}

auto to_string(TaskState state) noexcept -> std::string_view {
  constexpr std::string_view kNames[] = {"pending", "ready",     "running", "succeeded",
                                         "failed",  "cancelled", "folded"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace v1
}  // namespace spider
