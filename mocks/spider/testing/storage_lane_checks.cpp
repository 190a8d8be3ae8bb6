#include "spider/testing/storage_trial.hpp"

// Leases of polled entries, long polls, and work that becomes ready later.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;
using Kind = FinishRequest::Kind;

auto leased_once(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job(4));
  const auto other = trial.register_as("other");
  Ask two;
  two.max_items = 2;
  const auto mine = trial.poll(two);
  const auto theirs = trial.poll_as(other);
  trial.expect(mine.size() == 2 && theirs.size() == 2, "what is leased is not offered to others");
  trial.expect(!mine.empty() && mine[0].deliveries == 0, "the first delivery counts none before");
  trial.expect(trial.poll().empty(), "nor again to the same");
  trial.succeed(first_of(id));
  const auto running = trial.start(TaskRef{id, TaskId{1}});

  trial.me = trial.register_as("first");
  trial.expect(trial.poll().empty(), "started and finished work is not offered again");
  const auto left = trial.run(trial.storage().unregister_scheduler(other));
  trial.expect(left.has_value(), "a scheduler can leave");
  const auto again = trial.poll();
  trial.expect(again.size() == 2 && again[0].task == TaskId{2} && again[0].deliveries == 1,
               "a superseded session's entries are offered again, in their order, to whoever polls");
}

auto nothing_is_lost(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(flat_job(100));
  Ask ten;
  ten.max_items = 10;
  std::size_t started = 0;
  for (int round = 0; round < 30; ++round) {
    const auto entries = trial.poll(ten);
    for (std::size_t i = 0; i < entries.size(); i += 3) {
      if (trial.succeed(entries[i].ref())) ++started;
    }
    trial.me = trial.register_as("first");
  }
  const auto rest = trial.poll();
  trial.expect(started + rest.size() == 100, "every entry is started, or offered again");
}

auto max_items(StorageTrial& trial) -> void {
  StorageLimits limits;
  limits.poll_items_max = 5;
  if (!trial.open(limits)) return;
  trial.job(flat_job(20));
  Ask three;
  three.max_items = 3;
  trial.expect(trial.poll(three).size() == 3, "at most max_items");
  trial.expect(trial.poll().size() == 5, "clamped to poll_items_max");
  Ask bad;
  bad.max_items = 0;
  trial.expect(fails(trial.try_poll(trial.me, bad), Errc::invalid_argument), "max_items 0");
  bad = {};
  bad.per_group_max = 0;
  trial.expect(fails(trial.try_poll(trial.me, bad), Errc::invalid_argument), "per_group_max 0");
  bad = {};
  bad.per_job_max = 0;
  trial.expect(fails(trial.try_poll(trial.me, bad), Errc::invalid_argument), "per_job_max 0");
  bad = {};
  bad.queues.clear();
  trial.expect(fails(trial.try_poll(trial.me, bad), Errc::invalid_argument), "no queue");
}

auto woken(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  Ask ask;
  ask.wait = 30s;
  const auto began = trial.clock().now();
  auto call = trial.begin_poll(trial.me, ask);
  trial.expect(!call->done(), "a poll waits while nothing is ready");
  const auto id = trial.job(flat_job());
  trial.clock().drain();
  trial.expect(call->done() && *call->result && call->result->value().entries.size() == 1,
               "a submit wakes it, without time passing");
  JobSpec spec;
  spec.tasks = {work(), work({0})};
  const auto chain = trial.job(spec);
  trial.poll();
  call = trial.begin_poll(trial.me, ask);
  trial.succeed(first_of(chain));
  trial.clock().drain();
  trial.expect(call->done(), "so does a parent's end");
  call = trial.begin_poll(trial.me, ask);
  const auto held = trial.start(first_of(id));
  if (held) trial.end(held.value().instance, Kind::released);
  trial.clock().drain();
  trial.expect(call->done(), "so does a released task");
  const auto other = trial.register_as("other");
  call = trial.begin_poll(other, ask);
  trial.run(trial.storage().unregister_scheduler(trial.me)).has_value();
  trial.clock().drain();
  trial.expect(call->done(), "so does a scheduler that leaves");
  trial.expect(trial.clock().now() == began, "all of it without time passing");
  const auto empty = trial.try_poll(other, ask);
  trial.expect(empty && empty.value().entries.empty() && trial.clock().now() == began + 30s,
               "empty after its wait");
}

auto every_waiter_is_served(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  Ask one;
  one.max_items = 1;
  one.wait = 30s;
  std::vector<std::shared_ptr<CallUnderWay<InboundBatch>>> calls;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(trial.begin_poll(trial.register_as("member" + std::to_string(i)), one));
  }
  trial.job(flat_job(5));
  trial.clock().drain();
  for (const auto& call : calls)
    trial.expect(call->done(), "as many waiting polls are served as have arrived");
}

auto cancelled_poll(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  Ask ask;
  ask.wait = 30s;
  const auto call = trial.begin_poll(trial.me, ask);
  call->signal.emit(asio::cancellation_type::terminal);
  trial.job(flat_job(3));
  trial.clock().drain();
  trial.expect(call->done() && fails(*call->result, Errc::cancelled), "a cancelled poll says so");
  trial.expect(trial.poll().size() == 3, "and leases nothing");
}

