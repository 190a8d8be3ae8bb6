#include "spider/testing/dispatch_queue_trial.hpp"

// Stamps and bumps.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

auto foreign_sessions(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4, .session = SessionId{5}})) return;
  for (const std::uint64_t session : {0U, 4U, 6U}) {
    trial.expect(fails_with(trial.sink().try_enqueue(trial.item(1, session)), Errc::stale_session),
                 "try_enqueue refuses an assignment of another session");
    const auto call = trial.start(trial.sink().enqueue(trial.item(1, session)));
    trial.expect(call->failed_with(Errc::stale_session), "enqueue refuses an assignment of another session");
  }
  trial.expect(trial.drain_ids().empty(), "a refused assignment is not in the queue");
}

auto suspended_producer_is_bumped(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  const auto call = trial.start(trial.sink().enqueue(trial.item(2)));
  std::vector batch{trial.item(3), trial.item(4)};
  const auto batched = trial.start(trial.sink().enqueue_batch(batch));
  trial.expect(trial.sink().bump_session(SessionId{2}).has_value(), "a larger session is accepted");
  trial.settle();
  trial.expect(call->failed_with(Errc::stale_session), "a bump fails a suspended enqueue");
  trial.expect(batched->failed_with(Errc::stale_session), "a bump fails a suspended enqueue_batch");
  trial.expect(trial.drain_ids().empty(), "its assignment does not go in");
}

auto woken_producer_is_bumped(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  const auto call = trial.start(trial.sink().enqueue(trial.item(2)));
  trial.expect(trial.source().try_dequeue().has_value(), "a dequeue succeeds");
  trial.expect(trial.sink().bump_session(SessionId{2}).has_value(), "a larger session is accepted");
  trial.settle();
  trial.expect(call->failed_with(Errc::stale_session), "a bump overtakes a producer on its way");
  trial.expect(trial.drain_ids().empty(), "its assignment does not go in");
}

auto bump_goes_forward(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4, .session = SessionId{5}})) return;
  trial.fill(1, 2, 5);
  for (const std::uint64_t session : {0U, 4U, 5U}) {
    const auto bumped = trial.sink().bump_session(SessionId{session});
    trial.expect(fails_with(bumped, Errc::invalid_session), "a bump that does not go forward is refused");
    if (!bumped.has_error()) continue;
    const auto& detail = bumped.error().detail;
    trial.expect(
        detail.find(std::to_string(session)) != std::string::npos && detail.find('5') != std::string::npos,
        "the error names both sessions");
  }
  trial.expect_ids(trial.drain_ids(), {1, 2}, "a refused bump changes nothing");
  trial.expect(trial.sink().bump_session(SessionId{99}).has_value(), "a larger session is accepted");
  trial.expect(trial.fill(3, 3, 99) == 1, "assignments of the new session go in");
}

auto nothing_older(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  trial.fill(1, 3);
  trial.expect(trial.sink().bump_session(SessionId{2}).has_value(), "a larger session is accepted");
  const auto taken = trial.source().try_dequeue();
  trial.expect(taken && !taken.value(), "after a bump nothing older is taken");
  const auto call = trial.start(trial.source().dequeue(Duration::zero()));
  trial.expect(call->succeeded() && !call->result->value(), "after a bump nothing older is awaited");
  trial.fill(4, 5, 2);
  trial.expect_ids(trial.drain_ids(), {4, 5}, "what came after the bump is delivered");
}

auto woken_consumer_is_bumped(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  const auto call = trial.start(trial.source().dequeue(std::chrono::seconds{9}));
  trial.fill(1, 1);  // wakes the consumer, which has not run yet
  trial.expect(trial.sink().bump_session(SessionId{2}).has_value(), "a larger session is accepted");
  trial.settle();
  trial.expect(!call->done(), "a consumer on its way takes nothing older than the bump");
  trial.fill(2, 2, 2);
  trial.settle();
  trial.expect(call->succeeded() && call->result->value() && call->result->value()->id == AssignmentId{2},
               "it waits on for what is current");
}

auto read_all(DispatchQueueSource& source, std::vector<TaskAssignment>& taken) -> Async<void> {
  while (true) {
    const auto next = co_await source.dequeue(std::chrono::seconds{60});
    if (!next) co_return success();
    if (next.value()) taken.push_back(*next.value());
  }
}

