// The storage suite, held against storages that break one promise each.

#include "spider/storage/memory.hpp"
#include "spider/testing/storage_suite.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

namespace spider {
namespace {

using namespace std::chrono_literals;

enum class Defect {
  none,
  fences_on_id_only,       // the epoch of a finish is ignored
  accepts_stale_finish,    // whatever instance finishes, the running one is ended
  swallows_stale_finish,   // a stale finish is answered with success
  stale_start_accepted,    // a start under a superseded session is stamped over
  split_claim,             // two schedulers are offered the same entry
  loses_on_supersession,   // the last entry of a superseded session's poll is not offered again
  lost_wake_up,            // a waiting poll sleeps to its end
  ignores_group_max,       //
  ignores_job_max,         //
  ignores_max_items,       //
  queues_mixed,            // the request's queues are taken in reverse
  greedy_group,            // one group is served until it has no more
  double_start,            // a repeated start is another start
  forgets_unique_key,      //
  accepts_cycles,          // what is refused for a cycle is stored without its parents
  all_or_nothing,          // one bad job keeps all jobs of a call out
  late_by_a_second,        // what becomes due is offered at full seconds
  renews_forever,          // leases of managers never lapse
  lost_instances_unsaid,   // a renewal reports nothing
  cancel_forgets_cleanup,  // a cancel drops the cleanup task
  wait_never_wakes,        // a wait completes at its timeout only
  outputs_missing,         // the outputs of a job come without the last
  ended_once,              // the first cursor consumes the log of ended jobs
  delays_ignored,          // a deferral is ready again at once
  retries_forever,         // a failure for good is retried
  parents_unsaid,          // an explanation names no parents
  inserts_equivalents,     // a submit never joins a queued job
  folds_across_groups,     // the resource group is no part of a key
  loses_column,            // a key's last column is lost: an absent value is as any other
  cancels_for_all,         // one submitter's cancel ends the job of all
  forgets_pending,         // the gate is always open
  silent_on_folds,         // a submit never tells why nothing folded
  done_before_the_work,    // what is folded is reported done at once
  two_at_once,             // the key is lost on every other submit
  ignores_slots,           // every poll is offered everything
  takes_over_at_once,      // the takeover delay is ignored
  looks_all_the_time,      // a poll that may take over wakes itself every second
  deaf_in_slots,           // a waiting poll that asks for some slots sleeps to its end
};

/// Forwards to a sound storage, except for the defect.
class BrokenStorage final : public Storage {
 public:
  BrokenStorage(std::unique_ptr<Storage> inner, Clock& clock, Defect defect)
      : inner_{std::move(inner)}, clock_{clock}, defect_{defect} {}

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override {
    if (is(Defect::loses_on_supersession) && last_entry_) {
      lost_.insert(*last_entry_);
      last_entry_.reset();
    }
    auto call = inner_->register_scheduler(std::move(info));
    const auto registered = co_await std::move(call);
    if (registered) live_[registered.value().scheduler] = registered.value().session;
    co_return registered;
  }
  auto unregister_scheduler(Registration registration) -> Async<void> override {
    return inner_->unregister_scheduler(registration);
  }
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    if (is(Defect::looks_all_the_time) && request.slots && request.slots->later.any() && request.wait > 1s) {
      auto look = request;
      look.wait = 1s;
      auto first = inner_->poll_ready(std::move(look));
      const auto seen = co_await std::move(first);
      request.wait -= 1s;
      if (!seen || !seen.value().entries.empty()) co_return seen;
      auto again = poll_ready(std::move(request));
      co_return co_await std::move(again);
    }
    const bool group_max = is(Defect::ignores_group_max) || is(Defect::greedy_group);
    if (group_max && request.per_group_max > 0) request.per_group_max = SIZE_MAX;
    if (is(Defect::ignores_job_max) && request.per_job_max > 0) request.per_job_max = SIZE_MAX;
    if (is(Defect::ignores_max_items) && request.max_items > 0) request.max_items = 1000;
    if (is(Defect::queues_mixed)) std::ranges::reverse(request.queues);
    if (is(Defect::ignores_slots)) request.slots.reset();
    if (is(Defect::takes_over_at_once) && request.slots) {
      auto slots = std::make_shared<SlotFilter>(*request.slots);
      slots->first |= slots->later;
      request.slots = std::move(slots);
    }
    const bool deaf = is(Defect::lost_wake_up) || (is(Defect::deaf_in_slots) && request.slots);
    if (deaf && request.wait > 0s) {
      auto sleep = clock_.sleep_until(saturating_add(clock_.now(), request.wait));
      const auto slept = co_await std::move(sleep);
      if (!slept) co_return slept.error();
      request.wait = {};
    }
    auto call = inner_->poll_ready(request);
    auto batch = co_await std::move(call);
    if (!batch) co_return batch;
    auto& entries = batch.value().entries;
    if (is(Defect::split_claim)) {
      if (entries.empty() && claimed_) entries.push_back(*claimed_);
      claimed_ = entries.empty() ? std::nullopt : std::optional{entries.front()};
    }
    if (is(Defect::greedy_group)) {
      std::ranges::sort(entries, {}, [](const auto& entry) { return std::pair{entry.group, entry.ref()}; });
    }
    if (is(Defect::loses_on_supersession)) {
      std::erase_if(entries, [&](const auto& entry) { return lost_.contains(entry.ref()); });
      if (!entries.empty()) last_entry_ = entries.back().ref();
    }
    if (is(Defect::late_by_a_second) && request.wait > 0s && !entries.empty()) {
      auto sleep = clock_.sleep_until(saturating_add(clock_.now(), 1s));
      const auto slept = co_await std::move(sleep);
      if (!slept) co_return slept.error();
    }
    co_return batch;
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    return inner_->poll_commit_ready(std::move(request));
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    return inner_->poll_cleanup_ready(std::move(request));
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    if (is(Defect::ended_once)) cursor.position = std::max(cursor.position, consumed_);
    auto call = inner_->poll_ended(cursor, wait);
    auto batch = co_await std::move(call);
    if (batch) consumed_ = batch.value().cursor.position;
    co_return batch;
  }
  auto job_state(JobId job) -> Async<JobState> override { return inner_->job_state(job); }

  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override {
    std::vector<JobSpec> changed{jobs.begin(), jobs.end()};
    for (auto& job : changed) {
      if (is(Defect::forgets_unique_key)) job.unique_key.clear();
      if (is(Defect::cancel_forgets_cleanup)) job.cleanup.reset();
      spoil_key(job);
    }
    auto call = inner_->submit(changed);
    auto answers = co_await std::move(call);
    if (!answers) co_return answers;
    for (auto& answer : answers.value()) {
      if (answer && is(Defect::silent_on_folds)) answer.value().fold = FoldOutcome::not_coalescible;
      if (answer) continue;
      if (is(Defect::all_or_nothing)) std::ranges::fill(answers.value(), Result<Submitted>{answer.error()});
      if (is(Defect::accepts_cycles) && answer.error() == Errc::cyclic_graph) answer = Submitted{JobId{1}};
    }
    co_return answers;
  }
  auto cancel(JobId job) -> Async<JobState> override {
    auto view_call = inner_->view(job);
    const auto view = co_await std::move(view_call);
    const bool all = is(Defect::cancels_for_all) && view && view.value().submitters > 1;
    for (auto more = all ? view.value().submitters - 1 : 0; more > 0; --more) {
      auto one = inner_->cancel(job);
      const auto cancelled = co_await std::move(one);
      if (!cancelled) co_return cancelled;
    }
    auto call = inner_->cancel(job);
    co_return co_await std::move(call);
  }
  auto view(JobId job) -> Async<JobView> override { return inner_->view(job); }
  auto view_tasks(JobId job, Page page) -> Async<std::vector<TaskView>> override {
    auto call = inner_->view_tasks(job, page);
    auto views = co_await std::move(call);
    if (!views || !is(Defect::done_before_the_work)) co_return views;
    for (auto& view : views.value()) {
      if (view.state == TaskState::folded) view.state = TaskState::succeeded;
    }
    co_return views;
  }
  auto explain(TaskRef task) -> Async<TaskExplanation> override {
    auto call = inner_->explain(task);
    auto explained = co_await std::move(call);
    if (explained && is(Defect::parents_unsaid)) explained.value().waits_for.clear();
    co_return explained;
  }
  auto list(JobFilter filter) -> Async<std::vector<JobView>> override {
    return inner_->list(std::move(filter));
  }
  auto wait(JobId job, Duration timeout) -> Async<JobState> override {
    if (is(Defect::wait_never_wakes)) {
      auto sleep = clock_.sleep_until(saturating_add(clock_.now(), timeout));
      const auto slept = co_await std::move(sleep);
      if (!slept) co_return slept.error();
      timeout = {};
    }
    auto call = inner_->wait(job, timeout);
    co_return co_await std::move(call);
  }
  auto outputs(JobId job, Page page) -> Async<std::vector<TaskOutput>> override {
    auto call = inner_->outputs(job, page);
    auto outputs = co_await std::move(call);
    if (is(Defect::outputs_missing) && outputs && !outputs.value().empty()) outputs.value().pop_back();
    co_return outputs;
  }
  auto retry(JobId job) -> Async<void> override { return inner_->retry(job); }
  auto pause(PauseTarget target) -> Async<void> override { return inner_->pause(std::move(target)); }
  auto resume(PauseTarget target) -> Async<void> override { return inner_->resume(std::move(target)); }
  auto has_pending(std::string resource_group, CoalesceKey key) -> Async<bool> override {
    auto call = inner_->has_pending(std::move(resource_group), std::move(key));
    const auto pending = co_await std::move(call);
    if (pending && is(Defect::forgets_pending)) co_return false;
    co_return pending;
  }

