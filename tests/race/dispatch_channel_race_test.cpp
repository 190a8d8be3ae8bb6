// The dispatch channel under real threads: nothing is lost, nothing is doubled, order is kept.

#include "race/race_seed.hpp"
#include "spider/dispatch_channel.hpp"
#include "spider/rng.hpp"
#include "spider/system_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace spider {
namespace {

using std::chrono::microseconds;

/// An assignment says who sent it, as what number.
auto item(std::uint64_t producer, std::uint64_t number, SessionId session) -> TaskAssignment {
  TaskAssignment assignment;
  assignment.id = AssignmentId{number};
  assignment.job = JobId{producer};
  assignment.session = session;
  return assignment;
}

struct Tally {
  std::atomic<std::uint64_t> session{1};
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> out_of_order{0};
  std::atomic<std::uint64_t> unexpected{0};
  std::atomic<int> running{0};
};

/// One coroutine on its own strand that is cancelled, and started anew, until its work is done.
struct Actor {
  explicit Actor(asio::thread_pool& pool) : strand{asio::make_strand(pool)} {}

  asio::strand<asio::thread_pool::executor_type> strand;
  asio::cancellation_signal signal;
  std::atomic<bool> done{false};
};

/// Sends `count` assignments; what was refused as stale or cancelled is sent again under a new number.
auto produce(DispatchQueueSink& sink, Tally& tally, std::uint64_t self, std::uint64_t& number,
             std::uint64_t count) -> Async<void> {
  Rng rng{mix64(race_seed() + self + number)};
  while (number < count) {
    const SessionId session{tally.session.load()};
    const auto assignment = item(self, number, session);
    Result<void> sent = Errc::would_block;
    if (rng.below(3) == 0) sent = sink.try_enqueue(assignment);
    if (!sent && sent.error() == Errc::would_block) sent = co_await sink.enqueue(assignment);
    ++number;
    if (sent) {
      ++tally.sent;
    } else if (sent.error() == Errc::cancelled) {
      co_return Errc::cancelled;
    } else if (sent.error() != Errc::stale_session) {
      ++tally.unexpected;
      co_return sent.error();
    }
  }
  co_return success();
}

/// What one consumer has seen last of each producer: numbers of one producer only grow.
using LastSeen = std::map<std::uint64_t, std::uint64_t>;

auto account(const TaskAssignment& taken, Tally& tally, LastSeen& last) -> void {
  ++tally.received;
  const auto [seen, first] = last.try_emplace(taken.job.value, taken.id.value);
  if (!first && seen->second >= taken.id.value) ++tally.out_of_order;
  seen->second = taken.id.value;
}

auto consume(DispatchQueueSource& source, Tally& tally, LastSeen& last, std::uint64_t turn) -> Async<void> {
  Rng rng{mix64(race_seed() ^ turn)};
  while (true) {
    const auto wait = microseconds{rng.below(300)};
    if (rng.below(4) == 0) {
      const auto batch = co_await source.dequeue_batch(1 + rng.below(8), wait);
      if (!batch) co_return batch.error();
      for (const auto& taken : batch.value()) account(taken, tally, last);
    } else {
      const auto taken = co_await source.dequeue(wait);
      if (!taken) co_return taken.error();
      if (taken.value()) account(*taken.value(), tally, last);
    }
  }
}

class Race {
 public:
  struct Plan {
    std::size_t threads;
    std::size_t producers;
    std::size_t consumers;
    std::uint64_t items_each;
    bool bumps;
  };

  explicit Race(Plan plan) : plan_{plan}, pool_{plan.threads}, clock_{pool_.get_executor()} {
    std::cout << "SPIDER_SEED=" << race_seed() << '\n';
    DispatchChannelOptions options{
        .capacity = 16, .session = SessionId{1}, .resume_slots = 3, .overtake_max = 32};
    channel_ = make_dispatch_channel(options, clock_).value();
    numbers_.resize(plan.producers);
    last_.resize(plan.consumers);
    for (std::size_t i = 0; i < plan.producers + plan.consumers; ++i)
      actors_.push_back(std::make_unique<Actor>(pool_));
  }

  auto run() -> void {
    tally_.running = static_cast<int>(plan_.producers);
    for (std::size_t i = 0; i < actors_.size(); ++i) start(i);
    disturb();
    channel_.sink->close();
    pool_.join();
  }

  auto check() -> void {
    const auto counters = channel_.counters();
    EXPECT_EQ(tally_.unexpected, 0U);
    EXPECT_EQ(tally_.out_of_order, 0U);
    EXPECT_EQ(tally_.sent, counters.enqueued);
    EXPECT_EQ(tally_.received, counters.dequeued);
    EXPECT_EQ(tally_.sent, tally_.received + counters.stale_dropped);
    EXPECT_EQ(counters.queued, 0U);
    EXPECT_LE(counters.high_water, 16U);
    EXPECT_GT(cancellations_, 0U);
  }

 private:
  auto start(std::size_t index) -> void {
    auto& actor = *actors_[index];
    auto work = index < plan_.producers
                    ? produce(*channel_.sink, tally_, index, numbers_[index], plan_.items_each)
                    : consume(*channel_.source, tally_, last_[index - plan_.producers], ++turns_);
    auto finish = [this, index](std::exception_ptr thrown, const Result<void>& result) {
      ended(index, thrown, result);
    };
    asio::co_spawn(
        actor.strand, rooted(std::move(work)),
        asio::bind_cancellation_slot(actor.signal.slot(), asio::bind_executor(actor.strand, finish)));
  }

