#include "spider/testing/scheduler_core_suite.hpp"

#include "spider/testing/core_trial.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string>

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;

constexpr Duration kReaction = 2s;
constexpr Duration kRecovery = 1min;
constexpr std::array kLanes{TaskKind::regular, TaskKind::commit, TaskKind::cleanup};

auto entry_for(TaskKind lane, std::uint64_t job) -> InboundEntry {
  if (lane == TaskKind::commit) return commit_entry(job);
  return lane == TaskKind::cleanup ? cleanup_entry(job) : ready_entry(job, 0);
}

auto offer_tasks(CoreTrial& trial, std::uint64_t job, std::uint32_t count) -> void {
  for (std::uint32_t task = 0; task < count; ++task) trial.storage().offer(ready_entry(job, task));
}

auto regular_of(const std::vector<TaskRef>& tasks, std::uint64_t job) -> std::size_t {
  const auto is = [job](TaskRef ref) { return ref.job.value == job && ref.task.kind() == TaskKind::regular; };
  return static_cast<std::size_t>(std::ranges::count_if(tasks, is));
}

auto contains(const std::vector<TaskRef>& tasks, TaskRef task) -> bool {
  return std::ranges::find(tasks, task) != tasks.end();
}

// One of the job's tasks is in the queue, another may be decided on.
auto finalizing(CoreTrial& trial, std::size_t variant) -> void {
  const auto last = entry_for(variant == 0 ? TaskKind::commit : TaskKind::cleanup, 1);
  trial.start();
  offer_tasks(trial, 1, 6);
  offer_tasks(trial, 2, 1);
  trial.advance(kReaction);
  trial.storage().offer(last);
  trial.advance(kReaction);
  const auto left = trial.drain();
  trial.expect(regular_of(left, 1) <= 2, "drops the buffered regular tasks of a job that finalizes");
  trial.expect(contains(left, last.ref()), "dispatches the " + to_string(last.task) + " task itself");
  trial.expect(regular_of(left, 2) == 1, "leaves other jobs alone");
}

auto finalizing_ignores_stragglers(CoreTrial& trial, std::size_t) -> void {
  trial.start();
  trial.storage().offer(commit_entry(1));
  trial.advance(kReaction);
  offer_tasks(trial, 1, 1);
  trial.storage().offer(cleanup_entry(1));
  const auto left = trial.drain();
  trial.expect(regular_of(left, 1) == 0, "ignores further ready entries of a job that finalizes");
  trial.expect(contains(left, cleanup_entry(1).ref()), "never gates a cleanup entry");
}

auto ended_jobs(CoreTrial& trial, std::size_t variant) -> void {
  if (variant == 1) trial.storage().fail(StorageCall::poll_ended, Errc::storage_unavailable, 3);
  trial.start();
  offer_tasks(trial, 1, 6);
  offer_tasks(trial, 2, 1);
  trial.advance(kReaction);
  trial.storage().end_job(JobId{1});
  trial.advance(variant == 1 ? kRecovery : kReaction);
  const auto left = trial.drain();
  trial.expect(regular_of(left, 1) <= 2, "drops what is buffered of a job that ended");
  trial.expect(regular_of(left, 2) == 1, "leaves other jobs alone");
}

auto older_batch(CoreTrial& trial, std::size_t variant) -> void {
  trial.start();
  InboundBatch batch;
  batch.session = SessionId{trial.storage().session().value - 1};
  batch.entries = {entry_for(kLanes[variant], 7)};
  trial.storage().deliver(kLanes[variant], batch);
  trial.advance(kReaction);
  trial.storage().offer(entry_for(kLanes[variant], 8));
  const auto left = trial.drain();
  trial.expect(!contains(left, batch.entries.front().ref()), "drops a batch of an older session");
  trial.expect(left.size() == 1, "goes on after a batch of an older session");
}

auto newer_session(CoreTrial& trial, std::size_t) -> void {
  constexpr std::uint32_t kTasks = 6;
  trial.start();
  offer_tasks(trial, 1, kTasks);
  trial.advance(kReaction);
  const auto polled = kTasks - trial.storage().offered(TaskKind::regular);
  trial.storage().forget_leases();
  const auto session = trial.storage().lapse();
  trial.advance(kReaction);
  trial.expect(trial.sink().session() == session, "bumps the queue when a batch is of a newer session");
  trial.storage().offer(ready_entry(2, 0));
  const auto left = trial.drain();
  const auto is_old = [&](TaskRef ref) { return ref.job.value == 1 && ref.task.index() < polled; };
  trial.expect(std::ranges::none_of(left, is_old), "clears what was buffered under the older session");
  trial.expect(regular_of(left, 2) == 1, "goes on under the newer session");
}

