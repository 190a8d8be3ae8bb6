// Places and explanations on Scheduler, and the cost of ended tasks on its way to the policy.

#include "spider/policies/fifo.hpp"
#include "spider/scheduler.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spider {
namespace {

using std::chrono::seconds;

class ExplainSleeper {
 public:
  explicit ExplainSleeper(std::shared_ptr<Clock> clock) : clock_{std::move(clock)} {}
  auto operator()(int length) const -> Async<int> {
    SPIDER_CO_TRY(co_await clock_->sleep_until(clock_->now() + seconds{length}));
    co_return length;
  }

 private:
  std::shared_ptr<Clock> clock_;
};

/// One slot, one place in the dispatch queue: the third task of any order is buffered.
struct ExplainWorld {
  ExplainWorld() {
    options.clock = clock;
    options.manager.slots = 1;
    options.manager.id = ManagerId{7};
    options.dispatch_capacity = 1;
    options.handlers.add("sleep", ExplainSleeper{clock});
  }
  template <class T>
  auto run(Async<T> work) -> T {
    return block_on(*clock, std::move(work)).value();
  }
  auto submit(const std::string& group, std::uint32_t tasks) -> JobId {
    JobBuilder job{group};
    job.array("sleep", tasks, 10);
    return run(scheduler->submit(job.spec()));
  }
  auto explain(JobId job, std::uint32_t task) -> TaskExplanation {
    return run(scheduler->explain(TaskRef{job, TaskId{task}}));
  }

  asio::io_context context{1};
  std::shared_ptr<VirtualClock> clock = std::make_shared<VirtualClock>(context);
  SchedulerOptions options;
  std::optional<Scheduler> scheduler;
};

// F13, and the exact places of F8.
TEST(SchedulerExplain, FollowsATaskFromThePolicyToItsManager) {
  ExplainWorld world;
  world.scheduler.emplace(world.context.get_executor(), world.options);
  const auto alice = world.submit("alice", 6);
  const auto bob = world.submit("bob", 2);
  world.clock->run_for(seconds{1});

  const auto running = world.explain(alice, 0);
  EXPECT_EQ(running.standing, TaskStanding::running);
  EXPECT_EQ(running.manager, ManagerId{7});
  EXPECT_EQ(running.since, TimePoint{});
  EXPECT_TRUE(running.exact);

  std::size_t dispatched = 0;
  std::vector<std::uint64_t> places;
  for (const auto& [job, tasks] : {std::pair{alice, 6U}, std::pair{bob, 2U}}) {
    for (std::uint32_t task = 0; task < tasks; ++task) {
      const auto explained = world.explain(job, task);
      if (explained.standing == TaskStanding::dispatched) ++dispatched;
      if (explained.standing != TaskStanding::buffered) continue;
      ASSERT_TRUE(explained.place.has_value());
      EXPECT_TRUE(explained.place->exact);
      places.push_back(*explained.place->in_global);
      EXPECT_EQ(world.run(world.scheduler->place(TaskRef{job, TaskId{task}})), explained.place);
    }
  }
  EXPECT_GE(dispatched, 1U);
  ASSERT_EQ(places.size() + dispatched, 7U);
  std::sort(places.begin(), places.end());
  for (std::size_t at = 0; at < places.size(); ++at) EXPECT_EQ(places[at], at + 1);

  world.clock->run_for(seconds{200});
  EXPECT_EQ(world.explain(bob, 1).standing, TaskStanding::ended);
  const auto unknown = block_on(*world.clock, world.scheduler->explain(TaskRef{bob, TaskId{9}}));
  EXPECT_EQ(unknown.error(), Errc::unknown_task);
  world.run(world.scheduler->stop(StopMode::cancel, seconds{1}));
}

/// First in, first out, and a note of what each group has cost.
class Accountant final : public SchedulingPolicy {
 public:
  explicit Accountant(std::vector<std::pair<ResourceGroupId, Duration>>& costs) : costs_{costs} {}
  auto admit(const InboundEntry& entry, TimePoint now) -> void override { policy_->admit(entry, now); }
  auto next(TimePoint now) -> std::optional<InboundEntry> override { return policy_->next(now); }
  auto take_oldest(JobId job, TimePoint now) -> std::optional<InboundEntry> override {
    return policy_->take_oldest(job, now);
  }
  auto drop_job(JobId job) -> std::size_t override { return policy_->drop_job(job); }
  auto clear() -> void override { policy_->clear(); }
  [[nodiscard]] auto size() const -> std::size_t override { return policy_->size(); }
  auto finished(const InboundEntry& entry, Duration cost) -> void override {
    costs_.emplace_back(entry.group, cost);
  }
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return std::nullopt; }
  [[nodiscard]] auto place(JobId job, TaskId task) const -> std::optional<QueuePlace> override {
    return policy_->place(job, task);
  }
  [[nodiscard]] auto traits() const -> PolicyTraits override {
    auto traits = policy_->traits();
    traits.uses_cost = true;
    return traits;
  }

 private:
  std::unique_ptr<SchedulingPolicy> policy_ = make_fifo();
  std::vector<std::pair<ResourceGroupId, Duration>>& costs_;
};

// F6
TEST(SchedulerCost, MeasuredRunTimeReachesThePolicyBeforeTheNextDecision) {
  ExplainWorld world;
  std::vector<std::pair<ResourceGroupId, Duration>> costs;
  world.options.core = make_policy_core(std::make_unique<Accountant>(costs), {}).value();
  world.scheduler.emplace(world.context.get_executor(), world.options);
  world.submit("alice", 5);
  world.clock->run_for(seconds{100});
  world.submit("bob", 1);
  world.clock->run_for(seconds{1});
  ASSERT_EQ(costs.size(), 5U);
  for (const auto& [group, cost] : costs) {
    EXPECT_EQ(group, ResourceGroupId{1});
    EXPECT_EQ(cost, seconds{10});
  }
  world.run(world.scheduler->stop(StopMode::cancel, seconds{1}));
}

}  // namespace
}  // namespace spider
