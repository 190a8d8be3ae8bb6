#pragma once

/// Those who submit jobs in a simulated world. One thread.

#include "sim/faulty_storage.hpp"
#include "sim/storage_monitor.hpp"

#include <cstdint>
#include <vector>

namespace spider::inline v1::sim {

class Application {
 public:
  Application(SimContext& context, FaultyJobClient& jobs, StorageMonitor& monitor)
      : context_{context}, jobs_{jobs}, monitor_{monitor} {}

  /// Submits what the plan says, each job at its time, until the storage has answered.
  [[nodiscard]] auto run() -> Async<void>;
  /// Cancels one of the jobs that are known, whatever it does.
  [[nodiscard]] auto cancel_any(std::uint64_t which) -> Async<void>;
  /// Pauses the resource group of one of the jobs that are known.
  [[nodiscard]] auto pause_any(std::uint64_t which, Duration how_long) -> Async<void>;
  /// Gives another chance to one of the jobs that have failed, if any has.
  [[nodiscard]] auto retry_any(std::uint64_t which) -> Async<void>;
  [[nodiscard]] auto done() const -> bool { return answered_ == context_.plan.submits.size(); }

 private:
  auto submit(std::size_t number) -> Async<void>;
  auto look_at(const SubmitEvent& event, const Result<Submitted>& answer) -> void;

  SimContext& context_;
  FaultyJobClient& jobs_;
  StorageMonitor& monitor_;
  std::size_t answered_ = 0;
};

}  // namespace spider::inline v1::sim
