#pragma once

/// How long what a killed member held waited until the storage offered it to another one. One strand.

#include "spider/types.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace spider::cli {

class TakeoverMeter {
 public:
  /// A member was killed that held this task: leased to it, or running.
  auto lost(TaskRef task, TimePoint now) -> void {
    waiting_.emplace(task, now);
    if (lost_++ == 0) first_lost_ = now;
  }
  auto offered(TaskRef task, TimePoint now) -> void {
    const auto found = waiting_.find(task);
    if (found == waiting_.end()) return;
    longest_ = std::max(longest_, now - found->second);
    waiting_.erase(found);
  }

  [[nodiscard]] auto lost_count() const noexcept -> std::uint64_t { return lost_; }
  [[nodiscard]] auto first_lost() const noexcept -> std::optional<TimePoint> { return first_lost_; }
  [[nodiscard]] auto longest() const noexcept -> Duration { return longest_; }

 private:
  std::unordered_map<TaskRef, TimePoint> waiting_;
  std::optional<TimePoint> first_lost_;
  std::uint64_t lost_ = 0;
  Duration longest_{};
};

}  // namespace spider::cli
