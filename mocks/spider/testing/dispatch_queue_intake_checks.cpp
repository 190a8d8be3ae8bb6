#include "spider/testing/dispatch_queue_trial.hpp"

// The producers' side: bound, back-pressure, free slots, batches.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

auto capacity_zero(DispatchQueueTrial& trial) -> void {
  trial.expect(fails_with(trial.can_open({.capacity = 0}), Errc::invalid_argument), "capacity 0 is refused");
}

auto never_over_capacity(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 3})) return;
  trial.expect(trial.fill(1, 5) == 3, "as many go in as the capacity says");
  trial.expect(fails_with(trial.sink().try_enqueue(trial.item(9)), Errc::would_block), "full: would_block");
  trial.expect_ids(trial.drain_ids(), {1, 2, 3}, "what went in comes out");
  trial.expect(trial.fill(6, 9) == 3, "the slots are free again");
}

auto free_slots(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 3})) return;
  trial.expect(trial.sink().free_slots() == 3, "an empty queue has all slots free");
  trial.fill(1, 2);
  trial.expect(trial.sink().free_slots() == 1, "each assignment takes a slot");
  trial.drain_ids();
  trial.expect(trial.sink().free_slots() == 3, "each dequeue frees a slot");
}

auto suspends_while_full(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 2})) return;
  trial.fill(1, 2);
  const auto call = trial.start(trial.sink().enqueue(trial.item(3)));
  trial.expect(!call->done(), "enqueue on a full queue suspends");
  trial.expect(trial.source().try_dequeue().has_value(), "a dequeue succeeds");
  trial.settle();
  trial.expect(call->succeeded(), "a freed slot resumes the producer");
  trial.expect_ids(trial.drain_ids(), {2, 3}, "its assignment is in the queue");
}

auto producers_in_order(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  std::vector<Call<void>> calls;
  for (std::uint64_t id = 2; id <= 5; ++id)
    calls.push_back(trial.start(trial.sink().enqueue(trial.item(id))));
  Ids ids;
  for (std::size_t freed = 0; freed < 4; ++freed) {
    const auto taken = trial.source().try_dequeue();
    if (taken && taken.value()) ids.push_back(taken.value()->id.value);
    trial.settle();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      trial.expect(calls[i]->done() == (i <= freed), "one slot resumes one producer, the first of the line");
    }
  }
  trial.expect_ids(ids, {1, 2, 3, 4}, "suspended producers resume in the order in which they suspended");
}

auto nothing_dropped(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 2})) return;
  std::vector<Call<void>> calls;
  Ids expected;
  for (std::uint64_t id = 1; id <= 50; ++id) {
    calls.push_back(trial.start(trial.sink().enqueue(trial.item(id))));
    expected.push_back(id);
  }
  trial.expect_ids(trial.drain_ids(), expected, "nothing is dropped for being full");
  for (const auto& call : calls) trial.expect(call->succeeded(), "every producer is told that it succeeded");
}

auto try_leaves_argument(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  auto offered = trial.item(7);
  trial.expect(!trial.sink().try_enqueue(offered), "a full queue refuses");
  trial.expect(offered.id == AssignmentId{7} && offered.job == JobId{1007} && offered.session == SessionId{1},
               "a refused try_enqueue leaves its argument untouched");
}

auto wait_for_slots(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 2})) return;
  const auto at_once = trial.start(trial.sink().wait_for_slots());
  trial.expect(at_once->succeeded() && at_once->result->value() == 2, "free slots are reported at once");
  trial.fill(1, 2);
  const auto first = trial.start(trial.sink().wait_for_slots());
  const auto second = trial.start(trial.sink().wait_for_slots());
  trial.expect(!first->done() && !second->done(), "wait_for_slots suspends while full");
  trial.expect(trial.source().try_dequeue().has_value(), "a dequeue succeeds");
  trial.settle();
  trial.expect(first->succeeded() && first->result->value() == 1, "it reports what is free");
  trial.expect(second->succeeded(), "it consumes nothing: the next one hears of the slot too");
  trial.expect(trial.sink().free_slots() == 1, "the slot is still free");
}

auto wait_for_slots_cancelled(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  const auto call = trial.start(trial.sink().wait_for_slots());
  call->cancel();
  trial.settle();
  trial.expect(call->failed_with(Errc::cancelled), "a cancelled wait_for_slots says so");
}

