// The monitor of a storage, shown histories in which one promise is broken.

#include "sim/storage_monitor.hpp"
#include "sim/monitor_fixture.hpp"

namespace spider::sim {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = FinishRequest::Kind;

class StorageMonitorTest : public MonitorTest {
 protected:
  StorageMonitorTest() {
    limits_.manager_lease = seconds{6};
    TaskSpec task;
    task.handler = "work";
    spec_.unique_key = "key";
    spec_.tasks.push_back(task);
    task.parents = {0};
    spec_.tasks.push_back(task);
    monitor_.registered(kScheduler, SessionId{1});
    submit(1);
  }

  auto submit(std::uint64_t job) -> void {
    Submitted answer;
    answer.job = JobId{job};
    monitor_.submitted(spec_, answer);
  }
  static auto instance(std::uint64_t id, std::uint64_t epoch, std::uint32_t task = 0) -> TaskInstance {
    return {InstanceId{id}, epoch, {JobId{1}, TaskId{task}}};
  }
  /// Of one task and a commit task, all with one coalesce key.
  auto submit_keyed(std::uint64_t job) -> void {
    spec_.unique_key = "key" + std::to_string(job);
    spec_.tasks.resize(1);
    spec_.tasks[0].coalesce = CoalesceKey{"work", {"orders"}};
    spec_.commit.emplace().handler = "last";
    submit(job);
  }
  static auto of_job(std::uint64_t job, std::uint64_t id, TaskId task = TaskId{0}) -> TaskInstance {
    return {InstanceId{id}, 1, {JobId{job}, task}};
  }
  auto start(ManagerId manager, TaskInstance what, std::uint64_t session = 1) -> void {
    StartedTask answer;
    answer.instance = what;
    auto decided = assignment(what.id.value, session);
    decided.job = what.task.job;
    decided.task = what.task.task;
    monitor_.started(decided, manager, live_, answer);
  }
  auto finish(TaskInstance what, Kind kind = Kind::succeeded) -> void {
    FinishRequest request{what, kind};
    request.retry = false;
    monitor_.finished(request, success());
  }
  auto renew(ManagerId manager, std::vector<TaskInstance> lost = {}) -> void {
    Renewal answer;
    answer.lost = std::move(lost);
    monitor_.renewed(manager, answer);
  }
  auto offer(SchedulerId scheduler, const SlotFilter* slots = nullptr, std::uint64_t job = 1) -> void {
    InboundBatch batch;
    batch.session = SessionId{scheduler.value};
    auto& entry = batch.entries.emplace_back();
    entry.job = JobId{job};
    entry.ready_at = context_.storage_clock.now();
    monitor_.polled(TaskKind::regular, scheduler, slots, batch);
  }
  static auto ended(std::uint64_t cursor) -> EndedBatch {
    EndedBatch batch;
    batch.cursor = EndedCursor{cursor};
    batch.jobs = {JobId{1}};
    return batch;
  }
  auto end(JobState state, std::uint32_t succeeded, std::uint32_t pending = 0) -> void {
    JobView view;
    view.state = state;
    view.tasks[static_cast<std::size_t>(TaskState::succeeded)] = succeeded;
    view.tasks[static_cast<std::size_t>(TaskState::pending)] = pending;
    monitor_.close(JobId{1}, view);
  }

