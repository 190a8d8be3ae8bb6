// Q12: random interleavings of submit, poll, start, succeed, fail, defer and cancel on up to five keys,
// against a model that is too simple to be wrong.

#include "spider/rng.hpp"
#include "spider/storage/memory.hpp"
#include "sqlite_fixture.hpp"
#include "support/seed.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace spider {
namespace {

using namespace std::chrono_literals;

struct KeyedJob {
  std::string key;
  bool joinable = true;
  PriorityClass priority = 0;
  std::uint32_t submitters = 1;
  TaskState state = TaskState::ready;
  TimePoint ready_at{};
  std::uint64_t last_submit = 0;  // number of the event
  JobId leader{};
};

struct CoalescingRun {
  std::uint64_t began = 0;  // number of the event
  TaskInstance instance;
};

auto strict() -> StorageLimits {
  StorageLimits limits;
  limits.lower_class_share = 0;
  return limits;
}

/// One model, one interleaving, in a resource group of its own. Clock and storage outlive it.
class Interleaving {
 public:
  Interleaving(std::uint64_t seed, VirtualClock& clock, Storage& storage)
      : clock_{clock},
        storage_{storage},
        group_{"group" + std::to_string(seed)},
        rng_{seed},
        keys_{1 + rng_.below(5)} {
    me_ = run(storage_.register_scheduler(SchedulerInfo{})).value();
  }

  auto play(int steps) -> void {
    for (int step = 0; step < steps && !::testing::Test::HasFatalFailure(); ++step) {
      ++event_;
      const auto what = rng_.below(16);
      if (what < 5) submit();
      if (what == 5 || what == 6) poll();
      if (what > 6 && what < 11) start();
      if (what > 10 && what < 14) finish();
      if (what == 14) cancel();
      if (what == 15) clock_.run_for(std::chrono::milliseconds{rng_.below(300)});
    }
    drain();
    compare();
    for (const auto& [key, runs] : final_runs_) EXPECT_LE(runs, submits_[key]) << "runs of " << key;
  }

 private:
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }

  auto submit() -> void {
    JobSpec spec;
    spec.resource_group = group_;
    spec.priority = static_cast<PriorityClass>(rng_.below(3));
    auto& task = spec.tasks.emplace_back();
    task.handler = "work";
    task.retry.attempts_max = 1;
    const auto key = "key" + std::to_string(rng_.below(keys_));
    task.coalesce = CoalesceKey{"work", {key}};
    const bool joinable = rng_.below(3) > 0;
    if (!joinable) spec.cleanup.emplace().handler = "tidy";
    ++submits_[key];
    const auto answer = run(storage_.submit(std::span{&spec, 1})).value().at(0).value();
    const auto expected = joinable ? find_queued(key) : JobId{};
    ASSERT_EQ(answer.existing, static_cast<bool>(expected)) << "job " << answer.job.value;
    if (expected) {
      ASSERT_EQ(answer.job, expected);
      auto& job = jobs_[expected];
      ++job.submitters;
      job.priority = std::min(job.priority, spec.priority);
      job.last_submit = event_;
    } else {
      ASSERT_FALSE(jobs_.contains(answer.job));
      KeyedJob job{.key = key, .joinable = joinable, .priority = spec.priority};
      job.ready_at = clock_.now();
      job.last_submit = event_;
      jobs_[answer.job] = job;
    }
  }

  /// The job that a submit joins: queued and due, the longest ready first.
  auto find_queued(const std::string& key) -> JobId {
    JobId found;
    for (const auto& [id, job] : jobs_) {
      if (job.key != key || !job.joinable || job.state != TaskState::ready) continue;
      if (job.ready_at > clock_.now()) continue;
      if (!found || job.ready_at < jobs_[found].ready_at) found = id;
    }
    return found;
  }

  auto poll() -> void {
    PollRequest request;
    request.scheduler = me_.scheduler;
    request.session = me_.session;
    const auto entries = run(storage_.poll_ready(request)).value().entries;
    for (const auto& entry : entries) polled_.insert(entry.job);
    for (const auto& entry : entries) check_offer(entry);
  }