auto batch_in_part(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  trial.fill(1, 2);
  std::vector batch{trial.item(3), trial.item(4), trial.item(5)};
  const auto part = trial.start(trial.sink().enqueue_batch(batch));
  trial.expect(part->succeeded() && part->result->value() == 2, "as many go in as fit");
  const auto waits = trial.start(trial.sink().enqueue_batch(batch));
  trial.expect(!waits->done(), "a batch of which nothing fits suspends");
  const auto ids = trial.drain_ids();
  trial.expect(waits->succeeded() && waits->result->value() > 0, "a resumed batch says how many went in");
  Ids expected{1, 2, 3, 4};
  if (waits->succeeded()) {
    for (std::uint64_t id = 3; id < 3 + waits->result->value(); ++id) expected.push_back(id);
  }
  trial.expect_ids(ids, expected, "a batch goes in in order, from its beginning");
}

auto batch_edges(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  const auto empty = trial.start(trial.sink().enqueue_batch(std::vector<TaskAssignment>{}));
  trial.expect(empty->succeeded() && empty->result->value() == 0, "an empty batch is 0");
  std::vector mixed{trial.item(1), trial.item(2, 9), trial.item(3)};
  const auto until = trial.start(trial.sink().enqueue_batch(mixed));
  trial.expect(until->succeeded() && until->result->value() == 1, "a batch ends before a foreign session");
  std::vector stale{trial.item(4, 9), trial.item(5)};
  const auto refused = trial.start(trial.sink().enqueue_batch(stale));
  trial.expect(refused->failed_with(Errc::stale_session), "a batch whose first is foreign is refused");
  const auto none = trial.start(trial.source().dequeue_batch(0, Duration{1}));
  trial.expect(none->failed_with(Errc::invalid_argument), "max 0 is refused");
}

auto batch_out(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 8})) return;
  trial.fill(1, 5);
  const auto some = trial.start(trial.source().dequeue_batch(3, Duration{1}));
  trial.expect(some->succeeded() && !some->result->value().empty() && some->result->value().size() <= 3,
               "between 1 and max are taken");
  Ids ids;
  if (some->succeeded()) {
    for (const auto& taken : some->result->value()) ids.push_back(taken.id.value);
  }
  for (const auto id : trial.drain_ids()) ids.push_back(id);
  trial.expect_ids(ids, {1, 2, 3, 4, 5}, "batches take in order and lose nothing");

  const auto waits = trial.start(trial.source().dequeue_batch(SIZE_MAX, std::chrono::seconds{1}));
  trial.expect(!waits->done(), "a batch suspends while there is none");
  trial.fill(6, 7);
  trial.settle();
  trial.expect(waits->succeeded() && !waits->result->value().empty(), "it is resumed by an arrival");
  const auto times_out = trial.start(trial.source().dequeue_batch(9, std::chrono::seconds{1}));
  trial.drain_ids();
  trial.clock().run_for(std::chrono::seconds{2});
  trial.expect(times_out->succeeded(), "a batch for which none came in time is empty");
}

constexpr DispatchQueueCheck kDispatchQueueIntakeChecks[] = {
    {"D1", "CapacityZeroIsRefused", capacity_zero},
    {"D1", "NeverOverCapacity", never_over_capacity},
    {"D1", "FreeSlotsAreCounted", free_slots},
    {"D2", "EnqueueSuspendsWhileFull", suspends_while_full},
    {"D2", "ProducersResumeInOrder", producers_in_order},
    {"D2", "NothingIsDroppedForBeingFull", nothing_dropped},
    {"D2", "FailedTryLeavesItsArgument", try_leaves_argument},
    {"D2", "WaitForSlotsConsumesNothing", wait_for_slots},
    {"D2", "WaitForSlotsCanBeCancelled", wait_for_slots_cancelled},
    {"D16", "BatchGoesInAsFarAsItFits", batch_in_part},
    {"D16", "BatchEdges", batch_edges},
    {"D16", "BatchComesOutInOrder", batch_out},
};

}  // namespace

auto intake_checks() -> std::span<const DispatchQueueCheck> { return kDispatchQueueIntakeChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
