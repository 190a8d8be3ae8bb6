#pragma once

/// A local execution manager among fakes, under virtual time.

#include "spider/local_execution_manager.hpp"
#include "support/fake_fleet.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace spider::fake {

class ManagerFleet : public ::testing::Test {
 protected:
  ManagerFleet() {
    options.id = ManagerId{7};
    options.threads = 0;
    options.poll_wait = std::chrono::seconds{1};
  }

  /// Adds a task and its assignment; its number.
  template <class T>
  auto add(const std::string& handler, const T& input, TaskSpec spec = {}) -> std::uint32_t {
    spec.handler = handler;
    spec.input = spider::detail::encode_input(input);
    const auto number = static_cast<std::uint32_t>(execution.specs.size());
    execution.specs.push_back(std::make_shared<const TaskSpec>(std::move(spec)));
    TaskAssignment assignment;
    assignment.id = AssignmentId{number + 1};
    assignment.job = JobId{1};
    assignment.task = TaskId{number};
    dispatch.queue.push_back(assignment);
    return number;
  }
  auto add(const std::string& handler) -> std::uint32_t { return add(handler, ""); }

  auto begin() -> void {
    manager = LocalExecutionManager::make(context.get_executor(), {dispatch, execution, clock, observer},
                                          handlers, options)
                  .value();
    asio::co_spawn(context, rooted(manager->run()),
                   asio::bind_cancellation_slot(
                       cancel.slot(), [this](const std::exception_ptr& thrown, Result<void> result) {
                         EXPECT_FALSE(thrown);
                         ended = std::move(result);
                       }));
  }
  auto run_for(Duration duration) -> void { clock.run_for(duration); }
  auto stop(StopMode mode, Duration timeout) -> StopReport {
    return block_on(clock, manager->stop(mode, timeout)).value();
  }
  /// Everything a test began has ended, so that it may be destroyed.
  auto TearDown() -> void override {
    if (!manager) return;
    (void)stop(StopMode::cancel, Duration::zero());
    clock.drain();
    EXPECT_TRUE(ended);
    clock.run();
  }
  [[nodiscard]] auto finished() const -> const std::vector<Execution::Finished>& {
    return execution.finished;
  }
  [[nodiscard]] auto at() const -> Duration { return clock.now().time_since_epoch(); }

  asio::io_context context;
  VirtualClock clock{context};
  Dispatch dispatch{clock};
  Execution execution{clock};
  Recorder observer;
  Handlers handlers;
  LocalExecutionManagerOptions options;
  asio::cancellation_signal cancel;
  std::optional<Result<void>> ended;
  std::unique_ptr<LocalExecutionManager> manager;
};

}  // namespace spider::fake
