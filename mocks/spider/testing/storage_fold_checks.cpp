#include "spider/testing/storage_trial.hpp"

#include <algorithm>

// Coalescing: what folds into a run, what follows from its end, and what never folds (Q4 … Q7).

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;
using Kind = FinishRequest::Kind;
using T = TaskState;

/// A cleanup task keeps it from being taken for another job at its submit: it folds at a start only.
auto loner(const std::string& table = "orders") -> JobSpec {
  auto job = keyed_job(table);
  job.cleanup = work();
  return job;
}

auto folded_at_start(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto leader = trial.job(loner());
  const auto follower = trial.job(loner());
  const auto different = trial.job(loner("parts"));
  const auto started = start_all(trial);
  trial.expect(started.size() == 2, "one of each key is offered");
  if (started.size() != 2) return;
  trial.expect(started[0].fold == FoldOutcome::folded && started[0].folded == 1,
               "the start says what folded");
  trial.expect(started[1].fold == FoldOutcome::key_differs && started[1].folded == 0, "or why nothing did");
  auto view = trial.task(first_of(follower));
  trial.expect(view.state == T::folded && view.folded_into == first_of(leader), "it knows whose run does it");
  trial.expect(trial.state(follower) == JobState::running, "it is not reported done before the work is done");
  trial.expect(fails(trial.start(first_of(follower)), Errc::task_not_runnable), "and cannot be started");
  FinishRequest success{started[0].instance, Kind::succeeded};
  success.output = "indexed";
  trial.expect(trial.end(success), "the leader succeeds");
  trial.expect(trial.state(follower) == JobState::succeeded, "the folded task's job with it, in one step");
  view = trial.task(first_of(follower));
  trial.expect(view.state == T::succeeded && view.attempts == 0, "without an attempt of its own");
  const auto outputs = trial.run(trial.storage().outputs(follower, {}));
  trial.expect(outputs && outputs.value().size() == 1 && outputs.value()[0].output == "indexed",
               "and with the leader's output");
  trial.expect(trial.state(different) == JobState::running, "another key is not affected");
}

auto failing_leader(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto leader = trial.job(loner());
  const auto next = trial.job(loner());
  const auto last = trial.job(loner());
  auto started = start_all(trial);
  if (started.size() != 1) return trial.expect(false, "one is offered");
  trial.expect(trial.end(started[0].instance, Kind::failed), "the leader fails for good");
  trial.expect(trial.state(leader) == JobState::failed, "its job with it");
  trial.expect(trial.task(first_of(next)).state == T::ready, "who was folded runs itself");
  started = start_all(trial);
  trial.expect(started.size() == 1 && started[0].instance.task == first_of(next), "the next one leads");
  trial.expect(trial.task(first_of(last)).state == T::folded, "and folds the others");
  trial.expect(trial.cancel(next), "a leader that is cancelled");
  started = start_all(trial);
  trial.expect(started.size() == 1 && started[0].instance.task == first_of(last), "is followed, too");
}

auto resting_leader(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto leader = trial.job(loner());
  const auto follower = trial.job(loner());
  auto started = start_all(trial);
  if (started.size() != 1) return trial.expect(false, "one is offered");
  trial.expect(trial.end(started[0].instance, Kind::deferred), "the leader is put off");
  const auto view = trial.task(first_of(follower));
  trial.expect(view.state == T::ready && view.ready_at == trial.task(first_of(leader)).ready_at,
               "what was folded is queued again, for the same time");
  trial.expect(trial.poll().empty(), "and not before");
  trial.pass(1s);
  started = start_all(trial);
  trial.expect(started.size() == 1 && started[0].instance.task == first_of(leader) && started[0].folded == 1,
               "then the oldest leads again");
  trial.pass(trial.storage().limits().manager_lease);
  trial.expect(trial.task(first_of(follower)).state == T::ready, "a lapsed lease releases it as well");
}

auto one_more_run(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(keyed_job());
  auto started = start_all(trial);
  if (started.size() != 1) return trial.expect(false, "one is offered");
  const auto second = trial.job(keyed_job());
  std::vector<JobId> late;
  for (int i = 0; i < 5; ++i) late.push_back(trial.job(keyed_job()));
  late.push_back(trial.job(loner()));
  trial.expect(trial.poll().empty(), "what arrives during a run waits for its end");
  trial.expect(fails(trial.start(first_of(second)), Errc::task_not_runnable), "never two at once");
  trial.expect(trial.end(started[0].instance, Kind::succeeded), "the run ends");
  trial.expect(trial.state(second) == JobState::ready, "without doing the work of what came later");
  started = start_all(trial);
  trial.expect(started.size() == 1, "exactly one more run follows");
  if (started.size() != 1) return;
  trial.expect(trial.end(started[0].instance, Kind::succeeded), "it ends");
  for (const auto id : late) trial.expect(trial.state(id) == JobState::succeeded, "and did everybody's work");
  trial.expect(trial.poll().empty() && !has_pending(trial, "orders"), "nothing is left");
}

