#include "sim/poll_monitor.hpp"

#include <algorithm>
#include <utility>

namespace spider::inline v1::sim {

auto PollMonitor::begins(TaskKind lane, const PollRequest& request) -> std::uint64_t {
  open_.emplace(++last_, Poll{.lane = lane,
                              .asked_at = context_.storage_clock.now(),
                              .slots = request.slots,
                              .timer = context_.storage_clock.timer(request.wait)});
  return last_;
}

auto PollMonitor::check(Poll& poll) -> void {
  if (!context_.storage_clock.is_overdue(poll.timer) || std::exchange(poll.overdue, true)) return;
  context_.complain("I11", "a poll has no answer although its wait is over");
}

auto PollMonitor::ends(std::uint64_t number, const Result<InboundBatch>& answer) -> void {
  auto found = open_.extract(number);
  auto& poll = found.mapped();
  check(poll);
  if (!answer || !answer.value().entries.empty()) return;
  if (poll.slots && poll.slots->first.none() && poll.slots->later.none()) return;
  auto& known = empty_[static_cast<std::size_t>(poll.lane)];
  const auto same = std::ranges::find(known, poll.slots, &Empty::slots);
  if (same == known.end()) {
    known.push_back({poll.slots, poll.asked_at});
  } else {
    same->asked_at = std::max(same->asked_at, poll.asked_at);
  }
}

/// When a poll began it has looked: what became ready later it may have slept through.
auto PollMonitor::offered(const InboundEntry& entry, TimePoint since) -> void {
  for (const auto& empty : empty_[static_cast<std::size_t>(entry.task.kind())]) {
    if (empty.asked_at <= since) continue;
    const auto from = empty.slots ? empty.slots->offered_from(entry.ref(), since) : since;
    if (from >= empty.asked_at) continue;
    return context_.complain(
        "I11", to_text(entry.ref()) + " was ready, and a poll that asked for it came back empty");
  }
}

auto PollMonitor::look() -> void {
  for (auto& [number, poll] : open_) check(poll);
}

}  // namespace spider::inline v1::sim
