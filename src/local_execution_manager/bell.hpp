#pragma once

/// What a coroutine waits for that others on its own strand let go on.
///
/// Everything here happens on that strand. So nothing is missed between a condition and the wait for it, and
/// nothing is locked or posted: `ring` runs the waiter within the call, until it suspends again. Whoever
/// rings has therefore finished with what the waiter touches.

#include "waiting.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>

#include <cassert>
#include <memory>
#include <utility>

namespace spider::inline v1::detail {

class Bell final : public HoldsSuspensions, public std::enable_shared_from_this<Bell> {
 public:
  /// Suspends until the next `ring`, whatever the cancellation state. One waiter at a time; the bell outlives
  /// the wait.
  [[nodiscard]] auto wait() {
    auto initiate = [](auto handler, Bell* bell) {
      const asio::any_io_executor executor = asio::get_associated_executor(handler);
      bell->suspend(WakeHandler{std::move(handler)}, asio::query(executor, asio::execution::context));
    };
    return asio::async_initiate<const asio::deferred_t, void(Wake)>(initiate, asio::deferred, this);
  }

  /// Runs who waits; nobody, nothing.
  auto ring() -> void {
    WakeHandler waiting;
    waiting.swap(waiting_);
    if (waiting) std::move(waiting)(Wake::notified);
  }

  auto drop_suspensions(const asio::execution_context&) noexcept -> void override {
    WakeHandler dropped;
    dropped.swap(waiting_);
  }

 private:
  auto suspend(WakeHandler handler, asio::execution_context& context) -> void {
    assert(!waiting_);
    if (!std::exchange(watched_, true)) watch_context(context, weak_from_this());
    waiting_.swap(handler);
  }

  WakeHandler waiting_;
  bool watched_ = false;
};

}  // namespace spider::inline v1::detail
