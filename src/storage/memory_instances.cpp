#include "storage/memory_instances.hpp"

namespace spider::inline v1::detail {

auto InstanceTable::add(InstanceRecord instance, TaskRecord& task) -> std::uint32_t {
  auto position = static_cast<std::uint32_t>(slots_.size());
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    position = free_.back();
    free_.pop_back();
  }
  auto& manager = managers[instance.manager];
  instance.instance.id = InstanceId{++last_id_};
  instance.instance.epoch = ++task.epoch;
  instance.older = task.instance;
  instance.manager_before = manager.last;
  (manager.last == 0 ? manager.first : slots_[manager.last - 1].manager_after) = position + 1;
  manager.last = position + 1;
  ++manager.running;
  task.instance = position + 1;
  slots_[position] = instance;
  return position;
}

auto InstanceTable::remove(std::uint32_t position, TaskRecord& task) -> void {
  auto& gone = slots_[position];
  auto* link = &task.instance;
  while (*link != position + 1) link = &slots_[*link - 1].older;
  *link = gone.older;

  auto& manager = managers[gone.manager];
  (gone.manager_before == 0 ? manager.first : slots_[gone.manager_before - 1].manager_after) =
      gone.manager_after;
  (gone.manager_after == 0 ? manager.last : slots_[gone.manager_after - 1].manager_before) =
      gone.manager_before;
  --manager.running;
  gone = {};
  free_.push_back(position);
}

auto InstanceTable::count(const TaskRecord& task) const -> std::uint32_t {
  std::uint32_t running = 0;
  for (auto link = task.instance; link != 0; link = slots_[link - 1].older) ++running;
  return running;
}

}  // namespace spider::inline v1::detail
