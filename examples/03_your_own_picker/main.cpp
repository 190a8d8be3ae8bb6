// Your own picker: which resource group is served next? Here a ticket is drawn. `grouped` does the
// bookkeeping, a registry gives it a name, and the contract of policies is checked in one call.

#include "spider/policies/grouped.hpp"
#include "spider/policies/registry.hpp"
#include "spider/rng.hpp"
#include "spider/scheduler.hpp"
#include "spider/testing/policy_suite.hpp"
#include "spider/virtual_clock.hpp"

#include <algorithm>
#include <iostream>

class Lottery final : public spider::GroupPicker {
 public:
  explicit Lottery(std::uint64_t seed) : seed_{seed}, rng_{seed} {}

  auto active(const spider::GroupInfo& group, spider::TimePoint) -> void override {
    tickets_.push_back(group.key);
  }
  auto idle(spider::GroupKey group) -> void override { std::erase(tickets_, group); }
  auto forget(spider::GroupKey) -> void override {}
  auto pick(spider::TimePoint) -> spider::GroupKey override { return tickets_[rng_.below(tickets_.size())]; }
  auto finished(spider::GroupKey, spider::Duration) -> void override {}
  auto clear() -> void override {
    tickets_.clear();
    rng_ = spider::Rng{seed_};
  }
  [[nodiscard]] auto turn(spider::GroupKey) const -> std::uint64_t override { return 0; }  // nobody knows
  [[nodiscard]] auto traits() const -> Traits override { return {"lottery", "none, but with luck", {}}; }

 private:
  std::vector<spider::GroupKey> tickets_;
  std::uint64_t seed_;
  spider::Rng rng_;
};

auto lottery_part() -> spider::PolicyPart {
  spider::PolicyPart part;
  part.name = "lottery";
  part.summary = "draws the group to serve";
  part.arguments = {"seed"};
  part.leaf = false;
  part.make = [](const spider::PolicyArguments& arguments,
                 spider::PolicyFactory inner) -> spider::Result<spider::PolicyFactory> {
    const auto given = arguments.find("seed");
    const auto seed = given == arguments.end() ? 1 : given->second;
    return spider::PolicyFactory{[seed, inner] {
      return spider::grouped(spider::GroupBy::resource_group, std::make_unique<Lottery>(seed), inner);
    }};
  };
  return part;
}

/// Three groups submit four tasks each; one slot. Who is served, in order?
auto order_of_service(const spider::PolicyFactory& policy) -> std::string {
  boost::asio::io_context context;
  std::string order;
  spider::SchedulerOptions options;
  options.core = spider::make_policy_core(policy(), {}).value();
  options.clock = std::make_shared<spider::VirtualClock>(context);
  options.handlers.add("sign", [&order](std::string letter) { order += letter; });
  options.manager.slots = 1;
  options.manager.threads = 0;  // on the executor, which makes the order that of dispatch
  options.dispatch_capacity = 1;
  spider::Scheduler scheduler{context.get_executor(), options};

  std::vector<spider::JobSpec> jobs;
  for (const auto* group : {"alice", "bob", "carol"}) {
    spider::JobBuilder job{group};
    job.array("sign", 4, std::string{group}.substr(0, 1));
    jobs.push_back(job.spec());
  }
  auto& clock = static_cast<spider::VirtualClock&>(*options.clock);
  const auto submitted = spider::block_on(clock, scheduler.submit_all(jobs)).value();
  for (const auto& job : submitted) {
    const auto end = spider::block_on(clock, scheduler.wait(job.value().job, std::chrono::hours{1}));
    if (!end) order += '!';
  }
  return order;
}

int main() {
  spider::PolicyRegistry registry;
  if (const auto added = registry.add(lottery_part()); !added) return std::cerr << added.error() << '\n', 1;

  for (const auto* spec : {"fifo", "fair-share", "lottery", "lottery(seed=2)/fifo", "lottery(seed=3)",
                           "lottery(seed=4)", "lottery(seed=5)"}) {
    std::cout << spec << ": " << order_of_service(registry.make(spec).value()) << '\n';
  }
  std::cout << registry.make("lottery(tickets=5)").error() << '\n';

  const auto failures = spider::testing::check_policy(registry.make("lottery").value());
  for (const auto& failure : failures) std::cout << failure << '\n';
  std::cout << failures.size() << " broken rules of policies\n";
  return failures.empty() ? 0 : 1;
}
