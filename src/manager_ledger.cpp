#include "manager_ledger.hpp"

#include <algorithm>
#include <cassert>
#include <new>

namespace spider::inline v1::detail {

auto ManagerLedger::find(ManagerId id) -> Manager* {
  const auto found = managers_.find(id);
  return found != managers_.end() && found->second.alive ? &found->second : nullptr;
}

auto ManagerLedger::find_or_make(ManagerId id) -> Result<Manager*> {
  const auto found = managers_.find(id);
  if (found != managers_.end()) return &found->second;
  if (managers_.size() >= options_.managers_max) return Error{Errc::limit_exceeded, "managers_max reached"};
  try {
    auto& manager = managers_[id];
    manager.id = id;
    return &manager;
  } catch (const std::bad_alloc&) {
    return Error{Errc::limit_exceeded, "out of memory"};
  }
}

auto ManagerLedger::touch(Manager& manager, TimePoint now) -> bool {
  const auto joined = !manager.alive;
  if (!joined) by_contact_.erase(by_contact_.iterator_to(manager));
  manager.alive = true;
  manager.last_contact = now;
  by_contact_.push_back(manager);
  return joined;
}

auto ManagerLedger::reserve(Manager& manager, std::size_t max) -> Result<std::size_t> {
  const auto used = manager.records.size() + manager.reserved;
  if (used >= options_.outstanding_max) return Error{Errc::limit_exceeded, "outstanding_max reached"};
  const auto places = std::min(max, options_.outstanding_max - used);
  try {
    while (free_.size() < reserved_ + places) free_.push_back(places_.emplace_back());
  } catch (const std::bad_alloc&) {
    return Error{Errc::limit_exceeded, "out of memory"};
  }
  manager.reserved += places;
  reserved_ += places;
  return places;
}

auto ManagerLedger::release(Manager& manager, std::size_t places) noexcept -> void {
  assert(manager.reserved >= places);
  manager.reserved -= places;
  reserved_ -= places;
  forget_if_unused(manager);
}

auto ManagerLedger::record(Manager& manager, const TaskAssignment& assignment, TimePoint now) noexcept
    -> void {
  assert(manager.alive && manager.reserved > 0);
  auto& place = free_.front();
  free_.pop_front();
  --manager.reserved;
  --reserved_;
  place.assignment = assignment;
  place.owner = &manager;
  place.since = now;
  by_age_.push_back(place);
  manager.records.insert(manager.records.end(), place);  // mostly the greatest: ids grow
}

auto ManagerLedger::free(Record& record) noexcept -> void {
  record.owner->records.erase(record.owner->records.iterator_to(record));
  by_age_.erase(by_age_.iterator_to(record));
  free_.push_front(record);
}

auto ManagerLedger::remove(Manager& manager, const TaskAssignment& assignment) noexcept -> bool {
  auto& records = manager.records;
  if (records.empty()) return false;
  auto found = records.begin();  // mostly the least: they are acknowledged in the order of their ids
  if (ByIdentity::key(found->assignment) != ByIdentity::key(assignment)) {
    found = records.find(assignment, ByIdentity{});
  }
  if (found == records.end()) return false;
  free(*found);
  return true;
}

auto ManagerLedger::remove_first(Manager& manager) noexcept -> TaskAssignment {
  auto& first = *manager.records.begin();
  free(first);
  return first.assignment;
}

auto ManagerLedger::end(Manager& manager) noexcept -> void {
  assert(manager.alive && manager.records.empty());
  by_contact_.erase(by_contact_.iterator_to(manager));
  manager.alive = false;
  forget_if_unused(manager);
}

auto ManagerLedger::forget_if_unused(Manager& manager) noexcept -> void {
  const auto id = manager.id;
  if (!manager.alive && manager.reserved == 0) managers_.erase(id);
}

auto ManagerLedger::dead(TimePoint now) -> Manager* {
  if (by_contact_.empty()) return nullptr;
  auto& oldest = by_contact_.front();
  return now >= saturating_add(oldest.last_contact, options_.cutoff) ? &oldest : nullptr;
}

auto ManagerLedger::overdue(TimePoint now) const -> const Record* {
  if (by_age_.empty()) return nullptr;
  const auto& oldest = by_age_.front();
  return now >= saturating_add(oldest.since, options_.assignment_lease) ? &oldest : nullptr;
}

auto ManagerLedger::next_deadline() const -> TimePoint {
  auto deadline = kForever;
  if (!by_contact_.empty()) deadline = saturating_add(by_contact_.front().last_contact, options_.cutoff);
  if (by_age_.empty()) return deadline;
  return std::min(deadline, saturating_add(by_age_.front().since, options_.assignment_lease));
}

auto ManagerLedger::holder(TaskRef task) const -> std::optional<ManagerId> {
  for (const auto& record : by_age_) {
    if (record.assignment.ref() == task) return record.owner->id;
  }
  return std::nullopt;
}

}  // namespace spider::inline v1::detail
