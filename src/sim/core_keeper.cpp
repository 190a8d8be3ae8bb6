#include "sim/core_keeper.hpp"

#include "sim/watched_policy.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

/// Tells the monitor when a core registers, with all that this takes, and when it says farewell.
class WatchedRegistration final : public StorageClient {
 public:
  WatchedRegistration(std::shared_ptr<StorageClient> behind, std::shared_ptr<AskMonitor> asks)
      : behind_{std::move(behind)}, asks_{std::move(asks)} {}

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override {
    asks_->registration_begins();
    auto answer = co_await behind_->register_scheduler(std::move(info));
    asks_->registration_ends(answer.has_value());
    co_return answer;
  }
  auto unregister_scheduler(Registration registration) -> Async<void> override {
    asks_->close();
    return behind_->unregister_scheduler(registration);
  }
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    return behind_->poll_ready(std::move(request));
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    return behind_->poll_commit_ready(std::move(request));
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    return behind_->poll_cleanup_ready(std::move(request));
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    return behind_->poll_ended(cursor, wait);
  }
  auto job_state(JobId job) -> Async<JobState> override { return behind_->job_state(job); }

 private:
  std::shared_ptr<StorageClient> behind_;
  std::shared_ptr<AskMonitor> asks_;
};

}  // namespace

auto CoreKeeper::run() -> Async<void> {
  while (!context_.stopping && !closed_) {
    const auto ran = co_await run_once();
    if (!ran) co_return ran;
    if (!context_.stopping && !closed_) (void)co_await context_.sleep(std::chrono::milliseconds{200});
  }
  co_return success();
}

auto CoreKeeper::run_once() -> Async<void> {
  auto policy = policy_();
  if (!policy) {
    context_.complain("setup", "the policy's factory gave nothing");
    co_return Errc::invalid_argument;
  }
  const auto asks = std::make_shared<AskMonitor>(context_, promise());
  auto watched = std::make_unique<WatchedPolicy>(std::move(policy), context_, monitor_, asks);
  const auto core = make_policy_core(std::move(watched), options_);
  if (!core) {
    context_.complain("setup", core.error().message());
    co_return core.error();
  }
  const auto behind = puller_.open(asks);
  if (!behind) co_return Errc::invalid_argument;
  WatchedRegistration storage{behind, asks};
  CoreContext parts{storage, parts_.sink, parts_.handed_back, parts_.clock, parts_.observer};
  const auto signal = std::make_shared<asio::cancellation_signal>();
  signal_ = signal;
  asks_ = asks;
  stopped_at_ = kForever;
  const auto throws = context_.faults().fired()[static_cast<std::size_t>(FaultKind::policy_throws)];
  monitor_.core_begins();
  auto running = asio::co_spawn(context_.io, rooted(core.value()->run(parts)),
                                asio::bind_cancellation_slot(signal->slot(), asio::use_awaitable));
  const auto end = co_await std::move(running);
  monitor_.core_stops();
  puller_.close();
  signal_.reset();
  asks_.reset();
  look_at(end, throws);
  co_return success();
}

auto CoreKeeper::stop() -> void {
  if (!signal_) return;
  stopped_at_ = context_.base.now();
  monitor_.core_stops();
  asks_->close();
  const auto signal = signal_;
  signal->emit(asio::cancellation_type::terminal);
}

auto CoreKeeper::close() -> void {
  closed_ = true;
  stop();
}

auto CoreKeeper::look() -> void {
  if (asks_) asks_->look();
}

/// As policy_core.hpp has it; it polls where an eighth of its buffer is free, or 64 places.
auto CoreKeeper::promise() const -> AskMonitor::Promise {
  const auto worthwhile = std::clamp<std::size_t>(options_.buffered_max / 8, 1, 64);
  const auto chosen = std::size_t{1};  // which the policy holds no more, and the core still does
  AskMonitor::Promise promise;
  promise.rest = options_.backoff_first;
  promise.rest_failed = options_.backoff_max;
  promise.wait_max = puller_.wait_max(options_.poll_wait);
  promise.held_max = options_.buffered_max - std::min(options_.buffered_max, worthwhile + chosen);
  promise.jobs_max = options_.buffered_max - std::min(options_.buffered_max, worthwhile);
  return promise;
}

auto CoreKeeper::look_at(const Result<void>& end, std::uint64_t throws_before) -> void {
  const auto error = end ? Error{} : end.error();
  const auto thrown = context_.faults().fired()[static_cast<std::size_t>(FaultKind::policy_throws)];
  if (error == Errc::policy_failed) {
    if (thrown == throws_before) context_.complain("C13", "the policy failed: " + error.detail);
  } else if (error != Errc::cancelled) {
    context_.complain("C10", "the core ended: " + error.message());
  } else if (stopped_at_ == kForever) {
    context_.complain("C12", "the core says that it was cancelled, and nobody did that");
  } else if (context_.base.now() - stopped_at_ > 3 * options_.leave_timeout + std::chrono::seconds{5}) {
    context_.complain("I12", "the core took too long to stop");
  }
}

}  // namespace spider::inline v1::sim
