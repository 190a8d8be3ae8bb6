// Your own storage, held to the contract of all storages. An adapter for a database implements
// `Storage` whole; this one stands in front of a storage and counts. Then a mistake that is easily
// made is planted, and the contract names it.

#include "spider/storage/memory.hpp"
#include "spider/testing/forwarding_storage.hpp"
#include "spider/testing/storage_suite.hpp"

#include <iostream>
#include <set>

using Opened = spider::Result<std::unique_ptr<spider::Storage>>;

/// Counts what is submitted, for a bill at the end of the month.
class BillingStorage : public spider::testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;

  auto submit(std::span<const spider::JobSpec> jobs)
      -> spider::Async<std::vector<spider::Result<spider::Submitted>>> override {
    auto answers = co_await behind().submit(jobs);
    if (!answers) co_return answers;
    for (const auto& answer : answers.value()) billed_ += answer && !answer.value().existing ? 1U : 0U;
    co_return answers;
  }

  [[nodiscard]] auto billed() const -> std::size_t { return billed_; }

 private:
  std::size_t billed_ = 0;
};

/// The mistake: "nobody needs to know who ended": a renewal forgets to name the instances that are lost.
class ForgetfulStorage final : public BillingStorage {
 public:
  using BillingStorage::BillingStorage;

  auto renew(spider::ManagerId manager) -> spider::Async<spider::Renewal> override {
    auto renewal = co_await behind().renew(manager);
    if (renewal) renewal.value().lost.clear();
    co_return renewal;
  }
};

/// What the suite calls once per check: an empty storage with the limits that the check asks for.
template <class Mine>
auto open_mine(const spider::testing::StorageSetup& setup) -> Opened {
  spider::MemoryStorageOptions options;
  options.limits = setup.limits;
  SPIDER_TRY(std::shared_ptr<spider::Storage> behind, spider::make_memory_storage(options, setup.clock));
  return Opened{std::make_unique<Mine>(std::move(behind))};
}

/// In a test program this is one line: INSTANTIATE_TEST_SUITE_P(Mine, StorageSuite, storage_cases(open)).
auto hold_to_the_contract(const char* what, const spider::testing::OpenStorage& open) -> void {
  std::set<std::string> broken;
  for (const auto& check : spider::testing::storage_checks()) {
    if (!spider::testing::broken_promises(check, open).empty()) {
      broken.insert(std::string{check.rule} + ' ' + check.name);
    }
  }
  std::cout << what << ": " << (broken.empty() ? "keeps the contract" : "breaks") << '\n';
  for (const auto& rule : broken) std::cout << "  " << rule << '\n';
}

int main() {
  hold_to_the_contract("BillingStorage", open_mine<BillingStorage>);
  hold_to_the_contract("ForgetfulStorage", open_mine<ForgetfulStorage>);
}
