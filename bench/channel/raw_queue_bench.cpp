// The price of bounds, sessions and waiting: the channel's interfaces against the bare ConcurrentQueue
// with its tokens, everything on one thread, each item put in and taken out at once.

#include "spider/dispatch_channel.hpp"
#include "spider/system_clock.hpp"
#include "support/assignments.hpp"

#include <benchmark/benchmark.h>
#include <concurrentqueue/concurrentqueue.h>
#include <boost/asio/detached.hpp>

#include <cstdint>

namespace spider::bench {
namespace {

constexpr int kItems = 10'000;

struct Halves {
  asio::io_context context{1};
  SystemClock clock{context.get_executor()};
  DispatchChannel channel = make_dispatch_channel({.capacity = 1'024, .session = kSession}, clock).value();
};

auto raw_queue(benchmark::State& state) -> void {
  moodycamel::ConcurrentQueue<TaskAssignment> queue{1'024};
  moodycamel::ProducerToken producer{queue};
  TaskAssignment item;
  for (auto _ : state) {
    for (int number = 1; number <= kItems; ++number) {
      queue.try_enqueue(producer, assignment(static_cast<std::uint64_t>(number)));
      benchmark::DoNotOptimize(queue.try_dequeue_from_producer(producer, item));
      benchmark::DoNotOptimize(item);
    }
  }
  state.SetItemsProcessed(kItems * state.iterations());
}

auto try_calls(benchmark::State& state) -> void {
  Halves halves;
  auto& sink = *halves.channel.sink;
  auto& source = *halves.channel.source;
  for (auto _ : state) {
    for (int number = 1; number <= kItems; ++number) {
      benchmark::DoNotOptimize(sink.try_enqueue(assignment(static_cast<std::uint64_t>(number))));
      benchmark::DoNotOptimize(source.try_dequeue());
    }
  }
  state.SetItemsProcessed(kItems * state.iterations());
}

auto await_pairs(DispatchChannel& channel) -> asio::awaitable<void> {
  for (int number = 1; number <= kItems; ++number) {
    (void)co_await channel.sink->enqueue(assignment(static_cast<std::uint64_t>(number)));
    const auto item = co_await channel.source->dequeue(Duration::zero());
    benchmark::DoNotOptimize(item);
  }
}

auto await_calls(benchmark::State& state) -> void {
  Halves halves;
  for (auto _ : state) {
    asio::co_spawn(halves.context, await_pairs(halves.channel), asio::detached);
    halves.context.restart();
    halves.context.run();
  }
  state.SetItemsProcessed(kItems * state.iterations());
}

BENCHMARK(raw_queue);
BENCHMARK(try_calls);
BENCHMARK(await_calls);

}  // namespace
}  // namespace spider::bench
