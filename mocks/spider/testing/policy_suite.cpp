#include "spider/testing/policy_suite.hpp"

#include "spider/testing/policy_trial.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <string>

namespace spider {
inline namespace v1 {
namespace testing {
namespace {

auto append(PolicyFailures& all, const PolicyFailures& more) -> void {
  all.insert(all.end(), more.begin(), more.end());
}

/// Runs `body` once per seed until one fails; what a policy throws is a failure.
auto with_seeds(const PolicySuiteOptions& options, const std::function<PolicyFailures(std::uint64_t)>& body)
    -> PolicyFailures {
  for (std::size_t script = 0; script < options.scripts; ++script) {
    const auto seed = options.seed + script;
    try {
      auto failures = body(seed);
      if (!failures.empty()) return failures;
    } catch (const std::exception& error) {
      return {"seed " + std::to_string(seed) + ": the policy throws: " + error.what()};
    }
  }
  return {};
}

auto script_of(const PolicySuiteOptions& options, std::uint64_t seed) -> PolicyScript {
  return {.seed = seed, .steps = options.steps, .backlog = std::max<std::size_t>(options.backlog, 1)};
}

auto difference(const std::vector<TaskRef>& left, const std::vector<TaskRef>& right) -> PolicyFailures {
  const auto [at_left, at_right] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  if (at_left == left.end() && at_right == right.end()) return {};
  const auto name = [](auto at, auto end) { return at == end ? std::string{"nothing"} : describe(*at); };
  return {"entry " + std::to_string(at_left - left.begin() + 1) + " is once " + name(at_left, left.end()) +
          " and once " + name(at_right, right.end())};
}

}  // namespace

auto check_policy_returns_each_once(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  return with_seeds(options, [&](std::uint64_t seed) {
    PolicyTrial trial{make, seed};
    auto script = script_of(options, seed);
    if (seed % 2 == 1) script.drops = 0;  // a drop would hide what was lost
    run_script(trial, script);
    trial.drain();
    return trial.failures(PolicyPromise::returns_each_once);
  });
}

auto check_policy_conserves_work(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  return with_seeds(options, [&](std::uint64_t seed) {
    PolicyTrial trial{make, seed};
    run_script(trial, script_of(options, seed));
    trial.drain();
    return trial.failures(PolicyPromise::conserves_work);
  });
}

auto check_policy_is_deterministic(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  return with_seeds(options, [&](std::uint64_t seed) {
    PolicyTrial once{make, seed};
    run_script(once, script_of(options, seed));
    once.drain();
    PolicyTrial again{make, seed};
    run_script(again, script_of(options, seed));
    again.drain();
    auto failures = difference(once.returned(), again.returned());
    for (auto& what : failures)
      what = "seed " + std::to_string(seed) + ", same calls, other answers: " + what;
    return failures;
  });
}

auto check_policy_drops_jobs(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  return with_seeds(options, [&](std::uint64_t seed) {
    auto script = script_of(options, seed);
    script.drops = 0.2;
    PolicyTrial trial{make, seed};
    run_script(trial, script);
    for (auto job = JobId{1}; !trial.held().empty() && job.value <= 24; ++job.value) trial.drop(job);
    auto failures = trial.failures(PolicyPromise::drops_jobs);
    append(failures, trial.failures(PolicyPromise::returns_each_once));
    return failures;
  });
}

auto check_policy_takes_oldest(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  return with_seeds(options, [&](std::uint64_t seed) {
    auto script = script_of(options, seed);
    script.takes = 0.1;
    PolicyTrial trial{make, seed};
    run_script(trial, script);
    trial.drain();
    auto failures = trial.failures(PolicyPromise::takes_oldest);
    append(failures, trial.failures(PolicyPromise::returns_each_once));
    append(failures, trial.failures(PolicyPromise::conserves_work));
    return failures;
  });
}

auto check_policy_clears(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  return with_seeds(options, [&](std::uint64_t seed) {
    PolicyTrial used{make, seed};
    auto script = script_of(options, seed);
    script.clears = 0.01;
    run_script(used, script);
    used.clear();
    auto failures = used.failures(PolicyPromise::clears);
    append(failures, used.failures(PolicyPromise::returns_each_once));
    if (!failures.empty()) return failures;

    const auto before = used.returned().size();
    run_script(used, script_of(options, seed + 1));
    used.drain();
    PolicyTrial fresh{make, seed};
    run_script(fresh, script_of(options, seed + 1));
    fresh.drain();
    const auto& all = used.returned();
    failures = difference({all.begin() + static_cast<std::ptrdiff_t>(before), all.end()}, fresh.returned());
    for (auto& what : failures) what = "seed " + std::to_string(seed) + ", cleared and new differ: " + what;
    return failures;
  });
}

auto check_policy_places(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  return with_seeds(options, [&](std::uint64_t seed) {
    PolicyTrial trial{make, seed};
    auto script = script_of(options, seed);
    script.steps = 1 + script.steps * (seed % 7) / 7;
    run_script(trial, script);
    trial.check_places();
    return trial.failures(PolicyPromise::places);
  });
}

auto check_policy_traits(const PolicyFactory& make) -> PolicyFailures {
  PolicyFailures failures;
  const auto traits = make()->traits();
  if (traits.name.empty()) failures.push_back("traits() give no name");
  if (traits.starvation_bound && traits.bound.empty()) {
    failures.push_back(traits.name + ": traits() give a bound in figures, but none in words");
  }
  return failures;
}

auto check_policy(const PolicyFactory& make, PolicySuiteOptions options) -> PolicyFailures {
  auto failures = check_policy_traits(make);
  append(failures, check_policy_returns_each_once(make, options));
  append(failures, check_policy_conserves_work(make, options));
  append(failures, check_policy_is_deterministic(make, options));
  append(failures, check_policy_drops_jobs(make, options));
  append(failures, check_policy_takes_oldest(make, options));
  append(failures, check_policy_clears(make, options));
  append(failures, check_policy_starvation_bound(make, options));
  append(failures, check_policy_places(make, options));
  return failures;
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