auto stamps_over_two_bumps(DispatchQueueTrial& trial) -> void {
  for (const int readers : {1, 4, 16}) {
    if (!trial.open({.capacity = 8})) return;
    std::vector<TaskAssignment> taken;
    std::vector<Call<void>> calls;
    for (int i = 0; i < readers; ++i) calls.push_back(trial.start(read_all(trial.source(), taken)));
    for (std::uint64_t session = 1; session <= 3; ++session) {
      if (session > 1) {
        trial.expect(trial.sink().bump_session(SessionId{session}).has_value(), "a bump is accepted");
      }
      const auto before = taken.size();
      trial.fill(10 * session, 10 * session + 4, session);
      trial.settle();
      trial.expect(taken.size() == before + 5, "waiting readers take what is current");
      for (auto i = before; i < taken.size(); ++i) {
        trial.expect(taken[i].session == SessionId{session}, "each assignment keeps its stamp");
      }
    }
    trial.sink().close();
    trial.settle();
  }
}

auto bump_waits_for_nobody(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  std::vector<Call<Taken>> calls;
  for (int i = 0; i < 1000; ++i)
    calls.push_back(trial.start(trial.source().dequeue(std::chrono::seconds{1})));
  const auto before = trial.clock().now();
  trial.expect(trial.sink().bump_session(SessionId{2}).has_value(),
               "1000 waiting readers do not hinder a bump");
  trial.settle();
  trial.expect(trial.clock().now() == before, "a bump takes no time");
  std::size_t done = 0;
  for (const auto& call : calls) done += call->done() ? 1U : 0U;
  trial.expect(done == 0, "a bump resumes no reader");
  trial.fill(1, 1, 2);
  trial.settle();
  for (const auto& call : calls) done += call->done() ? 1U : 0U;
  trial.expect(done == 1, "the readers still wait, and one takes the next assignment");
}

auto slots_come_back(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  trial.fill(1, 4);
  std::vector<Call<void>> calls;
  for (std::uint64_t id = 5; id < 105; ++id)
    calls.push_back(trial.start(trial.sink().enqueue(trial.item(id))));
  const auto seeker = trial.start(trial.sink().wait_for_slots());
  trial.expect(trial.sink().bump_session(SessionId{2}).has_value(),
               "100 blocked producers do not hinder a bump");
  trial.expect(trial.sink().free_slots() == 4, "after a bump all slots are free, at once");
  trial.expect(trial.fill(201, 204, 2) == 4, "and can be filled, at once");
  trial.settle();
  for (const auto& call : calls) {
    trial.expect(call->failed_with(Errc::stale_session), "blocked producers resume with stale_session");
  }
  trial.expect_ids(trial.drain_ids(), {201, 202, 203, 204}, "only what is current is in the queue");
  trial.settle();
  trial.expect(seeker->succeeded(), "who waits for slots hears of them");
}

auto enqueue_after_bump(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  std::vector<Call<void>> old;
  for (std::uint64_t id = 2; id < 6; ++id) old.push_back(trial.start(trial.sink().enqueue(trial.item(id))));
  trial.expect(trial.sink().bump_session(SessionId{2}).has_value(), "a larger session is accepted");
  const auto fresh = trial.start(trial.sink().enqueue(trial.item(9, 2)));
  trial.expect(fresh->succeeded(), "a new enqueue does not stand behind stale ones");
  trial.expect_ids(trial.drain_ids(), {9}, "and its assignment is delivered");
}

constexpr DispatchQueueCheck kDispatchQueueSessionChecks[] = {
    {"D5", "ForeignSessionsAreRefused", foreign_sessions},
    {"D5", "SuspendedProducerIsBumped", suspended_producer_is_bumped},
    {"D5", "WokenProducerIsBumped", woken_producer_is_bumped},
    {"D6", "BumpGoesForward", bump_goes_forward},
    {"D6", "NothingOlderIsTaken", nothing_older},
    {"D6", "WokenConsumerTakesNothingOlder", woken_consumer_is_bumped},
    {"D6", "StampsAreKeptOverTwoBumps", stamps_over_two_bumps},
    {"D7", "BumpWaitsForNobody", bump_waits_for_nobody},
    {"D8", "SlotsComeBack", slots_come_back},
    {"D8", "EnqueueAfterBumpDoesNotWait", enqueue_after_bump},
};

}  // namespace

auto session_checks() -> std::span<const DispatchQueueCheck> { return kDispatchQueueSessionChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
