#pragma once

/// Policies: pure, single-threaded algorithms that say which buffered entry is dispatched next.
///
/// `SchedulingPolicy` is what PolicyCore runs. Most users write the smaller `GroupPicker` (which
/// group is served next) and let `grouped` (policies/grouped.hpp) do the bookkeeping. Both are plain
/// code called from one strand: no thread, no lock, no coroutine, no clock, no randomness but a seed
/// given at construction. Hold yours to the suite in `spider/testing/policy_suite.hpp`.
///
/// Rules (checked by the suite):
///  - Each admitted entry that is not dropped is returned by `next` exactly once.
///  - A work-conserving policy returns an entry whenever `size() > 0`; another one answers nothing
///    only with a `wake_at` that says when to ask again.
///  - Deterministic: the same calls give the same answers; no iteration over hash order or pointers.
///  - `admit` and `next` cost O(1) or O(log n), `drop_job` O(entries of that job).
///  - No entry waits longer than the bound that `traits` declares.
/// A policy that throws, or that returns an entry it was not given, ends its core with
/// `policy_failed`; it harms nothing else.

#include "spider/explanation.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace spider {
inline namespace v1 {

/// Upper limits of the backlog while an entry waits; what a starvation bound is a function of.
struct BacklogShape {
  std::uint64_t entries_ahead = 0;  ///< of the same job, admitted before it
  std::uint64_t entries = 0;        ///< buffered at any one time, all together
  std::uint64_t jobs = 1;           ///< with entries at any one time, per resource group
  std::uint64_t groups = 1;         ///< resource groups with entries at any one time
  std::uint64_t classes = 1;        ///< priority classes with entries at any one time
  double weight_ratio = 1;          ///< of the greatest weight of a group to the smallest

  /// Of jobs submitted before its own, admitted while it waits: of its resource group, and of others.
  std::uint64_t older_arrivals = 0;
  std::uint64_t older_arrivals_elsewhere = 0;
};

/// At most how many entries `next` returns from the admission of an entry up to and including that
/// entry, while others keep arriving within the shape. Empty where there is no bound.
using StarvationBound = std::function<std::optional<std::uint64_t>(const BacklogShape&)>;

struct PolicyTraits {
  std::string name;   ///< as in a policy specification: "fair-share/fifo"
  std::string bound;  ///< the starvation bound as a formula for people
  StarvationBound starvation_bound;
  bool work_conserving = true;
  PlaceKind places = PlaceKind::none;

  /// At most how many entries a group with work is ahead of its ideal share, or behind it; the ideal
  /// is that of a fluid server. Empty where nothing is promised.
  std::optional<double> lag_bound;
  bool uses_cost = false;  ///< `finished` changes what follows
};

class SchedulingPolicy {
 public:
  SchedulingPolicy() = default;
  SchedulingPolicy(const SchedulingPolicy&) = delete;
  auto operator=(const SchedulingPolicy&) -> SchedulingPolicy& = delete;
  virtual ~SchedulingPolicy() = default;

  /// Takes an entry into the buffer. `now` never goes back between calls.
  virtual auto admit(const InboundEntry& entry, TimePoint now) -> void = 0;

  /// Chooses the next entry, removes and returns it.
  [[nodiscard]] virtual auto next(TimePoint now) -> std::optional<InboundEntry> = 0;

  /// Removes and returns that entry of the job that was admitted first, out of turn: it costs its group
  /// none. Empty when none of the job is held.
  [[nodiscard]] virtual auto take_oldest(JobId job, TimePoint now) -> std::optional<InboundEntry> = 0;

  /// Removes all entries of the job; returns how many.
  virtual auto drop_job(JobId job) -> std::size_t = 0;

  /// Removes everything, and forgets what a new session must not inherit.
  virtual auto clear() -> void = 0;

  [[nodiscard]] virtual auto size() const -> std::size_t = 0;

  /// Feedback after a dispatched task ended: `cost` is its measured run time. Of `entry`, only job, task,
  /// group, queue and class count. Called only where `traits().uses_cost`; sometimes never.
  virtual auto finished(const InboundEntry& entry, Duration cost) -> void = 0;

  /// When `next` may answer again although it just did not; empty = only after another call.
  [[nodiscard]] virtual auto wake_at() const -> std::optional<TimePoint> = 0;

  /// Where a buffered task stands; empty when it is not buffered, or `traits().places` is none.
  [[nodiscard]] virtual auto place(JobId job, TaskId task) const -> std::optional<QueuePlace> = 0;

  [[nodiscard]] virtual auto traits() const -> PolicyTraits = 0;
};

/// Makes a policy; called once per group by `grouped`, and once per core.
using PolicyFactory = std::function<std::unique_ptr<SchedulingPolicy>()>;

/// A group's dense number within one `grouped`. A number is reused after `GroupPicker::forget`.
struct GroupKey {
  std::uint32_t slot = 0;

  friend auto operator<=>(GroupKey, GroupKey) = default;
};

/// What a picker is told of a group that has work.
struct GroupInfo {
  GroupKey key;
  std::uint64_t id = 0;  ///< the resource group's, job's or class's own number
  float weight = 1.0F;   ///< finite and > 0: that of the newest entry which tells one
};

/// The twenty-line seam: which group is served next.
class GroupPicker {
 public:
  GroupPicker() = default;
  GroupPicker(const GroupPicker&) = delete;
  auto operator=(const GroupPicker&) -> GroupPicker& = delete;
  virtual ~GroupPicker() = default;

  /// The group has entries now; it had none before.
  virtual auto active(const GroupInfo& group, TimePoint now) -> void = 0;

  /// It has none left. What is worth remembering of it (when it was last served) may be kept.
  virtual auto idle(GroupKey group) -> void = 0;

  /// Called on an idle group only: its number will be given to another one.
  virtual auto forget(GroupKey group) -> void = 0;

  /// One of the active groups (there is at least one), charged for one entry.
  [[nodiscard]] virtual auto pick(TimePoint now) -> GroupKey = 0;

  /// Feedback: an entry of the group ended after running for `cost`. The group may be idle.
  virtual auto finished(GroupKey group, Duration cost) -> void = 0;

  /// Forgets all groups.
  virtual auto clear() -> void = 0;

  /// Where an active group stands in the picker's order: the smaller number is picked first. Asked only
  /// where `traits().places` is not `none`.
  [[nodiscard]] virtual auto turn(GroupKey group) const -> std::uint64_t = 0;

  /// Name and bound of the picker alone. The bound: at most how many picks an active group waits
  /// for its turn, as a function of the number of active groups and of BacklogShape::weight_ratio.
  struct Traits {
    std::string name;
    std::string bound;
    std::function<std::optional<std::uint64_t>(std::uint64_t groups, double weight_ratio)> turns_bound;

    /// `exact`: as long as none comes or runs empty, groups are picked in rounds, each once, in the order
    /// of `turn`. `estimate`: more or less. `none`: there is no such order.
    PlaceKind places = PlaceKind::none;
    std::optional<double> lag_bound = std::nullopt;  ///< as in PolicyTraits
    bool uses_cost = false;                          ///< as in PolicyTraits
  };
  [[nodiscard]] virtual auto traits() const -> Traits = 0;
};

}  // namespace v1
}  // namespace spider
