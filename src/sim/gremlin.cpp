#include "sim/gremlin.hpp"

#include "sim/cancelled_after.hpp"

#include <chrono>

namespace spider::inline v1::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kTick = milliseconds{250};

}  // namespace

auto Gremlin::run() -> Async<void> {
  while (!context_.stopping && !context_.faults().healed()) {
    (void)co_await context_.sleep(kTick);
    (void)co_await disturb_storage();
    disturb_clocks();
    for (auto* member : victims_.members.living()) (void)co_await disturb_queue(*member);
    if (const auto which = context_.fires(FaultKind::cancel_race)) {
      context_.spawn(victims_.application.cancel_any(which->below(1'000'000)));
    }
    if (const auto which = context_.fires(FaultKind::pause_race)) {
      const auto how_long = which->between(milliseconds{1}, seconds{5});
      context_.spawn(victims_.application.pause_any(which->next(2).below(1'000'000), how_long));
    }
    if (const auto which = context_.fires(FaultKind::retry_race)) {
      context_.spawn(victims_.application.retry_any(which->below(1'000'000)));
    }
    if (const auto which = context_.fires(FaultKind::manager_dies_all)) {
      if (auto* member = victims_.members.any(*which)) member->fleet().kill_all();
    }
    if (const auto which = context_.fires(FaultKind::core_restart)) {
      if (auto* member = victims_.members.any(*which)) member->core().stop();
    }
    if (context_.plan.members > 1) disturb_members();
  }
  co_return success();
}

auto Gremlin::disturb_members() -> void {
  auto& members = victims_.members;
  if (members.living().size() < Members::kLivingMax && context_.fires(FaultKind::member_joins))
    members.join();
  if (members.living().size() > 1) {
    if (const auto leaves = context_.fires(FaultKind::member_leaves)) members.leave(*leaves);
  }
  if (members.living().empty()) return;
  if (const auto cut = context_.fires(FaultKind::member_partitioned)) members.partition(*cut);
  if (const auto killed = context_.fires(FaultKind::member_killed)) members.kill(*killed);
}

auto Gremlin::supersede(const Member& member) -> Async<Registration> {
  SchedulerInfo info{member.name()};
  co_return co_await victims_.storage.register_scheduler(std::move(info));
}

auto Gremlin::disturb_storage() -> Async<void> {
  if (const auto which = context_.fires(FaultKind::session_superseded)) {
    if (auto* member = victims_.members.any(*which)) (void)co_await supersede(*member);
  }
  if (const auto pause = context_.fires(FaultKind::storage_pause)) {
    context_.storage_down = false;
    context_.storage_away_until =
        saturating_add(context_.base.now(), pause->between(milliseconds{10}, seconds{8}));
  }
  if (const auto restart = context_.fires(FaultKind::storage_restart)) {
    context_.storage_down = true;
    context_.storage_away_until =
        saturating_add(context_.base.now(), restart->between(milliseconds{10}, seconds{4}));
    // Registrations that nobody uses, and their ends: every session before them is superseded.
    for (auto* member : victims_.members.living()) {
      const auto registration = co_await supersede(*member);
      if (registration) (void)co_await victims_.storage.unregister_scheduler(registration.value());
    }
  }
  co_return success();
}

auto Gremlin::clock(std::uint64_t which) -> SimClock& {
  if (which % 3 == 0) return context_.storage_clock;
  return which % 3 == 1 ? context_.scheduler_clock : context_.fleet_clock;
}

auto Gremlin::disturb_clocks() -> void {
  if (const auto jump = context_.fires(FaultKind::clock_jump_forward)) {
    const auto by = jump->between(milliseconds{1}, seconds{20});
    clock(jump->below(3)).jump(by);
    victims_.members.disturbed(by);
  }
  if (const auto jump = context_.fires(FaultKind::clock_jump_back)) {
    const auto by = jump->between(milliseconds{1}, seconds{3});
    clock(jump->below(3)).jump(-by);
    victims_.members.disturbed(by);
  }
  if (const auto rate = context_.fires(FaultKind::clock_rate)) {
    clock(rate->below(3)).set_rate(500 + static_cast<std::int64_t>(rate->next(2).below(1501)));
  }
}

auto Gremlin::disturb_queue(Member& member) -> Async<void> {
  const auto registered = member.storage().registration();
  if (!registered.session || member.sink().free_slots() > 0) co_return success();
  if (const auto leave = context_.fires(FaultKind::enqueue_cancelled)) {
    context_.spawn(enqueue_and_leave(member, leave->between(Duration{0}, milliseconds{200})));
  }
  if (context_.fires(FaultKind::bump_while_full)) {
    const auto superseded = co_await supersede(member);
    if (superseded) (void)member.sink().bump_session(superseded.value().session);
  }
  co_return success();
}

/// A second producer, with an assignment of a task that does not exist: whatever becomes of it, the
/// storage refuses its start.
auto Gremlin::enqueue_and_leave(Member& member, Duration after) -> Async<void> {
  const auto registered = member.storage().registration();
  TaskAssignment assignment;
  assignment.id = AssignmentId{(std::uint64_t{1} << 63U) + ++strangers_};
  assignment.job = JobId{std::uint64_t{1} << 40U};
  assignment.scheduler = registered.scheduler;
  assignment.session = registered.session;
  auto enqueuing = cancelled_after(&context_, member.sink().enqueue(assignment), after);
  (void)co_await std::move(enqueuing);
  co_return success();
}

auto Gremlin::heal() -> void {
  context_.storage_clock.set_rate(1000);
  context_.scheduler_clock.set_rate(1000);
  context_.fleet_clock.set_rate(1000);
}

}  // namespace spider::inline v1::sim
