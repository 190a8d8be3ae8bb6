#include "spider/testing/member_directory_trial.hpp"

// Who is active, and who has left.

#include <algorithm>

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;
constexpr auto kActiveFor = MemberDirectoryTrial::kActiveFor;

auto is_unknown(const Result<void>& result) -> bool {
  return result.has_error() && result.error() == Errc::unknown_member;
}

auto nobody_at_first(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  trial.expect_active("", "at first");
  trial.expect(is_unknown(trial.ping(MemberId{1})), "whoever never joined cannot ping");
  trial.expect_active("", "after a ping of nobody");
}

auto joining_is_a_ping(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  const auto b = trial.join("b");
  const auto a = trial.join("a");
  trial.expect(b && a && b != a, "ids are drawn, one for each");
  trial.expect(trial.active() == std::vector{std::min(a, b), std::max(a, b)}, "active are both, by id");
}

auto exactly_at_the_limit(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  trial.join("one");
  trial.pass(kActiveFor);
  trial.expect_active("one", "exactly at the limit");
  trial.pass(1ns);
  trial.expect_active("", "a moment later");
}

auto pings_keep(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  const auto one = trial.join("one");
  trial.join("two");
  for (int ping = 0; ping < 5; ++ping) {
    trial.pass(kActiveFor);
    trial.expect(trial.ping(one).has_value(), "a member can ping");
    trial.expect_active(ping == 0 ? "one two" : "one", "after a ping");
  }
  trial.pass(kActiveFor + 1ns);
  trial.expect_active("", "when pings stop");
  trial.expect(trial.ping(one).has_value(), "who was silent for a while can ping");
  trial.expect_active("one", "then");
}

/// Begins `call` once it has been cancelled.
template <class T>
auto after_cancellation(VirtualClock& clock, Async<T> call) -> Async<T> {
  static_cast<void>(co_await clock.sleep_until(kForever));
  co_return co_await std::move(call);
}

auto cancelled_calls(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  const auto one = trial.join("one");
  trial.pass(kActiveFor);
  const auto stop = [&](auto work) {
    const auto call = trial.begin(after_cancellation(trial.clock(), std::move(work)));
    trial.settle();
    call->signal.emit(asio::cancellation_type::terminal);
    trial.settle();
    trial.expect(call->answer && call->answer->has_error() && call->answer->error() == Errc::cancelled,
                 "a call that is cancelled before it runs says so");
  };
  stop(trial.directory().join(MemberInfo{"two"}));
  stop(trial.directory().ping(one));
  stop(trial.directory().active());
  trial.expect_active("one", "after a cancelled join");
  trial.pass(1ns);
  trial.expect_active("", "after a cancelled ping");
}

auto leaving_is_at_once(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  const auto one = trial.join("one");
  trial.join("two");
  trial.leave(one);
  trial.expect_active("two", "after a leave");
  trial.expect(is_unknown(trial.ping(one)), "who left is unknown");
  trial.expect_active("two", "after a ping of who left");
  trial.leave(one);
  trial.leave(MemberId{123'456});
  trial.expect_active("two", "after leaves of nobody");
  const auto again = trial.join("one");
  trial.expect(again != one, "who comes back has a new id");
  trial.expect_active("two one", "then");
}

// Neither order of the two may let the member reappear, now or later.
auto pings_under_way(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  for (const bool ping_first : {true, false}) {
    const auto one = trial.join("one");
    auto first = ping_first ? trial.begin(trial.directory().ping(one)) : nullptr;
    const auto left = trial.begin(trial.directory().leave(one));
    const auto second = trial.begin(trial.directory().ping(one));
    trial.settle();
    trial.expect(left->answer && left->answer->has_value(), "a leave succeeds while pings are under way");
    trial.expect(second->answer && is_unknown(*second->answer), "a ping after it is refused");
    trial.expect_active("", "after a leave with pings under way");
    trial.pass(kActiveFor / 2);
    trial.expect_active("", "later");
  }
}

}  // namespace

auto member_directory_active_checks() -> std::span<const MemberDirectoryCheck> {
  static constexpr MemberDirectoryCheck kMemberDirectoryActiveChecks[] = {
      {"R1", "NobodyIsActiveAtFirst", nobody_at_first},
      {"R1", "JoiningIsAPing", joining_is_a_ping},
      {"R1", "ActiveExactlyToTheLimit", exactly_at_the_limit},
      {"R1", "PingsKeepAMemberActive", pings_keep},
      {"R1", "CancelledCallsChangeNothing", cancelled_calls},
      {"R10", "LeavingIsAtOnce", leaving_is_at_once},
      {"R10", "PingsUnderWayBringNobodyBack", pings_under_way},
  };
  return kMemberDirectoryActiveChecks;
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
