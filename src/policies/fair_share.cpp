#include "spider/policies/fair_share.hpp"

#include "policies/slot_lists.hpp"
#include "spider/policies/fifo.hpp"
#include "spider/policies/grouped.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace {

using detail::kNoSlot;

/// Where a group with work waits for its turn.
enum class Waiting : std::uint8_t {
  no,           ///< idle, or unknown
  among_fresh,  ///< never served
  in_order,     ///< was the most recently served when it joined
  returned,     ///< came back after an idle time, ahead of others
};

class FairSharePicker final : public GroupPicker {
 public:
  explicit FairSharePicker(FairShareOptions options) : overtakes_max_{options.overtakes_max} {}

  auto active(const GroupInfo& group, TimePoint) -> void override {
    const auto at = group.key.slot;
    if (at >= groups_.size()) groups_.resize(at + 1);
    const auto fresh = groups_[at].served == 0;
    if (!returned_.empty() || (!in_order_.empty() && groups_[in_order_.back()].served > groups_[at].served)) {
      if (overtakes_ == overtakes_max_) {
        join_order(at);
        return;
      }
      ++overtakes_;
    }
    if (fresh) {
      groups_[at].arrival = ++arrivals_;
      groups_[at].waiting = Waiting::among_fresh;
      fresh_.push_back(at, links());
    } else if (in_order_.empty() || groups_[in_order_.back()].served < groups_[at].served) {
      groups_[at].waiting = Waiting::in_order;
      in_order_.push_back(at, links());
    } else {
      groups_[at].waiting = Waiting::returned;
      returned_.push(at, by_service());
    }
  }

  auto idle(GroupKey group) -> void override { leave(group.slot); }
  auto forget(GroupKey group) -> void override { groups_[group.slot] = Group{}; }

  auto pick(TimePoint) -> GroupKey override {
    const auto at = longest_ago();
    if (groups_[at].served > round_end_) {
      round_end_ = clock_;
      overtakes_ = 0;
    }
    leave(at);
    join_order(at);
    return {at};
  }

  auto finished(GroupKey, Duration) -> void override {}

  auto clear() -> void override {
    groups_.clear();
    fresh_.clear();
    in_order_.clear();
    returned_.clear();
    clock_ = round_end_ = arrivals_ = 0;
    overtakes_ = 0;
  }

  [[nodiscard]] auto turn(GroupKey key) const -> std::uint64_t override {
    constexpr auto kBehindFresh = std::uint64_t{1} << 63U;
    const auto& group = groups_[key.slot];
    return group.waiting == Waiting::among_fresh ? group.arrival : kBehindFresh + group.served;
  }

  [[nodiscard]] auto traits() const -> Traits override {
    const auto extra = 2 * std::uint64_t{overtakes_max_};
    Traits traits;
    traits.name = "fair-share";
    traits.bound = "groups + " + std::to_string(extra);
    traits.turns_bound = [extra](std::uint64_t groups, double) { return std::optional{groups + extra}; };
    traits.places = PlaceKind::exact;
    traits.lag_bound = 1 + static_cast<double>(extra);
    return traits;
  }

 private:
  struct Group {
    std::uint64_t served = 0;   // by clock_; 0 = never
    std::uint64_t arrival = 0;  // while never served
    detail::SlotLinks links;
    std::uint32_t position = 0;
    Waiting waiting = Waiting::no;
  };
  struct LinksOf {
    std::vector<Group>& groups;
    auto operator()(std::uint32_t at) const -> detail::SlotLinks& { return groups[at].links; }
  };
  struct ByService {
    std::vector<Group>& groups;
    [[nodiscard]] auto before(std::uint32_t left, std::uint32_t right) const -> bool {
      return groups[left].served < groups[right].served;
    }
    [[nodiscard]] auto position(std::uint32_t at) const -> std::uint32_t& { return groups[at].position; }
  };

  [[nodiscard]] auto by_service() -> ByService { return {groups_}; }
  [[nodiscard]] auto links() -> LinksOf { return {groups_}; }

  [[nodiscard]] auto longest_ago() -> std::uint32_t {
    if (!fresh_.empty()) return fresh_.front();
    if (returned_.empty()) return in_order_.front();
    if (in_order_.empty() || by_service().before(returned_.top(), in_order_.front())) return returned_.top();
    return in_order_.front();
  }

  /// Behind everyone, as if served just now.
  auto join_order(std::uint32_t at) -> void {
    groups_[at].served = ++clock_;
    groups_[at].waiting = Waiting::in_order;
    in_order_.push_back(at, links());
  }

  auto leave(std::uint32_t at) -> void {
    switch (std::exchange(groups_[at].waiting, Waiting::no)) {
      case Waiting::no: break;
      case Waiting::among_fresh: fresh_.erase(at, links()); break;
      case Waiting::in_order: in_order_.erase(at, links()); break;
      case Waiting::returned: returned_.erase(at, by_service()); break;
    }
  }

  std::uint32_t overtakes_max_;
  std::uint32_t overtakes_ = 0;  // by arrivals in this round
  std::uint64_t clock_ = 0;      // counts services
  std::uint64_t arrivals_ = 0;   // of groups never served
  std::uint64_t round_end_ = 0;  // those served later than this wait for the next round
  detail::SlotList fresh_;       // by arrival
  detail::SlotList in_order_;    // by service, longest ago first
  detail::SlotHeap returned_;    // by service
  std::vector<Group> groups_;    // by slot
};

}  // namespace

auto fair_share_picker(FairShareOptions options) -> std::unique_ptr<GroupPicker> {
  return std::make_unique<FairSharePicker>(options);
}

auto make_fair_share(PolicyFactory inner, FairShareOptions options) -> std::unique_ptr<SchedulingPolicy> {
  return grouped(GroupBy::resource_group, fair_share_picker(options),
                 inner ? std::move(inner) : fifo_leaves());
}

}  // namespace v1
}  // namespace spider