  auto check_offer(const InboundEntry& entry) -> void {
    const auto& job = jobs_.at(entry.job);
    ASSERT_EQ(job.state, TaskState::ready) << "job " << entry.job.value;
    ASSERT_FALSE(runs_.contains(job.key)) << "offered beside a run, job " << entry.job.value;
    ASSERT_LE(job.ready_at, clock_.now());
    ASSERT_EQ(entry.priority, job.priority);
    auto first = std::pair{job.priority, entry.job};
    for (const auto& [id, other] : jobs_) {
      if (other.key != job.key || other.state != TaskState::ready || other.ready_at > clock_.now()) continue;
      first = std::min(first, std::pair{other.priority, id});
    }
    ASSERT_TRUE(polled_.contains(first.second))
        << "job " << first.second.value << " is first, and not offered";
  }

  auto pick_job() -> JobId {
    if (jobs_.empty()) return {};
    auto chosen = jobs_.begin();
    std::advance(chosen, rng_.below(jobs_.size()));
    return chosen->first;
  }

  auto start() -> void {
    const auto id = pick_job();
    if (!id) return;
    TaskAssignment assignment;
    assignment.id = AssignmentId{event_};
    assignment.job = id;
    assignment.scheduler = me_.scheduler;
    assignment.session = me_.session;
    const auto answer = run(storage_.start(std::span{&assignment, 1}, ManagerId{1})).value().at(0);
    auto& job = jobs_[id];
    const bool admitted =
        job.state == TaskState::ready && job.ready_at <= clock_.now() && !runs_.contains(job.key);
    ASSERT_EQ(answer.has_value(), admitted) << "job " << id.value << " in " << to_string(job.state);
    if (!admitted) return;
    job.state = TaskState::running;
    runs_[job.key] = {event_, answer.value().instance};
    std::uint32_t folded = 0;
    for (auto& [other_id, other] : jobs_) {
      if (other.key != job.key || other.state != TaskState::ready) continue;
      other.state = TaskState::folded;
      other.leader = id;
      ++folded;
    }
    ASSERT_EQ(answer.value().folded, folded);
    ASSERT_EQ(answer.value().fold, folded > 0 ? FoldOutcome::folded : FoldOutcome::key_differs);
  }

  auto finish() -> void {
    if (runs_.empty()) return;
    auto chosen = runs_.begin();
    std::advance(chosen, rng_.below(runs_.size()));
    finish(chosen->first, static_cast<FinishRequest::Kind>(rng_.below(2) == 0 ? 0 : rng_.below(4)));
  }

  auto finish(std::string key, FinishRequest::Kind kind) -> void {
    const auto current = runs_.extract(key).mapped();
    const auto leader = current.instance.task.job;
    FinishRequest request{current.instance, kind};
    request.retry = false;
    ASSERT_TRUE(run(storage_.finish(std::span{&request, 1})).value().at(0).has_value());
    const auto end = kind == FinishRequest::Kind::succeeded ? TaskState::succeeded
                     : kind == FinishRequest::Kind::failed  ? TaskState::failed
                                                            : TaskState::ready;
    if (end != TaskState::ready) ++final_runs_[key];
    auto at = clock_.now();
    if (end == TaskState::ready) at = run(storage_.view_tasks(leader, {})).value().at(0).ready_at;
    jobs_[leader].state = end;
    jobs_[leader].ready_at = at;
    if (end == TaskState::ready) polled_.erase(leader);
    if (end == TaskState::succeeded) observed(leader, current);
    for (auto& [id, job] : jobs_) {
      if (job.state != TaskState::folded || job.leader != leader) continue;
      job.state = end == TaskState::succeeded ? TaskState::succeeded : TaskState::ready;
      job.ready_at = at;
      if (end == TaskState::succeeded) observed(id, current);
      polled_.erase(id);
    }
  }

  /// The work of every submit was done by a run that began after it.
  auto observed(JobId id, const CoalescingRun& current) -> void {
    EXPECT_LT(jobs_[id].last_submit, current.began) << "job " << id.value << " succeeded by an earlier run";
  }

  auto cancel() -> void {
    const auto id = pick_job();
    if (!id || has_ended(jobs_[id].state)) return;
    ASSERT_TRUE(run(storage_.cancel(id)).has_value());
    auto& job = jobs_[id];
    if (--job.submitters > 0) return;
    const bool ran = job.state == TaskState::running;
    job.state = TaskState::cancelled;
    if (!ran) return;
    runs_.erase(job.key);
    ++final_runs_[job.key];
    for (auto& [other_id, other] : jobs_) {
      if (other.state != TaskState::folded || other.leader != id) continue;
      other.state = TaskState::ready;
      other.ready_at = clock_.now();
      polled_.erase(other_id);
    }
  }

