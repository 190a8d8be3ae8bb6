/// What happens to the work of execution managers that die, pause or come back: one test per fault, through
/// the real storage, core, channel and service, under virtual time. The tests are the managers.

#include "spider/dispatch_channel.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"
#include "spider/job_builder.hpp"
#include "spider/policies/registry.hpp"
#include "spider/policy_core.hpp"
#include "spider/storage/memory.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
namespace {

using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ManagerId kAnna{1};
constexpr ManagerId kBert{2};

class ManagerFaults : public ::testing::Test {
 protected:
  using Batch = std::vector<TaskAssignment>;

  ManagerFaults() {
    channel_ = make_dispatch_channel({.capacity = 64}, clock_).value();
    service_ = make_dispatch_service({}, *channel_.source, handed_back_, clock_, null_observer()).value();
    parts_.emplace(CoreContext{*storage_, *channel_.sink, handed_back_, clock_, null_observer()});
    asio::co_spawn(context_, rooted(core_->run(*parts_)),
                   asio::bind_cancellation_slot(cancel_.slot(), [](const std::exception_ptr& thrown,
                                                                   Result<void>) { EXPECT_FALSE(thrown); }));
    clock_.drain();
  }
  ~ManagerFaults() override {
    cancel_.emit(asio::cancellation_type::terminal);
    service_->close();
    clock_.run_for(seconds{10});
  }

  auto submit(std::uint32_t tasks) -> JobId {
    JobBuilder job;
    job.array("work", tasks);
    const std::vector<JobSpec> one{job.spec()};
    const auto id = run(storage_->submit(one)).value().at(0).value().job;
    clock_.drain();
    return id;
  }
  auto take(ManagerId manager, std::size_t max = 100) -> Batch {
    auto batch = run(service_->next_tasks(manager, max, Duration::zero())).value();
    clock_.drain();
    return batch;
  }
  auto start(ManagerId manager, const Batch& batch) -> std::vector<Result<StartedTask>> {
    return run(storage_->start(batch, manager)).value();
  }
  /// Takes one, starts it and acknowledges it, as a manager does.
  auto run_one(ManagerId manager) -> TaskInstance {
    const auto batch = take(manager, 1);
    if (batch.empty()) return {};
    auto started = start(manager, batch);
    EXPECT_TRUE(run(service_->acknowledge(manager, batch)));
    return started.at(0) ? started.at(0).value().instance : TaskInstance{};
  }
  auto finish(const TaskInstance& instance, const Bytes& output = {}) -> Result<void> {
    std::vector<FinishRequest> one{{instance, FinishRequest::Kind::succeeded}};
    one.front().output = output;
    return run(storage_->finish(one)).value().at(0);
  }
  auto pass(Duration duration) -> void {
    clock_.run_for(duration);
    EXPECT_TRUE(run(storage_->sweep(1000)));
    clock_.drain();
  }
  auto output(JobId job, std::uint32_t task = 0) -> Bytes {
    const auto outputs = run(storage_->outputs(job, {})).value();
    for (const auto& one : outputs) {
      if (one.task == TaskId{task}) return one.output;
    }
    return {};
  }
  auto view(JobId job, std::uint32_t task = 0) -> TaskView {
    return run(storage_->view_tasks(job, {.first = task, .max = 1})).value().at(0);
  }
  auto state(JobId job) -> JobState { return run(storage_->job_state(job)).value(); }
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }

  static constexpr Duration kCutoff = DispatchServiceOptions{}.cutoff;
  const Duration lease_ = StorageLimits{}.manager_lease;

  asio::io_context context_{1};
  VirtualClock clock_{context_};
  std::unique_ptr<Storage> storage_ = make_memory_storage({}, clock_).value();
  HandedBackQueue handed_back_{clock_};
  DispatchChannel channel_;
  std::unique_ptr<DispatchService> service_;
  std::unique_ptr<PolicyCore> core_ = make_policy_core(make_policy("fair-share").value(), {}).value();

 private:
  std::optional<CoreContext> parts_;
  asio::cancellation_signal cancel_;
};

