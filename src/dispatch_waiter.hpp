#pragma once

/// One suspended call on a dispatch channel. Lives in the frame of the call's coroutine and is linked
/// into the channel's lines; the channel allocates nothing for it.

#include "waiting.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <atomic>
#include <cstdint>
#include <optional>

namespace spider::inline v1::detail {

/// outside → waiting: suspends, at the end of its line.
/// waiting → woken: its turn may have come; resumed, and keeps its place.
/// woken → waiting: found nothing; suspends again at its old place.
/// waiting → outside: cancelled, timed out, evicted (closed, bumped) or dropped by its context.
/// woken → outside: took, gave up, was evicted, or its frame was destroyed.
enum class WaiterPlace : std::uint8_t { outside, waiting, woken };

enum class WaiterKind : std::uint8_t {
  consumer,    ///< wants an assignment
  producer,    ///< wants to put assignments of one session in
  slot_seeker  ///< wants to know of free slots; consumes none
};

struct LineTag;
struct DeadlineTag;
using LineHook = boost::intrusive::list_base_hook<boost::intrusive::tag<LineTag>>;
using DeadlineHook = boost::intrusive::set_base_hook<boost::intrusive::tag<DeadlineTag>>;

/// Guarded by the channel's line mutex, once it has been suspended.
struct DispatchWaiter : LineHook, DeadlineHook {
  explicit DispatchWaiter(WaiterKind what) : kind{what} {}

  const WaiterKind kind;
  /// Written under the line mutex; once `outside`, nobody but the waiter's own coroutine writes it.
  std::atomic<WaiterPlace> place{WaiterPlace::outside};
  Wake why = Wake::notified;
  SessionId session{};            ///< of a producer's assignments
  TimePoint deadline = kForever;  ///< of a consumer
  std::optional<Suspension> suspension;
  DispatchWaiter* next_chosen = nullptr;
};

struct EarlierDeadline {
  auto operator()(const DispatchWaiter& left, const DispatchWaiter& right) const noexcept -> bool {
    return left.deadline < right.deadline;
  }
};

using DispatchLine = boost::intrusive::list<DispatchWaiter, boost::intrusive::base_hook<LineHook>>;
using DispatchDeadlines =
    boost::intrusive::multiset<DispatchWaiter, boost::intrusive::base_hook<DeadlineHook>,
                               boost::intrusive::compare<EarlierDeadline>>;

}  // namespace spider::inline v1::detail
