#include "spider/policies/weighted_fair_share.hpp"

#include "policies/slot_lists.hpp"
#include "spider/policies/fifo.hpp"
#include "spider/policies/grouped.hpp"
#include "weight_limits.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace {

using detail::kNoSlot;
using detail::kWeightMax;
using detail::kWeightMin;

constexpr double kRebaseAt = 1e6;       // virtual time starts anew before rounding shows
constexpr double kRounding = 1e-9;      // of virtual time
constexpr double kLengthMin = 1e-6;     // seconds
constexpr double kNewestShare = 0.125;  // of the newest run time in the mean

enum class Stands : std::uint8_t {
  outside,   ///< idle, and not ahead of its share
  ready,     ///< has work, and its next entry is eligible
  early,     ///< has work, and is ahead of its share
  departed,  ///< idle, and ahead of its share
};

class WeightedFairSharePicker final : public GroupPicker {
 public:
  explicit WeightedFairSharePicker(WeightedFairShareOptions options) : options_{std::move(options)} {}

  auto active(const GroupInfo& info, TimePoint) -> void override {
    settle();
    const auto at = info.key.slot;
    if (at >= groups_.size()) groups_.resize(at + 1);
    auto& group = groups_[at];
    if (group.stands == Stands::departed) forget_departed(at);
    const auto chosen = options_.weights.find(ResourceGroupId{info.id});
    const auto weight = chosen == options_.weights.end() ? double{info.weight} : chosen->second;
    group.weight = std::clamp(weight, kWeightMin, kWeightMax);
    group.start = std::max(group.start, now_);
    if (group.arrival == 0 && options_.measured) group.length = typical_;
    group.arrival = ++arrivals_;
    weights_ += group.weight;
    ++active_;
    stand(at);
  }

  auto idle(GroupKey key) -> void override {
    if (key.slot != served_) settle();
    auto& group = groups_[key.slot];
    leave(key.slot);
    --active_;
    if (group.start > now_) {
      group.stands = Stands::departed;
      departed_.push(key.slot, by_start());
      if (++departed_count_ > options_.departed_max) forget_departed(departed_.top());
    } else {
      drop_weight(group);
    }
  }

  auto forget(GroupKey key) -> void override {
    settle();
    if (groups_[key.slot].stands == Stands::departed) forget_departed(key.slot);
    groups_[key.slot] = Group{};
  }

  auto pick(TimePoint) -> GroupKey override {
    settle();
    if (now_ > kRebaseAt) rebase();
    find_eligible();
    const auto at = ready_.top();
    auto& group = groups_[at];
    const auto length = group.length;
    leave(at);
    group.start += length / group.weight;
    if (options_.measured) {
      group.charged += length;
      ++group.running;
    }
    stand(at);
    unsettled_ = length;
    served_ = at;
    return {at};
  }

  auto finished(GroupKey key, Duration cost) -> void override {
    auto& group = groups_[key.slot];
    if (!options_.measured || group.running == 0) return;
    settle();
    const auto length = std::max(to_seconds(cost), kLengthMin);
    const auto charged = group.charged / group.running;
    group.charged = --group.running == 0 ? 0 : group.charged - charged;
    typical_ += kNewestShare * (length - typical_);
    correct(key.slot, length - charged,
            std::max(kLengthMin, group.length + kNewestShare * (length - group.length)));
  }

  auto clear() -> void override {
    groups_.clear();
    ready_.clear();
    early_.clear();
    departed_.clear();
    now_ = weights_ = unsettled_ = 0;
    served_ = kNoSlot;
    typical_ = 1;
    arrivals_ = 0;
    active_ = departed_count_ = 0;
  }

  [[nodiscard]] auto turn(GroupKey) const -> std::uint64_t override { return 0; }

  [[nodiscard]] auto traits() const -> Traits override {
    Traits traits;
    traits.name = options_.measured ? "fair-share(measured=1)" : "fair-share(weighted=1)";
    const auto departed = options_.departed_max;
    traits.bound = "3 x weight ratio x (groups + " + std::to_string(departed) + ") + 1";
    traits.turns_bound = [departed](std::uint64_t groups, double ratio) -> std::optional<std::uint64_t> {
      const auto picks = 3 * ratio * (static_cast<double>(groups) + departed) + 1;
      return picks < 1e18 ? std::optional{static_cast<std::uint64_t>(picks)} : std::nullopt;
    };
    if (!options_.measured) traits.lag_bound = 1;
    traits.uses_cost = options_.measured;
    return traits;
  }

 private:
  struct Group {
    double start = 0;  // virtual time up to which it was charged
    double weight = 1;
    double length = 1;   // what its next entry is charged at first
    double charged = 0;  // for tasks that have not ended
    std::uint64_t arrival = 0;
    std::uint32_t running = 0;
    std::uint32_t position = 0;
    Stands stands = Stands::outside;
  };
  struct ByStart {
    std::vector<Group>& groups;
    [[nodiscard]] auto before(std::uint32_t left, std::uint32_t right) const -> bool {
      return std::pair{groups[left].start, left} < std::pair{groups[right].start, right};
    }
    [[nodiscard]] auto position(std::uint32_t at) const -> std::uint32_t& { return groups[at].position; }
  };
  struct ByDeadline {
    std::vector<Group>& groups;
    [[nodiscard]] auto before(std::uint32_t left, std::uint32_t right) const -> bool {
      const auto key = [this](std::uint32_t at) {
        const auto& group = groups[at];
        return std::pair{group.start + group.length / group.weight, group.arrival};
      };
      return key(left) < key(right);
    }
    [[nodiscard]] auto position(std::uint32_t at) const -> std::uint32_t& { return groups[at].position; }
  };

