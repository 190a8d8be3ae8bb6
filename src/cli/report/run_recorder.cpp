#include "cli/report/run_recorder.hpp"

#include <algorithm>

namespace spider::cli {

namespace {

constexpr std::uint64_t kMembersNumbered = 64;

}  // namespace

auto RunRecorder::begin(Beginning beginning) -> void {
  beginning_ = std::move(beginning);
  record_.resumed = beginning_.resumed;
}

auto RunRecorder::observe(const Event& event) noexcept -> void {
  beginning_.next->observe(event);
  switch (event.kind) {
    case EventKind::task_started: started(event); break;
    case EventKind::task_succeeded:
    case EventKind::task_failed: {
      const auto how = event.kind == EventKind::task_succeeded ? InstanceEnd::succeeded : InstanceEnd::failed;
      ended(event, event.at, how);
      break;
    }
    case EventKind::task_deferred:
    case EventKind::task_released:
    case EventKind::finish_refused: ended(event, event.at, InstanceEnd::given_back); break;
    case EventKind::job_submitted: break;
    default: return;
  }
  record_.load.add(event.at, beginning_.monitor->waiting(), beginning_.monitor->running());
}

auto RunRecorder::member_of(ManagerId manager) -> std::uint16_t {
  const auto known = std::ranges::find(members_, manager, &Member::manager);
  if (known != members_.end()) return static_cast<std::uint16_t>(known - members_.begin());
  const auto first = beginning_.first_manager;
  const auto numbered = first && manager >= first && manager.value - first.value < kMembersNumbered;
  const auto index = numbered ? manager.value - first.value : members_.size();
  while (members_.size() <= index) members_.push_back({ManagerId{first.value + members_.size()}, {}});
  members_[index].manager = manager;
  return static_cast<std::uint16_t>(index);
}

auto RunRecorder::started(const Event& event) -> void {
  const auto member = member_of(event.manager);
  const auto [known, fresh] = members_[member].running.try_emplace(event.task, record_.instances.size());
  if (!fresh) {  // of the earlier one nothing was heard
    record_.instances[known->second].end = event.at;
    known->second = record_.instances.size();
  }
  record_.instances.push_back(
      {.begin = event.at, .end = kForever, .job = event.task.job, .task = event.task.task, .member = member});
}

/// A handler's own time is told with its end, which comes when the storage has acknowledged it.
auto RunRecorder::ended(const Event& event, TimePoint end, InstanceEnd how) -> void {
  auto& running = members_[member_of(event.manager)].running;
  const auto found = running.find(event.task);
  if (found == running.end()) return;
  auto& instance = record_.instances[found->second];
  const auto ran = how == InstanceEnd::succeeded || how == InstanceEnd::failed;
  instance.end = ran ? std::min(end, saturating_add(instance.begin, event.duration)) : end;
  instance.how = how;
  running.erase(found);
}

auto RunRecorder::end(Ending ending) -> void {
  for (const auto& member : members_) {
    for (const auto& [task, position] : member.running) {
      auto& instance = record_.instances[position];
      instance.end = std::max(instance.begin, ending.lost_at.value_or(ending.now));
    }
  }
  if (beginning_.monitor != nullptr) {
    record_.load.add(ending.now, beginning_.monitor->waiting(), beginning_.monitor->running());
  }
  beginning_ = {};
  record_.members = members_.size();
  record_.jobs = std::move(ending.jobs);
  record_.first_submit = ending.first_submit;
}

}  // namespace spider::cli
