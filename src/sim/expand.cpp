// What a seed means.

#include "sim/chance.hpp"
#include "spider/rng.hpp"
#include "spider/sim/case.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sstream>

namespace spider {
inline namespace v1 {
namespace sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<const char*, 11> kPolicies = {
    "fifo",
    "fair-share",
    "job-round-robin",
    "fair-share/job-round-robin",
    "fair-share(overtakes=1)",
    "job-round-robin(active=2,turns=3)",
    "priority",
    "priority(share=2,stale=3)",
    "priority/fair-share",
    "fair-share(weighted=1)",
    "priority(stale=10)/fair-share(weighted=1)/job-round-robin",
};

/// Of a resource group; the same for all its jobs, but for some.
constexpr std::array<double, 4> kWeights = {1, 2, 7.5, 0.25};

/// The highest rate that a kind is drawn at. What stops everything for a while is rare.
auto rate_max(FaultKind kind) -> double {
  switch (kind) {
    case FaultKind::channel_tiny: return 1.0;
    case FaultKind::cancel_race:
    case FaultKind::retry_race:
    case FaultKind::view_stale:
    case FaultKind::ping_lost:
    case FaultKind::manager_restarts_same_name: return 0.5;
    case FaultKind::bump_while_full:
    case FaultKind::enqueue_cancelled: return 0.3;
    case FaultKind::session_superseded:
    case FaultKind::storage_restart:
    case FaultKind::storage_pause:
    case FaultKind::manager_dies_all:
    case FaultKind::core_restart:
    case FaultKind::member_joins:
    case FaultKind::member_leaves:
    case FaultKind::member_killed:
    case FaultKind::member_partitioned:
    case FaultKind::clock_jump_forward:
    case FaultKind::clock_jump_back:
    case FaultKind::clock_rate: return 0.05;
    case FaultKind::policy_throws: return 0.003;
    case FaultKind::policy_slow:
    case FaultKind::handler_slow: return 0.02;
    default: return 0.15;
  }
}

/// The first kind that takes several members; so are those after it.
constexpr auto kMemberFaults = static_cast<std::size_t>(FaultKind::member_joins);

/// A third of the kinds take part, each at a rate of its own.
auto draw_rates(Rng& rng) -> FaultRates {
  FaultRates rates{};
  const auto share = rng.unit() * 0.6;
  for (std::size_t kind = 0; kind < kMemberFaults; ++kind) {
    const auto takes_part = rng.chance(share);
    const auto rate = rng.unit() * rate_max(static_cast<FaultKind>(kind));
    if (takes_part) rates[kind] = rate;
  }
  return rates;
}

auto draw_task(Rng& rng, std::uint32_t position, std::uint64_t most) -> TaskSpec {
  TaskSpec task;
  task.handler = "work";
  if (rng.chance(0.5))
    task.count = static_cast<std::uint32_t>(1 + rng.below(std::max<std::uint64_t>(most, 1)));
  const auto parents = position == 0 ? 0 : rng.below(std::min<std::uint64_t>(position, 3) + 1);
  for (std::uint64_t i = 0; i < parents; ++i) {
    const auto parent = static_cast<std::uint32_t>(rng.below(position));
    if (std::ranges::find(task.parents, parent) == task.parents.end()) task.parents.push_back(parent);
  }
  task.retry.attempts_max = static_cast<std::uint32_t>(1 + rng.below(7));
  task.retry.backoff_first = milliseconds{10 + rng.below(500)};
  task.retry.backoff_max = seconds{2};
  if (rng.chance(0.1)) task.timeout = milliseconds{200 + rng.below(5000)};
  if (rng.chance(0.05)) task.instances_max = 2;
  return task;
}

auto draw_job(Rng& rng, std::uint64_t groups, std::uint64_t tasks) -> JobSpec {
  JobSpec job;
  const auto group = rng.below(groups);
  job.resource_group = "group-" + std::to_string(group);
  job.weight = kWeights[(rng.chance(0.1) ? rng.below(kWeights.size()) : group) % kWeights.size()];
  job.priority = static_cast<PriorityClass>(rng.below(3));
  const auto nodes = 1 + rng.below(8);
  for (std::uint32_t node = 0; node < nodes; ++node)
    job.tasks.push_back(draw_task(rng, node, 2 * tasks / nodes));
  TaskSpec last;
  last.handler = "last";
  if (rng.chance(0.25)) job.commit = last;
  if (rng.chance(0.25)) job.cleanup = last;
  if (rng.chance(0.1)) job.not_before = TimePoint{seconds{rng.below(15)}};
  if (rng.chance(0.05)) job.deadline = saturating_add(job.not_before, seconds{10 + rng.below(60)});
  return job;
}

/// I14: what a storage must refuse.
auto draw_broken_job(Rng& rng) -> JobSpec {
  auto job = draw_job(rng, 1, 4);
  switch (rng.below(5)) {
    case 0: job.tasks.front().parents = {0}; break;
    case 1: job.tasks.front().parents = {4'000'000'000U}; break;
    case 2: job.resource_group = "no spaces"; break;
    case 3: job.tasks.front().retry.backoff_first = milliseconds{-1}; break;
    default: job.tasks.front().count = 0; break;
  }
  return job;
}

auto draw_submits(Rng& rng, SimCase& drawn) -> void {
  const auto jobs = 2 + rng.below(40);
  const auto groups = 1 + rng.below(6);
  const auto tasks = 1 + rng.below(3000 / jobs);
  const auto span = to_seconds(drawn.safety) * rng.unit() * 0.8;
  for (std::uint64_t i = 0; i < jobs; ++i) {
    SubmitEvent event;
    event.at = from_seconds(span * rng.unit());
    event.refused = rng.chance(0.04);
    event.job = event.refused ? draw_broken_job(rng) : draw_job(rng, groups, tasks);
    drawn.submits.push_back(std::move(event));
  }
  std::ranges::sort(drawn.submits, {}, &SubmitEvent::at);
}

/// In one case of three. Draws of their own, so that they change nothing else of a seed.
auto draw_keys(SimCase& drawn) -> void {
  Rng rng{mix64(drawn.seed ^ 0x6b657973U)};
  if (!rng.chance(0.33)) return;
  const auto targets = 1 + rng.below(4);
  for (auto& submit : drawn.submits) {
    for (auto& task : submit.job.tasks) {
      if (task.count != 1 || task.instances_max != 1 || !rng.chance(0.5)) continue;
      task.coalesce = CoalesceKey{"work", {std::to_string(rng.below(targets))}};
    }
  }
}

/// In one case of six several schedulers share the storage. Draws of their own, as for the keys.
auto draw_members(SimCase& drawn) -> void {
  Rng rng{mix64(drawn.seed ^ 0x6d656d62U)};
  if (!rng.chance(1.0 / 6)) return;
  drawn.members = 2 + rng.below(3);
  for (auto kind = kMemberFaults; kind < kFaultKinds; ++kind) {
    const auto takes_part = rng.chance(0.6);
    const auto rate = rng.unit() * rate_max(static_cast<FaultKind>(kind));
    if (takes_part) (*drawn.rates)[kind] = rate;
  }
}

}  // namespace

auto expand(std::uint64_t seed, const std::string& policy) -> SimCase {
  Rng rng{mix64(seed)};
  SimCase drawn;
  drawn.seed = seed;
  drawn.policy = kPolicies[rng.below(kPolicies.size())];
  if (!policy.empty()) drawn.policy = policy;
  drawn.capacity = std::size_t{1} << (2 + rng.below(7));
  drawn.buffered_max = std::size_t{1} << (4 + rng.below(8));
  if (rng.chance(0.5)) drawn.latency_max = milliseconds{1 + rng.below(200)};
  drawn.task_seconds_max = milliseconds{1 + rng.below(1000)};
  drawn.safety = seconds{8 + rng.below(15)};
  draw_submits(rng, drawn);
  draw_keys(drawn);
  const auto managers = 1 + rng.below(5);
  for (std::uint64_t i = 0; i < managers; ++i) {
    drawn.managers.push_back(
        {.at = milliseconds{rng.below(2000)}, .batch = 1 + rng.below(32), .lanes = 1 + rng.below(3)});
  }
  drawn.rates = draw_rates(rng);
  if (rng.chance(0.5)) {
    drawn.idle_workers = 1 + rng.below(12);
    drawn.claimants = 1 + rng.below(6);
  }
  draw_members(drawn);
  return drawn;
}

auto describe(const SimCase& what) -> std::string {
  std::ostringstream text;
  std::uint64_t tasks = 0;
  for (const auto& submit : what.submits) {
    for (const auto& task : submit.job.tasks) tasks += task.count;
  }
  text << "seed=" << what.seed << " policy=" << what.policy << " capacity=" << what.capacity
       << " buffered=" << what.buffered_max << " latency=" << to_seconds(what.latency_max)
       << "s task=" << to_seconds(what.task_seconds_max) << "s safety=" << to_seconds(what.safety)
       << "s jobs=" << what.submits.size() << " tasks=" << tasks << " managers=";
  for (std::size_t i = 0; i < what.managers.size(); ++i) {
    text << (i == 0 ? "" : "+") << what.managers[i].lanes << 'x' << what.managers[i].batch;
  }
  if (what.idle_workers > 0) text << " idle=" << what.claimants << '/' << what.idle_workers;
  if (what.members > 1) text << " members=" << what.members;
  text << " faults=";
  if (!what.rates) text << what.faults.size();
  for (std::size_t kind = 0; what.rates && kind < kFaultKinds; ++kind) {
    if ((*what.rates)[kind] > 0)
      text << to_string(static_cast<FaultKind>(kind)) << ':' << (*what.rates)[kind] << ',';
  }
  return text.str();
}

}  // namespace sim
}  // namespace v1
}  // namespace spider
