#include "spider/testing/storage_trial.hpp"

// Polls that ask for the tasks of some slots.

#include <algorithm>

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;
using Filter = std::shared_ptr<SlotFilter>;

auto filter(Duration takeover_delay = 5s) -> Filter {
  auto slots = std::make_shared<SlotFilter>();
  slots->takeover_delay = takeover_delay;
  return slots;
}

auto ask_for(Filter slots, Duration wait = {}) -> Ask {
  Ask ask;
  ask.slots = std::move(slots);
  ask.wait = wait;
  return ask;
}

auto even_slots() -> Filter {
  auto slots = filter();
  for (std::size_t slot = 0; slot < kSlots; slot += 2) slots->first.set(slot);
  return slots;
}

auto odd_slots() -> Filter {
  auto slots = even_slots();
  slots->first.flip();
  return slots;
}

/// The indices among `count` that fall into the filter's own slots.
auto own_tasks(JobId job, std::uint32_t count, const SlotFilter& slots) -> std::vector<TaskId> {
  std::vector<TaskId> own;
  for (std::uint32_t index = 0; index < count; ++index) {
    if (slots.first.test(slot_of({job, TaskId{index}}))) own.emplace_back(index);
  }
  return own;
}

auto tasks_of(const std::vector<InboundEntry>& entries) -> std::vector<TaskId> {
  std::vector<TaskId> tasks;
  for (const auto& entry : entries) tasks.push_back(entry.task);
  return tasks;
}

auto only_its_slots(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job(300));
  const auto even = even_slots();
  const auto odd = odd_slots();
  auto few = ask_for(even);
  few.max_items = 20;
  auto own = tasks_of(trial.poll(few));
  trial.expect(own.size() == 20, "at most max_items");
  while (own.size() < 300) {
    const auto more = tasks_of(trial.poll(few));
    if (more.empty()) break;
    own.insert(own.end(), more.begin(), more.end());
  }
  trial.expect(own == own_tasks(id, 300, *even), "all tasks of its slots, no others, in their order");
  trial.expect(trial.poll(ask_for(filter())).empty(), "no slots, no tasks");
  trial.expect(tasks_of(trial.poll()) == own_tasks(id, 300, *odd), "the others keep their order");
}

auto in_each_lane(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job();
  spec.commit = work();
  const auto id = trial.job(spec);
  trial.poll();
  trial.succeed(first_of(id));
  auto other = filter();
  other->first.set();
  other->first.reset(slot_of({id, TaskId::commit()}));
  auto ask = ask_for(other);
  ask.lane = TaskKind::commit;
  trial.expect(trial.poll(ask).empty(), "a commit task has a slot as well");
  auto own = filter();
  own->first.set(slot_of({id, TaskId::commit()}));
  ask.slots = own;
  trial.expect(trial.poll(ask).size() == 1, "by which it is offered");
}

auto turns_and_maxima(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(flat_job(100, "alice"));
  trial.job(flat_job(100, "alice"));
  trial.job(flat_job(100, "bob"));
  auto ask = ask_for(even_slots());
  ask.per_group_max = 6;
  ask.per_job_max = 4;
  const auto entries = trial.poll(ask);
  const auto from = [&](ResourceGroupId group) {
    return std::ranges::count_if(entries, [=](const auto& entry) { return entry.group == group; });
  };
  trial.expect(entries.size() == 10, "as much as the maxima allow");
  if (entries.size() < 2) return;
  trial.expect(from(entries[0].group) == 6 && from(entries[1].group) == 4, "of each group and job");
  trial.expect(entries[0].group != entries[1].group, "groups in turn");
}

auto later_after_the_delay(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto slots = filter(5s);
  slots->later.set();
  const auto before = trial.clock().now();
  trial.job(flat_job(3));
  trial.expect(trial.poll(ask_for(slots)).empty(), "not before the takeover delay");
  const auto taken = trial.poll(ask_for(slots, 1h));
  trial.expect(taken.size() == 3 && trial.clock().now() == before + 5s, "a waiting poll gets them then");
  trial.me = trial.register_as("first");
  trial.poll();
  const auto call = trial.begin_poll(trial.me, ask_for(slots, 1h));
  trial.clock().run_for(3s);
  const auto ready_at = trial.clock().now();
  trial.job(flat_job());
  trial.clock().run_until(ready_at + 5s - 1ns);
  trial.expect(!call->done(), "counted from when it became ready");
  trial.clock().run_until(ready_at + 5s);
  trial.expect(call->done() && *call->result && call->result->value().entries.size() == 1,
               "also of one that came while it waited");
}

auto later_costs_nothing_while_idle(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto timers = [&](Filter slots) {
    const auto idle = trial.begin_poll(trial.me, ask_for(std::move(slots), 5min));
    return trial.clock().run_for(5min);
  };
  auto slots = filter(5s);
  const auto without = timers(slots);
  slots = filter(5s);
  slots->later.set();
  trial.expect(timers(slots) < without + 10, "a poll does not look again and again while nothing arrives");
  const auto call = trial.begin_poll(trial.me, ask_for(slots, 1h));
  trial.clock().run_for(7s);
  for (int i = 0; i < 10; ++i) trial.job(flat_job());
  const auto ready_at = trial.clock().now();
  trial.clock().run_for(5s - 1ns);
  trial.expect(!call->done(), "what arrives then is not taken early");
  trial.clock().run_for(1ns);
  trial.expect(call->done() && *call->result && call->result->value().entries.size() == 10 &&
                   trial.clock().now() == ready_at + 5s,
               "nor late");
}

