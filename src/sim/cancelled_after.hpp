#pragma once

/// Cancellation as a fault.

#include "sim/sim_context.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace spider::inline v1::sim {

inline auto emit_after(SimContext* context, std::shared_ptr<asio::cancellation_signal> signal, Duration delay)
    -> Async<void> {
  (void)co_await context->sleep(delay);
  signal->emit(asio::cancellation_type::terminal);
  co_return success();
}

/// Runs `work`, and cancels it after `delay` if it is still under way then. Not itself cancellable.
template <class T>
[[nodiscard]] auto cancelled_after(SimContext* context, Async<T> work, Duration delay) -> Async<T> {
  const auto signal = std::make_shared<asio::cancellation_signal>();
  context->spawn(emit_after(context, signal, delay));
  auto running = asio::co_spawn(context->io, rooted(std::move(work)),
                                asio::bind_cancellation_slot(signal->slot(), asio::use_awaitable));
  auto answer = co_await std::move(running);
  co_return answer;
}

}  // namespace spider::inline v1::sim
