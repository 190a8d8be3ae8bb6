#pragma once

/// The contract of SchedulingPolicy, as checks that any policy can be held to. Use:
///
///     TEST(MyPolicy, KeepsTheContract) {
///       EXPECT_THAT(spider::testing::check_policy([] { return std::make_unique<MyPolicy>(); }), IsEmpty());
///     }
///
/// Each check makes policies of its own, drives them by random or adversarial scripts, and returns what
/// it found wrong: empty = passed. A failure names the seed and the step; the same seed repeats it.
/// A policy that is not work-conserving is asked again at its `wake_at`. Not checked here: the cost of
/// `admit` and `next`; that takes a benchmark.

#include "spider/scheduling_policy.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

struct PolicySuiteOptions {
  std::uint64_t seed = 1;
  std::size_t scripts = 20;   ///< random scripts per check
  std::size_t steps = 2'000;  ///< of each script; an adversary takes ten times as many
  std::size_t backlog = 200;  ///< about as many entries are buffered at most
};

using PolicyFailures = std::vector<std::string>;

/// Each admitted entry is returned exactly once and unchanged, unless dropped; `size` counts the rest.
[[nodiscard]] auto check_policy_returns_each_once(const PolicyFactory& make, PolicySuiteOptions options = {})
    -> PolicyFailures;

/// While `size() > 0` a work-conserving policy answers; another one says when it will, and then does.
[[nodiscard]] auto check_policy_conserves_work(const PolicyFactory& make, PolicySuiteOptions options = {})
    -> PolicyFailures;

/// Two policies given the same calls give the same answers.
[[nodiscard]] auto check_policy_is_deterministic(const PolicyFactory& make, PolicySuiteOptions options = {})
    -> PolicyFailures;

/// `drop_job` removes all entries of the job and no other, and says how many.
[[nodiscard]] auto check_policy_drops_jobs(const PolicyFactory& make, PolicySuiteOptions options = {})
    -> PolicyFailures;

/// `take_oldest` removes the job's entry that was admitted first, of one class if it has several, and
/// answers nothing for a job that is not held.
[[nodiscard]] auto check_policy_takes_oldest(const PolicyFactory& make, PolicySuiteOptions options = {})
    -> PolicyFailures;

/// `clear` empties, and what follows is as from a new policy.
[[nodiscard]] auto check_policy_clears(const PolicyFactory& make, PolicySuiteOptions options = {})
    -> PolicyFailures;

/// No entry waits longer than the declared bound, while streams that refill a job, jobs, groups or
/// classes without end try to get ahead of it. Passes where no bound is declared.
[[nodiscard]] auto check_policy_starvation_bound(const PolicyFactory& make, PolicySuiteOptions options = {})
    -> PolicyFailures;

/// Places are empty when none are declared or the task is not buffered; otherwise ≥ 1, and exact ones
/// are followed by a drain.
[[nodiscard]] auto check_policy_places(const PolicyFactory& make, PolicySuiteOptions options = {})
    -> PolicyFailures;

/// A name, and a bound in words where there is one in figures.
[[nodiscard]] auto check_policy_traits(const PolicyFactory& make) -> PolicyFailures;

/// All of the above.
[[nodiscard]] auto check_policy(const PolicyFactory& make, PolicySuiteOptions options = {}) -> PolicyFailures;

}  // namespace testing
}  // namespace v1
}  // namespace spider
