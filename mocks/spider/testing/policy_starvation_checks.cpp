#include "spider/rng.hpp"
#include "spider/testing/policy_suite.hpp"
#include "spider/testing/policy_trial.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <string>
#include <utility>

namespace spider {
inline namespace v1 {
namespace testing {
namespace {

/// What keeps arriving, to get ahead of what waits.
enum class Stream : std::uint8_t { one_job, new_jobs, older_jobs, new_groups, same_groups, urgent, anything };
constexpr std::array<const char*, 7> kStreams{
    "tasks of one job", "new jobs",     "jobs submitted earlier", "new groups",
    "returning groups", "urgent tasks", "all kinds of tasks"};

/// Entries of each stream, and victims in between.
class Adversary {
 public:
  Adversary(Stream stream, std::uint64_t seed) : stream_{stream}, rng_{seed} {}

  auto victim() -> InboundEntry {
    const auto group = 1 + rng_.below(3);
    return entry(group, kVictims + 2 * group + rng_.below(2), 2);
  }

  auto next() -> InboundEntry {
    auto stream = stream_;
    if (stream == Stream::anything) stream = static_cast<Stream>(rng_.below(6));
    const auto fresh = ++fresh_;
    switch (stream) {
      case Stream::one_job: return entry(1, kVictims + 2, 1);
      case Stream::new_jobs: return entry(1, kYounger + fresh, 1);
      case Stream::older_jobs: return entry(1, kVictims - fresh, 1);
      case Stream::new_groups: return entry(1'000 + fresh, kYounger + fresh, 1);
      case Stream::same_groups: return entry(100 + fresh % 50, kYounger + fresh, 1);
      case Stream::urgent:
      case Stream::anything: break;
    }
    return entry(1 + fresh % 3, kYounger + fresh, 0);
  }

  auto rng() -> Rng& { return rng_; }

 private:
  static constexpr std::uint64_t kVictims = 10'000'000;  // jobs are submitted in the order of their ids
  static constexpr std::uint64_t kYounger = 20'000'000;

  auto entry(std::uint64_t group, std::uint64_t job, PriorityClass priority) -> InboundEntry {
    InboundEntry entry;
    entry.group = ResourceGroupId{group};
    entry.job = JobId{job};
    entry.task = TaskId{tasks_++ & TaskId::kIndexMax};
    entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(job)}};
    entry.priority = priority;
    return entry;
  }

  Stream stream_;
  Rng rng_;
  std::uint64_t fresh_ = 0;
  std::uint32_t tasks_ = 0;
};

/// Everything that waits, with the shape that the backlog had meanwhile.
class Waits {
 public:
  explicit Waits(StarvationBound bound) : bound_{std::move(bound)} {}

  [[nodiscard]] auto size() const -> std::size_t { return waits_.size(); }

  auto admitted(const InboundEntry& entry) -> void {
    Wait fresh{entry, {}, 0};
    for (auto& [ref, wait] : waits_) {
      if (ref.job == entry.job) {
        ++fresh.shape.entries_ahead;
      } else if (std::pair{entry.created_at, entry.job} < std::pair{wait.entry.created_at, wait.entry.job}) {
        const auto own = wait.entry.group == entry.group;
        ++(own ? wait.shape.older_arrivals : wait.shape.older_arrivals_elsewhere);
      }
    }
    waits_.emplace(entry.ref(), fresh);
    ++jobs_[entry.group][entry.job];
    ++classes_[entry.priority];
    widen();
  }

  /// What is wrong with this answer, or nothing.
  auto returned(const InboundEntry& entry) -> std::string {
    for (auto& [ref, wait] : waits_) ++wait.returned;
    const auto at = waits_.find(entry.ref());
    if (at == waits_.end()) return "an entry is returned that was not held: " + describe(entry.ref());
    const auto wait = at->second;
    waits_.erase(at);
    auto& jobs = jobs_[entry.group];
    if (--jobs[entry.job] == 0) jobs.erase(entry.job);
    if (jobs.empty()) jobs_.erase(entry.group);
    if (--classes_[entry.priority] == 0) classes_.erase(entry.priority);
    return judge(wait);
  }

  auto overdue() const -> std::string {
    for (const auto& [ref, wait] : waits_) {
      if (auto what = judge(wait); !what.empty()) return what;
    }
    return {};
  }

 private:
  struct Wait {
    InboundEntry entry;
    BacklogShape shape;
    std::uint64_t returned = 0;
  };

  [[nodiscard]] auto judge(const Wait& wait) const -> std::string {
    const auto bound = bound_(wait.shape);
    if (!bound || wait.returned <= *bound) return {};
    return describe(wait.entry.ref()) + " waits for " + std::to_string(wait.returned) +
           " entries, the declared bound is " + std::to_string(*bound);
  }

  auto widen() -> void {
    std::size_t jobs = 0;
    for (const auto& [group, held] : jobs_) jobs = std::max(jobs, held.size());
    for (auto& [ref, wait] : waits_) {
      auto& shape = wait.shape;
      shape.entries = std::max<std::uint64_t>(shape.entries, waits_.size());
      shape.jobs = std::max<std::uint64_t>(shape.jobs, jobs);
      shape.groups = std::max<std::uint64_t>(shape.groups, jobs_.size());
      shape.classes = std::max<std::uint64_t>(shape.classes, classes_.size());
    }
  }

  StarvationBound bound_;
  std::map<TaskRef, Wait> waits_;
  std::map<ResourceGroupId, std::map<JobId, std::uint64_t>> jobs_;
  std::map<PriorityClass, std::uint64_t> classes_;
};

auto attack(const PolicyFactory& make, Stream stream, std::uint64_t seed, std::size_t steps) -> std::string {
  const auto policy = make();
  const auto traits = policy->traits();
  if (!traits.starvation_bound) return {};
  Adversary adversary{stream, seed};
  Waits waits{traits.starvation_bound};
  TimePoint now{};
  const auto admit = [&](const InboundEntry& entry) {
    waits.admitted(entry);
    policy->admit(entry, now);
  };
  for (int first = 0; first < 12; ++first) admit(adversary.victim());
  for (std::size_t step = 0; step < steps; ++step) {
    now += Duration{1};
    if (adversary.rng().chance(0.02) && waits.size() < 24) admit(adversary.victim());
    while (waits.size() < 8 + step / 64 % 8) admit(adversary.next());
    if (adversary.rng().chance(0.5)) admit(adversary.next());
    for (auto takes = waits.size() > 16 ? 2 : 1; takes > 0; --takes) {
      const auto entry = policy->next(now);
      if (!entry) {
        now = std::max(now, policy->wake_at().value_or(now));
        continue;
      }
      if (auto what = waits.returned(*entry); !what.empty()) return what;
    }
  }
  return waits.overdue();
}

}  // namespace

auto check_policy_starvation_bound(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  PolicyFailures failures;
  for (std::size_t stream = 0; stream < kStreams.size(); ++stream) {
    std::string what;
    try {
      what = attack(make, static_cast<Stream>(stream), options.seed, 10 * options.steps);
    } catch (const std::exception& error) {
      what = std::string{"the policy throws: "} + error.what();
    }
    if (what.empty()) continue;
    failures.push_back("seed " + std::to_string(options.seed) + ", under a stream of " + kStreams[stream] +
                       ": " + what);
  }
  return failures;
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
