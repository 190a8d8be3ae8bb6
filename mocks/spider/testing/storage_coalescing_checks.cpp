#include "spider/testing/storage_trial.hpp"

#include <set>

// Coalescing: keys, the submit that joins what is queued, and the gate (Q1, Q2, Q3, Q7, Q8, Q9).

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;

auto bad_keys(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto refused = [&](CoalesceKey key) {
    auto job = keyed_job();
    job.tasks[0].coalesce = std::move(key);
    const auto answer = trial.submit(job);
    return answer ? Error{} : answer.error();
  };
  trial.expect(refused(CoalesceKey{}) == Errc::invalid_name, "an empty key is refused");
  trial.expect(refused(CoalesceKey{"reindex", {}}) == Errc::invalid_argument, "a key without a column");
  trial.expect(refused(CoalesceKey{"re index", {"a"}}) == Errc::invalid_name, "an operation that is no name");
  trial.expect(refused(CoalesceKey{"reindex", {std::string(2000, 'x')}}) == Errc::limit_exceeded,
               "an oversized key");
  auto array = keyed_job();
  array.tasks[0].count = 2;
  trial.expect(fails(trial.submit(array), Errc::invalid_argument), "a key on an array");
  auto twice = keyed_job();
  twice.tasks[0].instances_max = 2;
  trial.expect(fails(trial.submit(twice), Errc::invalid_argument), "a key on what may run twice at once");
  auto commit = keyed_job();
  commit.commit = keyed_task();
  trial.expect(fails(trial.submit(commit), Errc::invalid_argument), "a key on a commit task");
  trial.expect(fails(trial.run(trial.storage().has_pending("default", CoalesceKey{"reindex", {}})),
                     Errc::invalid_argument),
               "has_pending refuses it, too");
  trial.expect(trial.poll().empty(), "nothing was stored");
}

auto off_by_default(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto plain = flat_job();
  trial.job(plain);
  trial.job(plain);
  trial.job(keyed_job("a"));
  auto absent = keyed_job("a");
  absent.tasks[0].coalesce->target = {std::nullopt};
  trial.job(absent);
  auto empty = keyed_job("");
  trial.job(empty);
  trial.job(keyed_job("a", "others"));
  trial.expect(start_all(trial).size() == 6,
               "tasks without a key, an absent and an empty value, and other groups are all different work");
}

auto within_a_job(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  JobSpec job;
  job.tasks = {keyed_task("a"), work(), keyed_task("b"), keyed_task("a"), work(), keyed_task("a")};
  const auto id = trial.job(job);
  const auto started = start_all(trial);
  std::vector<std::uint32_t> order;
  for (const auto& task : started) order.push_back(task.instance.task.task.index());
  trial.expect(
      order == std::vector<std::uint32_t>{0, 1, 2, 4},
      "the first occurrence stays, and the order of everything else; no repeat without a key is lost");
  for (const auto& task : started)
    trial.expect(trial.end(task.instance, FinishRequest::Kind::succeeded), "it ends");
  trial.expect(trial.state(id) == JobState::succeeded, "the job succeeds with its repeats");
}

auto joined_at_submit(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto first = trial.submit(keyed_job());
  const auto second = trial.submit(keyed_job());
  trial.expect(first && !first.value().existing && first.value().fold == FoldOutcome::key_differs,
               "the first is a job of its own");
  trial.expect(second && second.value().existing && second.value().fold == FoldOutcome::folded && first &&
                   second.value().job == first.value().job,
               "the second is answered with the queued job");
  const auto view = trial.run(trial.storage().view(first ? first.value().job : JobId{}));
  trial.expect(view && view.value().submitters == 2, "submitters are counted");
  const auto started = start_all(trial);
  trial.expect(started.size() == 1, "one task is offered");
  const auto third = trial.submit(keyed_job());
  trial.expect(third && !third.value().existing && third.value().fold == FoldOutcome::already_running,
               "never a running one");
}

