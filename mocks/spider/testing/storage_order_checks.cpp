#include "spider/testing/storage_trial.hpp"

#include <algorithm>
#include <map>

// The order of offers.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

auto jobs_of(const std::vector<InboundEntry>& entries) -> std::vector<JobId> {
  std::vector<JobId> jobs;
  for (const auto& entry : entries) jobs.push_back(entry.job);
  return jobs;
}

auto groups_in_turn(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto alice = trial.job(flat_job(4, "alice"));
  const auto bob = trial.job(flat_job(2, "bob"));
  const auto carol = trial.job(flat_job(1, "carol"));
  trial.expect(jobs_of(trial.poll()) == std::vector{alice, bob, carol, alice, bob, alice, alice},
               "round-robin over resource groups");
}

auto jobs_in_turn(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto first = trial.job(flat_job(3));
  const auto second = trial.job(flat_job(1));
  const auto third = trial.job(flat_job(2));
  const auto entries = trial.poll();
  trial.expect(jobs_of(entries) == std::vector{first, second, third, first, third, first},
               "round-robin over a group's jobs, oldest first");
  std::vector<TaskId> of_first;
  for (const auto& entry : entries) {
    if (entry.job == first) of_first.push_back(entry.task);
  }
  trial.expect(of_first == std::vector{TaskId{0}, TaskId{1}, TaskId{2}}, "a job's tasks oldest first");
}

auto turns_go_on(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(flat_job(9, "alice"));
  trial.job(flat_job(9, "bob"));
  trial.job(flat_job(9, "carol"));
  Ask one;
  one.max_items = 1;
  std::map<ResourceGroupId, int> served;
  for (int i = 0; i < 9; ++i) {
    for (const auto& entry : trial.poll(one)) ++served[entry.group];
  }
  trial.expect(served.size() == 3 && std::ranges::all_of(served, [](const auto& s) { return s.second == 3; }),
               "turns go on from poll to poll");
}

auto order_of_readiness(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  JobSpec spec;
  spec.tasks = {work(), work(), work({1}), work({0}), work({0})};
  const auto id = trial.job(spec);
  trial.poll();
  trial.succeed({id, TaskId{1}});
  trial.succeed({id, TaskId{0}});
  std::vector<TaskId> order;
  for (const auto& entry : trial.poll()) order.push_back(entry.task);
  trial.expect(order == std::vector{TaskId{2}, TaskId{3}, TaskId{4}},
               "in the order in which parents ended, then in which children were declared");
}

auto queues_in_order(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job(2);
  spec.queue = "slow";
  const auto slow = trial.job(spec);
  spec.queue = "fast";
  const auto fast = trial.job(spec);
  spec.queue = "foreign";
  trial.job(spec);
  Ask ask;
  ask.queues = {"fast", "slow"};
  trial.expect(jobs_of(trial.poll(ask)) == std::vector{fast, fast, slow, slow},
               "queues in the request's order, and no other queue");
}

auto classes_with_share(StorageTrial& trial) -> void {
  StorageLimits limits;
  limits.lower_class_share = 4;
  if (!trial.open(limits)) return;
  auto spec = flat_job(8);
  spec.priority = 200;
  const auto low = trial.job(spec);
  spec.priority = 7;
  const auto middle = trial.job(spec);
  spec.priority = 0;
  const auto urgent = trial.job(spec);
  Ask eight;
  eight.max_items = 8;
  trial.expect(
      jobs_of(trial.poll(eight)) == std::vector{urgent, urgent, urgent, middle, urgent, urgent, urgent, low},
      "most urgent first, one offer in so many to the lower classes in turn");
  const auto rest = trial.poll();
  trial.expect(rest.size() == 16 && rest.back().job == low, "all are offered in the end");
}

auto maxima(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  for (int i = 0; i < 3; ++i) trial.job(flat_job(10, "alice"));
  trial.job(flat_job(10, "bob"));
  Ask ask;
  ask.per_group_max = 4;
  ask.per_job_max = 3;
  std::map<ResourceGroupId, int> groups;
  std::map<JobId, int> jobs;
  const auto entries = trial.poll(ask);
  for (const auto& entry : entries) {
    ++groups[entry.group];
    ++jobs[entry.job];
  }
  trial.expect(std::ranges::all_of(groups, [](const auto& g) { return g.second <= 4; }), "per_group_max");
  trial.expect(std::ranges::all_of(jobs, [](const auto& j) { return j.second <= 3; }), "per_job_max");
  trial.expect(entries.size() == 7, "as much as the maxima allow: 4 of alice's, 3 of bob's one job");
  trial.expect(trial.poll().size() == 33, "the rest is still there");
}

auto burst_hides_nobody(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  std::uint32_t left = std::min(1'000'000U, trial.storage().limits().tasks_per_job_max);
  for (int i = 0; i < 10; ++i) trial.job(flat_job(left / 10, "flood"));
  const auto single = trial.job(flat_job(1, "drop"));
  Ask ask;
  ask.max_items = 64;
  const auto entries = trial.poll(ask);
  trial.expect(entries.size() == 64, "a poll is filled");
  const auto jobs = jobs_of(entries);
  trial.expect(std::ranges::find(jobs, single) != jobs.end(), "another group's single task is in it");
  trial.expect(std::ranges::find(jobs, single) - jobs.begin() <= 1, "as the second at the latest");
}

constexpr StorageCheck kOrderChecks[] = {
    {"T14", "GroupsTakeTurns", groups_in_turn},
    {"T14", "JobsTakeTurns", jobs_in_turn},
    {"T14", "TurnsGoOnFromPollToPoll", turns_go_on},
    {"T14", "TasksKeepTheOrderOfReadiness", order_of_readiness},
    {"T14", "QueuesAreStrict", queues_in_order},
    {"T14", "LowerClassesHaveAShare", classes_with_share},
    {"T14", "MaximaAreKept", maxima},
    {"T14", "ABurstHidesNobody", burst_hides_nobody},
};

}  // namespace

auto storage_order_checks() -> std::span<const StorageCheck> { return kOrderChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
