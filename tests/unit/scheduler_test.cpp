#include "spider/scheduler.hpp"

#include "spider/policies/fifo.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace spider {
namespace {

using std::chrono::seconds;

auto greet(std::string name) -> std::string { return "hello " + name; }
auto fail(std::string why) -> Result<void> { return Error{Errc::handler_failed, std::move(why)}; }

class Sleeper {
 public:
  explicit Sleeper(std::shared_ptr<Clock> clock) : clock_{std::move(clock)} {}
  auto operator()(int length) const -> Async<int> {
    SPIDER_CO_TRY(co_await clock_->sleep_until(clock_->now() + seconds{length}));
    co_return length;
  }

 private:
  std::shared_ptr<Clock> clock_;
};

/// Writes down what happened, in order.
class Diary final : public Observer {
 public:
  auto observe(const Event& event) noexcept -> void override {
    lines << event.at.time_since_epoch().count() << ' ' << to_string(event.kind) << ' '
          << event.task.job.value << '/' << event.task.task.bits() << '\n';
  }
  std::ostringstream lines;
};

struct World {
  World() {
    options.clock = clock;
    options.observer = diary;
    options.manager.slots = 2;
    options.manager.id = ManagerId{7};
    options.handlers.add("greet", greet).add("fail", fail).add("sleep", Sleeper{clock});
  }

  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(*clock, std::move(work));
  }

  asio::io_context context{1};
  std::shared_ptr<VirtualClock> clock = std::make_shared<VirtualClock>(context);
  std::shared_ptr<Diary> diary = std::make_shared<Diary>();
  SchedulerOptions options;
};

auto never_retried() -> RetryPolicy {
  RetryPolicy once;
  once.attempts_max = 1;
  return once;
}

TEST(Scheduler, JobRunsAndItsOutputsComeBack) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job{"alice"};
  const auto hello = job.task("greet", "world");
  const auto nap = job.task("sleep", 5).after(hello);
  const auto done = world.run(scheduler.submit_and_wait(job));
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done.value().state(), JobState::succeeded);
  EXPECT_EQ(done.value().output<std::string>(hello), "hello world");
  EXPECT_EQ(done.value().output<int>(nap), 5);
  EXPECT_EQ(world.clock->now(), TimePoint{seconds{5}});
  EXPECT_EQ(done.value().try_output<int>(hello).error(), Errc::payload_error);
}

TEST(Scheduler, ArrayElementsHaveOutputsOfTheirOwn) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  const auto naps = job.array("sleep", 3, 1);
  const auto done = world.run(scheduler.submit_and_wait(job));
  ASSERT_TRUE(done) << done.error();
  for (std::uint32_t element = 0; element < 3; ++element)
    EXPECT_EQ(done.value().output<int>(naps, element), 1);
  EXPECT_EQ(world.clock->now(), TimePoint{seconds{2}}) << "three tasks of one second on two slots";
}

TEST(Scheduler, FailedJobNamesItsCulprit) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.task("fail", "no disk").retry(never_retried());
  const auto done = world.run(scheduler.submit_and_wait(job));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error(), Errc::job_failed);
  EXPECT_NE(done.error().detail.find("no disk"), std::string::npos) << done.error();
}

TEST(Scheduler, FailingTaskIsRetriedByItsPolicy) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.task("fail", "again");  // three attempts, after 1 s and 2 s of rest
  const auto done = world.run(scheduler.submit_and_wait(job));
  EXPECT_EQ(done.error(), Errc::job_failed);
  EXPECT_EQ(world.clock->now(), TimePoint{seconds{3}});
}

TEST(Scheduler, CancelledJobIsReportedToWhoWaits) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.task("sleep", 1000);
  const auto id = world.run(scheduler.submit(job));
  ASSERT_TRUE(id);
  const auto cancelled = world.run(scheduler.cancel(id.value()));
  ASSERT_TRUE(cancelled) << cancelled.error();
  EXPECT_EQ(cancelled.value(), JobState::cancelled);
  EXPECT_EQ(world.run(scheduler.wait(id.value(), seconds{1})).value(), JobState::cancelled);
}

TEST(Scheduler, WaitForWhatHasEndedCostsNoTurnOfItsOwn) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.task("greet", "you");
  const auto id = world.run(scheduler.submit(job));
  ASSERT_EQ(world.run(scheduler.wait(id.value(), seconds{1})).value(), JobState::succeeded);
  world.clock->drain();
  std::optional<Result<JobState>> state;
  asio::co_spawn(world.context, rooted(scheduler.wait(id.value(), seconds{1})),
                 [&](std::exception_ptr, Result<JobState> end) { state = std::move(end); });
  world.context.restart();
  EXPECT_LE(world.context.poll(), 3U) << "more were posted than the caller and what it began";
  ASSERT_TRUE(state);
  EXPECT_EQ(state->value(), JobState::succeeded);
}

