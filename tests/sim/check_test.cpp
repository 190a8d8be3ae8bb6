// What the simulator finds in the code of others, and what it says then.

#include "spider/sim/check.hpp"
#include "spider/policies/registry.hpp"
#include "spider/storage/memory.hpp"
#include "spider/testing/forwarding_storage.hpp"
#include "support/plain_policies.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>

namespace spider::sim {
namespace {

using std::chrono::seconds;

/// Until the first seed that fails.
auto until_found() -> SimOptions {
  SimOptions options;
  options.on_seed = [](std::uint64_t, const SimOutcome& outcome) { return outcome.clean(); };
  return options;
}

template <class Broken>
auto open_broken(const StorageLimits& limits, Clock& clock) -> Result<std::unique_ptr<Storage>> {
  MemoryStorageOptions options;
  options.limits = limits;
  SPIDER_TRY(std::shared_ptr<Storage> behind, make_memory_storage(options, clock));
  return Result<std::unique_ptr<Storage>>{std::make_unique<Broken>(std::move(behind))};
}

/// Accepts whatever a manager that has lost its lease reports.
class PoliteStorage final : public testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override {
    auto answers = co_await behind().finish(requests);
    if (!answers) co_return answers;
    for (auto& answer : answers.value()) {
      if (!answer && answer.error() == Errc::stale_instance) answer = success();
    }
    co_return answers;
  }
};

/// Forgets the unique key: a repeated submit makes another job.
class ForgetfulStorage final : public testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;
  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override {
    std::vector<JobSpec> keyless(jobs.begin(), jobs.end());
    for (auto& job : keyless) job.unique_key.clear();
    auto answers = co_await behind().submit(keyless);
    co_return answers;
  }
};

/// Every third poll of it sees nothing.
class BlinkingStorage final : public testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    if (++polls_ % 3 == 0) request.slots = std::make_shared<const SlotFilter>();
    return behind().poll_ready(std::move(request));
  }

 private:
  std::uint64_t polls_ = 0;
};

/// Waits for twice as long as it was asked to.
class PatientStorage final : public testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    request.wait *= 2;
    return behind().poll_ready(std::move(request));
  }
};

/// I11, in seeds of one scheduler and of several.
TEST(CheckStorage, WorkThatIsFoundLateIsFoundOut) {
  for (const auto& open : {open_broken<BlinkingStorage>, open_broken<PatientStorage>}) {
    auto options = until_found();
    const auto alone = check_storage(open, options);
    ASSERT_TRUE(alone.failure);
    EXPECT_EQ(alone.failure->broken.rule, "I11") << alone.to_text();
    EXPECT_LE(alone.failure->events, 10U) << alone.to_text();
    while (expand(options.seed).members == 1) ++options.seed;
    options.seeds = 1;
    options.shrink_runs_max = 0;
    const auto several = check_storage(open, options);
    ASSERT_TRUE(several.failure);
    EXPECT_EQ(several.failure->broken.rule, "I11");
  }
}

/// What a user reads: what broke, in which world, how to run it again, and what to paste.
TEST(CheckStorage, FailureIsToldWhole) {
  auto options = until_found();
  const auto text = check_storage(open_broken<PatientStorage>, options).to_text();
  for (const auto* part :
       {" breaks I11: ", "\n  drawn: seed=", "\n  again: SimOptions{.seed = ",
        " events (submits, managers, faults), in which it breaks after ", "#include \"spider/sim/case.hpp\"",
        "TEST(Simulation, Seed",
        "spider::sim::replay(failing, {.storage = open_my_storage /* what was checked */});"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  }
}

TEST(CheckStorage, LateResultsAcceptedAreFoundAndShrunk) {
  const auto report = check_storage(open_broken<PoliteStorage>, until_found());
  ASSERT_TRUE(report.failure);
  EXPECT_LE(report.failure->events, 10U) << report.to_text();
  EXPECT_NE(report.failure->test.find("TEST(Simulation, Seed"), std::string::npos);
  EXPECT_NE(report.failure->test.find("failing.submits.push_back"), std::string::npos);
  const auto again = replay(report.failure->shrunk, {.policy = {}, .storage = open_broken<PoliteStorage>});
  EXPECT_FALSE(again.clean());
  EXPECT_TRUE(replay(report.failure->shrunk).clean()) << "the storage is to blame, not the case";
}

TEST(CheckStorage, ForgottenUniqueKeysAreFoundAndShrunk) {
  const auto report = check_storage(open_broken<ForgetfulStorage>, until_found());
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->broken.rule, "I1");
  EXPECT_LE(report.failure->events, 10U) << report.to_text();
}

TEST(CheckPolicy, BadMannersAreFoundAndShrunk) {
  using Manners = testing::PlainPolicy::Manners;
  for (const auto& manners :
       {Manners{.invents = true}, Manners{.returns_twice = true}, Manners{.keeps_dropped = true},
        Manners{.deaf = true}, Manners{.throws_on_next = true}}) {
    const auto report =
        check_policy([manners] { return testing::make_plain_policy(manners); }, until_found());
    ASSERT_TRUE(report.failure);
    EXPECT_LE(report.failure->events, 10U) << report.to_text();
  }
}

TEST(CheckPolicy, GoodMannersPass) {
  SimOptions options;
  options.seeds = 20;
  const auto report = check_policy([] { return testing::make_plain_policy(); }, options);
  EXPECT_TRUE(report.clean()) << report.to_text();
}

TEST(Simulation, UnknownPolicyIsSaidAtOnce) {
  auto drawn = expand(1, "no-such-policy");
  const auto outcome = replay(drawn);
  ASSERT_FALSE(outcome.clean());
  EXPECT_EQ(outcome.violations.front().rule, "setup");
}

/// I11: with every wake-up lost, ready work is found within one poll interval (3 s here).
TEST(Simulation, WorkIsFoundWithinOnePollWhenEveryWakeUpIsLost) {
  SimCase lost;
  TaskSpec task;
  task.handler = "work";
  SubmitEvent submit;
  submit.at = seconds{5};
  submit.job.tasks.push_back(task);
  lost.submits.push_back(submit);
  lost.managers.push_back({});
  lost.rates.emplace();
  (*lost.rates)[static_cast<std::size_t>(FaultKind::wakeup_lost)] = 1;
  const auto outcome = replay(lost, {}, true);
  EXPECT_TRUE(outcome.clean());
  EXPECT_GT(outcome.fired[static_cast<std::size_t>(FaultKind::wakeup_lost)], 3U);
  std::istringstream lines{outcome.log};
  std::int64_t offered = 0;
  std::int64_t at = 0;
  std::string what;
  for (std::string line; std::getline(lines, line) && offered == 0;) {
    std::istringstream words{line};
    words >> at >> what;
    if (what == "offered") offered = at;
  }
  EXPECT_GE(offered, 5'000'000'000) << outcome.log;
  EXPECT_LE(offered, 8'100'000'000) << outcome.log;
}

}  // namespace
}  // namespace spider::sim
