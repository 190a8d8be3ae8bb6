#pragma once

/// What the storages share of a poll: the outcome of one look at a lane, and when to look again.

#include "spider/storage_client.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

/// The outcome of one look at a lane.
struct Polled {
  InboundBatch batch;
  TimePoint next_due = kForever;  ///< when to look again unless woken before
  bool cut = false;               ///< it asked for some slots, and ended before it had looked at everything
};

/// When a poll looks again unless it is woken. After a look that was cut short it goes on after a rest that
/// grows: there may be nothing for it, however far it looks.
class LookAgain {
 public:
  auto at(const Polled& polled, TimePoint now) -> TimePoint {
    if (!polled.cut) return polled.next_due;
    const auto next = std::min(polled.next_due, saturating_add(now, rest_));
    rest_ = std::min<Duration>(2 * rest_, std::chrono::seconds{1});
    return next;
  }

 private:
  Duration rest_ = std::chrono::milliseconds{1};
};

}  // namespace spider::inline v1::detail
