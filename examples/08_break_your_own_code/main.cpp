// Break your own code before others do. The fault simulator runs a policy of yours, or a storage of
// yours, in worlds where managers die, replies are lost and clocks jump, and watches it from outside. Two
// mistakes are planted here. Each is found, shrunk to a few events, and printed as a unit test (on
// standard error: paste it, and it fails until the mistake is mended).

#include "spider/sim/check.hpp"
#include "spider/storage/memory.hpp"
#include "spider/testing/forwarding_storage.hpp"

#include <algorithm>
#include <iostream>
#include <vector>

/// Newest first. The mistake: when a job ends, it forgets one of its entries and keeps the others.
class NewestFirst final : public spider::SchedulingPolicy {
 public:
  auto admit(const spider::InboundEntry& entry, spider::TimePoint) -> void override {
    stack_.push_back(entry);
  }
  auto next(spider::TimePoint) -> std::optional<spider::InboundEntry> override {
    if (stack_.empty()) return std::nullopt;
    const auto newest = stack_.back();
    stack_.pop_back();
    return newest;
  }
  auto take_oldest(spider::JobId job, spider::TimePoint) -> std::optional<spider::InboundEntry> override {
    const auto oldest = std::ranges::find(stack_, job, &spider::InboundEntry::job);
    if (oldest == stack_.end()) return std::nullopt;
    const auto entry = *oldest;
    stack_.erase(oldest);
    return entry;
  }
  auto drop_job(spider::JobId job) -> std::size_t override {
    const auto found = std::ranges::find(stack_, job, &spider::InboundEntry::job);
    if (found == stack_.end()) return 0;
    stack_.erase(found);
    return 1;
  }
  auto clear() -> void override { stack_.clear(); }
  [[nodiscard]] auto size() const -> std::size_t override { return stack_.size(); }
  auto finished(const spider::InboundEntry&, spider::Duration) -> void override {}
  [[nodiscard]] auto wake_at() const -> std::optional<spider::TimePoint> override { return std::nullopt; }
  [[nodiscard]] auto place(spider::JobId, spider::TaskId) const
      -> std::optional<spider::QueuePlace> override {
    return std::nullopt;
  }
  [[nodiscard]] auto traits() const -> spider::PolicyTraits override {
    spider::PolicyTraits traits;
    traits.name = "newest-first";
    traits.bound = "none";
    return traits;
  }

 private:
  std::vector<spider::InboundEntry> stack_;
};

/// The mistake: "a late result does no harm, thank its sender".
class PoliteStorage final : public spider::testing::ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;

  auto finish(std::span<const spider::FinishRequest> requests)
      -> spider::Async<std::vector<spider::Result<void>>> override {
    auto answers = co_await behind().finish(requests);
    if (!answers) co_return answers;
    for (auto& answer : answers.value()) {
      if (!answer && answer.error() == spider::Errc::stale_instance) answer = spider::success();
    }
    co_return answers;
  }
};

auto open_polite(const spider::StorageLimits& limits, spider::Clock& clock)
    -> spider::Result<std::unique_ptr<spider::Storage>> {
  spider::MemoryStorageOptions options;
  options.limits = limits;
  SPIDER_TRY(std::shared_ptr<spider::Storage> behind, spider::make_memory_storage(options, clock));
  return spider::Result<std::unique_ptr<spider::Storage>>{std::make_unique<PoliteStorage>(std::move(behind))};
}

auto tell(const char* what, const spider::sim::SimReport& report) -> void {
  std::cout << what << ": ";
  if (report.clean()) {
    std::cout << "nothing found\n";
    return;
  }
  const auto& failure = *report.failure;
  std::cout << "breaks " << failure.broken.rule << ", shrunk to "
            << (failure.events <= 10 ? "at most ten" : "more than ten") << " events\n";
  std::cerr << report.to_text() << '\n';
}

int main() {
  spider::sim::SimOptions options;
  options.seed = 20;
  options.on_seed = [](std::uint64_t, const spider::sim::SimOutcome& outcome) { return outcome.clean(); };
  tell("NewestFirst", spider::sim::check_policy([] { return std::make_unique<NewestFirst>(); }, options));
  tell("PoliteStorage", spider::sim::check_storage(open_polite, options));
}
