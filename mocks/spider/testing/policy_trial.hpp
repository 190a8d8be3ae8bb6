#pragma once

/// What the checks of policy_suite.hpp drive: a policy beside a model of what it holds.

#include "spider/rng.hpp"
#include "spider/scheduling_policy.hpp"
#include "spider/testing/policy_suite.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

/// Which promise a failure breaks.
enum class PolicyPromise : std::uint8_t {
  returns_each_once,
  conserves_work,
  drops_jobs,
  takes_oldest,
  clears,
  places
};

class PolicyTrial {
 public:
  PolicyTrial(const PolicyFactory& make, std::uint64_t seed);

  auto admit(const InboundEntry& entry) -> void;
  /// Asks for the next entry, waiting for `wake_at` where the policy may.
  auto take() -> std::optional<InboundEntry>;
  auto drop(JobId job) -> void;
  auto take_oldest(JobId job) -> void;
  auto clear() -> void;
  auto feed_back(const InboundEntry& entry) -> void;
  auto check_places() -> void;
  /// Takes all that is left.
  auto drain() -> void;

  [[nodiscard]] auto policy() -> SchedulingPolicy& { return *policy_; }
  [[nodiscard]] auto held() const -> const std::map<TaskRef, InboundEntry>& { return held_; }
  /// Every entry returned so far, in order.
  [[nodiscard]] auto returned() const -> const std::vector<TaskRef>& { return returned_; }
  [[nodiscard]] auto failures(PolicyPromise promise) const -> PolicyFailures;

  auto fail(PolicyPromise promise, const std::string& what) -> void;

 private:
  auto check_size(PolicyPromise promise) -> void;
  auto ask() -> std::optional<InboundEntry>;

  std::uint64_t seed_;
  std::unique_ptr<SchedulingPolicy> policy_;
  PolicyTraits traits_;
  TimePoint now_{};
  std::size_t step_ = 0;
  bool size_is_wrong_ = false;  // said once
  auto accept(const InboundEntry& entry) -> void;

  std::map<TaskRef, InboundEntry> held_;
  std::vector<TaskRef> returned_;
  std::vector<std::pair<PolicyPromise, std::string>> failures_;
};

/// "job 3 task 17"
[[nodiscard]] auto describe(TaskRef ref) -> std::string;

/// Calls of all kinds in random order over a few groups, jobs and classes, then a drain.
struct PolicyScript {
  std::uint64_t seed = 1;
  std::size_t steps = 0;
  std::size_t backlog = 0;
  double drops = 0.02;
  double takes = 0;
  double clears = 0;
};
auto run_script(PolicyTrial& trial, const PolicyScript& script) -> void;

}  // namespace testing
}  // namespace v1
}  // namespace spider
