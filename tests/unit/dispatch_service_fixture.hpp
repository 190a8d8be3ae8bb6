#pragma once

/// What the tests of the dispatch service share: a service over a channel, on the virtual clock.

#include "spider/dispatch_channel.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"
#include "spider/testing/dispatch_queue_trial.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

namespace spider {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::Call;
using testing::DispatchQueueTrial;
using testing::Ids;

inline constexpr ManagerId kAnna{1};
inline constexpr ManagerId kBert{2};
using Batch = std::vector<TaskAssignment>;

inline auto item(std::uint64_t id, std::uint64_t scheduler = 7) -> TaskAssignment {
  auto made = DispatchQueueTrial::item(id);
  made.job = JobId{id};
  made.scheduler = SchedulerId{scheduler};
  return made;
}

inline auto ids(const Batch& assignments) -> Ids {
  Ids found;
  for (const auto& assignment : assignments) found.push_back(assignment.id.value);
  return found;
}

class Recorder final : public Observer {
 public:
  auto observe(const Event& event) noexcept -> void override { events.push_back(event); }
  [[nodiscard]] auto of(EventKind kind) const -> std::vector<Event> {
    std::vector<Event> found;
    for (const auto& event : events) {
      if (event.kind == kind) found.push_back(event);
    }
    return found;
  }
  std::vector<Event> events;
};

/// Counts the alarms that are made and how often they are set. `ahead` lets time pass before they fire.
class CountingClock final : public Clock {
 public:
  explicit CountingClock(Clock& inner) : inner_{inner} {}
  auto now() const -> TimePoint override { return inner_.now() + ahead; }
  auto sleep_until(TimePoint at) -> Async<void> override {
    ++sleeps;
    return inner_.sleep_until(at);
  }
  auto make_alarm(std::function<void()> on_fire) -> std::unique_ptr<Alarm> override {
    ++alarms;
    return std::make_unique<CountingAlarm>(*this, inner_.make_alarm(std::move(on_fire)));
  }
  Duration ahead{};
  int alarms = 0;
  int arms = 0;
  int sleeps = 0;

 private:
  class CountingAlarm final : public Alarm {
   public:
    CountingAlarm(CountingClock& clock, std::unique_ptr<Alarm> inner)
        : clock_{clock}, inner_{std::move(inner)} {}
    auto arm(TimePoint at) -> void override {
      ++clock_.arms;
      inner_->arm(at);
    }
    auto disarm() -> void override { inner_->disarm(); }

   private:
    CountingClock& clock_;
    std::unique_ptr<Alarm> inner_;
  };
  Clock& inner_;
};

inline auto discard(Async<Batch> work) -> Async<void> {
  const auto done = co_await std::move(work);
  if (!done) co_return done.error();
  co_return success();
}

class DispatchServiceTest : public ::testing::Test {
 protected:
  DispatchServiceTest() { open({}); }

  auto open(DispatchServiceOptions options, std::size_t handed_back_max = 1'000) -> void {
    service_.reset();
    handed_back_ = std::make_unique<HandedBackQueue>(trial_.clock(), handed_back_max);
    channel_ = make_dispatch_channel({.session = SessionId{1}}, trial_.clock()).value();
    service_ = make_dispatch_service(options, *channel_.source, *handed_back_, clock_, observer_).value();
    service_->serve(SchedulerId{7});
  }
  auto refusal(DispatchServiceOptions options) -> Error {
    const auto made = make_dispatch_service(options, *channel_.source, *handed_back_, clock_, observer_);
    return made ? Error{} : made.error();
  }
  auto fill(std::uint64_t first, std::uint64_t last) -> void {
    for (auto id = first; id <= last; ++id) ASSERT_TRUE(channel_.sink->try_enqueue(item(id)));
  }
  auto ask(ManagerId manager, std::size_t max = 10, Duration wait = seconds{0}) -> Call<Batch> {
    return trial_.start(service_->next_tasks(manager, max, wait));
  }
  /// Puts assignments first … last on the manager's record.
  auto give(ManagerId manager, std::uint64_t first, std::uint64_t last) -> void {
    fill(first, last);
    const auto taken = ask(manager, last - first + 1);
    ASSERT_TRUE(taken->succeeded());
    ASSERT_EQ(taken->result->value().size(), last - first + 1);
  }
  auto heartbeat(ManagerId manager) -> Result<void> { return finish(service_->heartbeat(manager)); }
  auto acknowledge(ManagerId manager, Batch batch) -> Result<void> {
    return finish(service_->acknowledge(manager, std::move(batch)));
  }
  auto leave(ManagerId manager, Batch batch = {}) -> Result<void> {
    return finish(service_->leave(manager, std::move(batch)));
  }
  auto finish(Async<void> work) -> Result<void> {
    const auto call = trial_.start(std::move(work));
    return call->done() ? *call->result : Result<void>{Error{Errc::internal, "it suspended"}};
  }
  auto pass(Duration duration) -> void { trial_.clock().run_for(duration); }
  auto handed_back() -> Ids { return ids(handed_back_->take(100'000)); }
  auto balances() -> bool {
    const auto c = service_->snapshot();
    return c.recorded == c.outstanding + c.acknowledged + c.handed_back + c.refused;
  }
  auto count(EventKind kind) -> std::size_t { return observer_.of(kind).size(); }

  DispatchQueueTrial trial_{"dispatch service", {}};
  CountingClock clock_{trial_.clock()};
  Recorder observer_;
  std::unique_ptr<HandedBackQueue> handed_back_;
  DispatchChannel channel_;
  std::unique_ptr<DispatchService> service_;
};

}  // namespace spider
