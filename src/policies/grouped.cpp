#include "spider/policies/grouped.hpp"

#include "policies/job_slots.hpp"
#include "policies/slot_index.hpp"
#include "policies/slot_lists.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace {

using detail::kNoSlot;

auto saturating_product(std::uint64_t left, std::uint64_t right) -> std::uint64_t {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  return left != 0 && right > kMax / left ? kMax : left * right;
}

auto id_of(GroupBy by, const InboundEntry& entry) -> std::uint64_t {
  switch (by) {
    case GroupBy::resource_group: return entry.group.value;
    case GroupBy::job: return entry.job.value;
    case GroupBy::priority_class: break;
  }
  return entry.priority;
}

/// How many groups compete, and what the backlog is like within one of them.
auto split(GroupBy by, BacklogShape shape) -> std::pair<std::uint64_t, BacklogShape> {
  switch (by) {
    case GroupBy::resource_group: return {std::exchange(shape.groups, 1), shape};
    case GroupBy::priority_class: return {std::exchange(shape.classes, 1), shape};
    case GroupBy::job: break;
  }
  const auto jobs = saturating_product(shape.jobs, shape.groups);
  shape.jobs = shape.groups = 1;
  shape.older_arrivals = shape.older_arrivals_elsewhere = 0;
  return {jobs, shape};
}

/// Of a group's own tasks, `inner` says the order; how groups follow each other, the picker.
auto places_of(GroupBy by, PlaceKind outer, PlaceKind inner) -> PlaceKind {
  if (inner == PlaceKind::none || inner == PlaceKind::within_group) return PlaceKind::none;
  if (outer != PlaceKind::none) {
    const auto exact = outer == PlaceKind::exact && inner == PlaceKind::exact;
    return exact && by == GroupBy::resource_group ? PlaceKind::exact : PlaceKind::estimate;
  }
  if (by != GroupBy::resource_group) return PlaceKind::none;
  return inner == PlaceKind::exact ? PlaceKind::within_group : PlaceKind::estimate;
}

auto compose(GroupBy by, const GroupPicker::Traits& outer, const PolicyTraits& inner) -> PolicyTraits {
  PolicyTraits traits;
  traits.name = outer.name + "/" + inner.name;
  traits.bound = "(" + outer.bound + ") x (" + inner.bound + ")";
  traits.starvation_bound = [by, turns = outer.turns_bound, within = inner.starvation_bound](
                                const BacklogShape& shape) -> std::optional<std::uint64_t> {
    if (!turns || !within) return std::nullopt;
    const auto [groups, inner_shape] = split(by, shape);
    const auto turns_bound = turns(groups, shape.weight_ratio);
    const auto inner_bound = within(inner_shape);
    if (!turns_bound || !inner_bound) return std::nullopt;
    return saturating_product(*turns_bound, *inner_bound);
  };
  traits.places = places_of(by, outer.places, inner.places);
  traits.lag_bound = outer.lag_bound;
  traits.uses_cost = outer.uses_cost || inner.uses_cost;
  return traits;
}

class Grouped final : public SchedulingPolicy {
 public:
  Grouped(GroupBy by, std::unique_ptr<GroupPicker> picker, PolicyFactory inner, GroupedOptions options)
      : by_{by}, picker_{std::move(picker)}, make_inner_{std::move(inner)}, idle_max_{options.idle_max} {
    add_slot();
    const auto inner_traits = slots_.front().inner->traits();
    assert(inner_traits.work_conserving);
    const auto picker_traits = picker_->traits();
    traits_ = compose(by_, picker_traits, inner_traits);
    in_turns_ = picker_traits.places != PlaceKind::none;
  }

  auto admit(const InboundEntry& entry, TimePoint now) -> void override {
    const auto at = slot_for(entry);
    auto& slot = slots_[at];
    slot.inner->admit(entry, now);
    if (by_ != GroupBy::job) jobs_.add(entry.job, at);
    ++size_;
    if (entry.weight > 0) slot.weight = entry.weight;
    if (slot.entries++ > 0) return;
    if (slot.remembered) idle_.erase(at, links());
    slot.remembered = false;
    slot.position = static_cast<std::uint32_t>(active_.size());
    active_.push_back(at);
    picker_->active({{at}, slot.id, slot.weight}, now);
  }

  auto next(TimePoint now) -> std::optional<InboundEntry> override {
    if (size_ == 0) return std::nullopt;
    const auto at = picker_->pick(now).slot;
    if (at >= slots_.size() || slots_[at].entries == 0) {
      throw std::logic_error{"the picker of " + traits_.name + " chose a group without entries"};
    }
    return took(at, slots_[at].inner->next(now));
  }

  auto take_oldest(JobId job, TimePoint now) -> std::optional<InboundEntry> override {
    const auto at = by_ == GroupBy::job ? index_.find(job.value) : jobs_.first_slot(job);
    if (at == kNoSlot || slots_[at].entries == 0) return std::nullopt;
    return took(at, slots_[at].inner->take_oldest(job, now));
  }

  auto drop_job(JobId job) -> std::size_t override {
    const auto before = size_;
    const auto drop_at = [this, job](std::uint32_t at) {
      const auto dropped = slots_[at].inner->drop_job(job);
      slots_[at].entries -= dropped;
      size_ -= dropped;
      if (dropped > 0 && slots_[at].entries == 0) rest(at);
    };
    if (by_ != GroupBy::job) {
      jobs_.drop(job, drop_at);
    } else if (const auto at = index_.find(job.value); at != kNoSlot) {
      drop_at(at);
    }
    return before - size_;
  }

