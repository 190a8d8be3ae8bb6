// A million random operations on the dispatch channel against a deque. SPIDER_SEED adds a seed.

#include "spider/dispatch_channel.hpp"

#include "spider/rng.hpp"
#include "spider/testing/dispatch_queue_trial.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <iostream>
#include <vector>

namespace spider {
namespace {

using testing::DispatchQueueTrial;
using testing::Ids;

/// What the channel must do while nobody is suspended, in a dozen lines.
struct ChannelModel {
  std::size_t capacity;
  std::uint64_t session = 1;
  std::deque<std::uint64_t> queue{};
  DispatchChannelCounters counters{};

  auto put(std::uint64_t id, std::uint64_t stamp) -> Errc {
    if (stamp != session) return Errc::stale_session;
    if (queue.size() == capacity) return Errc::would_block;
    queue.push_back(id);
    ++counters.enqueued;
    counters.high_water = std::max(counters.high_water, queue.size());
    return Errc{};
  }
  auto take(std::size_t max) -> Ids {
    Ids ids;
    for (; !queue.empty() && ids.size() < max; queue.pop_front()) ids.push_back(queue.front());
    counters.dequeued += ids.size();
    return ids;
  }
  auto bump(std::uint64_t to) -> Errc {
    if (to <= session) return Errc::invalid_session;
    session = to;
    counters.stale_dropped += queue.size();
    queue.clear();
    return Errc{};
  }
};

template <class T>
auto code_of(const Result<T>& result) -> std::error_code {
  return result ? std::error_code{} : result.error().code;
}
auto code_of(Errc errc) -> std::error_code {
  return errc == Errc{} ? std::error_code{} : make_error_code(errc);
}

class ModelRun {
 public:
  ModelRun(std::uint64_t seed, std::size_t capacity) : rng_{seed}, model_{capacity} {
    channel_ = make_dispatch_channel({.capacity = capacity, .session = SessionId{1}}, trial_.clock()).value();
  }

  /// Whether channel and model agreed.
  auto step() -> bool {
    const auto kind = rng_.below(100);
    const bool same = kind < 40   ? put()
                      : kind < 75 ? take_one()
                      : kind < 84 ? put_batch()
                      : kind < 93 ? take_batch()
                      : kind < 98 ? suspend_and_undo()
                                  : bump();
    return same && channel_.sink->free_slots() == model_.capacity - model_.queue.size() && counters_agree();
  }

 private:
  auto stamp() -> std::uint64_t {
    return rng_.below(20) == 0 ? model_.session + rng_.below(3) - 1 : model_.session;
  }

  auto put() -> bool {
    const auto item = DispatchQueueTrial::item(++next_id_, stamp());
    const auto expected = model_.put(item.id.value, item.session.value);
    return code_of(channel_.sink->try_enqueue(item)) == code_of(expected);
  }

  auto take_one() -> bool {
    const auto expected = model_.take(1);
    const auto taken = channel_.source->try_dequeue();
    if (!taken || taken.value().has_value() == expected.empty()) return false;
    return expected.empty() || taken.value()->id.value == expected.front();
  }

  auto put_batch() -> bool {
    std::vector<TaskAssignment> items;
    for (auto left = 1 + rng_.below(6); left > 0; --left) {
      items.push_back(DispatchQueueTrial::item(++next_id_, model_.session));
    }
    std::size_t expected = 0;
    while (expected < items.size() && model_.put(items[expected].id.value, model_.session) == Errc{})
      ++expected;
    auto call = trial_.start(channel_.sink->enqueue_batch(items));
    if (expected != 0) return call->succeeded() && call->result->value() == expected;
    call->cancel();
    trial_.settle();
    return call->failed_with(Errc::cancelled);
  }

  auto take_batch() -> bool {
    const auto max = 1 + rng_.below(6);
    const auto expected = model_.take(max);
    auto call = trial_.start(channel_.source->dequeue_batch(max, Duration::zero()));
    if (!call->succeeded()) return false;
    Ids ids;
    for (const auto& item : call->result->value()) ids.push_back(item.id.value);
    return ids == expected;
  }

  /// Suspends producers and consumers where they must be; then cancels, serves, or lets time pass.
  auto suspend_and_undo() -> bool {
    if (model_.queue.size() == model_.capacity) return suspend_producers();
    return model_.queue.empty() ? suspend_consumers() : true;
  }

  auto suspend_producers() -> bool {
    const auto first = ++next_id_;
    const auto second = ++next_id_;
    auto one = trial_.start(channel_.sink->enqueue(DispatchQueueTrial::item(first, model_.session)));
    auto two = trial_.start(channel_.sink->enqueue(DispatchQueueTrial::item(second, model_.session)));
    if (one->done() || two->done()) return false;
    const bool cancels = rng_.below(2) == 0;
    if (cancels) one->cancel();
    trial_.settle();
    if (one->done() != cancels) return false;
    if (!take_one()) return false;
    trial_.settle();
    if (model_.put(cancels ? second : first, model_.session) != Errc{}) return false;
    if (!cancels) two->cancel();
    trial_.settle();
    return cancels ? two->succeeded() : one->succeeded() && two->failed_with(Errc::cancelled);
  }

  auto suspend_consumers() -> bool {
    auto one = trial_.start(channel_.source->dequeue(Duration{2}));
    auto two = trial_.start(channel_.source->dequeue(Duration{1}));
    if (one->done() || two->done()) return false;
    const bool serves = rng_.below(2) == 0;
    if (serves) {
      if (!put()) return false;
      trial_.settle();
      const auto expected = model_.take(1);
      if (one->done() == expected.empty()) return false;
      if (!expected.empty() && one->result->value()->id.value != expected.front()) return false;
    }
    trial_.clock().run_for(Duration{2});
    return one->done() && two->succeeded() && !two->result->value();
  }

  auto bump() -> bool {
    const auto to = model_.session + rng_.below(3);
    const auto expected = model_.bump(to);
    return code_of(channel_.sink->bump_session(SessionId{to})) == code_of(expected);
  }

  auto counters_agree() -> bool {
    const auto now = channel_.counters();
    const auto& expected = model_.counters;
    return now.enqueued == expected.enqueued && now.dequeued == expected.dequeued &&
           now.stale_dropped == expected.stale_dropped && now.high_water == expected.high_water &&
           now.queued == model_.queue.size();
  }

  Rng rng_;
  ChannelModel model_;
  DispatchQueueTrial trial_{"model", {}};
  DispatchChannel channel_;
  std::uint64_t next_id_ = 0;
};

auto run_model(std::uint64_t seed) -> void {
  constexpr int kOperations = 1'000'000;
  constexpr std::size_t kCapacities[] = {1, 2, 7, 64};
  std::cout << "SPIDER_SEED=" << seed << '\n';
  for (const auto capacity : kCapacities) {
    ModelRun run{mix64(seed ^ capacity), capacity};
    for (int operation = 0; operation < kOperations / 4; ++operation) {
      ASSERT_TRUE(run.step()) << "SPIDER_SEED=" << seed << ", capacity " << capacity << ", operation "
                              << operation;
    }
  }
}

TEST(DispatchChannelModel, MillionOperationsAgree) { run_model(20'240'229); }

TEST(DispatchChannelModel, MillionOperationsOfAnotherSeedAgree) {
  const auto* seed = std::getenv("SPIDER_SEED");
  if (seed == nullptr) GTEST_SKIP() << "SPIDER_SEED is not set";
  run_model(std::strtoull(seed, nullptr, 10));
}

}  // namespace
}  // namespace spider