auto submit_conditions(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(keyed_job());
  const auto joins = [&](const JobSpec& job) {
    const auto answer = trial.submit(job);
    return answer && answer.value().existing;
  };
  auto other = keyed_job();
  other.queue = "other";
  trial.expect(!joins(other), "not a job of another queue");
  other = keyed_job();
  other.deadline = TimePoint{1h};
  trial.expect(!joins(other), "not one with another deadline");
  other = keyed_job();
  other.not_before = TimePoint{1min};
  trial.expect(!joins(other), "not one that may run earlier than this");
  trial.expect(joins(other), "but one that waits for the same time");
  other = keyed_job();
  other.cleanup = work();
  trial.expect(!joins(other), "not with a cleanup task");
  other = keyed_job();
  other.unique_key = "mine";
  trial.expect(!joins(other), "not with an identity of its own");
  trial.expect(joins(keyed_job()), "the queued one is still found");
}

auto counted_cancels(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(keyed_job());
  trial.job(keyed_job());
  trial.job(keyed_job());
  trial.expect(trial.cancel(id) && trial.cancel(id), "two of three cancel");
  trial.expect(trial.state(id) == JobState::ready, "the job goes on for the third");
  trial.expect(trial.cancel(id) && trial.state(id) == JobState::cancelled, "the last one cancels");
  trial.expect(!has_pending(trial, "orders"), "nothing is pending then");
  const auto again = trial.submit(keyed_job());
  trial.expect(again && !again.value().existing, "nobody joins a cancelled job");
}

auto urgency(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto lazy = keyed_job();
  lazy.priority = 5;
  auto between = flat_job();
  between.priority = 3;
  auto urgent = keyed_job();
  urgent.priority = 1;
  const auto id = trial.job(lazy);
  const auto other = trial.job(between);
  Ask one;
  one.max_items = 2;
  auto entries = trial.poll(one);
  trial.expect(entries.size() == 2 && entries[0].job == other, "the urgent class comes first");
  trial.expect(trial.job(urgent) == id, "an urgent submit joins a lazy job");
  entries = trial.poll();
  trial.expect(entries.size() == 1 && entries[0].job == id && entries[0].priority == 1,
               "which is offered again, in the urgent class, although it was polled before");
  const auto view = trial.run(trial.storage().view(id));
  trial.expect(view && view.value().priority == 1, "and stays there");
  trial.job(lazy);
  const auto after = trial.run(trial.storage().view(id));
  trial.expect(after && after.value().priority == 1, "a lazy submit does not lower it");
}

auto gate(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.expect(!has_pending(trial, "orders"), "nothing at first");
  JobSpec job;
  job.tasks = {work(), keyed_task("orders", {0})};
  job.tasks[1].retry.attempts_max = 2;
  const auto id = trial.job(job);
  trial.expect(has_pending(trial, "orders"), "a task that waits for its parent is pending");
  trial.expect(!has_pending(trial, "parts") && !has_pending(trial, "orders", "others"),
               "only its key and group");
  trial.poll();
  trial.expect(trial.succeed(first_of(id)), "the parent succeeds");
  const auto started = start_all(trial);
  trial.expect(started.size() == 1 && has_pending(trial, "orders"), "a running one is pending");
  if (started.size() != 1) return;
  trial.expect(trial.end(started[0].instance, FinishRequest::Kind::failed) && has_pending(trial, "orders"),
               "one that rests, too");
  trial.expect(trial.cancel(id) && !has_pending(trial, "orders"), "an ended one is not");
}

auto keys_are_shown(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(keyed_job("a"));
  trial.job(keyed_job("b"));
  trial.job(flat_job());
  const auto entries = trial.poll();
  trial.expect(entries.size() == 3, "three different tasks");
  if (entries.size() != 3) return;
  trial.expect(entries[0].coalesce_key != 0 && entries[1].coalesce_key != 0 &&
                   entries[0].coalesce_key != entries[1].coalesce_key,
               "different keys have different numbers");
  trial.expect(entries[2].coalesce_key == 0, "no key has none");
}

