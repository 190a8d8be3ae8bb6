#include "sim/core_keeper.hpp"

#include "sim/watched_policy.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

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
  auto watched = std::make_unique<WatchedPolicy>(std::move(policy), context_, monitor_);
  const auto core = make_policy_core(std::move(watched), options_);
  if (!core) {
    context_.complain("setup", core.error().message());
    co_return core.error();
  }
  const auto storage = puller_.open();
  if (!storage) co_return Errc::invalid_argument;
  CoreContext parts{*storage, parts_.sink, parts_.handed_back, parts_.clock, parts_.observer};
  const auto signal = std::make_shared<asio::cancellation_signal>();
  signal_ = signal;
  stopped_at_ = kForever;
  const auto throws = context_.faults().fired()[static_cast<std::size_t>(FaultKind::policy_throws)];
  monitor_.core_begins();
  auto running = asio::co_spawn(context_.io, rooted(core.value()->run(parts)),
                                asio::bind_cancellation_slot(signal->slot(), asio::use_awaitable));
  const auto end = co_await std::move(running);
  monitor_.core_stops();
  puller_.close();
  signal_.reset();
  look_at(end, throws);
  co_return success();
}

auto CoreKeeper::stop() -> void {
  if (!signal_) return;
  stopped_at_ = context_.base.now();
  monitor_.core_stops();
  const auto signal = signal_;
  signal->emit(asio::cancellation_type::terminal);
}

auto CoreKeeper::close() -> void {
  closed_ = true;
  stop();
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
