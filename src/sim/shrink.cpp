// A smaller case that fails in the same way.

#include "spider/sim/check.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace spider {
inline namespace v1 {
namespace sim {

namespace {

class Shrinker {
 public:
  Shrinker(SimCase failing, const std::string& rule, const SimParts& parts, std::size_t runs_max)
      : best_{std::move(failing)}, rule_{rule}, parts_{parts}, runs_left_{runs_max} {}

  auto shrink() -> SimCase {
    forget_the_rest();
    forget_idle_workers();
    for (std::size_t before = 0; before != size() && runs_left_ > 0;) {
      before = size();
      thin_out(&SimCase::submits);
      thin_out(&SimCase::faults);
      thin_out(&SimCase::managers);
      forget_members();
      simplify();
    }
    return best_;
  }

 private:
  [[nodiscard]] auto size() const -> std::size_t {
    auto size = best_.submits.size() + best_.faults.size() + best_.managers.size();
    for (const auto& submit : best_.submits) {
      for (const auto& task : submit.job.tasks) size += task.count + task.parents.size();
    }
    return size;
  }

  /// Takes `smaller` if it still breaks the rule.
  auto accept(SimCase smaller) -> bool {
    if (runs_left_ == 0) return false;
    --runs_left_;
    const auto outcome = replay(smaller, parts_);
    const auto breaks = std::ranges::any_of(outcome.violations,
                                            [&](const Violation& broken) { return broken.rule == rule_; });
    if (!breaks) return false;
    best_ = std::move(smaller);
    keep_what_fired(outcome);
    return true;
  }

  /// Faults that no longer happen are no part of the case.
  auto keep_what_fired(const SimOutcome& outcome) -> void { best_.faults = outcome.faults; }

  /// Mostly they have nothing to do with it, and cost time.
  auto forget_idle_workers() -> void {
    auto without = best_;
    without.idle_workers = without.claimants = 0;
    accept(std::move(without));
  }

  /// As few as still break the rule.
  auto forget_members() -> void {
    for (std::size_t fewer = 1; fewer < best_.members; ++fewer) {
      auto without = best_;
      without.members = fewer;
      if (accept(std::move(without))) return;
    }
  }

  /// What comes after the violation did not cause it.
  auto forget_the_rest() -> void {
    const auto outcome = replay(best_, parts_);
    const auto broken = std::ranges::find(outcome.violations, rule_, &Violation::rule);
    if (broken == outcome.violations.end()) return;
    auto shorter = best_;
    shorter.safety = std::min(shorter.safety, broken->at + std::chrono::seconds{1});
    accept(std::move(shorter));
  }

  /// `left_out` submits may have offered opportunities: then the same faults come so much earlier.
  template <class Event>
  auto accept_here_or_earlier(SimCase smaller, std::uint64_t left_out) -> bool {
    if (accept(smaller)) return true;
    if (!std::is_same_v<Event, SubmitEvent> || smaller.faults.empty()) return false;
    for (auto& fault : smaller.faults) fault.opportunity -= std::min(fault.opportunity, left_out);
    return accept(std::move(smaller));
  }

  /// Leaves out ever smaller parts of the list.
  template <class Event>
  auto thin_out(std::vector<Event> SimCase::*list) -> void {
    auto part = std::max<std::size_t>((best_.*list).size() / 2, 1);
    while (runs_left_ > 0) {
      for (std::size_t first = 0; first < (best_.*list).size();) {
        auto smaller = best_;
        auto& events = smaller.*list;
        const auto last = std::min(first + part, events.size());
        events.erase(events.begin() + static_cast<std::ptrdiff_t>(first),
                     events.begin() + static_cast<std::ptrdiff_t>(last));
        const auto somebody_works = !smaller.managers.empty();  // nothing would end without
        if (!somebody_works || !accept_here_or_earlier<Event>(std::move(smaller), last - first))
          first += part;
      }
      if (part == 1) return;
      part /= 2;
    }
  }

  /// Smaller jobs, and plain surroundings.
  auto simplify() -> void {
    for (std::size_t i = 0; i < best_.submits.size(); ++i) {
      while (drop_last_node(i)) {
      }
      for (std::size_t node = 0; node < best_.submits[i].job.tasks.size(); ++node) {
        while (halve(i, node)) {
        }
        auto bare = best_;
        bare.submits[i].job.tasks[node].timeout = {};
        bare.submits[i].job.tasks[node].instances_max = 1;
        bare.submits[i].job.tasks[node].coalesce.reset();
        accept(std::move(bare));
      }
      auto plain = best_;
      auto& job = plain.submits[i].job;
      job.commit.reset();
      job.cleanup.reset();
      job.not_before = TimePoint{};
      job.deadline = kForever;
      job.priority = 0;
      job.weight = 1;
      accept(std::move(plain));
    }
    auto plain = best_;
    plain.latency_max = {};
    for (auto& manager : plain.managers) manager.lanes = 1;
    accept(std::move(plain));
  }

  auto drop_last_node(std::size_t submit) -> bool {
    auto smaller = best_;
    auto& tasks = smaller.submits[submit].job.tasks;
    if (tasks.size() < 2) return false;
    tasks.pop_back();
    return accept(std::move(smaller));
  }

  auto halve(std::size_t submit, std::size_t node) -> bool {
    auto smaller = best_;
    auto& count = smaller.submits[submit].job.tasks[node].count;
    if (count < 2) return false;
    count /= 2;
    return accept(std::move(smaller));
  }

  SimCase best_;
  const std::string& rule_;
  const SimParts& parts_;
  std::size_t runs_left_;
};

}  // namespace

auto shrink(const SimCase& failing, const std::string& rule, const SimParts& parts, std::size_t runs_max)
    -> SimCase {
  return Shrinker{failing, rule, parts, runs_max}.shrink();
}

}  // namespace sim
}  // namespace v1
}  // namespace spider