  auto clear() -> void override {
    picker_->clear();
    index_.clear();
    idle_.clear();
    jobs_.clear();
    free_.clear();
    active_.clear();
    for (auto at = slots_.size(); at-- > 0;) {
      auto& slot = slots_[at];
      slot.inner->clear();
      slot.entries = 0;
      slot.remembered = false;
      free_.push_back(static_cast<std::uint32_t>(at));
    }
    size_ = 0;
  }

  [[nodiscard]] auto size() const -> std::size_t override { return size_; }

  auto finished(const InboundEntry& entry, Duration cost) -> void override {
    const auto at = index_.find(id_of(by_, entry));
    if (at == kNoSlot) return;
    picker_->finished({at}, cost);
    slots_[at].inner->finished(entry, cost);
  }

  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return std::nullopt; }
  [[nodiscard]] auto place(JobId job, TaskId task) const -> std::optional<QueuePlace> override {
    if (traits_.places == PlaceKind::none) return std::nullopt;
    std::optional<QueuePlace> place;
    const auto look = [&](std::uint32_t at) {
      if (place || slots_[at].entries == 0) return;
      if (const auto inner = slots_[at].inner->place(job, task)) place = place_among(at, *inner);
    };
    if (by_ != GroupBy::job) {
      jobs_.visit(job, look);
    } else if (const auto at = index_.find(job.value); at != kNoSlot) {
      look(at);
    }
    return place;
  }
  [[nodiscard]] auto traits() const -> PolicyTraits override { return traits_; }

 private:
  struct Slot {
    std::unique_ptr<SchedulingPolicy> inner;
    std::uint64_t id = 0;
    std::size_t entries = 0;
    detail::SlotLinks links;     // among the remembered ones
    std::uint32_t position = 0;  // among the active ones
    float weight = 1;
    bool remembered = false;  // idle, and known to the picker
  };
  struct LinksOf {
    std::vector<Slot>& slots;
    auto operator()(std::uint32_t at) const -> detail::SlotLinks& { return slots[at].links; }
  };

  [[nodiscard]] auto links() -> LinksOf { return {slots_}; }

  auto add_slot() -> void {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back().inner = make_inner_();
  }

  auto slot_for(const InboundEntry& entry) -> std::uint32_t {
    const auto id = id_of(by_, entry);
    if (const auto known = index_.find(id); known != kNoSlot) return known;
    if (free_.empty()) add_slot();
    const auto at = free_.back();
    free_.pop_back();
    slots_[at].id = id;
    slots_[at].weight = 1;
    index_.put(id, at);
    return at;
  }

  auto took(std::uint32_t at, std::optional<InboundEntry> entry) -> std::optional<InboundEntry> {
    if (!entry) return entry;
    --size_;
    if (by_ != GroupBy::job) jobs_.remove(entry->job, at);
    if (--slots_[at].entries == 0) rest(at);
    return entry;
  }

  /// One of each group in turn: before the r-th of its group, r − 1 of every other one go, or all that it
  /// has, and one more of those that have their turn earlier.
  [[nodiscard]] auto place_among(std::uint32_t at, const QueuePlace& inner) const -> QueuePlace {
    QueuePlace place;
    const auto rank = inner.in_global.value_or(inner.in_group);
    place.in_group = by_ == GroupBy::resource_group ? rank : inner.in_group;
    place.exact = traits_.places != PlaceKind::estimate;
    if (!in_turns_) return place;
    const auto own_turn = picker_->turn({at});
    auto global = rank;
    for (const auto other : active_) {
      if (other == at) continue;
      const std::uint64_t entries = slots_[other].entries;
      global += std::min(entries, rank - 1);
      if (entries >= rank && picker_->turn({other}) < own_turn) ++global;
    }
    place.in_global = global;
    return place;
  }

  auto rest(std::uint32_t at) -> void {
    slots_[active_.back()].position = slots_[at].position;
    active_[slots_[at].position] = active_.back();
    active_.pop_back();
    picker_->idle({at});
    slots_[at].remembered = true;
    idle_.push_back(at, links());
    if (idle_.size() > idle_max_) forget(idle_.pop_front(links()));
  }

  auto forget(std::uint32_t at) -> void {
    picker_->forget({at});
    slots_[at].remembered = false;
    slots_[at].inner->clear();
    index_.erase(slots_[at].id);
    free_.push_back(at);
  }

  GroupBy by_;
  std::unique_ptr<GroupPicker> picker_;
  PolicyFactory make_inner_;
  std::size_t idle_max_;
  PolicyTraits traits_;
  std::size_t size_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> active_;  // in no order that means anything
  bool in_turns_ = false;              // the picker can tell who goes first
  detail::SlotList idle_;              // longest idle first
  detail::SlotIndex index_;            // by the group's own number
  detail::JobSlots jobs_;              // unused when the groups are jobs
};

}  // namespace

auto grouped(GroupBy by, std::unique_ptr<GroupPicker> picker, PolicyFactory inner, GroupedOptions options)
    -> std::unique_ptr<SchedulingPolicy> {
  assert(picker && inner);
  return std::make_unique<Grouped>(by, std::move(picker), std::move(inner), options);
}

}  // namespace v1
}  // namespace spider