  auto start(std::span<const TaskAssignment> assignments, ManagerId manager)
      -> Async<std::vector<Result<StartedTask>>> override {
    std::vector<TaskAssignment> changed{assignments.begin(), assignments.end()};
    for (auto& assignment : changed) {
      const auto live = live_.find(assignment.scheduler);
      if (is(Defect::stale_start_accepted) && live != live_.end()) assignment.session = live->second;
      if (is(Defect::double_start)) assignment.id = {};
    }
    auto call = inner_->start(changed, manager);
    auto answers = co_await std::move(call);
    if (!answers) co_return answers;
    for (const auto& answer : answers.value()) {
      if (answer) running_[answer.value().instance.task] = answer.value().instance;
    }
    co_return answers;
  }
  auto parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> override {
    return inner_->parent_outputs(instance);
  }
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override {
    std::vector<FinishRequest> changed{requests.begin(), requests.end()};
    for (auto& request : changed) {
      const auto running = running_.find(request.instance.task);
      if (running == running_.end()) continue;
      const bool same_id = running->second.id == request.instance.id;
      const bool forges = is(Defect::accepts_stale_finish) || (is(Defect::fences_on_id_only) && same_id);
      if (forges) request.instance = running->second;
      if (is(Defect::retries_forever)) request.retry = true;
      if (is(Defect::delays_ignored) && request.kind == FinishRequest::Kind::deferred) request.delay = 1ns;
    }
    auto call = inner_->finish(changed);
    auto answers = co_await std::move(call);
    if (!answers) co_return answers;
    for (auto& answer : answers.value()) {
      if (!answer && is(Defect::swallows_stale_finish)) answer = success();
    }
    co_return answers;
  }
  auto renew(ManagerId manager) -> Async<Renewal> override {
    auto call = inner_->renew(manager);
    auto renewal = co_await std::move(call);
    if (renewal && is(Defect::lost_instances_unsaid)) renewal.value().lost.clear();
    co_return renewal;
  }

