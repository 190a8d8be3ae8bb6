#include "spider/testing/storage_trial.hpp"

#include <algorithm>

// Why a task is not running: the storage's half of `explain`.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;

auto explain(StorageTrial& trial, TaskRef task) -> TaskExplanation {
  const auto explained = trial.run(trial.storage().explain(task));
  trial.expect(explained.has_value(), "task " + to_string(task.task) + " can be explained");
  return explained ? explained.value() : TaskExplanation{};
}

/// Tasks 0 and 1, an array 2 … 31, and task 32 that needs all of them.
auto join_of_arrays() -> JobSpec {
  JobSpec spec;
  spec.resource_group = "alice";
  spec.tasks = {work(), work(), work({}, 30), work({2, 0, 1})};
  spec.commit = work();
  spec.cleanup = work();
  return spec;
}

auto pending_tasks_name_what_they_wait_for(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(join_of_arrays());
  (void)trial.poll();
  trial.expect(trial.succeed({id, TaskId{0}}), "a root can succeed");
  for (std::uint32_t index = 2; index < 31; ++index) {
    trial.expect(trial.succeed({id, TaskId{index}}), "an element can succeed");
  }
  auto explained = explain(trial, {id, TaskId{32}});
  trial.expect(explained.standing == TaskStanding::pending, "a task with unfinished parents is pending");
  trial.expect(explained.waits_for == std::vector{TaskId{1}, TaskId{31}} && !explained.waits_for_more,
               "it waits for exactly the parents that have not ended, by index");
  trial.expect(!explained.exact && explained.since == kForever, "the storage's half is marked as inexact");
  trial.expect(explained.resource_group == "alice" && explained.queue == "default",
               "it says which group and queue");

  explained = explain(trial, {id, TaskId::commit()});
  trial.expect(explained.standing == TaskStanding::pending && explained.waits_for.size() == 3 &&
                   explained.waits_for.back() == TaskId{32},
               "a commit task waits for all regular tasks");
  explained = explain(trial, {id, TaskId::cleanup()});
  trial.expect(explained.standing == TaskStanding::pending && explained.waits_for.empty(),
               "a cleanup task waits for no task");
}

auto long_lists_of_parents_are_cut(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(join_of_arrays());
  const auto explained = explain(trial, {id, TaskId{32}});
  trial.expect(explained.waits_for.size() == TaskExplanation::kWaitsForMax && explained.waits_for_more &&
                   explained.waits_for.back() == TaskId{TaskExplanation::kWaitsForMax - 1},
               "the first parents by index are named, and that there are more");
}

auto what_is_not_due_says_until_when(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job();
  spec.not_before = trial.clock().now() + 30s;
  const auto id = trial.job(spec);
  auto explained = explain(trial, first_of(id));
  trial.expect(explained.standing == TaskStanding::not_due && explained.until == spec.not_before,
               "a task that is not due says until when");
  trial.pass(31s);
  explained = explain(trial, first_of(id));
  trial.expect(explained.standing == TaskStanding::queued && explained.until == kForever,
               "a task that is due is queued");
}

auto what_is_paused_says_by_whom(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job(1, "alice"));
  const PauseTarget group{PauseTarget::Kind::resource_group, "alice"};
  const PauseTarget queue{PauseTarget::Kind::queue, "default"};
  (void)trial.run(trial.storage().pause(group));
  auto explained = explain(trial, first_of(id));
  trial.expect(
      explained.standing == TaskStanding::paused && explained.group_paused && !explained.queue_paused,
      "a task of a paused group says so");
  (void)trial.run(trial.storage().resume(group));
  (void)trial.run(trial.storage().pause(queue));
  explained = explain(trial, first_of(id));
  trial.expect(
      explained.standing == TaskStanding::paused && !explained.group_paused && explained.queue_paused,
      "a task in a paused queue says so");
  (void)trial.run(trial.storage().resume(queue));
  trial.expect(explain(trial, first_of(id)).standing == TaskStanding::queued, "a resumed one is queued");
}