  [[nodiscard]] auto by_start() -> ByStart { return {groups_}; }
  [[nodiscard]] auto by_deadline() -> ByDeadline { return {groups_}; }

  auto stand(std::uint32_t at) -> void {
    auto& group = groups_[at];
    if (group.start <= now_ + kRounding) {
      group.stands = Stands::ready;
      ready_.push(at, by_deadline());
    } else {
      group.stands = Stands::early;
      early_.push(at, by_start());
    }
  }

  auto leave(std::uint32_t at) -> void {
    switch (std::exchange(groups_[at].stands, Stands::outside)) {
      case Stands::outside:
      case Stands::departed: break;
      case Stands::ready: ready_.erase(at, by_deadline()); break;
      case Stands::early: early_.erase(at, by_start()); break;
    }
  }

  auto forget_departed(std::uint32_t at) -> void {
    departed_.erase(at, by_start());
    --departed_count_;
    groups_[at].stands = Stands::outside;
    drop_weight(groups_[at]);
  }

  auto drop_weight(const Group& group) -> void {
    weights_ = active_ + departed_count_ == 0 ? 0 : weights_ - group.weight;
  }

  /// All with work may be ahead, when others left behind their share: time then moves on to the first.
  auto find_eligible() -> void {
    if (ready_.empty()) now_ = std::max(now_, groups_[early_.top()].start);
    while (!early_.empty() && groups_[early_.top()].start <= now_ + kRounding) {
      const auto at = early_.top();
      leave(at);
      stand(at);
    }
  }

  /// Virtual time moves after it is known whether the group that was served ran empty by that: what an
  /// ideal server would have left over is then the others'.
  auto settle() -> void {
    served_ = kNoSlot;
    if (unsettled_ > 0) advance(std::exchange(unsettled_, 0.0));
  }

  /// An ideal server gives `length` to all who count; those who departed leave it on the way.
  auto advance(double length) -> void {
    while (!departed_.empty()) {
      const auto first = departed_.top();
      const auto until_then = std::max(0.0, groups_[first].start - now_) * weights_;
      if (until_then > length) break;
      length -= until_then;
      now_ = std::max(now_, groups_[first].start);
      forget_departed(first);
    }
    if (weights_ > 0) now_ += length / weights_;
  }

  /// The group was charged too little, or, where `by` is negative, too much.
  auto correct(std::uint32_t at, double by, double next_length) -> void {
    auto& group = groups_[at];
    const auto stands = group.stands;
    if (stands == Stands::departed) departed_.erase(at, by_start());
    if (stands != Stands::departed) leave(at);
    group.start += by / group.weight;
    group.length = next_length;
    if (stands == Stands::outside) return;
    if (weights_ > 0) now_ = std::max(0.0, now_ + by / weights_);
    if (stands == Stands::departed) {
      departed_.push(at, by_start());
    } else {
      stand(at);
    }
  }

  auto rebase() -> void {
    for (auto& group : groups_) group.start = std::max(0.0, group.start - now_);
    now_ = 0;
  }

  WeightedFairShareOptions options_;
  std::vector<Group> groups_;  // by slot
  detail::SlotHeap ready_;     // by deadline
  detail::SlotHeap early_;     // by start
  detail::SlotHeap departed_;  // by start
  double now_ = 0;             // virtual time
  double unsettled_ = 0;       // given to `served_`, virtual time not moved yet
  std::uint32_t served_ = kNoSlot;
  double weights_ = 0;  // of those with work and those departed
  double typical_ = 1;  // run time of any task, in seconds
  std::uint64_t arrivals_ = 0;
  std::size_t active_ = 0;
  std::size_t departed_count_ = 0;
};

auto check(const WeightedFairShareOptions& options) -> Result<void> {
  for (const auto& [group, weight] : options.weights) {
    if (weight >= kWeightMin && weight <= kWeightMax) continue;
    return Error{Errc::invalid_argument, "the weight of resource group " + std::to_string(group.value) +
                                             " is outside 0.001 … 1,000,000"};
  }
  return success();
}

}  // namespace

auto weighted_fair_share_picker(WeightedFairShareOptions options) -> Result<std::unique_ptr<GroupPicker>> {
  SPIDER_TRY(check(options));
  return std::unique_ptr<GroupPicker>{std::make_unique<WeightedFairSharePicker>(std::move(options))};
}

auto make_weighted_fair_share(PolicyFactory inner, WeightedFairShareOptions options)
    -> Result<std::unique_ptr<SchedulingPolicy>> {
  SPIDER_TRY(auto picker, weighted_fair_share_picker(std::move(options)));
  return grouped(GroupBy::resource_group, std::move(picker), inner ? std::move(inner) : fifo_leaves());
}

}  // namespace v1
}  // namespace spider
