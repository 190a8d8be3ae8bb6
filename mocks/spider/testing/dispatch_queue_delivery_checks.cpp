#include "spider/testing/dispatch_queue_trial.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

// The consumers' side: exactly once, order, waits, cancellation, fairness.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Takes until closed, working for `work` on each.
auto consume(DispatchQueueSource& source, Clock& clock, Duration work, Ids& ids) -> Async<void> {
  while (true) {
    const auto taken = co_await source.dequeue(seconds{60});
    if (!taken) co_return success();
    if (!taken.value()) continue;
    ids.push_back(taken.value()->id.value);
    if (work > Duration::zero()) {
      const auto slept = co_await clock.sleep_until(saturating_add(clock.now(), work));
      if (!slept) co_return slept.error();
    }
  }
}

auto produce(DispatchQueueSink& sink, Clock& clock, Duration pause, std::uint64_t count) -> Async<void> {
  for (std::uint64_t id = 1; id <= count; ++id) {
    const auto sent = co_await sink.enqueue(DispatchQueueTrial::item(id));
    if (!sent) co_return sent.error();
    if (pause > Duration::zero()) {
      const auto slept = co_await clock.sleep_until(saturating_add(clock.now(), pause));
      if (!slept) co_return slept.error();
    }
  }
  co_return success();
}

auto numbers(std::uint64_t last) -> Ids {
  Ids ids;
  for (std::uint64_t id = 1; id <= last; ++id) ids.push_back(id);
  return ids;
}

/// 16 consumers that work 1 ms each share 320 assignments.
auto shared_load(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  std::vector<Ids> taken(16);
  std::vector<Call<void>> calls;
  const auto begin = trial.clock().now();
  for (auto& ids : taken) {
    calls.push_back(trial.start(consume(trial.source(), trial.clock(), milliseconds{1}, ids)));
  }
  const auto sent = trial.start(produce(trial.sink(), trial.clock(), Duration::zero(), 320));
  for (int limit = 0; !sent->done() && limit < 10'000; ++limit) trial.clock().run_for(milliseconds{1});
  trial.expect(sent->succeeded(), "the producer gets everything in");
  trial.expect(trial.clock().now() - begin <= milliseconds{40}, "no consumer idles while there is work");
  trial.sink().close();
  trial.clock().run_for(milliseconds{10});
  Ids all;
  for (const auto& ids : taken) {
    trial.expect(ids.size() >= 10 && ids.size() <= 40, "the load is balanced over the consumers");
    all.insert(all.end(), ids.begin(), ids.end());
  }
  std::ranges::sort(all);
  trial.expect_ids(all, numbers(320), "each assignment is taken exactly once");
}

auto slow_producer(DispatchQueueTrial& trial) -> void {
  for (const int readers : {1, 4, 16}) {
    if (!trial.open({.capacity = 4})) return;
    Ids ids;
    std::vector<Call<void>> calls;
    for (int i = 0; i < readers; ++i) {
      calls.push_back(trial.start(consume(trial.source(), trial.clock(), Duration::zero(), ids)));
    }
    const auto sent = trial.start(produce(trial.sink(), trial.clock(), milliseconds{1}, 100));
    trial.clock().run_for(milliseconds{200});
    trial.expect(sent->succeeded(), "the producer gets everything in");
    trial.expect_ids(ids, numbers(100), "many readers share what a slow producer sends, in order");
    trial.sink().close();
    trial.settle();
  }
}

auto order(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 3})) return;
  Ids ids;
  const auto call = trial.start(consume(trial.source(), trial.clock(), Duration::zero(), ids));
  const auto sent = trial.start(produce(trial.sink(), trial.clock(), Duration::zero(), 40));
  trial.settle();
  trial.expect_ids(ids, numbers(40), "what went in first comes out first");
  trial.sink().close();
  trial.settle();
}

auto poll_without_suspending(asio::io_context& context, DispatchQueueSource& source, bool& suspended)
    -> Async<void> {
  bool others_ran = false;
  asio::post(context, [&others_ran] { others_ran = true; });
  const auto taken = co_await source.dequeue(Duration::zero());
  suspended = others_ran;
  auto turn = asio::post(context, asio::deferred);  // behind the other one, which refers to this frame
  co_await std::move(turn);
  if (!taken) co_return taken.error();
  co_return success();
}