auto paused(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const PauseTarget group{PauseTarget::Kind::resource_group, "alice"};
  const PauseTarget queue{PauseTarget::Kind::queue, "default"};
  trial.run(trial.storage().pause(group)).has_value();
  trial.job(flat_job(2, "alice"));
  trial.job(flat_job(1, "bob"));
  trial.expect(trial.poll().size() == 1, "a paused group's tasks are not offered, others' are");
  Ask ask;
  ask.wait = 30s;
  const auto call = trial.begin_poll(trial.me, ask);
  trial.expect(!call->done(), "a poll waits while all is paused");
  trial.run(trial.storage().resume(group)).has_value();
  trial.clock().drain();
  trial.expect(call->done() && *call->result && call->result->value().entries.size() == 2,
               "the end of the pause wakes it");
  trial.run(trial.storage().pause(queue)).has_value();
  trial.job(flat_job());
  trial.expect(trial.poll().empty(), "a paused queue's tasks are not offered");
  trial.run(trial.storage().resume(queue)).has_value();
  trial.expect(trial.poll().size() == 1, "until it is resumed");
  const auto bad = trial.run(trial.storage().pause(PauseTarget{PauseTarget::Kind::queue, "no spaces"}));
  trial.expect(fails(bad, Errc::invalid_name), "a name is checked");
}

/// Polls with a long wait; returns when the entry came, measured from now.
auto arrives_after(StorageTrial& trial) -> Duration {
  trial.me = trial.register_as("first");
  Ask ask;
  ask.wait = 1h;
  const auto began = trial.clock().now();
  const auto entries = trial.poll(ask);
  trial.expect(entries.size() == 1, "the task is offered");
  if (!entries.empty()) trial.expect(entries[0].ready_at == trial.clock().now(), "ready_at says since when");
  return trial.clock().now() - began;
}

auto not_before(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job();
  spec.not_before = saturating_add(trial.clock().now(), 90s);
  const auto id = trial.job(spec);
  trial.expect(trial.poll().empty(), "not before its time");
  trial.expect(fails(trial.start(first_of(id)), Errc::task_not_runnable), "nor can it be started");
  trial.expect(arrives_after(trial) == 90s, "a waiting poll gets it at its time, not later");
  auto sooner = flat_job();
  Ask ask;
  ask.wait = 1h;
  const auto began = trial.clock().now();
  spec.not_before = saturating_add(began, 100s);
  sooner.not_before = saturating_add(began, 10s);
  trial.job(spec);
  const auto call = trial.begin_poll(trial.me, ask);
  trial.job(sooner);
  trial.clock().run_for(10s);
  trial.expect(call->done(), "also one that comes in later and is due earlier");
}

auto rests(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job();
  spec.tasks[0].retry = {.attempts_max = 4, .backoff_first = 2s, .backoff_max = 5s, .backoff_factor = 2.0};
  const auto id = trial.job(spec);
  trial.poll();
  const auto end_attempt = [&](Kind kind, Duration delay) {
    const auto started = trial.start(first_of(id));
    if (!started) return trial.expect(false, "a task that is due starts");
    FinishRequest request{started.value().instance, kind};
    request.delay = delay;
    trial.expect(trial.finish(request).has_value(), "the end of an attempt is accepted");
  };
  for (const auto rest : {2s, 4s, 5s}) {
    end_attempt(Kind::failed, {});
    trial.expect(arrives_after(trial) == rest, "a back-off grows by its factor up to its maximum");
  }
  for (const auto rest : {100ms, 200ms, 400ms}) {
    end_attempt(Kind::deferred, {});
    trial.expect(arrives_after(trial) == rest, "deferrals climb the ladder");
  }
  end_attempt(Kind::deferred, 7s);
  trial.expect(arrives_after(trial) == 7s, "or rest as long as they say");
  end_attempt(Kind::released, 3s);
  trial.expect(arrives_after(trial) == 3s, "a release rests as long as it says");
  const auto view = trial.task(first_of(id));
  trial.expect(view.attempts == 3 && view.deferrals == 4, "deferrals and releases spend no attempt");
  const auto started = trial.start(first_of(id));
  if (!started) return trial.expect(false, "a task that is due starts");
  FinishRequest bad{started.value().instance, Kind::deferred};
  bad.delay = -1ns;
  trial.expect(fails(trial.finish(bad), Errc::invalid_time), "a negative delay is refused");
}

constexpr StorageCheck kLaneChecks[] = {
    {"T12", "PolledEntriesAreLeased", leased_once},
    {"T12", "NothingIsLostBetweenPollAndStart", nothing_is_lost},
    {"T13", "PollsAreBounded", max_items},
    {"T13", "PollsAreWokenByArrivals", woken},
    {"T13", "EveryWaitingPollIsServed", every_waiter_is_served},
    {"T13", "ACancelledPollLeasesNothing", cancelled_poll},
    {"T14", "PausedWorkIsNotOffered", paused},
    {"T15", "NotBeforeIsKept", not_before},
    {"T15", "RestsAreKept", rests},
};

}  // namespace

auto storage_lane_checks() -> std::span<const StorageCheck> { return kLaneChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
