#include "spider/testing/dispatch_queue_trial.hpp"

// Closing, and what ends while calls are suspended.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using std::chrono::seconds;

auto drains_then_closed(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  trial.fill(1, 2);
  trial.sink().close();
  trial.sink().close();
  trial.expect(fails_with(trial.sink().try_enqueue(trial.item(3)), Errc::dispatch_queue_closed),
               "try_enqueue after close is refused");
  trial.expect(trial.start(trial.sink().enqueue(trial.item(3)))->failed_with(Errc::dispatch_queue_closed),
               "enqueue after close is refused");
  trial.expect(trial.start(trial.sink().wait_for_slots())->failed_with(Errc::dispatch_queue_closed),
               "wait_for_slots after close is refused");
  trial.expect(fails_with(trial.sink().bump_session(SessionId{2}), Errc::dispatch_queue_closed),
               "bump_session after close is refused");
  trial.expect_ids(trial.drain_ids(), {1, 2}, "what is queued drains");
  trial.expect(fails_with(trial.source().try_dequeue(), Errc::dispatch_queue_closed),
               "try_dequeue when drained says closed");
  trial.expect(trial.start(trial.source().dequeue(seconds{1}))->failed_with(Errc::dispatch_queue_closed),
               "dequeue when drained says closed");
  trial.expect(trial.start(trial.source().dequeue(Duration{}))->failed_with(Errc::dispatch_queue_closed),
               "dequeue(0) when drained says closed");
  trial.expect(
      trial.start(trial.source().dequeue_batch(2, seconds{1}))->failed_with(Errc::dispatch_queue_closed),
      "dequeue_batch when drained says closed");
}

auto close_ends_waits(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  std::vector<Call<Taken>> consumers;
  for (int i = 0; i < 9; ++i) consumers.push_back(trial.start(trial.source().dequeue(seconds{9})));
  trial.sink().close();
  trial.settle();
  for (const auto& call : consumers) {
    trial.expect(call->failed_with(Errc::dispatch_queue_closed), "close ends every waiting dequeue");
  }
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  const auto enqueue = trial.start(trial.sink().enqueue(trial.item(2)));
  std::vector items{trial.item(3)};
  const auto batch = trial.start(trial.sink().enqueue_batch(items));
  const auto seeker = trial.start(trial.sink().wait_for_slots());
  trial.sink().close();
  trial.settle();
  trial.expect(enqueue->failed_with(Errc::dispatch_queue_closed), "close fails a suspended enqueue");
  trial.expect(batch->failed_with(Errc::dispatch_queue_closed), "close fails a suspended enqueue_batch");
  trial.expect(seeker->failed_with(Errc::dispatch_queue_closed), "close fails a suspended wait_for_slots");
  trial.expect_ids(trial.drain_ids(), {1}, "only what was in the queue drains");
}

/// Consumers suspend, two assignments arrive, and the queue is closed before any of them runs.
auto last_pop_releases(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 4})) return;
  std::vector<Call<Taken>> calls;
  for (int i = 0; i < 9; ++i) calls.push_back(trial.start(trial.source().dequeue(seconds{9})));
  trial.fill(1, 2);
  trial.sink().close();
  trial.settle();
  std::size_t taken = 0;
  std::size_t closed = 0;
  for (const auto& call : calls) {
    if (call->succeeded() && call->result->value()) ++taken;
    if (call->failed_with(Errc::dispatch_queue_closed)) ++closed;
  }
  trial.expect(taken == 2, "what is queued at the close still drains, to those who wait");
  trial.expect(closed == 7, "the last pop releases everybody else");
}

auto last_sink_gone(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 2})) return;
  const auto waiting = trial.start(trial.source().dequeue(seconds{9}));
  trial.drop_sink();
  trial.settle();
  trial.expect(waiting->failed_with(Errc::dispatch_queue_closed), "the last sink gone closes the queue");
  if (!trial.open({.capacity = 2})) return;
  trial.fill(1, 2);
  trial.drop_sink();
  trial.expect_ids(trial.drain_ids(), {1, 2}, "what it left behind drains");
  trial.expect(fails_with(trial.source().try_dequeue(), Errc::dispatch_queue_closed),
               "and then it is closed");
}

auto last_source_gone(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  const auto call = trial.start(trial.sink().enqueue(trial.item(2)));
  trial.drop_source();
  trial.settle();
  trial.expect(call->failed_with(Errc::dispatch_queue_closed),
               "the last source gone fails suspended producers");
  trial.expect(fails_with(trial.sink().try_enqueue(trial.item(3)), Errc::dispatch_queue_closed),
               "and later ones");
}

auto both_gone(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  std::vector<Call<Taken>> consumers;
  for (int i = 0; i < 3; ++i) consumers.push_back(trial.start(trial.source().dequeue(seconds{9})));
  trial.drop_sink();
  trial.drop_source();
  trial.settle();
  for (const auto& call : consumers)
    trial.expect(call->done(), "both halves gone complete waiting consumers");
  if (!trial.open({.capacity = 1})) return;
  trial.fill(1, 1);
  std::vector<Call<void>> producers;
  for (std::uint64_t id = 2; id < 5; ++id)
    producers.push_back(trial.start(trial.sink().enqueue(trial.item(id))));
  trial.drop_source();
  trial.drop_sink();
  trial.settle();
  for (const auto& call : producers)
    trial.expect(call->done(), "both halves gone complete waiting producers");
}

/// The first consumer is on its way when its context dies; the second waits on the trial's own context.
auto context_dies_first(DispatchQueueTrial& trial) -> void {
  if (!trial.open({.capacity = 1})) return;
  Call<Taken> survivor;
  {
    asio::io_context other;
    const auto doomed = trial.start_on(other, trial.source().dequeue(seconds{9}));
    const auto asleep = trial.start_on(other, trial.source().dequeue(seconds{9}));
    survivor = trial.start(trial.source().dequeue(seconds{9}));
    trial.fill(1, 1);
  }
  trial.settle();
  trial.expect(survivor->succeeded() && survivor->result->value(),
               "a context that dies takes its consumers along, and their wake-ups are passed on");
  trial.fill(2, 2);
  Call<void> producer;
  {
    asio::io_context other;
    const auto doomed = trial.start_on(other, trial.sink().enqueue(trial.item(3)));
    producer = trial.start(trial.sink().enqueue(trial.item(4)));
  }
  trial.expect_ids(trial.drain_ids(), {2, 4}, "and it takes its producers along");
  trial.expect(producer->succeeded(), "and the next of the line gets the slot");
}

constexpr DispatchQueueCheck kDispatchQueueShutdownChecks[] = {
    {"D11", "QueuedDrainsThenClosed", drains_then_closed},
    {"D11", "CloseEndsWaits", close_ends_waits},
    {"D11", "LastPopReleasesWaiters", last_pop_releases},
    {"D11", "LastSinkGoneCloses", last_sink_gone},
    {"D11", "LastSourceGoneFailsProducers", last_source_gone},
    {"D14", "BothHalvesGoneCompleteEveryCall", both_gone},
    {"D14", "ContextMayDieFirst", context_dies_first},
};

}  // namespace

auto shutdown_checks() -> std::span<const DispatchQueueCheck> { return kDispatchQueueShutdownChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
