// From entries to acknowledged assignments on two threads: PolicyCore, dispatch channel and service with
// sixteen managers, against what one would write by hand instead.

#include "spider/dispatch_channel.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"
#include "spider/observer.hpp"
#include "spider/policies/registry.hpp"
#include "spider/policy_core.hpp"
#include "spider/system_clock.hpp"
#include "support/endless_storage.hpp"
#include "support/latencies.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spider::bench {
namespace {

constexpr std::uint64_t kTasks = 500'000;
constexpr std::size_t kManagers = 16;
constexpr std::size_t kCapacity = 1'024;
constexpr Duration kWait = std::chrono::seconds{10};
constexpr EndlessStorage::Options kEntries{.groups = 1, .jobs = 1'000, .entries_max = kTasks};

/// What all managers have taken; the last one to see that it is all calls `done`.
struct Tally {
  std::atomic<std::uint64_t> taken{0};
  std::function<void()> done = [] {};

  auto add(std::uint64_t count) -> void {
    if (taken.fetch_add(count) + count == kTasks) done();
  }
};

/// Stops the context when the last of its coroutines ends: alarms of the parts may be set for later.
class Roots {
 public:
  explicit Roots(asio::io_context& context) : context_{context} {}

  /// The handler of one more coroutine.
  auto one() {
    ++running_;
    return [this](auto&&...) {
      if (--running_ == 0) context_.stop();
    };
  }

 private:
  asio::io_context& context_;
  std::atomic<std::size_t> running_{0};
};

auto run_on_two_threads(asio::io_context& context) -> void {
  std::jthread other{[&] { context.run(); }};
  context.run();
}

// --- Ours ------------------------------------------------------------------------------------------

auto manage(DispatchClient& service, ManagerId id, std::size_t max, Clock& clock, Tally& tally,
            Latencies& latencies) -> asio::awaitable<void> {
  while (true) {
    auto taken = co_await service.next_tasks(id, max, kWait);
    if (!taken) break;
    latencies.add(clock.now() - taken.value().front().ready_at);
    const auto count = taken.value().size();
    (void)co_await service.acknowledge(id, std::move(taken).value());
    tally.add(count);
  }
}

struct Pipeline {
  asio::io_context context{2};
  SystemClock clock{context.get_executor()};
  EndlessStorage storage{kEntries, clock};
  HandedBackQueue handed_back{clock};
  DispatchChannel channel;
  std::unique_ptr<DispatchService> service;
  std::unique_ptr<PolicyCore> core;
  asio::strand<asio::io_context::executor_type> strand = asio::make_strand(context);
  asio::cancellation_signal stop;
  Tally tally;
  Roots roots{context};
};

auto dispatch(benchmark::State& state, std::size_t max) -> void {
  std::vector<Latencies> latencies(kManagers);
  for (auto _ : state) {
    Pipeline p;
    p.channel =
        make_dispatch_channel({.capacity = kCapacity, .resume_slots = kCapacity / 4}, p.clock).value();
    p.service = make_dispatch_service({}, *p.channel.source, p.handed_back, p.clock, null_observer()).value();
    p.core = make_policy_core(make_policy("job-round-robin").value(), {}).value();
    p.tally.done = [&p] {
      p.service->close();
      asio::post(p.strand, [&p] { p.stop.emit(asio::cancellation_type::terminal); });
    };
    CoreContext parts{p.storage, *p.channel.sink, p.handed_back, p.clock, null_observer()};
    asio::co_spawn(p.strand, rooted(p.core->run(parts)),
                   asio::bind_cancellation_slot(p.stop.slot(), p.roots.one()));
    for (std::size_t number = 0; number < kManagers; ++number) {
      asio::co_spawn(p.context,
                     manage(*p.service, ManagerId{number + 1}, max, p.clock, p.tally, latencies[number]),
                     p.roots.one());
    }
    run_on_two_threads(p.context);
    if (p.tally.taken != kTasks) return state.SkipWithError("tasks were lost");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kTasks) * state.iterations());
  report(state, latencies);
}

// --- By hand ---------------------------------------------------------------------------------------

using Channel = asio::experimental::concurrent_channel<void(boost::system::error_code, TaskAssignment)>;

struct Outstanding {
  std::mutex mutex;
  std::unordered_map<std::uint64_t, std::pair<ManagerId, TaskAssignment>> assignments;
};

auto schedule_by_hand(EndlessStorage& storage, Channel& channel) -> asio::awaitable<void> {
  std::deque<InboundEntry> ready;
  std::uint64_t number = 0;
  while (true) {
    if (ready.empty()) {
      const auto entries = storage.make(storage.take_up_to(4'096));
      if (entries.empty()) break;
      ready.insert(ready.end(), entries.begin(), entries.end());
    }
    const auto& entry = ready.front();
    auto item = assignment(++number);
    item.job = entry.job;
    item.group = entry.group;
    item.task = entry.task;
    item.ready_at = entry.ready_at;
    ready.pop_front();
    co_await channel.async_send(boost::system::error_code{}, item, asio::use_awaitable);
  }
  for (std::size_t manager = 0; manager < kManagers; ++manager) {
    co_await channel.async_send(boost::system::error_code{}, assignment(0), asio::use_awaitable);
  }
}

auto manage_by_hand(Channel& channel, Outstanding& outstanding, ManagerId id, Clock& clock, Tally& tally,
                    Latencies& latencies) -> asio::awaitable<void> {
  while (true) {
    const auto item = co_await channel.async_receive(asio::use_awaitable);
    if (!item.id) break;
    {
      const std::scoped_lock lock{outstanding.mutex};
      outstanding.assignments.emplace(item.id.value, std::pair{id, item});
    }
    latencies.add(clock.now() - item.ready_at);
    {
      const std::scoped_lock lock{outstanding.mutex};
      outstanding.assignments.erase(item.id.value);
    }
    tally.add(1);
  }
}

auto dispatch_by_hand(benchmark::State& state) -> void {
  std::vector<Latencies> latencies(kManagers);
  for (auto _ : state) {
    asio::io_context context{2};
    SystemClock clock{context.get_executor()};
    EndlessStorage storage{kEntries, clock};
    Channel channel{context.get_executor(), kCapacity};
    Outstanding outstanding;
    Tally tally;
    for (std::size_t number = 0; number < kManagers; ++number) {
      asio::co_spawn(
          context,
          manage_by_hand(channel, outstanding, ManagerId{number + 1}, clock, tally, latencies[number]),
          asio::detached);
    }
    asio::co_spawn(context, schedule_by_hand(storage, channel), asio::detached);
    run_on_two_threads(context);
    if (tally.taken != kTasks) return state.SkipWithError("tasks were lost");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kTasks) * state.iterations());
  report(state, latencies);
}

BENCHMARK_CAPTURE(dispatch, single, 1)->UseRealTime();
BENCHMARK_CAPTURE(dispatch, default, 16)->UseRealTime();
BENCHMARK_CAPTURE(dispatch, batched, 256)->UseRealTime();
BENCHMARK(dispatch_by_hand)->UseRealTime();

}  // namespace
}  // namespace spider::bench
