#pragma once

/// A PolicyCore between an endless storage and a sink that takes what it is told to.

#include "spider/handed_back.hpp"
#include "spider/observer.hpp"
#include "spider/policies/registry.hpp"
#include "spider/policy_core.hpp"
#include "spider/system_clock.hpp"
#include "support/endless_storage.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace spider::bench {

/// Takes assignments in windows, as a fleet that drains a channel does; keeps none.
class CountingSink final : public DispatchQueueSink {
 public:
  static constexpr std::size_t kWindow = 1'024;

  /// Takes `count` more, and then none.
  auto open(std::uint64_t count) -> void { wanted_ += count; }
  [[nodiscard]] auto done() const -> bool { return wanted_ == 0; }

  auto enqueue(TaskAssignment assignment) -> Async<void> override { co_return try_enqueue(assignment); }
  auto enqueue_batch(std::vector<TaskAssignment> batch) -> Async<std::size_t> override {
    co_return batch.size();
  }
  auto try_enqueue(const TaskAssignment& assignment) -> Result<void> override {
    if (wanted_ == 0) return Errc::would_block;
    --wanted_;
    benchmark::DoNotOptimize(sum_ += assignment.id.value);
    return success();
  }
  auto bump_session(SessionId) -> Result<void> override { return success(); }
  auto free_slots() const -> std::size_t override { return std::min<std::uint64_t>(wanted_, kWindow); }
  auto wait_for_slots() -> Async<std::size_t> override {
    const auto executor = co_await asio::this_coro::executor;
    while (wanted_ == 0) {
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) co_return Errc::cancelled;
      co_await asio::post(executor, asio::deferred);
    }
    co_await asio::post(executor, asio::deferred);
    co_return free_slots();
  }
  auto close() -> void override {}

 private:
  std::uint64_t wanted_ = 0;
  std::uint64_t sum_ = 0;
};

struct CoreRigOptions {
  std::string policy = "fair-share/job-round-robin";
  std::size_t buffered = 1'000'000;
  EndlessStorage::Options entries;
};

class CoreRig {
 public:
  explicit CoreRig(const CoreRigOptions& options)
      : buffered_{options.buffered}, storage_{options.entries, clock_} {
    PolicyCoreOptions settings;
    settings.buffered_max = options.buffered;
    core_ = make_policy_core(make_policy(options.policy).value(), settings).value();
    asio::co_spawn(context_, rooted(core_->run(core_context_)),
                   asio::bind_cancellation_slot(stop_.slot(), asio::detached));
    while (core_->gauges().buffered < buffered_) context_.run_one();
  }
  CoreRig(const CoreRig&) = delete;
  auto operator=(const CoreRig&) -> CoreRig& = delete;
  ~CoreRig() {
    stop_.emit(asio::cancellation_type::terminal);
    context_.run();
  }

  /// Runs until `count` more decisions were taken; the storage fills up what has left.
  auto decide(std::uint64_t count) -> void {
    sink_.open(count);
    while (!sink_.done()) context_.run_one();
  }

 private:
  std::size_t buffered_;
  asio::io_context context_{1};
  SystemClock clock_{context_.get_executor()};
  EndlessStorage storage_;
  CountingSink sink_;
  HandedBackQueue handed_back_{clock_};
  CoreContext core_context_{storage_, sink_, handed_back_, clock_, null_observer()};
  asio::cancellation_signal stop_;
  std::unique_ptr<PolicyCore> core_;
};

}  // namespace spider::bench
