// The dispatch service under real threads: what was taken is acknowledged, handed back or on record.

#include "race/race_seed.hpp"
#include "spider/dispatch_channel.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"
#include "spider/rng.hpp"
#include "spider/system_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

namespace spider {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class CountingObserver final : public Observer {
 public:
  auto observe(const Event& event) noexcept -> void override {
    ++events[static_cast<std::size_t>(event.kind)];
  }
  auto of(EventKind kind) const -> std::uint64_t { return events[static_cast<std::size_t>(kind)]; }
  std::array<std::atomic<std::uint64_t>, kEventKinds> events{};
};

/// One coroutine on its own strand that is cancelled, and started anew, until it has ended.
struct Visitor {
  explicit Visitor(asio::thread_pool& pool) : strand{asio::make_strand(pool)} {}

  asio::strand<asio::thread_pool::executor_type> strand;
  asio::cancellation_signal signal;
  std::atomic<bool> done{false};
};

constexpr std::uint64_t kItems = 20'000;
constexpr std::size_t kManagers = 6;

/// Two coroutines per manager take, acknowledge some, leave or fall silent; a core takes what comes back.
class ServiceRace {
 public:
  ServiceRace() : clock_{pool_.get_executor()}, handed_back_{clock_, kItems} {
    std::cout << "SPIDER_SEED=" << race_seed() << '\n';
    channel_ = make_dispatch_channel({.capacity = 64, .session = SessionId{1}}, clock_).value();
    DispatchServiceOptions options{
        .cutoff = milliseconds{3}, .assignment_lease = milliseconds{2}, .outstanding_max = 40};
    service_ = make_dispatch_service(options, *channel_.source, handed_back_, clock_, observer_).value();
    service_->serve(SchedulerId{1});
    for (std::size_t i = 0; i < 2 * kManagers; ++i) actors_.push_back(std::make_unique<Visitor>(pool_));
  }

  auto run() -> void {
    for (std::size_t i = 0; i < actors_.size(); ++i) start(i);
    auto core = asio::co_spawn(pool_, rooted(collect()), asio::use_future);
    auto produced = asio::co_spawn(pool_, rooted(produce()), asio::use_future);
    Rng rng{race_seed()};
    while (produced.wait_for(std::chrono::seconds{0}) != std::future_status::ready) disturb(rng);
    EXPECT_TRUE(produced.get());
    for (auto& actor : actors_) actor->done.wait(false);
    settled_ = service_->snapshot();
    service_.reset();
    handed_back_.close();
    EXPECT_EQ(core.get().error(), Errc::closed);
    pool_.join();
  }

  auto check() -> void {
    EXPECT_EQ(unexpected_, 0U);
    EXPECT_EQ(channel_.counters().queued, 0U);
    EXPECT_EQ(settled_.recorded, kItems);
    EXPECT_EQ(settled_.recorded, settled_.outstanding + settled_.acknowledged + settled_.handed_back);
    EXPECT_EQ(settled_.refused, 0U);
    EXPECT_EQ(observer_.of(EventKind::foreign_acknowledged), 0U);
    EXPECT_GT(settled_.acknowledged, 0U);
    EXPECT_GT(settled_.handed_back, 0U);
    EXPECT_GT(observer_.of(EventKind::manager_left), 0U);
    std::uint64_t back = 0;
    for (const auto& times : came_back_) {
      EXPECT_LE(times, 1) << "handed back twice";
      back += static_cast<std::uint64_t>(times);
    }
    // The alarm may hand back once more between the snapshot and the end of the service.
    EXPECT_GE(back, settled_.handed_back);
    EXPECT_LE(back, settled_.handed_back + settled_.outstanding);
  }

 private:
  auto produce() -> Async<void> {
    for (std::uint64_t id = 1; id <= kItems; ++id) {
      TaskAssignment assignment;
      assignment.id = AssignmentId{id};
      assignment.job = JobId{id};
      assignment.scheduler = SchedulerId{1};
      assignment.session = SessionId{1};
      const auto sent = co_await channel_.sink->enqueue(assignment);
      if (!sent) co_return sent.error();
    }
    channel_.sink->close();
    co_return success();
  }

  auto collect() -> Async<void> {
    while (true) {
      const auto some = co_await handed_back_.wait();
      if (!some) co_return some.error();
      for (const auto& assignment : handed_back_.take(100)) ++came_back_[assignment.id.value];
    }
  }

