#pragma once

/// The task instances that run now, and the execution managers that run them. Plain data, guarded by
/// the storage's mutex.

#include "spider/execution_client.hpp"
#include "storage/memory_job.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace spider::inline v1::detail {

/// One running instance. Links are positions in the table plus 1; 0 = none.
struct InstanceRecord {
  TaskInstance instance;
  ManagerId manager;
  AssignmentId assignment;
  SchedulerId scheduler;
  SessionId session;
  TimePoint deadline = kForever;
  std::uint32_t attempt = 1;
  std::uint32_t older = 0;  ///< running instance of the same task
  std::uint32_t manager_before = 0;
  std::uint32_t manager_after = 0;
};

struct ManagerRecord {
  TimePoint lease_until{};
  bool watched = false;  ///< has a timer
  std::uint32_t running = 0;
  std::uint32_t first = 0;  ///< of its instances, oldest first
  std::uint32_t last = 0;
  std::vector<TaskInstance> lost;  ///< fenced, and not reported yet
};

class InstanceTable {
 public:
  /// Draws an id, and makes it the newest instance of the task and the last of the manager.
  auto add(InstanceRecord instance, TaskRecord& task) -> std::uint32_t;
  auto remove(std::uint32_t position, TaskRecord& task) -> void;
  [[nodiscard]] auto at(std::uint32_t position) -> InstanceRecord& { return slots_[position]; }
  [[nodiscard]] auto at(std::uint32_t position) const -> const InstanceRecord& { return slots_[position]; }
  /// How many instances of the task run.
  [[nodiscard]] auto count(const TaskRecord& task) const -> std::uint32_t;

  std::unordered_map<ManagerId, ManagerRecord> managers;

 private:
  std::vector<InstanceRecord> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t last_id_ = 0;
};

}  // namespace spider::inline v1::detail