auto stale_finish(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(loner());
  const auto follower = trial.job(loner());
  auto started = start_all(trial);
  if (started.size() != 1) return trial.expect(false, "one is offered");
  const auto stale = started[0].instance;
  trial.expect(trial.end(stale, Kind::released), "the leader gives its task back");
  trial.expect(fails(trial.finish(stale, Kind::succeeded), Errc::stale_instance), "its success comes late");
  trial.expect(trial.task(first_of(follower)).state == T::ready, "and does not end what was folded");
}

auto dependencies(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  JobSpec chain;
  chain.tasks = {keyed_task(), work({0}), keyed_task("orders", {1})};
  const auto id = trial.job(chain);
  const auto alone = trial.job(loner());
  auto started = start_all(trial);
  trial.expect(started.size() == 1 && started[0].fold == FoldOutcome::has_dependencies,
               "nothing folds into a run that others wait for");
  if (started.size() != 1) return;
  trial.expect(trial.task(first_of(alone)).state == T::ready, "the other stays queued");
  trial.expect(fails(trial.start(first_of(alone)), Errc::task_not_runnable), "and may not run beside it");
  trial.expect(trial.end(started[0].instance, Kind::succeeded), "the run ends");
  started = start_all(trial);
  trial.expect(started.size() == 2, "the waiting task and the other one follow");
  for (const auto& task : started) trial.expect(trial.end(task.instance, Kind::succeeded), "it ends");
  started = start_all(trial);
  trial.expect(started.size() == 1 && started[0].instance.task == TaskRef{id, TaskId{2}},
               "a task whose parents had not ended was not folded");
}

auto too_early(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(loner());
  auto tonight = loner();
  tonight.not_before = TimePoint{10s};
  const auto id = trial.job(tonight);
  const auto started = start_all(trial);
  trial.expect(started.size() == 1 && started[0].folded == 0, "what may not run yet does not fold");
  if (started.size() == 1) trial.expect(trial.end(started[0].instance, Kind::succeeded), "the run ends");
  trial.pass(10s);
  const auto later = start_all(trial);
  trial.expect(later.size() == 1 && later[0].instance.task.job == id, "and runs in its time");
}

auto urgent_beside_lazy(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto lazy = loner();
  lazy.priority = 5;
  auto urgent = loner();
  urgent.priority = 1;
  const auto slow = trial.job(lazy);
  const auto fast = trial.job(urgent);
  const auto entries = trial.poll();
  trial.expect(!entries.empty() && entries[0].job == fast, "an urgent equivalent is offered in its class");
  auto started = trial.start(first_of(slow));
  trial.expect(started && started.value().folded == 1, "the lazy one started first, and folds it");
  if (!started) return;
  trial.expect(trial.end(started.value().instance, Kind::released), "but gives its task back");
  const auto again = trial.poll();
  trial.expect(!again.empty() && again[0].job == fast && again[0].priority == 1,
               "then the urgent one is offered in its class again");
}

auto superseded_session(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(loner());
  trial.job(loner());
  trial.expect(trial.poll().size() == 1, "one is offered");
  trial.me = trial.register_as("first");
  const auto entries = trial.poll();
  trial.expect(entries.size() == 1 && entries[0].job == id, "the same is offered again, and only that");
}

auto retried_job(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(loner());
  auto started = start_all(trial);
  if (started.size() != 1) return trial.expect(false, "one is offered");
  trial.expect(trial.end(started[0].instance, Kind::failed) && !has_pending(trial, "orders"),
               "it fails for good");
  trial.expect(trial.run(trial.storage().retry(id)).has_value() && has_pending(trial, "orders"),
               "and is retried");
  const auto other = trial.job(loner());
  started = start_all(trial);
  trial.expect(started.size() == 1 && started[0].folded == 1, "it leads again");
  trial.expect(trial.task(first_of(other)).state == T::folded, "and folds");
}

constexpr StorageCheck kFoldChecks[] = {
    {"Q4", "AStartFoldsTheQueued", folded_at_start},
    {"Q4", "AFailedLeaderIsFollowed", failing_leader},
    {"Q4", "ARestingLeaderHoldsNobodyBack", resting_leader},
    {"Q4", "AStaleSuccessEndsNobody", stale_finish},
    {"Q4", "ASupersededSessionIsFollowed", superseded_session},
    {"Q4", "ARetriedJobFoldsAgain", retried_job},
    {"Q4", "WhatMayNotRunYetDoesNotFold", too_early},
    {"Q5", "ExactlyOneMoreRun", one_more_run},
    {"Q6", "DependenciesForbidAFold", dependencies},
    {"Q7", "AnUrgentEquivalentKeepsItsClass", urgent_beside_lazy},
};

}  // namespace

auto storage_fold_checks() -> std::span<const StorageCheck> { return kFoldChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