/// A decision is asked for when what is left in the channel is just enough for every slot.
TEST(Scheduler, OneDecisionIsMadeForManySlots) {
  World world;
  world.options.manager.slots = 16;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.array("sleep", 200, 1);
  ASSERT_TRUE(world.run(scheduler.submit(job)));
  const auto dispatched_at = [&](int second) {
    world.clock->run_for(seconds{second} - (world.clock->now() - TimePoint{}));
    const auto lines = world.diary->lines.str();
    const auto prefix = '\n' + std::to_string(second) + (second > 0 ? "000000000" : "") + " dispatched ";
    auto count = 0;
    for (auto at = lines.find(prefix); at != std::string::npos; at = lines.find(prefix, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(dispatched_at(0), 80) << "the channel's 64, and those that were taken at once";
  EXPECT_EQ(dispatched_at(1), 0);
  EXPECT_EQ(dispatched_at(2), 0);
  EXPECT_EQ(dispatched_at(3), 48);
}

TEST(Scheduler, WaitTimesOut) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.task("sleep", 1000);
  const auto id = world.run(scheduler.submit(job));
  EXPECT_EQ(world.run(scheduler.wait(id.value(), seconds{3})).error(), Errc::timed_out);
  EXPECT_EQ(world.clock->now(), TimePoint{seconds{3}});
  EXPECT_EQ(world.run(scheduler.wait(JobId{999}, seconds{3})).error(), Errc::unknown_job);
}

TEST(Scheduler, InvalidJobIsRefusedWithItsReason) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  EXPECT_EQ(world.run(scheduler.submit(JobSpec{})).error(), Errc::empty_graph);
}

TEST(Scheduler, MistakeInABuilderIsRefusedByName) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder other;
  const auto foreign = other.task("greet", "you");
  JobBuilder job;
  job.task("greet", "me").after(foreign);
  EXPECT_EQ(world.run(scheduler.submit(job)).error(), Errc::unknown_parent);
  EXPECT_EQ(world.run(scheduler.submit_and_wait(job)).error(), Errc::unknown_parent);
}

TEST(Scheduler, PausedGroupRestsUntilResumed) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  ASSERT_TRUE(world.run(scheduler.pause({PauseTarget::Kind::resource_group, "alice"})));
  JobBuilder job{"alice"};
  job.task("greet", "you");
  const auto id = world.run(scheduler.submit(job));
  EXPECT_EQ(world.run(scheduler.wait(id.value(), seconds{100})).error(), Errc::timed_out);
  ASSERT_TRUE(world.run(scheduler.resume({PauseTarget::Kind::resource_group, "alice"})));
  EXPECT_EQ(world.run(scheduler.wait(id.value(), seconds{1})).value(), JobState::succeeded);
}

TEST(Scheduler, UnknownPolicyIsTheAnswerToEveryCall) {
  World world;
  world.options.policy = "sorcery";
  Scheduler scheduler{world.context.get_executor(), world.options};
  EXPECT_EQ(world.run(scheduler.submit(JobSpec{})).error(), Errc::unknown_policy);
  EXPECT_EQ(world.run(scheduler.cancel(JobId{1})).error(), Errc::unknown_policy);
  EXPECT_EQ(world.run(scheduler.stop(StopMode::cancel, seconds{1})).error(), Errc::unknown_policy);
}

TEST(Scheduler, LeaseShorterThanTheHeartbeatIsRefused) {
  World world;
  world.options.manager.heartbeat_interval = seconds{20};
  world.options.service.assignment_lease = seconds{20};
  Scheduler scheduler{world.context.get_executor(), world.options};
  const auto answer = world.run(scheduler.submit(JobSpec{}));
  EXPECT_EQ(answer.error(), Errc::invalid_argument);
  EXPECT_NE(answer.error().detail.find("heartbeat_interval"), std::string::npos);
}

TEST(Scheduler, MistakeInHandlersSurfaces) {
  World world;
  world.options.handlers.add("greet", greet);
  Scheduler scheduler{world.context.get_executor(), world.options};
  EXPECT_EQ(world.run(scheduler.submit(JobSpec{})).error(), Errc::duplicate_name);
}