  auto manage(ManagerId self, std::uint64_t turn) -> Async<void> {
    Rng rng{mix64(race_seed() ^ turn)};
    while (true) {
      const auto taken = co_await service_->next_tasks(self, 1 + rng.below(8), microseconds{rng.below(500)});
      if (!taken && taken.error() == Errc::limit_exceeded) {
        const auto slept = co_await clock_.sleep_until(clock_.now() + microseconds{200});
        if (!slept) co_return slept.error();
        continue;
      }
      if (!taken) co_return taken.error();
      auto batch = taken.value();
      if (rng.below(4) == 0 && !batch.empty()) batch.pop_back();  // lost on the way
      Result<void> told = success();
      switch (rng.below(8)) {
        case 0: told = co_await service_->leave(self, batch); break;
        case 1: told = co_await service_->heartbeat(self); break;
        default: told = co_await service_->acknowledge(self, batch); break;
      }
      if (!told && told.error() != Errc::unknown_manager) ++unexpected_;
    }
  }

  auto start(std::size_t index) -> void {
    auto& actor = *actors_[index];
    auto finish = [this, index](std::exception_ptr thrown, const Result<void>& result) {
      if (thrown) ++unexpected_;
      if (!thrown && !result && result.error() == Errc::cancelled) return start(index);
      if (!result && result.error() != Errc::dispatch_queue_closed) ++unexpected_;
      actors_[index]->done = true;
      actors_[index]->done.notify_all();
    };
    asio::co_spawn(
        actor.strand, rooted(manage(ManagerId{1 + index / 2}, ++turns_)),
        asio::bind_cancellation_slot(actor.signal.slot(), asio::bind_executor(actor.strand, finish)));
  }

  auto disturb(Rng& rng) -> void {
    auto* actor = actors_[rng.below(actors_.size())].get();
    auto emitted = asio::post(actor->strand, asio::use_future([actor] {
                                if (!actor->done) actor->signal.emit(asio::cancellation_type::terminal);
                              }));
    emitted.wait();
    const auto now = service_->snapshot();
    if (now.recorded != now.outstanding + now.acknowledged + now.handed_back + now.refused) ++unexpected_;
  }

  asio::thread_pool pool_{3};
  SystemClock clock_;
  CountingObserver observer_;
  HandedBackQueue handed_back_;
  DispatchChannel channel_;
  std::unique_ptr<DispatchService> service_;
  DispatchServiceCounters settled_;
  std::vector<std::unique_ptr<Visitor>> actors_;
  std::vector<int> came_back_ = std::vector<int>(kItems + 1);
  std::atomic<std::uint64_t> unexpected_{0};
  std::atomic<std::uint64_t> turns_{0};
};

TEST(DispatchServiceRace, WhatWasTakenIsAcknowledgedOrHandedBackOrOnRecord) {
  ServiceRace race;
  race.run();
  race.check();
}

auto close_with_waiters(asio::thread_pool& pool, Clock& clock, bool destroy) -> void {
  HandedBackQueue handed_back{clock};
  auto channel = make_dispatch_channel({.session = SessionId{1}}, clock).value();
  auto service = make_dispatch_service({}, *channel.source, handed_back, clock, null_observer()).value();
  std::vector<std::future<Result<std::vector<TaskAssignment>>>> calls;
  for (std::uint64_t id = 1; id <= 8; ++id) {
    auto call = service->next_tasks(ManagerId{id}, 3, std::chrono::hours{1});
    calls.push_back(asio::co_spawn(pool, rooted(std::move(call)), asio::use_future));
  }
  while (service->snapshot().managers < calls.size()) std::this_thread::yield();
  if (destroy) {
    service.reset();
  } else {
    service->close();
  }
  for (auto& call : calls) EXPECT_EQ(call.get().error(), Errc::dispatch_queue_closed);
}

TEST(DispatchServiceRace, ClosingEndsCallsAtWhateverPointTheyAre) {
  asio::thread_pool pool{2};
  SystemClock clock{pool.get_executor()};
  for (int round = 0; round < 300; ++round) close_with_waiters(pool, clock, round % 2 == 0);
}

TEST(HandedBackRace, ManyProducersOneConsumer) {
  constexpr std::uint64_t kEach = 20'000;
  constexpr std::uint64_t kProducers = 3;
  asio::thread_pool pool{1};
  SystemClock clock{pool.get_executor()};
  HandedBackQueue queue{clock, 100};
  std::vector<std::uint64_t> last(kProducers);
  std::atomic<bool> in_order{true};
  auto produce = [&](std::uint64_t self) {
    for (std::uint64_t number = 1; number <= kEach;) {
      TaskAssignment one;
      one.id = AssignmentId{number};
      one.job = JobId{self};
      if (queue.put({&one, 1}) == 1) {
        ++number;
      } else {
        std::this_thread::yield();
      }
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t self = 0; self < kProducers; ++self) threads.emplace_back(produce, self);
  for (std::uint64_t total = 0; total < kProducers * kEach;) {
    ASSERT_LE(queue.size(), 100U);
    const auto some = block_on(pool, queue.wait());
    ASSERT_TRUE(some);
    for (const auto& taken : queue.take(64)) {
      if (taken.id.value != ++last[taken.job.value]) in_order = false;
      ++total;
    }
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(queue.size(), 0U);
}

}  // namespace
}  // namespace spider
