#pragma once

/// Keeps a core running in a simulated world: starts it, stops it when a fault says so, and starts
/// another one after it. One thread.

#include "sim/dispatch_monitor.hpp"
#include "sim/puller.hpp"
#include "sim/sim_context.hpp"
#include "spider/policy_core.hpp"
#include "spider/sim/case.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <memory>

namespace spider::inline v1::sim {

class CoreKeeper {
 public:
  /// `parts`: what a core touches, except that it polls through `puller`. All outlive the keeper's coroutine.
  CoreKeeper(SimContext& context, Puller& puller, CoreContext& parts, DispatchMonitor& monitor,
             PolicyFactory policy, PolicyCoreOptions options)
      : context_{context},
        puller_{puller},
        parts_{parts},
        monitor_{monitor},
        policy_{std::move(policy)},
        options_{std::move(options)} {}

  /// Until `context.stopping`, or `close`.
  [[nodiscard]] auto run() -> Async<void>;
  /// Stops the core that runs now.
  auto stop() -> void;
  /// The same; no other comes after it.
  auto close() -> void;
  /// Whether the core that runs now is overdue. Often.
  auto look() -> void;

 private:
  auto run_once() -> Async<void>;
  [[nodiscard]] auto promise() const -> AskMonitor::Promise;
  auto look_at(const Result<void>& end, std::uint64_t throws_before) -> void;

  SimContext& context_;
  Puller& puller_;
  CoreContext& parts_;
  DispatchMonitor& monitor_;
  PolicyFactory policy_;
  PolicyCoreOptions options_;
  std::shared_ptr<AskMonitor> asks_;  // of the core that runs now
  std::shared_ptr<asio::cancellation_signal> signal_;
  TimePoint stopped_at_ = kForever;
  bool closed_ = false;
};

}  // namespace spider::inline v1::sim
