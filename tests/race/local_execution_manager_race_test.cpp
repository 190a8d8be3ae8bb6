#include "spider/local_execution_manager.hpp"

#include "spider/async.hpp"
#include "spider/system_clock.hpp"

#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace spider {
namespace {

using std::chrono::seconds;

/// Hands out a stated number of assignments, from any thread; counts what becomes of them.
class Fleet final : public DispatchClient, public ExecutionClient {
 public:
  Fleet(std::uint64_t tasks, std::vector<std::string> names) : tasks_{tasks} {
    for (auto& name : names) {
      auto spec = std::make_shared<TaskSpec>();
      spec->handler = std::move(name);
      specs_.push_back(std::move(spec));
    }
  }

  auto next_tasks(ManagerId, std::size_t max, Duration) -> Async<std::vector<TaskAssignment>> override {
    std::vector<TaskAssignment> taken;
    while (taken.size() < max && given_ < tasks_) {
      TaskAssignment assignment;
      assignment.id = AssignmentId{++given_};
      assignment.task = TaskId{static_cast<std::uint32_t>(given_ % specs_.size())};
      taken.push_back(assignment);
    }
    if (taken.empty()) co_return Errc::dispatch_queue_closed;
    co_return taken;
  }
  auto acknowledge(ManagerId, std::vector<TaskAssignment>) -> Async<void> override { co_return success(); }
  auto heartbeat(ManagerId) -> Async<void> override { co_return success(); }
  auto leave(ManagerId, std::vector<TaskAssignment>) -> Async<void> override { co_return success(); }

  auto start(std::span<const TaskAssignment> assignments, ManagerId)
      -> Async<std::vector<Result<StartedTask>>> override {
    std::vector<Result<StartedTask>> started;
    for (const auto& assignment : assignments) {
      StartedTask task;
      task.instance = {InstanceId{assignment.id.value}, 1, assignment.ref()};
      task.spec = specs_[assignment.task.index()];
      started.emplace_back(std::move(task));
    }
    started_ += assignments.size();
    co_return started;
  }
  auto parent_outputs(TaskInstance) -> Async<std::vector<std::vector<Bytes>>> override {
    co_return Errc::internal;
  }
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override {
    for (const auto& request : requests) {
      EXPECT_TRUE(instances_.insert(request.instance.id.value).second) << "reported twice";
      ++(request.kind == FinishRequest::Kind::succeeded ? succeeded_ : released_);
    }
    co_return std::vector<Result<void>>(requests.size(), Result<void>{success()});
  }
  auto renew(ManagerId) -> Async<Renewal> override {
    Renewal renewal;
    renewal.lease = seconds{30};
    co_return renewal;
  }

  std::uint64_t started_ = 0;
  std::uint64_t succeeded_ = 0;
  std::uint64_t released_ = 0;

 private:
  std::uint64_t tasks_;
  std::uint64_t given_ = 0;
  std::vector<std::shared_ptr<const TaskSpec>> specs_;
  std::set<std::uint64_t> instances_;
};

auto count(std::atomic<std::uint64_t>* calls) -> Async<void> {
  ++*calls;
  co_return success();
}

class Racing : public ::testing::TestWithParam<std::size_t> {
 protected:
  Racing() {
    handlers.add("plain", [this] { ++calls; });
    handlers.add("coroutine", [this] { return count(&calls); });
    options.slots = 64;
    options.threads = GetParam();
  }

  auto make(Fleet& fleet) -> std::unique_ptr<LocalExecutionManager> {
    return LocalExecutionManager::make(pool.get_executor(), {fleet, fleet, clock, null_observer()}, handlers,
                                       options)
        .value();
  }

  asio::thread_pool pool{2};
  SystemClock clock{pool.get_executor()};
  Handlers handlers;
  LocalExecutionManagerOptions options;
  std::atomic<std::uint64_t> calls = 0;
};

TEST_P(Racing, EveryTaskRunsAndIsReportedOnce) {
  constexpr std::uint64_t kTasks = 20'000;
  Fleet fleet{kTasks, {"plain", "coroutine"}};
  const auto manager = make(fleet);
  EXPECT_EQ(block_on(pool, manager->run()).error(), Errc::dispatch_queue_closed);
  EXPECT_EQ(calls, kTasks);
  EXPECT_EQ(fleet.succeeded_, kTasks);
  EXPECT_EQ(fleet.released_, 0U);
}

TEST_P(Racing, StoppedAnywhereItAccountsForAllItStarted) {
  for (std::uint64_t stop_after = 1; stop_after <= 3'000; stop_after += 137) {
    calls = 0;
    Fleet fleet{1'000'000'000, {"plain", "coroutine"}};
    const auto manager = make(fleet);
    auto running = asio::co_spawn(pool, rooted(manager->run()), asio::use_future);
    while (calls < stop_after) std::this_thread::yield();
    const auto mode = stop_after % 2 == 0 ? StopMode::drain : StopMode::cancel;
    const auto report = block_on(pool, manager->stop(mode, seconds{60}));
    EXPECT_TRUE(report.value().still_running.empty());
    EXPECT_TRUE(running.get());
    EXPECT_EQ(fleet.started_, fleet.succeeded_ + fleet.released_);
    EXPECT_EQ(fleet.succeeded_, calls);
  }
}

INSTANTIATE_TEST_SUITE_P(LocalManager, Racing, ::testing::Values(0, 1, 4));

}  // namespace
}  // namespace spider
