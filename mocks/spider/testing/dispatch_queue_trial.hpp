#pragma once

/// What one check of the dispatch queue suite works with: a queue, a virtual clock, calls that are
/// suspended and cancelled at will, and the list of promises found broken. One thread.

#include "spider/testing/dispatch_queue_suite.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

/// A call that was started and may be suspended.
template <class T>
struct StartedCall {
  asio::cancellation_signal signal;
  std::optional<Result<T>> result;

  [[nodiscard]] auto done() const -> bool { return result.has_value(); }
  [[nodiscard]] auto failed_with(Errc errc) const -> bool {
    return done() && result->has_error() && result->error() == errc;
  }
  [[nodiscard]] auto succeeded() const -> bool { return done() && result->has_value(); }
  /// Takes effect at once when called in a handler of the call's executor, else when that runs next.
  auto cancel() -> void { signal.emit(asio::cancellation_type::terminal); }
};

template <class T>
using Call = std::shared_ptr<StartedCall<T>>;

using Taken = std::optional<TaskAssignment>;
using Ids = std::vector<std::uint64_t>;

class DispatchQueueTrial {
 public:
  DispatchQueueTrial(std::string rule, const OpenDispatchQueue& open)
      : rule_{std::move(rule)}, open_{open}, clock_{context_} {}

  /// Opens the queue that the check works on; replaces an earlier one.
  auto open(DispatchQueueSetup setup) -> bool;
  [[nodiscard]] auto can_open(DispatchQueueSetup setup) -> Result<DispatchQueueHalves> {
    return open_(setup, clock_);
  }

  [[nodiscard]] auto sink() -> DispatchQueueSink& { return *halves_.sink; }
  [[nodiscard]] auto source() -> DispatchQueueSource& { return *halves_.source; }
  auto drop_sink() -> void { halves_.sink.reset(); }
  auto drop_source() -> void { halves_.source.reset(); }
  [[nodiscard]] auto clock() -> VirtualClock& { return clock_; }
  [[nodiscard]] auto context() -> asio::io_context& { return context_; }

  /// Starts `work` on `context` and runs what is ready there.
  template <class T>
  auto start_on(asio::io_context& context, Async<T> work) -> Call<T> {
    auto call = std::make_shared<StartedCall<T>>();
    auto finish = [call](std::exception_ptr thrown, Result<T> result) {
      if (thrown) result = Error{Errc::internal, "an exception left the call"};
      call->result.emplace(std::move(result));
    };
    asio::co_spawn(context, rooted(std::move(work)),
                   asio::bind_cancellation_slot(call->signal.slot(), std::move(finish)));
    settle();
    if (&context != &context_) settle(context);
    return call;
  }
  template <class T>
  auto start(Async<T> work) -> Call<T> {
    return start_on(context_, std::move(work));
  }
  /// Runs whatever is ready; time stands still.
  auto settle() -> void { clock_.drain(); }
  /// Runs `action` in one handler of the context, and then what is ready.
  template <class Action>
  auto in_one_step(Action action) -> void {
    asio::post(context_, std::move(action));
    settle();
  }
  static auto settle(asio::io_context& context) -> void {
    context.restart();
    context.poll();
  }

  [[nodiscard]] static auto item(std::uint64_t id, std::uint64_t session = 1) -> TaskAssignment;
  /// Puts items `first` … `last` in without suspending; says how many went in.
  auto fill(std::uint64_t first, std::uint64_t last, std::uint64_t session = 1) -> std::size_t;
  /// Takes everything that can be had without suspending; running what is ready in between.
  auto drain_ids() -> Ids;

  auto expect(bool holds, const std::string& promise) -> void {
    if (!holds) broken_.push_back(rule_ + ": " + promise);
  }
  auto expect_ids(const Ids& actual, const Ids& expected, const std::string& promise) -> void;
  [[nodiscard]] auto broken() const -> const std::vector<std::string>& { return broken_; }

 private:
  std::string rule_;
  OpenDispatchQueue open_;
  std::vector<std::string> broken_;
  asio::io_context context_;
  VirtualClock clock_;
  DispatchQueueHalves halves_;
};

[[nodiscard]] auto fails_with(const auto& result, Errc errc) -> bool {
  return result.has_error() && result.error() == errc;
}

[[nodiscard]] auto intake_checks() -> std::span<const DispatchQueueCheck>;
[[nodiscard]] auto session_checks() -> std::span<const DispatchQueueCheck>;
[[nodiscard]] auto delivery_checks() -> std::span<const DispatchQueueCheck>;
[[nodiscard]] auto shutdown_checks() -> std::span<const DispatchQueueCheck>;

}  // namespace testing
}  // namespace v1
}  // namespace spider