auto stamps(CoreTrial& trial, std::size_t) -> void {
  trial.start();
  for (std::uint32_t round = 0; round < 4; ++round) {
    trial.storage().offer(ready_entry(1, round));
    trial.advance(kReaction);
    const auto& last = trial.sink().accepted();
    trial.expect(last.size() == round + 1 && last.back().session == trial.storage().session(),
                 "stamps an assignment with the session that it was decided under");
    trial.taken();
    trial.storage().lapse();
    trial.advance(kReaction);
  }
  trial.expect(trial.sink().stale() == 0, "enqueues nothing under a superseded session");
  std::set<AssignmentId> ids;
  for (const auto& assignment : trial.sink().accepted()) {
    trial.expect(ids.insert(assignment.id).second, "gives each assignment an id of its own");
    trial.expect(assignment.scheduler == SchedulerId{1}, "stamps an assignment with its scheduler");
  }
}

auto handed_back(CoreTrial& trial, std::size_t variant) -> void {
  trial.start();
  trial.storage().offer(entry_for(kLanes[variant], 1));
  trial.storage().offer(ready_entry(2, 0));
  trial.storage().offer(ready_entry(3, 0));
  trial.advance(kReaction);
  for (auto assignment : trial.sink().take()) {
    if (assignment.job == JobId{2}) assignment.session = SessionId{assignment.session.value - 1};
    if (assignment.job == JobId{3}) assignment.scheduler = SchedulerId{99};
    trial.handed_back().give(assignment);
  }
  trial.advance(kReaction);
  const auto& all = trial.sink().accepted();
  trial.expect(contains(trial.taken(), entry_for(kLanes[variant], 1).ref()),
               "schedules again what is handed back");
  trial.expect(all.size() <= 4, "drops what is handed back stale, or by another scheduler");
  std::set<AssignmentId> ids;
  for (const auto& assignment : all) ids.insert(assignment.id);
  trial.expect(ids.size() == all.size(), "gives what is handed back a fresh id");
}

auto failing_polls(CoreTrial& trial, std::size_t variant) -> void {
  const auto lane = kLanes[variant];
  trial.storage().fail(poll_of(lane), Error{Errc::storage_unavailable, "by the test"}, 4);
  trial.start();
  trial.storage().offer(entry_for(lane, 1));
  trial.advance(kRecovery);
  trial.expect(!trial.ended(), "is not ended by failing polls");
  // Ever: a core that registers anew, to recover what a failed poll may have leased, dispatches it once more.
  const auto dispatched = std::ranges::any_of(trial.sink().accepted(), [lane](const auto& assignment) {
    return assignment.ref() == entry_for(lane, 1).ref();
  });
  trial.expect(dispatched, "polls again after failures");
}

auto failing_registration(CoreTrial& trial, std::size_t) -> void {
  trial.storage().fail(StorageCall::register_scheduler, Errc::storage_unavailable, 4);
  trial.start();
  offer_tasks(trial, 1, 1);
  trial.advance(kRecovery);
  trial.expect(!trial.ended(), "is not ended by a failing registration");
  trial.expect(trial.taken().size() == 1, "registers again after failures");
}

auto pauses(CoreTrial& trial, std::size_t variant) -> void {
  constexpr std::array kCalls{StorageCall::poll_ready, StorageCall::poll_ended,
                              StorageCall::register_scheduler};
  trial.storage().fail(kCalls[variant], Errc::storage_unavailable);
  trial.start();
  trial.advance(10s);
  trial.expect(trial.storage().count(kCalls[variant]) <= 500, "pauses between failing calls");
}

auto superseded(CoreTrial& trial, std::size_t variant) -> void {
  trial.start();
  if (variant == 0) trial.storage().supersede();
  if (variant == 1) trial.storage().report_gap();
  offer_tasks(trial, 1, 1);
  trial.advance(kRecovery);
  trial.expect(!trial.ended(), "survives the loss of its registration");
  trial.expect(
      trial.storage().count(StorageCall::register_scheduler) >= 2,
      variant == 0 ? "registers anew when superseded" : "registers anew after a gap in the ended jobs");
  trial.expect(trial.drain().size() == 1, "goes on after registering anew");
}

/// What must hold once the cancellation was requested.
auto expect_orderly_end(CoreTrial& trial) -> void {
  trial.expect(trial.ended().has_value(), "ends without delay when cancelled");
  trial.expect(!trial.ended() || *trial.ended() == Errc::cancelled, "says that it was cancelled");
  trial.expect(trial.storage().session() == SessionId{}, "unregisters when cancelled");
  trial.expect(trial.storage().leased() == 0, "releases what it holds when cancelled");
  trial.advance(kRecovery);
  trial.expect(trial.enqueued_after_cancel() == 0, "enqueues nothing after the cancellation");
}

auto cancelled_idle(CoreTrial& trial, std::size_t) -> void {
  trial.start();
  trial.advance(1h);
  trial.expect(!trial.ended(), "runs until it is cancelled");
  trial.cancel();
  expect_orderly_end(trial);
}

auto cancelled_while_full(CoreTrial& trial, std::size_t) -> void {
  trial.start();
  offer_tasks(trial, 1, 5);
  trial.advance(kReaction);
  trial.cancel([&] { trial.sink().take(); });
  expect_orderly_end(trial);
}

