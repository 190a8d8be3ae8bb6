#pragma once

/// What the tests of the simulator's monitors share: a world in which nothing runs, and the rules that
/// were said to be broken in it.

#include "sim/sim_context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace spider::sim {

constexpr SchedulerId kScheduler{1};
constexpr ManagerId kAnna{1};
constexpr ManagerId kBert{2};

class MonitorTest : public ::testing::Test {
 protected:
  [[nodiscard]] auto rules() const -> std::vector<std::string> {
    std::vector<std::string> rules;
    for (const auto& broken : context_.violations()) rules.push_back(broken.rule);
    return rules;
  }
  auto pass(Duration time) -> void { context_.base.run_for(time); }

  static auto assignment(std::uint64_t id, std::uint64_t session = 1, std::uint32_t task = 0)
      -> TaskAssignment {
    TaskAssignment made;
    made.id = AssignmentId{id};
    made.job = JobId{1};
    made.task = TaskId{task};
    made.scheduler = kScheduler;
    made.session = SessionId{session};
    return made;
  }

  SimCase case_;
  SimContext context_{case_, false};
};

}  // namespace spider::sim
