#pragma once

/// The item of every queue in these benchmarks: the real TaskAssignment.

#include "spider/types.hpp"

#include <cstdint>

namespace spider::bench {

inline constexpr SessionId kSession{7};

/// Makes an item where it is to lie: the copy of one that was just written in pieces waits for the pieces.
inline auto fill(TaskAssignment& item, std::uint64_t number) -> void {
  item.id = AssignmentId{number};
  item.job = JobId{number};
  item.group = ResourceGroupId{1};
  item.scheduler = SchedulerId{1};
  item.session = kSession;
}

/// Number 0 is what a producer sends to end a consumer.
inline auto assignment(std::uint64_t number) -> TaskAssignment {
  TaskAssignment item;
  fill(item, number);
  return item;
}

}  // namespace spider::bench