// I3: taken before the bump, refused at its start.
TEST_F(ManagerFaults, BumpBetweenTheDequeueAndTheStartRefusesTheStart) {
  const auto job = submit(1);
  const auto taken = take(kAnna);
  ASSERT_THAT(taken, SizeIs(1));
  ASSERT_TRUE(run(storage_->register_scheduler(SchedulerInfo{PolicyCoreOptions{}.member})));
  EXPECT_EQ(start(kAnna, taken).at(0).error(), Errc::stale_session);
  EXPECT_EQ(view(job).attempts, 0U);
  pass(seconds{5});
  const auto again = run_one(kBert);
  EXPECT_TRUE(finish(again)) << "the core has registered anew, and offers the task again";
  EXPECT_EQ(state(job), JobState::succeeded);
}

TEST_F(ManagerFaults, DeathBeforeTheStartIsMadeGoodWithinTheCutoff) {
  const auto job = submit(1);
  ASSERT_THAT(take(kAnna), SizeIs(1));
  pass(kCutoff - Duration{1});
  EXPECT_THAT(take(kBert), IsEmpty());
  pass(Duration{1});
  EXPECT_TRUE(finish(run_one(kBert)));
  EXPECT_EQ(state(job), JobState::succeeded);
  EXPECT_EQ(view(job).attempts, 1U);
}

// The service hands back what runs already: the storage refuses its second start, until the lease ends.
TEST_F(ManagerFaults, DeathBeforeTheAcknowledgeRunsTheTaskOnce) {
  const auto job = submit(1);
  const auto started = start(kAnna, take(kAnna));
  ASSERT_TRUE(started.at(0));
  pass(kCutoff);
  const auto rescued = take(kBert);
  ASSERT_THAT(rescued, SizeIs(1));
  EXPECT_EQ(start(kBert, rescued).at(0).error(), Errc::instance_limit);
  EXPECT_TRUE(run(service_->acknowledge(kBert, rescued)));
  pass(lease_ - kCutoff);
  EXPECT_TRUE(finish(run_one(kBert)));
  EXPECT_EQ(state(job), JobState::succeeded);
  EXPECT_EQ(view(job).attempts, 2U);
}

TEST_F(ManagerFaults, DeathAfterTheAcknowledgeIsMadeGoodWithinTheLease) {
  const auto job = submit(1);
  ASSERT_TRUE(run_one(kAnna).id);
  pass(lease_ - Duration{1});
  EXPECT_THAT(take(kBert), IsEmpty());
  pass(Duration{1});
  EXPECT_TRUE(finish(run_one(kBert), "of Bert"));
  EXPECT_EQ(state(job), JobState::succeeded);
  EXPECT_EQ(output(job), "of Bert");
}

// The handler has returned, its result is on the way when the manager dies: the report comes too late.
TEST_F(ManagerFaults, DeathBeforeTheReportMakesALateReportPowerless) {
  const auto job = submit(1);
  const auto first = run_one(kAnna);
  pass(lease_);
  const auto second = run_one(kBert);
  ASSERT_TRUE(second.id);
  EXPECT_EQ(finish(first, "late").error(), Errc::stale_instance);
  EXPECT_TRUE(finish(second, "in time"));
  EXPECT_EQ(finish(first, "late").error(), Errc::stale_instance);
  EXPECT_EQ(output(job), "in time");
}

// I8: twenty tasks, half of them started, over five managers that fall silent at one instant.
TEST_F(ManagerFaults, AllManagersDieAtOnceAndEveryTaskStillEndsOnce) {
  const auto job = submit(20);
  for (std::uint64_t manager = 1; manager <= 5; ++manager) {
    const ManagerId id{manager};
    ASSERT_THAT(take(id, 2), SizeIs(2));
    ASSERT_TRUE(run_one(id).id);
    ASSERT_TRUE(run_one(id).id);
  }
  const ManagerId heir{9};
  EXPECT_THAT(take(heir), IsEmpty());
  std::map<TaskId, int> ended;
  const auto work_off = [&] {
    for (auto instance = run_one(heir); instance.id; instance = run_one(heir)) {
      EXPECT_TRUE(finish(instance));
      ++ended[instance.task.task];
    }
  };
  pass(kCutoff);
  work_off();
  EXPECT_THAT(ended, SizeIs(10)) << "what was not started is back within the cutoff";
  pass(lease_ - kCutoff);
  work_off();
  EXPECT_THAT(ended, SizeIs(20)) << "and what was, within the lease";
  for (const auto& [task, times] : ended) EXPECT_EQ(times, 1) << "task " << to_string(task);
  EXPECT_EQ(state(job), JobState::succeeded);
}