auto zero_never_suspends(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  for (const std::uint64_t items : {0U, 1U}) {
    trial.fill(1, items);
    bool suspended = true;
    const auto call = trial.start(poll_without_suspending(trial.context(), trial.source(), suspended));
    for (int limit = 0; !call->done() && limit < 100'000; ++limit) trial.settle();
    trial.expect(call->succeeded() && !suspended, "dequeue(0) never suspends");
  }
  const auto negative = trial.start(trial.source().dequeue(seconds{-1}));
  trial.expect(negative->succeeded() && !negative->result->value(), "a negative wait is 0");
}

auto not_before_its_time(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  const auto shorter = trial.start(trial.source().dequeue(milliseconds{10}));
  const auto longer = trial.start(trial.source().dequeue(milliseconds{20}));
  trial.clock().run_for(milliseconds{10} - Duration{1});
  trial.expect(!shorter->done(), "no answer before the wait is over");
  trial.clock().run_for(Duration{1});
  trial.expect(shorter->succeeded() && !shorter->result->value(), "none, when the wait is over");
  trial.expect(!longer->done(), "each waiter has its own deadline");
  const auto late = trial.start(trial.source().dequeue(milliseconds{1}));
  trial.clock().run_for(milliseconds{1});
  trial.expect(late->succeeded() && !longer->done(), "a later waiter may have an earlier deadline");
  trial.clock().run_for(milliseconds{9});
  trial.expect(longer->succeeded() && !longer->result->value(), "every waiter is answered in time");
}

auto wait_is_capped(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  const auto call = trial.start(trial.source().dequeue(Duration::max()));
  trial.clock().run_for(std::chrono::hours{1});
  trial.expect(call->succeeded() && !call->result->value(), "no caller waits unboundedly");
}

auto send_at(DispatchQueueSink& sink, Clock& clock, TimePoint at) -> Async<void> {
  const auto slept = co_await clock.sleep_until(at);
  if (!slept) co_return slept.error();
  const auto sent = sink.try_enqueue(DispatchQueueTrial::item(1));
  if (!sent) co_return sent.error();
  co_return success();
}

/// The arrival and the deadline fall on one instant, in either order.
auto timeout_races_arrival(DispatchQueueTrial& trial) -> void {
  for (const bool arrival_first : {true, false}) {
    if (!trial.open({.capacity = 4})) return;
    const auto at = trial.clock().now() + milliseconds{5};
    Call<void> sent;
    if (arrival_first) sent = trial.start(send_at(trial.sink(), trial.clock(), at));
    const auto call = trial.start(trial.source().dequeue(milliseconds{5}));
    if (!arrival_first) sent = trial.start(send_at(trial.sink(), trial.clock(), at));
    trial.clock().run_for(milliseconds{10});
    trial.expect(sent->succeeded() && call->succeeded(), "both sides are answered");
    const std::size_t taken = call->succeeded() && call->result->value() ? 1 : 0;
    trial.expect(taken + trial.drain_ids().size() == 1, "no assignment is lost to a timeout that races it");
  }
}

auto cancelled_consumer(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  const auto call = trial.start(trial.source().dequeue(seconds{9}));
  call->cancel();
  trial.settle();
  trial.expect(call->failed_with(Errc::cancelled), "a cancelled dequeue says so");
  trial.fill(1, 1);
  trial.settle();
  trial.expect_ids(trial.drain_ids(), {1}, "a cancelled dequeue consumes nothing");
}

auto woken_consumer_is_cancelled(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  const auto first = trial.start(trial.source().dequeue(seconds{9}));
  const auto second = trial.start(trial.source().dequeue(seconds{9}));
  trial.in_one_step([&] {
    trial.fill(1, 1);  // the first is on its way
    first->cancel();
  });
  trial.expect(first->failed_with(Errc::cancelled), "a cancelled dequeue says so");
  trial.expect(second->succeeded() && second->result->value(), "its wake-up is passed on");
  trial.expect(trial.drain_ids().empty(), "and nothing is taken twice");
}

auto cancelled_producer(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  const auto first = trial.start(trial.sink().enqueue(trial.item(2)));
  const auto second = trial.start(trial.sink().enqueue(trial.item(3)));
  const auto third = trial.start(trial.sink().enqueue(trial.item(4)));
  first->cancel();
  trial.settle();
  trial.expect(first->failed_with(Errc::cancelled), "a cancelled enqueue says so");
  Ids ids;
  trial.in_one_step([&] {
    const auto taken = trial.source().try_dequeue();  // the second is on its way
    if (taken && taken.value()) ids.push_back(taken.value()->id.value);
    second->cancel();
  });
  trial.expect(second->failed_with(Errc::cancelled), "so does one that was on its way");
  trial.expect(third->succeeded(), "and the next of the line gets the slot");
  for (const auto id : trial.drain_ids()) ids.push_back(id);
  trial.expect_ids(ids, {1, 4}, "a cancelled enqueue leaves nothing behind");
  trial.expect(trial.sink().free_slots() == 1, "not even a slot");
}

auto waiters_in_order(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  std::vector<Call<Taken>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(trial.start(trial.source().dequeue(seconds{9})));
  for (std::size_t i = 0; i < 3; ++i) {
    trial.fill(i + 1, i + 1);
    trial.settle();
    for (std::size_t j = 0; j < 3; ++j) {
      trial.expect(calls[j]->done() == (j <= i), "waiters are served in the order in which they came");
    }
  }
}

constexpr DispatchQueueCheck kDispatchQueueDeliveryChecks[] = {
    {"D3", "SharedLoadIsTakenExactlyOnce", shared_load},
    {"D3", "ManyReadersShareASlowProducer", slow_producer},
    {"D4", "FirstInFirstOut", order},
    {"D9", "ZeroNeverSuspends", zero_never_suspends},
    {"D9", "NoneNotBeforeItsTime", not_before_its_time},
    {"D9", "WaitIsCapped", wait_is_capped},
    {"D9", "TimeoutThatRacesAnArrivalLosesNothing", timeout_races_arrival},
    {"D10", "CancelledConsumerConsumesNothing", cancelled_consumer},
    {"D10", "WokenThenCancelledPassesItsWakeUpOn", woken_consumer_is_cancelled},
    {"D10", "CancelledProducerLeavesNothingBehind", cancelled_producer},
    {"D12", "WaitersAreServedInOrder", waiters_in_order},
};

}  // namespace

auto delivery_checks() -> std::span<const DispatchQueueCheck> { return kDispatchQueueDeliveryChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
