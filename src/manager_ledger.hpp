#pragma once

/// The books of a DispatchService: which managers are alive, and what each has on record.
///
/// Pure code: no lock, no clock, no coroutine. `now` must not go back between calls.

#include "spider/dispatch_service.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <deque>
#include <optional>
#include <tuple>
#include <unordered_map>

namespace spider::inline v1::detail {

namespace intrusive = boost::intrusive;

struct Manager;
struct AgeTag;
struct OwnerTag;

/// One place on a record: free, or an assignment that `owner` has not acknowledged.
struct Record : intrusive::list_base_hook<intrusive::tag<AgeTag>>,
                intrusive::set_base_hook<intrusive::tag<OwnerTag>> {
  TaskAssignment assignment;
  Manager* owner = nullptr;
  TimePoint since{};
};

struct ByIdentity {
  static auto key(const TaskAssignment& a) { return std::tuple{a.scheduler, a.session, a.id}; }
  auto operator()(const Record& left, const Record& right) const -> bool {
    return key(left.assignment) < key(right.assignment);
  }
  auto operator()(const Record& left, const TaskAssignment& right) const -> bool {
    return key(left.assignment) < key(right);
  }
  auto operator()(const TaskAssignment& left, const Record& right) const -> bool {
    return key(left) < key(right.assignment);
  }
};

using RecordsByAge =
    intrusive::list<Record, intrusive::base_hook<intrusive::list_base_hook<intrusive::tag<AgeTag>>>>;
using RecordsOfOwner =
    intrusive::multiset<Record, intrusive::base_hook<intrusive::set_base_hook<intrusive::tag<OwnerTag>>>,
                        intrusive::compare<ByIdentity>>;

/// absent → alive: first contact.
/// alive → gone: left or dead, while calls of it wait; its record is empty, its reservations hold.
/// gone → alive: contact again, a new incarnation. The same object, so that a waiting call needs nothing.
/// alive, gone → absent: gone, and no call of it waits.
struct Manager : intrusive::list_base_hook<> {
  ManagerId id;
  bool alive = false;
  TimePoint last_contact{};
  std::size_t reserved = 0;  ///< places for what calls under way may take
  RecordsOfOwner records;
};

class ManagerLedger {
 public:
  explicit ManagerLedger(const DispatchServiceOptions& options) : options_{options} {}

  /// The manager, if it is alive.
  [[nodiscard]] auto find(ManagerId id) -> Manager*;
  /// The manager, made if need be, alive or not. Errors: `limit_exceeded`.
  [[nodiscard]] auto find_or_make(ManagerId id) -> Result<Manager*>;
  /// Refreshes it; true when that began an incarnation.
  auto touch(Manager& manager, TimePoint now) -> bool;

  /// Sets places aside, 1 … `max`. Errors: `limit_exceeded`.
  [[nodiscard]] auto reserve(Manager& manager, std::size_t max) -> Result<std::size_t>;
  /// Gives places up; an absent manager is forgotten with the last one.
  auto release(Manager& manager, std::size_t places) noexcept -> void;
  /// Uses up one reserved place.
  auto record(Manager& manager, const TaskAssignment& assignment, TimePoint now) noexcept -> void;

  /// Takes it off the record; false when it is not there.
  auto remove(Manager& manager, const TaskAssignment& assignment) noexcept -> bool;
  /// Takes the least one off the record, by scheduler, session and id.
  auto remove_first(Manager& manager) noexcept -> TaskAssignment;
  /// Ends the incarnation of a manager without records.
  auto end(Manager& manager) noexcept -> void;

  /// The manager that was silent for longest, if that is for the cutoff or longer.
  [[nodiscard]] auto dead(TimePoint now) -> Manager*;
  /// The oldest record, if it has outlived its lease.
  [[nodiscard]] auto overdue(TimePoint now) const -> const Record*;
  /// When the one or the other will be there; kForever while nobody is on record.
  [[nodiscard]] auto next_deadline() const -> TimePoint;

  /// Who has the task on record. O(outstanding).
  [[nodiscard]] auto holder(TaskRef task) const -> std::optional<ManagerId>;

  [[nodiscard]] auto managers() const -> std::size_t { return by_contact_.size(); }
  [[nodiscard]] auto outstanding() const -> std::size_t { return by_age_.size(); }

 private:
  auto free(Record& record) noexcept -> void;
  auto forget_if_unused(Manager& manager) noexcept -> void;

  DispatchServiceOptions options_;
  std::deque<Record> places_;
  std::size_t reserved_ = 0;  // of all managers; never more than free_ has
  std::unordered_map<ManagerId, Manager> managers_;
  intrusive::list<Manager> by_contact_;  // alive, longest silent first
  RecordsByAge by_age_;
  RecordsByAge free_;
};

}  // namespace spider::inline v1::detail