auto why_nothing_folded(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto at_submit = [&](const JobSpec& job) {
    const auto answer = trial.submit(job);
    return answer ? answer.value().fold : FoldOutcome::folded;
  };
  auto tidied = keyed_job("a");
  tidied.cleanup = work();
  JobSpec chain;
  chain.tasks = {keyed_task("b"), work({0})};
  trial.expect(at_submit(flat_job()) == FoldOutcome::not_coalescible, "a submit without a key");
  trial.expect(at_submit(tidied) == FoldOutcome::has_dependencies, "one that a cleanup task waits for");
  trial.expect(at_submit(keyed_job("a")) == FoldOutcome::not_coalescible, "only such a one is queued");
  trial.expect(at_submit(chain) == FoldOutcome::not_coalescible, "a job of several tasks");
  trial.expect(at_submit(keyed_job("b")) == FoldOutcome::not_coalescible, "only such a one is queued");
  trial.expect(at_submit(keyed_job("c")) == FoldOutcome::key_differs, "one that nothing matches");
  const auto started = start_all(trial);
  std::vector<FoldOutcome> at_start;
  for (const auto& task : started) at_start.push_back(task.fold);
  using F = FoldOutcome;
  trial.expect(at_start == std::vector<F>{F::not_coalescible, F::folded, F::has_dependencies, F::key_differs},
               "a start without a key, one that folds, one that others wait for, one that nothing matches");
  trial.expect(at_submit(keyed_job("c")) == FoldOutcome::already_running, "one beside a run");
}

auto later_queues_fill_up(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  for (const auto* queue : {"slow", "fast"}) {
    auto job = flat_job(3);
    job.queue = queue;
    trial.job(job);
  }
  const auto second = trial.register_as("second");
  Ask ask;
  ask.queues = {"fast", "slow"};
  ask.max_items = 2;
  const auto mine = trial.poll(ask);
  const auto theirs = trial.poll_as(second, ask);
  const auto rest = trial.poll(ask);
  trial.expect(mine.size() == 2 && theirs.size() == 2 && rest.size() == 2, "polls are filled");
  if (mine.size() != 2 || theirs.size() != 2) return;
  const auto fast = mine[0].queue;
  trial.expect(mine[1].queue == fast && theirs[0].queue == fast && theirs[1].queue != fast,
               "a later queue appears only when the earlier ones yield fewer than the limit");
  std::set<TaskRef> claimed;
  for (const auto& entries : {mine, theirs, rest}) {
    for (const auto& entry : entries) claimed.insert(entry.ref());
  }
  trial.expect(claimed.size() == 6, "no task is claimed twice");
}

auto ladder(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto task = first_of(trial.job(flat_job()));
  for (const auto rest : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 15000ms, 15000ms}) {
    trial.poll();
    const auto started = trial.start(task);
    if (!started) return trial.expect(false, "a deferred task is offered again when it is due");
    trial.expect(trial.end(started.value().instance, FinishRequest::Kind::deferred), "it is put off");
    trial.expect(trial.task(task).ready_at == trial.clock().now() + rest,
                 "from 0.1 s, doubling to 15 s, by its stored count");
    trial.pass(rest);
  }
}

constexpr StorageCheck kCoalescingChecks[] = {
    {"Q1", "BadKeysAreRefused", bad_keys},
    {"Q1", "OffByDefaultAndAbsentIsAValue", off_by_default},
    {"Q2", "RepeatsWithinAJobFold", within_a_job},
    {"Q3", "ASubmitJoinsAQueuedJob", joined_at_submit},
    {"Q3", "OnlyWhatIsTheSameIsJoined", submit_conditions},
    {"Q3", "TheLastCancelCancels", counted_cancels},
    {"Q7", "AnUrgentSubmitPromotes", urgency},
    {"Q8", "PendingIsTold", gate},
    {"Q9", "EntriesShowTheKey", keys_are_shown},
    {"Q9", "ItIsToldWhyNothingFolded", why_nothing_folded},
    {"Q10", "LaterQueuesFillUp", later_queues_fill_up},
    {"Q11", "DeferralsClimbALadder", ladder},
};

}  // namespace

auto storage_coalescing_checks() -> std::span<const StorageCheck> { return kCoalescingChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
