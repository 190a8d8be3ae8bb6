#include "spider/observer.hpp"

namespace spider {
inline namespace v1 {

auto to_string(EventKind kind) noexcept -> std::string_view {
  constexpr std::string_view kNames[] = {
      "registered",          "register_failed",      "poll_failed",         "session_bumped",
      "stale_batch_dropped", "duplicate_ignored",    "dispatched",          "job_dropped",
      "policy_idle",         "manager_joined",       "manager_left",        "manager_lost",
      "assignment_expired",  "foreign_acknowledged", "handed_back_refused", "start_refused",
      "task_started",        "task_succeeded",       "task_failed",         "task_deferred",
      "task_released",       "finish_refused",       "task_overdue",        "storage_failed",
      "job_submitted"};
  static_assert(std::size(kNames) == kEventKinds);
  return kNames[static_cast<std::size_t>(kind)];
}

namespace {

class NullObserver final : public Observer {
 public:
  auto observe(const Event&) noexcept -> void override {}
};

}  // namespace

auto null_observer() noexcept -> Observer& {
  static NullObserver observer;
  return observer;
}

}  // namespace v1
}  // namespace spider