auto a_task_is_followed_to_its_end(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job());
  const auto ready_at = trial.clock().now();
  auto explained = explain(trial, first_of(id));
  trial.expect(explained.standing == TaskStanding::queued && explained.since == ready_at &&
                   explained.deliveries == 0 && !explained.scheduler,
               "a ready task is queued since it is ready");
  (void)trial.poll();
  explained = explain(trial, first_of(id));
  trial.expect(explained.standing == TaskStanding::polled && explained.scheduler == trial.me.scheduler &&
                   explained.deliveries == 1 && !explained.place,
               "a polled task says which scheduler has it, and has no place here");
  trial.pass(1s);
  const auto started = trial.start(first_of(id), ManagerId{7});
  trial.expect(started.has_value(), "it can be started");
  if (!started) return;
  explained = explain(trial, first_of(id));
  trial.expect(explained.standing == TaskStanding::running && explained.manager == ManagerId{7} &&
                   explained.since == ready_at + 1s && explained.attempts == 1,
               "a running task says on which manager and since when");
  trial.pass(1s);
  trial.expect(trial.end(started.value().instance, FinishRequest::Kind::succeeded), "it can succeed");
  explained = explain(trial, first_of(id));
  trial.expect(explained.standing == TaskStanding::ended && explained.state == TaskState::succeeded &&
                   explained.since == ready_at + 2s,
               "an ended task says how and when");
}

/// The order in which a poll of one after another offers a group's tasks is the order of their places.
auto places_follow_the_order_of_offers(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  std::vector<TaskRef> tasks;
  for (const auto count : {3U, 1U, 5U}) {
    const auto id = trial.job(flat_job(count, "alice"));
    for (std::uint32_t index = 0; index < count; ++index) tasks.push_back({id, TaskId{index}});
  }
  (void)trial.job(flat_job(4, "bob"));
  for (const auto& task : tasks) {
    const auto explained = explain(trial, task);
    trial.expect(!explained.place || !explained.place->exact, "a storage's place is no exact one");
    if (!explained.place) return;  // it may leave places out
  }
  while (!tasks.empty()) {
    const auto next = std::ranges::find_if(
        tasks, [&](TaskRef task) { return explain(trial, task).place.value_or(QueuePlace{}).in_group == 1; });
    trial.expect(next != tasks.end(), "somebody is next in the group");
    if (next == tasks.end()) return;
    TaskRef offered;
    while (!offered.job || explain(trial, offered).resource_group != "alice") {
      Ask one;
      one.max_items = 1;
      const auto entries = trial.poll(one);
      trial.expect(entries.size() == 1, "a poll offers what is ready");
      if (entries.empty()) return;
      offered = entries.front().ref();
    }
    trial.expect(offered == *next, "the task at place 1 of its group is offered before others of the group");
    std::erase(tasks, offered);
  }
}

auto entries_carry_the_weight(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job();
  spec.weight = 2.5;
  (void)trial.job(spec);
  const auto entries = trial.poll();
  trial.expect(entries.size() == 1 && entries.front().weight == 2.5F, "an entry has its job's weight");
}

auto what_is_not_there_cannot_be_explained(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job());
  trial.expect(fails(trial.run(trial.storage().explain({JobId{99}, TaskId{0}})), Errc::unknown_job),
               "an unknown job is unknown_job");
  trial.expect(fails(trial.run(trial.storage().explain({id, TaskId{1}})), Errc::unknown_task),
               "a task that the job does not have is unknown_task");
  trial.expect(fails(trial.run(trial.storage().explain({id, TaskId::commit()})), Errc::unknown_task),
               "a commit task that the job does not have is unknown_task");
}

constexpr StorageCheck kExplainChecks[] = {
    {"F13", "PendingTasksNameWhatTheyWaitFor", pending_tasks_name_what_they_wait_for},
    {"F13", "LongListsOfParentsAreCut", long_lists_of_parents_are_cut},
    {"F13", "WhatIsNotDueSaysUntilWhen", what_is_not_due_says_until_when},
    {"F13", "WhatIsPausedSaysByWhom", what_is_paused_says_by_whom},
    {"F13", "ATaskIsFollowedToItsEnd", a_task_is_followed_to_its_end},
    {"F13", "PlacesFollowTheOrderOfOffers", places_follow_the_order_of_offers},
    {"F5", "EntriesCarryTheWeight", entries_carry_the_weight},
    {"F13", "WhatIsNotThereCannotBeExplained", what_is_not_there_cannot_be_explained},
};

}  // namespace

auto storage_explain_checks() -> std::span<const StorageCheck> { return kExplainChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