  auto sweep(std::size_t limit) -> Async<SweepReport> override {
    for (std::uint64_t manager = 1; manager < 4 && is(Defect::renews_forever); ++manager) {
      auto renewal = inner_->renew(ManagerId{manager});
      const auto renewed = co_await std::move(renewal);
      if (!renewed) continue;
    }
    auto call = inner_->sweep(limit);
    co_return co_await std::move(call);
  }
  auto limits() const -> const StorageLimits& override { return inner_->limits(); }
  auto run() -> Async<void> override { return inner_->run(); }

 private:
  [[nodiscard]] auto is(Defect defect) const -> bool { return defect_ == defect; }

  auto spoil_key(JobSpec& job) -> void {
    if (job.tasks.empty() || !job.tasks[0].coalesce || job.tasks[0].coalesce->target.empty()) return;
    if (is(Defect::inserts_equivalents)) job.unique_key = "own" + std::to_string(++submits_);
    if (is(Defect::folds_across_groups)) job.resource_group = "default";
    if (is(Defect::loses_column)) job.tasks[0].coalesce->target.back().emplace();
    if (is(Defect::two_at_once) && ++submits_ % 2 == 0) job.tasks[0].coalesce.reset();
  }

  std::unique_ptr<Storage> inner_;
  Clock& clock_;
  Defect defect_;
  std::map<SchedulerId, SessionId> live_;
  std::map<TaskRef, TaskInstance> running_;
  std::optional<InboundEntry> claimed_;
  std::optional<TaskRef> last_entry_;
  std::set<TaskRef> lost_;
  std::uint64_t consumed_ = 0;
  std::uint64_t submits_ = 0;
};

/// The rules of which the suite finds at least one check broken.
auto broken_rules(Defect defect) -> std::set<std::string> {
  const auto open = [defect](const testing::StorageSetup& setup) -> Result<std::unique_ptr<Storage>> {
    SPIDER_TRY(auto inner, make_memory_storage({.limits = setup.limits}, setup.clock));
    return std::unique_ptr<Storage>{std::make_unique<BrokenStorage>(std::move(inner), setup.clock, defect)};
  };
  std::set<std::string> rules;
  for (const auto& check : testing::storage_checks()) {
    const std::string_view name{check.name};  // of two that cost many tasks for each defect
    if (name == "ABurstHidesNobody" || name == "NothingIsHiddenBehindOthersTasks") continue;
    if (!testing::broken_promises(check, open).empty()) rules.insert(check.rule);
  }
  return rules;
}

struct Expected {
  Defect defect;
  const char* name;
  const char* rule;
};

class BrokenStorages : public ::testing::TestWithParam<Expected> {};

TEST_P(BrokenStorages, FailTheSuite) {
  const auto rules = broken_rules(GetParam().defect);
  EXPECT_TRUE(rules.contains(GetParam().rule)) << ::testing::PrintToString(rules);
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenStorages,
    ::testing::Values(Expected{Defect::fences_on_id_only, "FencesOnIdOnly", "T9"},
                      Expected{Defect::accepts_stale_finish, "AcceptsStaleFinish", "T9"},
                      Expected{Defect::swallows_stale_finish, "SwallowsStaleFinish", "T9"},
                      Expected{Defect::stale_start_accepted, "StaleStartAccepted", "T8"},
                      Expected{Defect::split_claim, "SplitClaim", "T12"},
                      Expected{Defect::loses_on_supersession, "LosesOnSupersession", "T12"},
                      Expected{Defect::lost_wake_up, "LostWakeUp", "T13"},
                      Expected{Defect::ignores_group_max, "IgnoresGroupMax", "T14"},
                      Expected{Defect::ignores_job_max, "IgnoresJobMax", "T14"},
                      Expected{Defect::ignores_max_items, "IgnoresMaxItems", "T13"},
                      Expected{Defect::queues_mixed, "QueuesMixed", "T14"},
                      Expected{Defect::greedy_group, "GreedyGroup", "T14"},
                      Expected{Defect::double_start, "DoubleStart", "T10"},
                      Expected{Defect::forgets_unique_key, "ForgetsUniqueKey", "T1"},
                      Expected{Defect::accepts_cycles, "AcceptsCycles", "T1"},
                      Expected{Defect::all_or_nothing, "AllOrNothing", "T1"},
                      Expected{Defect::late_by_a_second, "LateByASecond", "T15"},
                      Expected{Defect::renews_forever, "RenewsForever", "T11"},
                      Expected{Defect::lost_instances_unsaid, "LostInstancesUnsaid", "T4"},
                      Expected{Defect::cancel_forgets_cleanup, "CancelForgetsCleanup", "T2"},
                      Expected{Defect::wait_never_wakes, "WaitNeverWakes", "T6"},
                      Expected{Defect::outputs_missing, "OutputsMissing", "T5"},
                      Expected{Defect::ended_once, "EndedOnce", "T6"},
                      Expected{Defect::delays_ignored, "DelaysIgnored", "T15"},
                      Expected{Defect::retries_forever, "RetriesForever", "T2"},
                      Expected{Defect::parents_unsaid, "ParentsUnsaid", "F13"},
                      Expected{Defect::inserts_equivalents, "InsertsEquivalents", "Q3"},
                      Expected{Defect::folds_across_groups, "FoldsAcrossGroups", "Q1"},
                      Expected{Defect::loses_column, "LosesColumn", "Q1"},
                      Expected{Defect::cancels_for_all, "CancelsForAll", "Q3"},
                      Expected{Defect::forgets_pending, "ForgetsPending", "Q8"},
                      Expected{Defect::silent_on_folds, "SilentOnFolds", "Q9"},
                      Expected{Defect::done_before_the_work, "DoneBeforeTheWork", "Q4"},
                      Expected{Defect::two_at_once, "TwoAtOnce", "Q5"},
                      Expected{Defect::ignores_slots, "IgnoresSlots", "R4"},
                      Expected{Defect::takes_over_at_once, "TakesOverAtOnce", "R5"},
                      Expected{Defect::looks_all_the_time, "LooksAllTheTime", "R5"},
                      Expected{Defect::deaf_in_slots, "DeafInSlots", "R9"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(SoundStorage, TheDecoratorItselfBreaksNothing) { EXPECT_TRUE(broken_rules(Defect::none).empty()); }

}  // namespace
}  // namespace spider
