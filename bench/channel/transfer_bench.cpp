// One producer, sixteen consumer coroutines, one item per call: the dispatch channel against Asio's
// channels on the same executors, and against oneTBB's bounded queue on as many threads.

#include "spider/dispatch_channel.hpp"
#include "spider/system_clock.hpp"
#include "support/assignments.hpp"

#include <benchmark/benchmark.h>
#include <oneapi/tbb/concurrent_queue.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace spider::bench {
namespace {

constexpr std::size_t kCapacity = 1'024;
constexpr std::size_t kConsumers = 16;
constexpr std::uint64_t kItems = 200'000;
constexpr Duration kWait = std::chrono::seconds{10};

/// Runs what was spawned on `threads` threads, the calling one among them.
auto run_on(asio::io_context& context, int threads) -> void {
  std::vector<std::jthread> others;
  for (int other = 1; other < threads; ++other) others.emplace_back([&] { context.run(); });
  context.run();
}

// --- Ours ------------------------------------------------------------------------------------------

auto produce(DispatchQueueSink& sink) -> asio::awaitable<void> {
  for (std::uint64_t number = 1; number <= kItems; ++number) {
    (void)co_await sink.enqueue(assignment(number));
  }
  for (std::size_t consumer = 0; consumer < kConsumers; ++consumer) {
    (void)co_await sink.enqueue(assignment(0));
  }
}

auto consume(DispatchQueueSource& source, std::uint64_t& sum) -> asio::awaitable<void> {
  std::uint64_t own = 0;
  while (true) {
    const auto item = co_await source.dequeue(kWait);
    if (!item || !item.value() || !item.value()->id) break;
    own += item.value()->id.value;
  }
  sum = own;
}

auto produce_batches(DispatchQueueSink& sink, std::size_t size) -> asio::awaitable<void> {
  std::vector<TaskAssignment> batch;
  for (std::uint64_t number = 1; number <= kItems || !batch.empty();) {
    for (; batch.size() < size && number <= kItems; ++number) fill(batch.emplace_back(), number);
    const auto put = co_await sink.enqueue_batch(batch);
    if (!put) co_return;
    batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(put.value()));
  }
  sink.close();
}

auto consume_batches(DispatchQueueSource& source, std::size_t size, std::uint64_t& sum)
    -> asio::awaitable<void> {
  std::uint64_t own = 0;
  while (true) {
    const auto batch = co_await source.dequeue_batch(size, kWait);
    if (!batch) break;
    for (const auto& item : batch.value()) own += item.id.value;
  }
  sum = own;
}

auto transfer_ours(int threads, std::size_t batch) -> std::uint64_t {
  asio::io_context context{threads};
  SystemClock clock{context.get_executor()};
  auto channel = make_dispatch_channel(
                     {.capacity = kCapacity, .session = kSession, .resume_slots = kCapacity / 4}, clock)
                     .value();
  std::vector<std::uint64_t> sums(kConsumers);
  for (auto& sum : sums) {
    auto consumer = batch == 0 ? consume(*channel.source, sum) : consume_batches(*channel.source, batch, sum);
    asio::co_spawn(context, std::move(consumer), asio::detached);
  }
  auto producer = batch == 0 ? produce(*channel.sink) : produce_batches(*channel.sink, batch);
  asio::co_spawn(context, std::move(producer), asio::detached);
  run_on(context, threads);
  std::uint64_t total = 0;
  for (const auto sum : sums) total += sum;
  return total;
}

/// What two awaited calls through the interfaces cost when there is nothing to do: no queue behind them can
/// be faster.
class IdleSink final : public DispatchQueueSink {
 public:
  auto enqueue(TaskAssignment) -> Async<void> override { co_return success(); }
  auto enqueue_batch(std::vector<TaskAssignment>) -> Async<std::size_t> override { co_return std::size_t{0}; }
  auto try_enqueue(const TaskAssignment&) -> Result<void> override { return success(); }
  auto bump_session(SessionId) -> Result<void> override { return success(); }
  auto free_slots() const -> std::size_t override { return 1; }
  auto wait_for_slots() -> Async<std::size_t> override { co_return std::size_t{1}; }
  auto close() -> void override {}
};

class IdleSource final : public DispatchQueueSource {
 public:
  auto dequeue(Duration) -> Async<std::optional<TaskAssignment>> override {
    co_return assignment(made_++ < kItems ? made_ : 0);
  }
  auto dequeue_batch(std::size_t, Duration) -> Async<std::vector<TaskAssignment>> override {
    co_return std::vector<TaskAssignment>{};
  }
  auto try_dequeue() -> Result<std::optional<TaskAssignment>> override { return std::nullopt; }