TEST_F(ManagerFaults, PausedPastItsLeaseItHasLostEverythingAndMayGoOn) {
  const auto job = submit(1);
  const auto lost = run_one(kAnna);
  pass(2 * lease_);
  EXPECT_EQ(run(storage_->renew(kAnna)).error(), Errc::unknown_manager);
  EXPECT_EQ(finish(lost).error(), Errc::stale_instance);
  EXPECT_TRUE(run(service_->heartbeat(kAnna)));
  EXPECT_TRUE(finish(run_one(kAnna)));
  EXPECT_EQ(state(job), JobState::succeeded);
}

// A new life takes nothing over from the last one: its record comes back, its leases end.
TEST_F(ManagerFaults, RestartUnderTheSameNameTakesNothingOver) {
  const auto job = submit(3);
  const auto started = run_one(kAnna);
  ASSERT_THAT(take(kAnna, 1), SizeIs(1));
  pass(seconds{1});

  EXPECT_TRUE(finish(run_one(kAnna))) << "the new life works";
  for (auto passed = seconds{1}; passed < kCutoff; passed += seconds{1}) {
    pass(seconds{1});
    EXPECT_TRUE(run(service_->heartbeat(kAnna)));
  }
  EXPECT_TRUE(finish(run_one(kAnna))) << "what the last life took came back, although the name lives";
  pass(lease_);
  EXPECT_EQ(finish(started).error(), Errc::stale_instance);
  EXPECT_TRUE(finish(run_one(kAnna)));
  EXPECT_EQ(state(job), JobState::succeeded);
}

TEST_F(ManagerFaults, HeartbeatAfterDeathBringsNothingBack) {
  const auto job = submit(1);
  const auto taken = take(kAnna);
  pass(kCutoff);
  EXPECT_TRUE(run(service_->heartbeat(kAnna)));
  const auto rescued = take(kBert);
  ASSERT_THAT(rescued, SizeIs(1));
  EXPECT_TRUE(run(service_->acknowledge(kAnna, taken))) << "what it held is off its record: skipped";
  EXPECT_EQ(service_->snapshot().acknowledged, 0U);
  EXPECT_TRUE(start(kBert, rescued).at(0));
  EXPECT_EQ(state(job), JobState::running);
}

// A rescue that is under way when the result arrives: the completion wins, and the rescuer is refused.
TEST_F(ManagerFaults, CompletionWinsOverARescueUnderWay) {
  const auto job = submit(1);
  const auto started = start(kAnna, take(kAnna)).at(0);
  ASSERT_TRUE(started);
  pass(kCutoff);
  const auto rescued = take(kBert);
  ASSERT_THAT(rescued, SizeIs(1));
  EXPECT_TRUE(finish(started.value().instance, "of Anna"));
  EXPECT_EQ(start(kBert, rescued).at(0).error(), Errc::job_not_running);
  EXPECT_EQ(output(job), "of Anna");
  EXPECT_EQ(view(job).attempts, 1U);
}

TEST_F(ManagerFaults, CompletionAtTheInstantOfTheLapseWins) {
  const auto job = submit(1);
  const auto instance = run_one(kAnna);
  clock_.run_for(lease_);
  EXPECT_TRUE(finish(instance));
  EXPECT_EQ(run(storage_->sweep(100)).value().swept, 0U);
  EXPECT_EQ(state(job), JobState::succeeded);
}

}  // namespace
}  // namespace spider