TEST(Scheduler, StopDrainsRunningHandlersAndTakesNoMoreWork) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.array("sleep", 5, 10);
  const auto id = world.run(scheduler.submit(job));
  ASSERT_EQ(world.run(scheduler.wait(id.value(), seconds{1})).error(), Errc::timed_out);
  const auto report = world.run(scheduler.stop(StopMode::drain, seconds{60}));
  ASSERT_TRUE(report) << report.error();
  EXPECT_TRUE(report.value().still_running.empty());
  EXPECT_EQ(world.clock->now(), TimePoint{seconds{10}}) << "the two that ran, and no third";
  EXPECT_EQ(world.run(scheduler.submit(job)).error(), Errc::closed);
  EXPECT_TRUE(world.run(scheduler.stop(StopMode::drain, seconds{60}))) << "idempotent";
}

TEST(Scheduler, StopReleasesWhoWaits) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.task("sleep", 1000);
  std::optional<Result<JobResult>> done;
  asio::co_spawn(world.context, rooted(scheduler.submit_and_wait(job)),
                 [&](std::exception_ptr, Result<JobResult> result) { done = std::move(result); });
  world.clock->run_for(seconds{1});
  ASSERT_FALSE(done);
  ASSERT_TRUE(world.run(scheduler.stop(StopMode::cancel, seconds{1})));
  world.clock->drain();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->error(), Errc::closed);
}

/// A policy that cannot bear its second entry.
class Fragile final : public SchedulingPolicy {
 public:
  auto admit(const InboundEntry&, TimePoint) -> void override {
    if (++admitted_ == 2) throw std::runtime_error{"enough"};
  }
  auto next(TimePoint) -> std::optional<InboundEntry> override { return std::nullopt; }
  auto take_oldest(JobId, TimePoint) -> std::optional<InboundEntry> override { return std::nullopt; }
  auto drop_job(JobId) -> std::size_t override { return 0; }
  auto clear() -> void override {}
  [[nodiscard]] auto size() const -> std::size_t override { return 0; }
  auto finished(const InboundEntry&, Duration) -> void override {}
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return std::nullopt; }
  [[nodiscard]] auto place(JobId, TaskId) const -> std::optional<QueuePlace> override { return std::nullopt; }
  [[nodiscard]] auto traits() const -> PolicyTraits override {
    PolicyTraits traits;
    traits.name = "fragile";
    traits.work_conserving = false;
    return traits;
  }

 private:
  int admitted_ = 0;
};

TEST(Scheduler, ErrorOfTheCoreEndsTheRestAndIsReturned) {
  World world;
  auto core = make_policy_core(std::make_unique<Fragile>(), {});
  ASSERT_TRUE(core);
  world.options.core = std::move(core).value();
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.array("greet", 2, "you");
  const auto done = world.run(scheduler.submit_and_wait(job));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error(), Errc::policy_failed);
  EXPECT_NE(done.error().detail.find("enough"), std::string::npos);
  const auto stopped = world.run(scheduler.stop(StopMode::cancel, seconds{1}));
  EXPECT_EQ(stopped.error(), Errc::policy_failed);
}

TEST(Scheduler, SameRunTwiceIsTheSameToTheLetter) {
  const auto run = [] {
    World world;
    world.options.manager.threads = 0;  // two plain functions on two threads end in any order
    Scheduler scheduler{world.context.get_executor(), world.options};
    for (const auto* group : {"alice", "bob", "carol"}) {
      JobBuilder job{group};
      const auto first = job.array("sleep", 4, 3);
      job.task("greet", group).after(first);
      EXPECT_TRUE(world.run(scheduler.submit(job)));
    }
    world.clock->run_for(seconds{100});
    return world.diary->lines.str();
  };
  const auto once = run();
  EXPECT_NE(once.find("task_succeeded"), std::string::npos);
  EXPECT_EQ(once, run());
}

TEST(Scheduler, DestructionWithoutStopLeavesNothingBehind) {
  World world;
  {
    Scheduler scheduler{world.context.get_executor(), world.options};
    JobBuilder job;
    job.task("sleep", 1000);
    ASSERT_TRUE(world.run(scheduler.submit(job)));
    world.clock->run_for(seconds{1});
  }
  world.clock->run_for(seconds{10});
}

TEST(Scheduler, ContextMayDieWithEverythingSuspended) {
  World world;
  Scheduler scheduler{world.context.get_executor(), world.options};
  JobBuilder job;
  job.task("sleep", 1000);
  ASSERT_TRUE(world.run(scheduler.submit(job)));
  world.clock->run_for(seconds{1});
}

}  // namespace
}  // namespace spider