auto later_behind_others(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto single = trial.job(flat_job());
  trial.job(flat_job(40'000));
  auto slots = filter(5s);
  slots->later.set(slot_of(first_of(single)));
  const auto ready_at = trial.clock().now();
  const auto entries = trial.poll(ask_for(slots, 1h));
  trial.expect(std::ranges::any_of(entries, [=](const auto& entry) { return entry.job == single; }),
               "a task that is due later is offered");
  trial.expect(trial.clock().now() <= ready_at + 6s, "in time, however much was looked at after it");
}

auto woken_in_its_slots(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto other = trial.register_as("other");
  const auto even = even_slots();
  const auto odd = odd_slots();
  const auto began = trial.clock().now();
  const auto mine = trial.begin_poll(trial.me, ask_for(even, 1h));
  const auto theirs = trial.begin_poll(other, ask_for(odd, 1h));
  for (int i = 0; i < 64 && !(mine->done() && theirs->done()); ++i) {
    const auto id = trial.job(flat_job());
    trial.clock().drain();
    const bool is_even = slot_of(first_of(id)) % 2 == 0;
    trial.expect((is_even ? mine : theirs)->done(), "an arrival wakes who asks for its slot");
  }
  trial.expect(trial.clock().now() == began, "without time passing");
  trial.poll();
  const auto again = trial.begin_poll(other, ask_for(odd, 1h));
  trial.job(flat_job(1'000));
  trial.clock().drain();
  trial.expect(again->done(), "so does a large array");
}

auto hidden_behind_others(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(flat_job(100'000));
  for (int i = 0; i < 200; ++i) trial.job(flat_job(10));
  const auto single = trial.job(flat_job());
  auto own = filter();
  own->first.set(slot_of(first_of(single)));
  bool found = false;
  for (int i = 0; i < 50 && !found; ++i) {  // the large array has a few tasks in this slot, too
    const auto entries = trial.poll(ask_for(own, 10s));
    found = std::ranges::any_of(entries, [=](const auto& entry) { return entry.job == single; });
  }
  trial.expect(found, "a task is found behind however many of others");
}

/// A job of one task, in an even or an odd slot.
auto single_job(StorageTrial& trial, bool even, const JobSpec& spec) -> JobId {
  while (true) {
    const auto id = trial.job(spec);
    if (!id || (slot_of(first_of(id)) % 2 == 0) == even) return id;
    trial.cancel(id);
  }
}

auto passed_over_keeps_its_turn(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  for (int group = 0; group < 10; ++group) trial.job(flat_job(500, "group" + std::to_string(group)));
  const auto rare = single_job(trial, false, flat_job(1, "rare"));
  auto much = ask_for(even_slots());
  much.max_items = 20;
  auto few = ask_for(odd_slots());
  few.max_items = 5;
  const auto other = trial.register_as("other");
  bool found = false;
  for (int i = 0; i < 3 && !found; ++i) {
    trial.poll(much);
    const auto entries = trial.poll_as(other, few);
    found = std::ranges::any_of(entries, [=](const auto& entry) { return entry.job == rare; });
  }
  trial.expect(found, "whom others pass over is served in the turn of its group");
}

auto passing_over_is_no_offer(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  for (int group = 0; group < 60; ++group)
    single_job(trial, true, flat_job(1, "group" + std::to_string(group)));
  const auto urgent = single_job(trial, false, flat_job(1, "last"));
  auto lazy = flat_job(1'000);
  lazy.priority = 5;
  trial.job(lazy);
  auto few = ask_for(odd_slots());
  few.max_items = 4;
  const auto entries = trial.poll(few);
  trial.expect(entries.size() == 4 && entries[0].job == urgent,
               "the share of lower classes counts what is offered, not what is passed over");
}

auto leases_of_filtered_polls(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job(50));
  const auto even = even_slots();
  const auto held = tasks_of(trial.poll(ask_for(even)));
  const auto other = trial.register_as("other");
  trial.expect(trial.poll_as(other, ask_for(even)).empty(), "what is leased is offered to nobody else");
  trial.run(trial.storage().unregister_scheduler(trial.me)).has_value();
  auto again = tasks_of(trial.poll_as(other, ask_for(even)));
  trial.expect(again == held && held == own_tasks(id, 50, *even), "until the session is superseded");
}

constexpr StorageCheck kSlotChecks[] = {
    {"R4", "APollIsOfferedItsSlotsOnly", only_its_slots},
    {"R4", "TasksOfAllKindsHaveASlot", in_each_lane},
    {"R4", "TurnsAndMaximaHoldWithinSlots", turns_and_maxima},
    {"R5", "LaterSlotsWaitForTheTakeoverDelay", later_after_the_delay},
    {"R5", "LaterSlotsCostNothingWhileIdle", later_costs_nothing_while_idle},
    {"R5", "LaterSlotsAreRememberedInALongSearch", later_behind_others},
    {"R9", "ArrivalsWakeWhoAsksForTheirSlot", woken_in_its_slots},
    {"R12", "NothingIsHiddenBehindOthersTasks", hidden_behind_others},
    {"T14", "WhoIsPassedOverKeepsItsTurn", passed_over_keeps_its_turn},
    {"T14", "PassingOverIsNoOffer", passing_over_is_no_offer},
    {"R14", "SlotsGrantNothing", leases_of_filtered_polls},
};

}  // namespace

auto storage_slot_checks() -> std::span<const StorageCheck> { return kSlotChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