  /// Runs what is left, by offers only: nothing is lost, and nothing runs in vain.
  auto drain() -> void {
    for (int round = 0; round < 100 && !::testing::Test::HasFatalFailure(); ++round) {
      while (!runs_.empty()) finish(runs_.begin()->first, FinishRequest::Kind::succeeded);
      bool open = false;
      for (const auto& [id, job] : jobs_) open = open || !has_ended(job.state);
      if (!open) return;
      clock_.run_for(20s);
      poll();
      for (const auto& [id, job] : jobs_) {
        if (job.state != TaskState::ready || !polled_.contains(id) || runs_.contains(job.key)) continue;
        start_polled(id);
        break;
      }
    }
    ADD_FAILURE() << "work is left";
  }
  auto start_polled(JobId id) -> void {
    TaskAssignment assignment;
    assignment.job = id;
    assignment.scheduler = me_.scheduler;
    assignment.session = me_.session;
    const auto answer = run(storage_.start(std::span{&assignment, 1}, ManagerId{1})).value().at(0);
    ASSERT_TRUE(answer.has_value()) << "job " << id.value;
    auto& job = jobs_[id];
    job.state = TaskState::running;
    runs_[job.key] = {++event_, answer.value().instance};
    for (auto& [other_id, other] : jobs_) {
      if (other.key != job.key || other.state != TaskState::ready) continue;
      other.state = TaskState::folded;
      other.leader = id;
    }
  }

  auto compare() -> void {
    for (const auto& [id, job] : jobs_) {
      const auto view = run(storage_.view_tasks(id, {})).value().at(0);
      EXPECT_EQ(view.state, job.state) << "job " << id.value;
      EXPECT_EQ(run(storage_.view(id)).value().submitters, std::max(job.submitters, 1U));
    }
    for (const auto& [key, submits] : submits_) {
      EXPECT_FALSE(run(storage_.has_pending(group_, CoalesceKey{"work", {key}})).value()) << key;
    }
  }

  VirtualClock& clock_;
  Storage& storage_;
  std::string group_;
  Registration me_;
  Rng rng_;
  std::uint64_t keys_;
  std::uint64_t event_ = 0;
  std::map<JobId, KeyedJob> jobs_;
  std::map<std::string, CoalescingRun> runs_;
  std::map<std::string, std::uint64_t> submits_;
  std::map<std::string, std::uint64_t> final_runs_;
  std::set<JobId> polled_;  // since it was queued last
};

/// `count` seeds from `first` on, or the one that SPIDER_SEED names. A sanitizer looks at the code, not at
/// the number of interleavings: a twentieth is enough for it.
template <class Play>
auto play_seeds(std::uint64_t first, std::uint64_t count, Play play) -> void {
#ifdef SPIDER_SANITIZED
  count /= 20;
#endif
  if (const auto chosen = testing::chosen_seed()) first = *chosen, count = 1;
  for (auto seed = first; seed < first + count; ++seed) {
    play(seed, 8 + static_cast<int>(seed % 32));
    ASSERT_FALSE(::testing::Test::HasFailure()) << "SPIDER_SEED=" << seed;
  }
}

/// A hundred thousand interleavings, in ten parts.
class CoalescingModel : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(CoalescingModel, MemoryHoldsInTenThousandInterleavings) {
  play_seeds(10'000 * GetParam() + 1, 10'000, [](std::uint64_t seed, int steps) {
    asio::io_context context;
    VirtualClock clock{context};
    const auto storage = make_memory_storage({.limits = strict()}, clock).value();
    Interleaving{seed, clock, *storage}.play(steps);
  });
}
INSTANTIATE_TEST_SUITE_P(Parts, CoalescingModel, ::testing::Range<std::uint64_t>(0, 10));

TEST(CoalescingModelOfSqlite, HoldsInEveryInterleaving) {
  const TemporaryFolder folder;
  SqliteStorageOptions options{folder / "file"};
  options.limits = strict();
  SqliteFixture storage{options};
  play_seeds(1, 300, [&](std::uint64_t seed, int steps) {
    Interleaving{seed, storage.clock(), *storage.operator->()}.play(steps);
  });
  EXPECT_TRUE(check_sqlite_storage(options.path).value().complaints.empty());
}

}  // namespace
}  // namespace spider