auto cancelled_in_the_middle(CoreTrial& trial, std::size_t variant) -> void {
  offer_tasks(trial, 1, 5);
  trial.storage().offer(commit_entry(2));
  trial.launch();
  for (std::size_t step = 0; step < variant; ++step) {
    if (!trial.step()) trial.advance(10ms);
  }
  trial.cancel([&] { trial.storage().offer(cleanup_entry(3)); });
  expect_orderly_end(trial);
}

auto cancelled_in_a_hanging_call(CoreTrial& trial, std::size_t variant) -> void {
  constexpr std::array kCalls{StorageCall::poll_ready, StorageCall::poll_commit_ready,
                              StorageCall::poll_cleanup_ready, StorageCall::poll_ended,
                              StorageCall::register_scheduler};
  trial.storage().hang(kCalls[variant]);
  trial.start();
  trial.advance(kReaction);
  trial.cancel();
  expect_orderly_end(trial);
}

auto everything_once(CoreTrial& trial, std::size_t) -> void {
  trial.start();
  for (std::uint64_t job = 1; job <= 5; ++job) offer_tasks(trial, job, 10);
  for (std::uint64_t job = 6; job <= 8; ++job) trial.storage().offer(commit_entry(job));
  for (std::uint64_t job = 9; job <= 10; ++job) trial.storage().offer(cleanup_entry(job));
  const auto left = trial.drain();
  trial.expect(left.size() == 55, "dispatches each offered task once");
  trial.expect(std::set<TaskRef>{left.begin(), left.end()}.size() == 55, "dispatches all offered tasks");
}

auto closed_queue(CoreTrial& trial, std::size_t) -> void {
  trial.start();
  offer_tasks(trial, 1, 5);
  trial.advance(kReaction);
  trial.sink().close();
  trial.storage().offer(ready_entry(2, 0));
  trial.advance(kReaction);
  trial.expect(trial.ended() && *trial.ended() == Errc::dispatch_queue_closed,
               "ends with dispatch_queue_closed when it cannot enqueue any more");
}

constexpr SchedulerCoreCheck kCoreChecks[] = {
    {"C5", "FinalizingJobsTasksAreDropped", finalizing, 1, 2},
    {"C5", "FinalizingJobsStragglersAreIgnored", finalizing_ignores_stragglers},
    {"C6", "EndedJobsAreNotDispatched", ended_jobs, 1, 2},
    {"C7", "OlderBatchIsDropped", older_batch, 64, 3},
    {"C7", "NewerSessionClearsAndBumps", newer_session, 1},
    {"C7", "AssignmentsAreStamped", stamps},
    {"C8", "HandedBackIsScheduledAgain", handed_back, 64, 3},
    {"C10", "FailingPollsAreRepeated", failing_polls, 64, 3},
    {"C10", "FailingRegistrationIsRepeated", failing_registration},
    {"C10", "FailuresArePaced", pauses, 64, 3},
    {"C10", "LostRegistrationIsRenewed", superseded, 64, 2},
    {"C12", "CancelledWhenIdle", cancelled_idle},
    {"C12", "CancelledWhenTheQueueIsFull", cancelled_while_full, 1},
    {"C12", "CancelledInTheMiddle", cancelled_in_the_middle, 2, 60},
    {"C12", "CancelledInAHangingCall", cancelled_in_a_hanging_call, 64, 5},
    {"run", "DispatchesEverythingOnce", everything_once, 1},
    {"run", "EndsWhenTheQueueIsClosed", closed_queue, 1},
};

}  // namespace

auto scheduler_core_checks() -> std::span<const SchedulerCoreCheck> { return kCoreChecks; }

auto broken_promises(const SchedulerCoreCheck& check, const MakeSchedulerCore& make)
    -> std::vector<std::string> {
  std::set<std::string> broken;
  for (std::size_t variant = 0; variant < check.variants; ++variant) {
    CoreTrial trial{make(), check.capacity};
    check.run(trial, variant);
    for (const auto& promise : trial.broken()) {
      broken.insert(std::string{check.rule} + ' ' + check.name + ": a core " + promise);
    }
  }
  return {broken.begin(), broken.end()};
}

auto scheduler_core_cases(MakeSchedulerCore make) -> ::testing::internal::ParamGenerator<SchedulerCoreCase> {
  std::vector<SchedulerCoreCase> cases;
  for (const auto& check : scheduler_core_checks()) cases.push_back({make, check});
  return ::testing::ValuesIn(cases);
}

auto scheduler_core_case_name(const ::testing::TestParamInfo<SchedulerCoreCase>& info) -> std::string {
  return std::string{info.param.check.rule} + info.param.check.name;
}

TEST_P(SchedulerCoreSuite, Holds) {
  for (const auto& promise : broken_promises(GetParam().check, GetParam().make)) {
    ADD_FAILURE() << "broken promise " << promise;
  }
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SchedulerCoreSuite);

}  // namespace testing
}  // namespace v1
}  // namespace spider
