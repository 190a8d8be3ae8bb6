#include "spider/testing/policy_trial.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace spider {
inline namespace v1 {
namespace testing {
namespace {

auto facts(const InboundEntry& entry) {
  return std::tuple{entry.job,       entry.group,      entry.coalesce_key, entry.created_at, entry.ready_at,
                    entry.deadline,  entry.estimate,   entry.task,         entry.weight,     entry.queue,
                    entry.deferrals, entry.deliveries, entry.priority};
}

constexpr std::ptrdiff_t kFailuresMax = 5;  // of one promise

/// Jobs 1 … 24 in groups 1 … 6; each task is made once.
class Workload {
 public:
  explicit Workload(std::uint64_t seed) : rng_{seed} {}

  auto entry() -> InboundEntry {
    InboundEntry entry;
    entry.job = job();
    entry.group = ResourceGroupId{1 + entry.job.value % 6};
    entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(entry.job.value / 2)}};
    entry.ready_at = entry.created_at + Duration{static_cast<std::int64_t>(rng_.below(1'000))};
    entry.task = TaskId{tasks_[entry.job]++};
    entry.estimate = Duration{static_cast<std::int64_t>(rng_.below(1'000))};
    entry.priority = static_cast<PriorityClass>(rng_.below(3));
    entry.deliveries = static_cast<std::uint16_t>(rng_.below(3));
    return entry;
  }
  auto job() -> JobId { return JobId{1 + rng_.below(24)}; }
  auto rng() -> Rng& { return rng_; }

 private:
  Rng rng_;
  std::map<JobId, std::uint32_t> tasks_;
};

}  // namespace

auto describe(TaskRef ref) -> std::string {
  return "job " + std::to_string(ref.job.value) + " task " + to_string(ref.task);
}

PolicyTrial::PolicyTrial(const PolicyFactory& make, std::uint64_t seed)
    : seed_{seed}, policy_{make()}, traits_{policy_->traits()} {}

auto PolicyTrial::fail(PolicyPromise promise, const std::string& what) -> void {
  const auto alike = std::count_if(failures_.begin(), failures_.end(),
                                   [promise](const auto& failure) { return failure.first == promise; });
  if (alike == kFailuresMax) return;
  failures_.emplace_back(promise, traits_.name + ", seed " + std::to_string(seed_) + ", call " +
                                      std::to_string(step_) + ": " + what);
}

auto PolicyTrial::failures(PolicyPromise promise) const -> PolicyFailures {
  PolicyFailures found;
  for (const auto& [broken, what] : failures_) {
    if (broken == promise) found.push_back(what);
  }
  return found;
}

auto PolicyTrial::check_size(PolicyPromise promise) -> void {
  if (size_is_wrong_ || policy_->size() == held_.size()) return;
  size_is_wrong_ = true;
  fail(promise, "size() is " + std::to_string(policy_->size()) + ", but " + std::to_string(held_.size()) +
                    " entries are held");
}

auto PolicyTrial::admit(const InboundEntry& entry) -> void {
  ++step_;
  now_ += Duration{1};
  held_.emplace(entry.ref(), entry);
  policy_->admit(entry, now_);
  check_size(PolicyPromise::returns_each_once);
}

auto PolicyTrial::ask() -> std::optional<InboundEntry> {
  auto entry = policy_->next(now_);
  if (entry || held_.empty()) return entry;
  if (traits_.work_conserving) {
    fail(PolicyPromise::conserves_work,
         "next() answers nothing although " + std::to_string(held_.size()) + " entries are held");
    return entry;
  }
  const auto wake_at = policy_->wake_at();
  if (!wake_at || *wake_at <= now_) {
    fail(PolicyPromise::conserves_work, "next() answers nothing, and wake_at() names no later time");
    return entry;
  }
  now_ = *wake_at;
  entry = policy_->next(now_);
  if (!entry) fail(PolicyPromise::conserves_work, "next() answers nothing at its own wake_at()");
  return entry;
}

auto PolicyTrial::take() -> std::optional<InboundEntry> {
  ++step_;
  const auto entry = ask();
  if (entry) accept(*entry);
  check_size(PolicyPromise::returns_each_once);
  return entry;
}

auto PolicyTrial::accept(const InboundEntry& entry) -> void {
  const auto held = held_.find(entry.ref());
  if (held == held_.end()) {
    const auto before = std::find(returned_.begin(), returned_.end(), entry.ref()) != returned_.end();
    fail(PolicyPromise::returns_each_once,
         describe(entry.ref()) + (before ? " is returned twice" : " is returned, but was not held"));
  } else {
    if (facts(held->second) != facts(entry)) {
      fail(PolicyPromise::returns_each_once, describe(entry.ref()) + " is returned changed");
    }
    held_.erase(held);
  }
  returned_.push_back(entry.ref());
}

// A script makes the tasks of a job in the order of their indices.
auto PolicyTrial::take_oldest(JobId job) -> void {
  ++step_;
  const auto entry = policy_->take_oldest(job, now_);
  const auto held =
      std::count_if(held_.begin(), held_.end(), [&](const auto& one) { return one.first.job == job; });
  if (entry.has_value() != (held > 0)) {
    return fail(PolicyPromise::takes_oldest, "take_oldest() answers " +
                                                 std::string{entry ? "an entry" : "nothing"} + ", " +
                                                 std::to_string(held) + " of the job are held");
  }
  if (!entry) return;
  for (const auto& [ref, other] : held_) {
    if (ref.job != job || other.priority != entry->priority || ref.task >= entry->task) continue;
    fail(PolicyPromise::takes_oldest,
         "take_oldest() returns one that was admitted later than " + describe(ref));
  }
  accept(*entry);
  check_size(PolicyPromise::takes_oldest);
}

auto PolicyTrial::drop(JobId job) -> void {
  ++step_;
  const auto expected = std::erase_if(held_, [job](const auto& held) { return held.first.job == job; });
  const auto dropped = policy_->drop_job(job);
  if (dropped != expected) {
    fail(PolicyPromise::drops_jobs,
         "drop_job() says " + std::to_string(dropped) + " instead of " + std::to_string(expected));
  }
  check_size(PolicyPromise::drops_jobs);
}

auto PolicyTrial::clear() -> void {
  ++step_;
  held_.clear();
  policy_->clear();
  check_size(PolicyPromise::clears);
  if (policy_->next(now_)) fail(PolicyPromise::clears, "next() returns an entry after clear()");
}

auto PolicyTrial::feed_back(const InboundEntry& entry) -> void {
  ++step_;
  policy_->finished(entry, entry.estimate);
}

auto PolicyTrial::drain() -> void {
  for (auto left = held_.size() + 1; left > 0 && !held_.empty(); --left) {
    if (!take()) break;
  }
  if (!held_.empty()) {
    fail(PolicyPromise::returns_each_once, describe(held_.begin()->first) + " and " +
                                               std::to_string(held_.size() - 1) + " more are never returned");
  }
  if (policy_->next(now_)) fail(PolicyPromise::returns_each_once, "next() answers when nothing is held");
}

auto PolicyTrial::check_places() -> void {
  const auto kind = traits_.places;
  const auto gone = returned_.empty() ? TaskRef{JobId{999'999}, TaskId{0}} : returned_.back();
  if (!held_.contains(gone) && policy_->place(gone.job, gone.task)) {
    fail(PolicyPromise::places, describe(gone) + " has a place, but is not held");
  }
  std::map<TaskRef, QueuePlace> places;
  for (const auto& [ref, entry] : held_) {
    const auto place = policy_->place(ref.job, ref.task);
    if (place.has_value() != (kind != PlaceKind::none)) {
      fail(PolicyPromise::places, describe(ref) + " has a place only if traits() declare places");
    } else if (place) {
      if (place->in_group == 0) fail(PolicyPromise::places, describe(ref) + " has place 0");
      places.emplace(ref, *place);
    }
  }
  if (kind != PlaceKind::exact && kind != PlaceKind::within_group) return;
  std::map<ResourceGroupId, std::uint64_t> in_group;
  for (std::uint64_t in_global = 1; !held_.empty(); ++in_global) {
    const auto entry = take();
    if (!entry) return;
    const auto& place = places[entry->ref()];
    if (place.in_group != ++in_group[entry->group] ||
        (kind == PlaceKind::exact && place.in_global != in_global)) {
      fail(PolicyPromise::places, describe(entry->ref()) + " is returned at another place than stated");
    }
  }
}

auto run_script(PolicyTrial& trial, const PolicyScript& script) -> void {
  Workload workload{script.seed};
  auto& rng = workload.rng();
  for (std::size_t step = 0; step < script.steps; ++step) {
    // Phases of growth and of shrinking, so that groups and jobs run empty now and then.
    const auto growing = (step / script.backlog) % 2 == 0;
    const auto draw = rng.unit();
    if (draw < script.clears) {
      trial.clear();
    } else if (draw < script.clears + script.drops) {
      trial.drop(workload.job());
    } else if (draw < script.clears + script.drops + script.takes) {
      trial.take_oldest(workload.job());
    } else if (rng.chance(growing ? 0.7 : 0.3)) {
      const auto entry = workload.entry();
      if (trial.held().size() < script.backlog) trial.admit(entry);
    } else if (const auto taken = trial.take(); taken && rng.chance(0.3)) {
      trial.feed_back(*taken);
    }
  }
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
