#pragma once

/// Runs one registered handler as an execution manager would, without any of the rest: for the unit
/// tests of an application.
///
///   const auto thumb = testing::perform(handlers, "resize", 256, {.parents = {{"pixels"}}});
///   EXPECT_EQ(thumb.output<std::string>(), "pixels at 256");
///
/// Runs on the calling thread, and returns when the handler has.

#include "spider/handlers.hpp"
#include "spider/job_builder.hpp"
#include "spider/virtual_clock.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

/// What the handler finds in its TaskContext.
struct PerformOptions {
  std::uint32_t attempt = 1;
  std::uint32_t index = 0;
  TimePoint deadline = kForever;
  std::vector<std::vector<Bytes>> parents = {};  ///< encoded outputs by parent, in the order of `after`
  bool stop_requested = false;                   ///< asked to stop before it began
};

/// What the handler answered.
class Performed {
 public:
  explicit Performed(Answer<Bytes> answer) : answer_{std::move(answer)} {}

  [[nodiscard]] auto succeeded() const noexcept -> bool { return answer_.has_value(); }
  /// The value; the error, also that of `Retry::never`, when there is none; `payload_error` when it is
  /// not a T; `would_block` after `Retry::after`.
  template <class T>
  [[nodiscard]] auto output() const -> Result<T> {
    if (answer_.has_value()) return Codec<T>::decode(answer_.value());
    return retry_after() ? Error{Errc::would_block, "the handler answered Retry::after"} : error();
  }
  /// Of a failure; code 0 when there was none.
  [[nodiscard]] auto error() const -> Error {
    if (answer_.error() != nullptr) return *answer_.error();
    return answer_.retry() != nullptr ? answer_.retry()->reason() : Error{};
  }
  [[nodiscard]] auto retry_after() const -> std::optional<Duration> {
    return answer_.retry() == nullptr ? std::nullopt : answer_.retry()->delay();
  }
  [[nodiscard]] auto retry_never() const -> bool {
    return answer_.retry() != nullptr && !answer_.retry()->delay();
  }

 private:
  Answer<Bytes> answer_;
};

namespace detail {

inline auto run_handler(std::shared_ptr<const Handler> handler, TaskContext* task, const Bytes* input)
    -> Async<Answer<Bytes>> {
  if (!handler->is_coroutine()) co_return handler->call(*task, *input);
  auto running = handler->start(*task, *input);
  auto answer = co_await std::move(running);
  co_return answer;
}

template <class Context>
auto perform_on(Context& context, const Handlers& handlers, std::string_view name, Bytes input,
                PerformOptions options) -> Performed {
  if (handlers.error()) return Performed{*handlers.error()};
  auto handler = handlers.find(name);
  if (!handler) return Performed{Error{Errc::unknown_handler, std::string{name}}};
  TaskFacts facts;
  facts.attempt = options.attempt;
  facts.index = options.index;
  facts.deadline = options.deadline;
  facts.parents = std::move(options.parents);
  std::stop_source stop;
  if (options.stop_requested) stop.request_stop();
  TaskContext task{std::move(facts), stop.get_token()};
  return Performed{block_on(context, run_handler(std::move(handler), &task, &input))};
}

}  // namespace detail

/// Without `input` the handler gets no bytes. Errors besides the handler's own: `unknown_handler`, the
/// registry's `error()`, `internal` when a coroutine waits for something that never comes.
template <class T>
[[nodiscard]] auto perform(const Handlers& handlers, std::string_view name, const T& input,
                           PerformOptions options = {}) -> Performed {
  asio::io_context context;
  return detail::perform_on(context, handlers, name, spider::detail::encode_input(input), std::move(options));
}
[[nodiscard]] inline auto perform(const Handlers& handlers, std::string_view name) -> Performed {
  return perform(handlers, name, "");
}

/// The same under virtual time, for a coroutine that sleeps on `clock`.
template <class T>
[[nodiscard]] auto perform(VirtualClock& clock, const Handlers& handlers, std::string_view name,
                           const T& input, PerformOptions options = {}) -> Performed {
  return detail::perform_on(clock, handlers, name, spider::detail::encode_input(input), std::move(options));
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