  JobSpec spec_;
  StorageLimits limits_;
  SessionId live_{1};
  StorageMonitor monitor_{context_, limits_};
};

TEST_F(StorageMonitorTest, OrderlyHistoryIsClean) {
  start(kAnna, instance(1, 1));
  renew(kAnna);
  finish(instance(1, 1));
  start(kBert, instance(2, 1, 1));
  finish(instance(2, 1, 1));
  end(JobState::succeeded, 2);
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(StorageMonitorTest, I1OneKeyTwoJobs) {
  submit(2);
  EXPECT_THAT(rules(), ElementsAre("I1"));
}

TEST_F(StorageMonitorTest, I1AcknowledgedJobIsGone) {
  monitor_.close(JobId{1}, Errc::unknown_job);
  EXPECT_THAT(rules(), ElementsAre("I1"));
}

TEST_F(StorageMonitorTest, I2StartedAgainAfterItsEnd) {
  start(kAnna, instance(1, 1));
  finish(instance(1, 1));
  start(kAnna, instance(2, 2));
  EXPECT_THAT(rules(), ElementsAre("I2"));
}

TEST_F(StorageMonitorTest, I2OneInstanceEndsInTwoWays) {
  start(kAnna, instance(1, 1));
  finish(instance(1, 1));
  finish(instance(1, 1), Kind::failed);
  EXPECT_THAT(rules(), ElementsAre("I2"));
}

TEST_F(StorageMonitorTest, I2SucceededWithoutAllItsTasks) {
  start(kAnna, instance(1, 1));
  finish(instance(1, 1));
  end(JobState::succeeded, 1);
  EXPECT_THAT(rules(), ElementsAre("I2"));
}

TEST_F(StorageMonitorTest, I2CancelledByNobody) {
  end(JobState::cancelled, 0);
  EXPECT_THAT(rules(), ElementsAre("I2"));
}

TEST_F(StorageMonitorTest, I3StartedUnderASupersededSession) {
  live_ = SessionId{2};
  start(kAnna, instance(1, 1));
  EXPECT_THAT(rules(), ElementsAre("I3"));
}

TEST_F(StorageMonitorTest, I3SessionThatDoesNotGrow) {
  monitor_.registered(kScheduler, SessionId{1});
  EXPECT_THAT(rules(), ElementsAre("I3"));
}

TEST_F(StorageMonitorTest, I4StartedBeforeItsParent) {
  start(kAnna, instance(1, 1, 1));
  EXPECT_THAT(rules(), ElementsAre("I4"));
}

TEST_F(StorageMonitorTest, I5ResultOfALostInstance) {
  start(kAnna, instance(1, 1));
  renew(kAnna, {instance(1, 1)});
  finish(instance(1, 1));
  EXPECT_THAT(rules(), ElementsAre("I5"));
}

TEST_F(StorageMonitorTest, I5EpochThatDoesNotGrow) {
  start(kAnna, instance(1, 1));
  renew(kAnna, {instance(1, 1)});
  start(kBert, instance(2, 1));
  EXPECT_THAT(rules(), ElementsAre("I5"));
}

TEST_F(StorageMonitorTest, I5ResultOfWhatWasNeverStarted) {
  finish(instance(9, 1));
  EXPECT_THAT(rules(), ElementsAre("I5"));
}

TEST_F(StorageMonitorTest, I13SecondOwnerWithinTheLease) {
  renew(kAnna);
  start(kAnna, instance(1, 1));
  start(kBert, instance(2, 2));
  EXPECT_THAT(rules(), ElementsAre("I13"));
}

TEST_F(StorageMonitorTest, I13SecondOwnerAfterTheLeaseIsFine) {
  renew(kAnna);
  start(kAnna, instance(1, 1));
  pass(seconds{6});
  start(kBert, instance(2, 2));
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(StorageMonitorTest, I13OfferedWhileAnotherSchedulersLeaseHolds) {
  offer(kScheduler);
  pass(limits_.session_lease - seconds{1});
  offer(SchedulerId{2});
  EXPECT_THAT(rules(), ElementsAre("I13"));
}

TEST_F(StorageMonitorTest, I13OfferedAfterThatLeaseHasLapsedIsFine) {
  offer(kScheduler);
  pass(limits_.session_lease);
  offer(SchedulerId{2});
  monitor_.unregistered(SchedulerId{2}, SessionId{2});
  offer(SchedulerId{3});
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(StorageMonitorTest, I13OfferedAfterItsStartIsFine) {
  offer(kScheduler);
  start(kAnna, instance(1, 1));
  offer(SchedulerId{2});
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(StorageMonitorTest, I13OfferedAnewAfterItWasFoldedIsFine) {
  submit_keyed(2);
  submit_keyed(3);
  offer(kScheduler, nullptr, 3);
  start(kAnna, of_job(2, 1));
  offer(SchedulerId{2}, nullptr, 3);
  EXPECT_THAT(rules(), IsEmpty());
  offer(SchedulerId{4}, nullptr, 3);
  EXPECT_THAT(rules(), ElementsAre("I13")) << "and leased anew";
}

TEST_F(StorageMonitorTest, R4OfferedOutsideTheShare) {
  SlotFilter slots;
  slots.first.set();
  offer(kScheduler, &slots);
  EXPECT_THAT(rules(), IsEmpty());
  slots.first.reset(slot_of({JobId{1}, TaskId{0}}));
  offer(kScheduler, &slots);
  EXPECT_THAT(rules(), ElementsAre("R4"));
}

TEST_F(StorageMonitorTest, R5OfferedBeforeTheTakeover) {
  SlotFilter slots;
  slots.later.set();
  offer(kScheduler, &slots);
  EXPECT_THAT(rules(), IsEmpty());
  slots.takeover_delay = seconds{1};
  offer(kScheduler, &slots);
  EXPECT_THAT(rules(), ElementsAre("R5"));
}

TEST_F(StorageMonitorTest, T2CancelledJobGetsAnotherChance) {
  monitor_.cancelled(JobId{1}, JobState::cancelled);
  monitor_.retried(JobId{1});
  EXPECT_THAT(rules(), ElementsAre("T2"));
}

TEST_F(StorageMonitorTest, RetriedJobMayFailAndEndOnceMore) {
  start(kAnna, instance(1, 1));
  renew(kAnna);
  finish(instance(1, 1), Kind::failed);
  monitor_.ended(EndedCursor{1}, ended(2));
  monitor_.retried(JobId{1});
  offer(kScheduler);
  start(kBert, instance(2, 2));
  finish(instance(2, 2));
  start(kBert, instance(3, 1, 1));
  finish(instance(3, 1, 1));
  monitor_.ended(EndedCursor{2}, ended(3));
  end(JobState::succeeded, 2);
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(StorageMonitorTest, I5ResultFromBeforeTheRetryIsAccepted) {
  renew(kAnna);
  start(kAnna, instance(1, 1));
  monitor_.retried(JobId{1});
  finish(instance(1, 1));
  EXPECT_THAT(rules(), ElementsAre("I5"));
}

TEST_F(StorageMonitorTest, I13StartBeforeALeaseBeganIsNotCoveredByIt) {
  renew(kAnna);
  context_.base.run_for(seconds{7});
  start(kAnna, instance(1, 1));
  renew(kAnna);
  start(kBert, instance(2, 2));
  EXPECT_THAT(rules(), IsEmpty()) << "the clock stood still in between";
}

TEST_F(StorageMonitorTest, T12OffersWhatIsPaused) {
  monitor_.paused(spec_.resource_group, true);
  offer(kScheduler);
  EXPECT_THAT(rules(), ElementsAre("T12"));
  monitor_.paused(spec_.resource_group, false);
  offer(kScheduler);
  EXPECT_THAT(rules(), ElementsAre("T12"));
}

TEST_F(StorageMonitorTest, T12OffersWhatDoesNotExist) {
  InboundBatch batch;
  batch.session = SessionId{1};
  batch.entries.emplace_back();
  batch.entries.back().job = JobId{7};
  monitor_.polled(TaskKind::regular, kScheduler, nullptr, batch);
  EXPECT_THAT(rules(), ElementsAre("T12"));
}

TEST_F(StorageMonitorTest, T12OffersATaskInAnotherLane) {
  InboundBatch batch;
  batch.session = SessionId{1};
  auto& entry = batch.entries.emplace_back();
  entry.job = JobId{1};
  monitor_.polled(TaskKind::commit, kScheduler, nullptr, batch);
  EXPECT_THAT(rules(), ElementsAre("T12"));
}

TEST_F(StorageMonitorTest, T4EndedWithUnfinishedTasks) {
  end(JobState::failed, 0, 2);
  EXPECT_THAT(rules(), ElementsAre("T4"));
}

TEST_F(StorageMonitorTest, Q4WorkOfAnEquivalentRunCounts) {
  submit_keyed(2);
  submit_keyed(3);
  start(kAnna, of_job(2, 1));
  finish(of_job(2, 1));
  start(kAnna, of_job(3, 2, TaskId::commit()));
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(StorageMonitorTest, Q4WorkOfARunThatBeganBeforeTheSubmitDoesNot) {
  submit_keyed(2);
  start(kAnna, of_job(2, 1));
  submit_keyed(3);
  finish(of_job(2, 1));
  start(kAnna, of_job(3, 2, TaskId::commit()));
  EXPECT_THAT(rules(), ElementsAre("I4"));
}

TEST_F(StorageMonitorTest, Q5EquivalentsRunAtTheSameTime) {
  submit_keyed(2);
  submit_keyed(3);
  renew(kAnna);
  start(kAnna, of_job(2, 1));
  start(kAnna, of_job(3, 2));
  EXPECT_THAT(rules(), ElementsAre("Q5"));
}

TEST_F(StorageMonitorTest, Q5RunOfAJobThatHasSpentATasksLastAttemptMayBeOver) {
  spec_.unique_key = "another";
  spec_.tasks[0].coalesce = CoalesceKey{"work", {"orders"}};
  spec_.tasks[1].parents.clear();
  spec_.tasks[1].retry.attempts_max = 1;
  submit(2);
  submit_keyed(3);
  renew(kAnna);
  start(kAnna, of_job(2, 1));
  start(kAnna, of_job(2, 2, TaskId{1}));
  monitor_.finished(FinishRequest{of_job(2, 2, TaskId{1}), Kind::failed}, success());
  start(kAnna, of_job(3, 3));
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(StorageMonitorTest, Q5EquivalentsRunAfterEachOther) {
  submit_keyed(2);
  submit_keyed(3);
  renew(kAnna);
  start(kAnna, of_job(2, 1));
  finish(of_job(2, 1));
  start(kAnna, of_job(3, 2));
  EXPECT_THAT(rules(), IsEmpty());
}

}  // namespace
}  // namespace spider::sim
