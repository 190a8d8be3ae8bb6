#pragma once

/// gMock actions for methods that return `Async<T>`, and the defaults that every mock of Spider
/// installs. Thread rule: as gMock's own; an action may be performed on any thread.
///
///   EXPECT_CALL(sink, enqueue).WillOnce(CoReturn()).WillOnce(CoFail(Errc::stale_session));
///   EXPECT_CALL(source, dequeue).WillRepeatedly(CoReturn(std::optional{assignment}));
///
/// An expectation is satisfied by the call; the value arrives when the awaitable is awaited.

#include "spider/async.hpp"

#include <gmock/gmock.h>

#include <string>
#include <type_traits>
#include <utility>

namespace spider {
inline namespace v1 {
namespace mocks {

/// A coroutine that has its result already.
template <class T>
[[nodiscard]] auto completed(Result<T> result) -> Async<T> {
  co_return result;
}

namespace detail {

template <class Return>
struct AsyncValue {};
template <class T, class Executor>
struct AsyncValue<asio::awaitable<Result<T>, Executor>> {
  using Type = T;
};
template <class Return>
concept IsAsync = requires {
  typename AsyncValue<Return>::Type;
};

/// Completes with a copy of `value` at each call.
template <class Value>
struct CompleteWith {
  Value value;

  template <class Return, class Arguments>
  auto Perform(const Arguments&) const -> Return {
    return completed(Result<typename AsyncValue<Return>::Type>{value});
  }
};

struct CompleteWithNothing {
  template <class Return, class Arguments>
  auto Perform(const Arguments&) const -> Return {
    return completed(Result<void>{success()});
  }
};

/// Fails both `Async<T>` and `Result<T>` with an error that names the method.
struct FailUnconfigured {
  std::string method;

  template <class Return, class Arguments>
  auto Perform(const Arguments&) const -> Return {
    Error error{Errc::internal, method + " was called, but the test gave it no action"};
    if constexpr (IsAsync<Return>) {
      return completed(Result<typename AsyncValue<Return>::Type>{std::move(error)});
    } else {
      return Return{std::move(error)};
    }
  }
};

}  // namespace detail

/// Completes with `value`, as often as it is called. `value` must be copyable.
template <class Value>
[[nodiscard]] auto CoReturn(Value value) {
  return ::testing::MakePolymorphicAction(detail::CompleteWith<Value>{std::move(value)});
}

/// Completes an `Async<void>` with success.
[[nodiscard]] inline auto CoReturn() {
  return ::testing::MakePolymorphicAction(detail::CompleteWithNothing{});
}

/// Completes with `error`; an `Errc` converts.
[[nodiscard]] inline auto CoFail(Error error) {
  return ::testing::MakePolymorphicAction(detail::CompleteWith<Error>{std::move(error)});
}

/// The default action of a mocked method that returns `Async<T>` or `Result<T>`:
/// `ON_CALL(*this, enqueue).WillByDefault(Unconfigured("MockDispatchQueueSink::enqueue"))`.
/// Without it an unconfigured call would return an empty awaitable, which crashes when awaited.
[[nodiscard]] inline auto Unconfigured(std::string method) {
  return ::testing::MakePolymorphicAction(detail::FailUnconfigured{std::move(method)});
}

}  // namespace mocks
}  // namespace v1
}  // namespace spider