 private:
  std::uint64_t made_ = 0;
};

auto transfer_nothing() -> std::uint64_t {
  asio::io_context context{1};
  const std::unique_ptr<DispatchQueueSink> sink = std::make_unique<IdleSink>();
  const std::unique_ptr<DispatchQueueSource> source = std::make_unique<IdleSource>();
  std::uint64_t sum = 0;
  asio::co_spawn(context, produce(*sink), asio::detached);
  asio::co_spawn(context, consume(*source, sum), asio::detached);
  context.run();
  return sum;
}

// --- Asio ------------------------------------------------------------------------------------------

using Signature = void(boost::system::error_code, TaskAssignment);
using Channel = asio::experimental::channel<Signature>;
using ConcurrentChannel = asio::experimental::concurrent_channel<Signature>;

template <class AnyChannel>
auto produce_asio(AnyChannel& channel) -> asio::awaitable<void> {
  for (std::uint64_t number = 1; number <= kItems; ++number) {
    co_await channel.async_send(boost::system::error_code{}, assignment(number), asio::use_awaitable);
  }
  for (std::size_t consumer = 0; consumer < kConsumers; ++consumer) {
    co_await channel.async_send(boost::system::error_code{}, assignment(0), asio::use_awaitable);
  }
}

template <class AnyChannel>
auto consume_asio(AnyChannel& channel, std::uint64_t& sum) -> asio::awaitable<void> {
  std::uint64_t own = 0;
  while (true) {
    const auto item = co_await channel.async_receive(asio::use_awaitable);
    if (!item.id) break;
    own += item.id.value;
  }
  sum = own;
}

template <class AnyChannel>
auto transfer_asio(int threads) -> std::uint64_t {
  asio::io_context context{threads};
  AnyChannel channel{context.get_executor(), kCapacity};
  std::vector<std::uint64_t> sums(kConsumers);
  for (auto& sum : sums) asio::co_spawn(context, consume_asio(channel, sum), asio::detached);
  asio::co_spawn(context, produce_asio(channel), asio::detached);
  run_on(context, threads);
  std::uint64_t total = 0;
  for (const auto sum : sums) total += sum;
  return total;
}

// --- oneTBB ----------------------------------------------------------------------------------------

auto transfer_tbb() -> std::uint64_t {
  tbb::concurrent_bounded_queue<TaskAssignment> queue;
  queue.set_capacity(kCapacity);
  std::jthread producer{[&queue] {
    for (std::uint64_t number = 1; number <= kItems; ++number) queue.push(assignment(number));
    queue.push(assignment(0));
  }};
  std::uint64_t total = 0;
  TaskAssignment item;
  for (queue.pop(item); item.id; queue.pop(item)) total += item.id.value;
  return total;
}

// ---------------------------------------------------------------------------------------------------

template <class Transfer>
auto measure(benchmark::State& state, Transfer transfer) -> void {
  for (auto _ : state) {
    if (transfer() != kItems * (kItems + 1) / 2) return state.SkipWithError("items were lost");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kItems) * state.iterations());
}

auto ours(benchmark::State& state, int threads, std::size_t batch) -> void {
  measure(state, [=] { return transfer_ours(threads, batch); });
}
auto await_floor(benchmark::State& state) -> void { measure(state, transfer_nothing); }
auto asio_channel(benchmark::State& state) -> void {
  measure(state, [] { return transfer_asio<Channel>(1); });
}
auto asio_concurrent_channel(benchmark::State& state) -> void {
  measure(state, [] { return transfer_asio<ConcurrentChannel>(2); });
}
auto tbb_queue(benchmark::State& state) -> void { measure(state, transfer_tbb); }

BENCHMARK_CAPTURE(ours, 1thread, 1, 0)->UseRealTime();
BENCHMARK_CAPTURE(ours, 1thread_batch64, 1, 64)->UseRealTime();
BENCHMARK_CAPTURE(ours, 2threads, 2, 0)->UseRealTime();
BENCHMARK_CAPTURE(ours, 2threads_batch64, 2, 64)->UseRealTime();
BENCHMARK(await_floor)->UseRealTime();
BENCHMARK(asio_channel)->UseRealTime();
BENCHMARK(asio_concurrent_channel)->UseRealTime();
BENCHMARK(tbb_queue)->UseRealTime();

}  // namespace
}  // namespace spider::bench
