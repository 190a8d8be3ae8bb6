#include "sim/ask_monitor.hpp"

#include <utility>

namespace spider::inline v1::sim {

AskMonitor::AskMonitor(SimContext& context, Promise promise)
    : context_{context}, promise_{promise}, unregistered_{rest(Duration::zero())} {
  const auto always = context.plan.submits.size() <= promise_.jobs_max;
  lane(TaskKind::commit).has_room = lane(TaskKind::cleanup).has_room = always;
}

auto AskMonitor::rest(Duration most) const -> Rest { return {context_.scheduler_clock.timer(most)}; }

auto AskMonitor::check(Rest& rest, const char* what) -> void {
  if (!context_.scheduler_clock.is_overdue(rest.timer) || std::exchange(rest.overdue, true)) return;
  context_.complain("I11", what);
}

auto AskMonitor::check(Lane& lane) -> void {
  if (closed_ || !registered_ || !lane.has_room || lane.polls > 0) return;
  check(lane.rest, "a scheduler that has room does not ask for work");
}

auto AskMonitor::poll_begins(TaskKind kind, const PollRequest& request) -> void {
  check(lane(kind));
  ++lane(kind).polls;
  if (request.wait > promise_.wait_max) context_.complain("I11", "a poll waits for longer than one interval");
}

auto AskMonitor::poll_ends(TaskKind kind, bool answered) -> void {
  --lane(kind).polls;
  lane(kind).rest = rest(answered ? promise_.rest : promise_.rest_failed);
}

auto AskMonitor::registration_begins() -> void {
  look();
  registered_ = false;
  registering_ = true;
}

/// A lane may still rest because its own poll failed.
auto AskMonitor::registration_ends(bool registered) -> void {
  registering_ = false;
  registered_ = registered;
  unregistered_ = rest(promise_.rest_failed);
  for (auto& each : lanes_) each.rest = unregistered_;
}

auto AskMonitor::holds(std::size_t entries) -> void {
  auto& regular = lane(TaskKind::regular);
  const auto has_room = entries <= promise_.held_max;
  if (has_room == regular.has_room) return;
  if (!has_room) check(regular);
  regular.has_room = has_room;
  if (has_room) regular.rest = rest(promise_.rest_failed);
}

auto AskMonitor::look() -> void {
  if (!closed_ && !registered_ && !registering_) {
    check(unregistered_, "a scheduler that is not registered does not register");
  }
  for (auto& each : lanes_) check(each);
}

}  // namespace spider::inline v1::sim
