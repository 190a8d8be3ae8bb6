// Your own core: watch it decide, then hold it to the contract of all cores. No server, no sleeping.

#include "own_core.hpp"
#include "spider/testing/core_trial.hpp"
#include "spider/testing/scheduler_core_suite.hpp"

#include <iostream>
#include <memory>

int main() {
  using namespace spider::testing;
  using namespace std::chrono_literals;

  CoreTrial trial{std::make_unique<DeadlineCore>()};
  for (const auto& [job, due] : {std::pair{1U, 30min}, std::pair{2U, 10min}, std::pair{3U, 20min}}) {
    auto entry = ready_entry(job, 0);
    entry.deadline = spider::TimePoint{due};
    trial.storage().offer(entry);
  }
  trial.start();
  std::cout << "dispatched:";
  for (const auto task : trial.taken()) std::cout << " job " << task.job.value;
  std::cout << '\n';

  std::size_t broken = 0;
  for (const auto& check : scheduler_core_checks()) {
    for (const auto& promise : broken_promises(check, [] { return std::make_unique<DeadlineCore>(); })) {
      std::cout << "broken: " << promise << '\n';
      ++broken;
    }
  }
  std::cout << scheduler_core_checks().size() << " checks, " << broken << " broken promises\n";
  return broken == 0 ? 0 : 1;
}
