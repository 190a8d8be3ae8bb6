#pragma once

/// Small policies for tests of cores.

#include "spider/scheduling_policy.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>

namespace spider::inline v1::testing {

/// Most urgent class first, then as admitted; with `deaf` or `invents` or … a bad one.
class PlainPolicy final : public SchedulingPolicy {
 public:
  struct Manners {
    bool by_class = false;
    bool throws_on_admit = false;
    bool throws_on_next = false;
    bool throws_on_wake_at = false;
    bool throws_on_traits = false;
    bool invents = false;
    bool returns_twice = false;
    bool keeps_dropped = false;
    bool deaf = false;  ///< returns nothing
    std::optional<Duration> paused =
        std::nullopt;                ///< each entry is served no earlier than so long after its admission
    bool asks_for_the_past = false;  ///< wake_at is always now or earlier
    std::uint64_t promises = 0;      ///< its starvation bound for equal weights; 0 = it states none
  };

  explicit PlainPolicy(Manners manners) : manners_{manners} {}

  auto admit(const InboundEntry& entry, TimePoint now) -> void override {
    if (manners_.throws_on_admit) throw std::runtime_error{"no room at the inn"};
    held_[manners_.by_class ? entry.priority : 0].push_back({entry, now});
  }
  auto next(TimePoint now) -> std::optional<InboundEntry> override {
    if (manners_.throws_on_next) throw 42;
    if (manners_.deaf || manners_.asks_for_the_past) return std::nullopt;
    if (manners_.invents) return invented();
    for (auto& [priority, entries] : held_) {
      if (entries.empty()) continue;
      if (manners_.paused && entries.front().since + *manners_.paused > now) continue;
      const auto entry = entries.front().entry;
      if (manners_.returns_twice) {
        manners_.returns_twice = false;
      } else {
        entries.pop_front();
      }
      return entry;
    }
    return std::nullopt;
  }
  auto take_oldest(JobId job, TimePoint) -> std::optional<InboundEntry> override {
    for (auto& [priority, entries] : held_) {
      const auto at = std::find_if(entries.begin(), entries.end(),
                                   [job](const Held& held) { return held.entry.job == job; });
      if (at == entries.end()) continue;
      const auto entry = at->entry;
      entries.erase(at);
      return entry;
    }
    return std::nullopt;
  }
  auto drop_job(JobId job) -> std::size_t override {
    std::size_t count = 0;
    if (manners_.keeps_dropped) return count;
    for (auto& [priority, entries] : held_) {
      count += std::erase_if(entries, [job](const Held& held) { return held.entry.job == job; });
    }
    return count;
  }
  auto clear() -> void override { held_.clear(); }
  [[nodiscard]] auto size() const -> std::size_t override {
    std::size_t count = 0;
    for (const auto& [priority, entries] : held_) count += entries.size();
    return count;
  }
  auto finished(const InboundEntry&, Duration) -> void override {}
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override {
    if (manners_.throws_on_wake_at) throw std::runtime_error{"no clock"};
    if (manners_.asks_for_the_past) return TimePoint{};
    std::optional<TimePoint> earliest;
    if (!manners_.paused) return earliest;
    for (const auto& [priority, entries] : held_) {
      if (entries.empty()) continue;
      const auto due = entries.front().since + *manners_.paused;
      if (!earliest || due < *earliest) earliest = due;
    }
    return earliest;
  }
  [[nodiscard]] auto place(JobId, TaskId) const -> std::optional<QueuePlace> override { return std::nullopt; }
  [[nodiscard]] auto traits() const -> PolicyTraits override {
    if (manners_.throws_on_traits) throw std::runtime_error{"no traits"};
    PolicyTraits traits;
    traits.name = "plain";
    traits.work_conserving = !manners_.paused && !manners_.asks_for_the_past && !manners_.throws_on_wake_at;
    if (manners_.promises > 0) {
      traits.starvation_bound = [promises = manners_.promises](const BacklogShape& shape) {
        return std::optional{promises * static_cast<std::uint64_t>(shape.weight_ratio)};
      };
    }
    return traits;
  }

 private:
  static auto invented() -> InboundEntry {
    InboundEntry entry;
    entry.job = JobId{404};
    return entry;
  }
  struct Held {
    InboundEntry entry;
    TimePoint since;
  };
  Manners manners_;
  std::map<PriorityClass, std::deque<Held>> held_;
};

[[nodiscard]] inline auto make_plain_policy(PlainPolicy::Manners manners = {})
    -> std::unique_ptr<SchedulingPolicy> {
  return std::make_unique<PlainPolicy>(manners);
}

}  // namespace spider::inline v1::testing