  auto ended(std::size_t index, const std::exception_ptr& thrown, const Result<void>& result) -> void {
    if (thrown) ++tally_.unexpected;
    if (!result && result.error() == Errc::cancelled) return start(index);
    if (!result && result.error() != Errc::dispatch_queue_closed) ++tally_.unexpected;
    actors_[index]->done = true;
    if (index < plan_.producers) --tally_.running;
  }

  /// Cancels and bumps at random until the producers are through.
  auto disturb() -> void {
    Rng rng{race_seed()};
    while (tally_.running > 0) {
      auto* actor = actors_[rng.below(actors_.size())].get();
      auto emitted = asio::post(actor->strand, asio::use_future([actor] {
                                  if (!actor->done) actor->signal.emit(asio::cancellation_type::terminal);
                                }));
      emitted.wait();
      ++cancellations_;
      if (plan_.bumps && rng.below(8) == 0) {
        const auto next = tally_.session + 1;
        if (!channel_.sink->bump_session(SessionId{next})) ++tally_.unexpected;
        tally_.session = next;
      }
    }
  }

  Plan plan_;
  asio::thread_pool pool_;
  SystemClock clock_;
  DispatchChannel channel_;
  Tally tally_;
  std::vector<std::uint64_t> numbers_;
  std::vector<LastSeen> last_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::atomic<std::uint64_t> turns_{0};
  std::uint64_t cancellations_ = 0;
};

TEST(DispatchChannelRace, CancellationLosesNothing) {
  Race race{{.threads = 3, .producers = 4, .consumers = 8, .items_each = 10'000, .bumps = false}};
  race.run();
  race.check();
}

TEST(DispatchChannelRace, CancellationAndBumpsLoseNothing) {
  Race race{{.threads = 3, .producers = 4, .consumers = 8, .items_each = 10'000, .bumps = true}};
  race.run();
  race.check();
}

TEST(DispatchChannelRace, OneProducerManyConsumersKeepOrder) {
  Race race{{.threads = 2, .producers = 1, .consumers = 16, .items_each = 20'000, .bumps = false}};
  race.run();
  race.check();
}

/// After a bump has returned, no call that begins then may take anything older, whatever thread bumped.
TEST(DispatchChannelRace, NothingOlderThanAFinishedBumpIsTaken) {
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  auto channel = make_dispatch_channel({.capacity = 64, .session = SessionId{1}}, clock).value();
  std::atomic<std::uint64_t> finished{1};
  std::atomic<bool> stop{false};
  std::thread bumper{[&] {
    for (std::uint64_t session = 2; session <= 3000; ++session) {
      EXPECT_TRUE(channel.sink->bump_session(SessionId{session}));
      finished = session;
    }
    stop = true;
  }};
  std::thread producer{[&] {
    for (std::uint64_t number = 1; !stop; ++number) {
      (void)channel.sink->try_enqueue(item(1, number, SessionId{finished.load()}));
    }
  }};
  std::uint64_t older = 0;
  while (!stop) {
    const auto at_least = finished.load();
    const auto taken = channel.source->try_dequeue();
    if (taken && taken.value() && taken.value()->session.value < at_least) ++older;
  }
  bumper.join();
  producer.join();
  EXPECT_EQ(older, 0U);
}

TEST(DispatchChannelRace, OfConcurrentBumpsEachSessionIsAcceptedOnce) {
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  auto channel = make_dispatch_channel({.capacity = 4}, clock).value();
  std::vector<std::atomic<int>> accepted(2001);
  const auto bump_all = [&] {
    for (std::uint64_t session = 1; session <= 2000; ++session) {
      if (channel.sink->bump_session(SessionId{session})) ++accepted[session];
    }
  };
  std::thread one{bump_all};
  std::thread two{bump_all};
  one.join();
  two.join();
  for (std::size_t session = 1; session <= 2000; ++session) EXPECT_LE(accepted[session], 1) << session;
  EXPECT_EQ(accepted[2000], 1);
  const auto last = channel.sink->bump_session(SessionId{2000});
  EXPECT_FALSE(last);
}

/// Contexts die with consumers and producers suspended in them while other threads go on.
TEST(DispatchChannelRace, ContextsDieUnderLoad) {
  asio::thread_pool pool{2};
  SystemClock clock{pool.get_executor()};
  auto channel = make_dispatch_channel({.capacity = 2, .session = SessionId{1}}, clock).value();
  Tally tally;
  LastSeen last;
  auto consumer = asio::co_spawn(pool, rooted(consume(*channel.source, tally, last, 1)), asio::use_future);
  std::uint64_t number = 0;
  auto producer =
      asio::co_spawn(pool, rooted(produce(*channel.sink, tally, 1, number, 20'000)), asio::use_future);
  for (int round = 0; round < 200; ++round) {
    asio::io_context doomed;
    LastSeen ignored;
    std::uint64_t sent = 0;
    asio::co_spawn(doomed, rooted(consume(*channel.source, tally, ignored, 2)), asio::detached);
    asio::co_spawn(doomed, rooted(produce(*channel.sink, tally, 2, sent, 50)), asio::detached);
    doomed.run_for(microseconds{500});
  }
  EXPECT_TRUE(producer.get());
  channel.sink->close();
  EXPECT_EQ(consumer.get().error(), Errc::dispatch_queue_closed);
  pool.join();
  const auto counters = channel.counters();
  EXPECT_EQ(counters.queued, 0U);
  EXPECT_EQ(tally.received, counters.dequeued);
}

}  // namespace
}  // namespace spider
