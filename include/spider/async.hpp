#pragma once

/// Asynchronous functions: `Async<T>` is Asio's awaitable of a `Result<T>`.
///
/// Because `Result` has a default constructor, every `Async<T>` works with `co_spawn` and any
/// completion token (`use_future`, a callback, `detached`) without a wrapper.
///
/// Rules that every `Async` function of Spider keeps:
///  - It is lazy: nothing happens before it is awaited or spawned. What it refers to must live
///    until it has completed, unless its comment says otherwise.
///  - Cancellation (`asio::cancellation_type::terminal`) is a value: it looks at the cancellation
///    state before it suspends and answers `Errc::cancelled`. Emit a cancellation signal only on
///    the executor of the coroutine that is to be cancelled.
///  - No exception leaves it.
///
/// For those who write coroutines: g++ 12 copies some temporaries bitwise when they stand in one
/// expression with a `co_await`, and destroys them twice. Types passed by value to an `Async`
/// function are therefore trivially copyable or declare a constructor: `AsyncArgument` says so and
/// is asserted next to each such type. Never put `co_await` into the condition of `if`, `while` or
/// `switch`.

#include "spider/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <exception>
#include <future>
#include <type_traits>
#include <utility>

namespace spider {
inline namespace v1 {

namespace asio = boost::asio;

template <class T>
using Async = asio::awaitable<Result<T>>;

/// Whether a temporary of type T may stand in one expression with a `co_await`.
template <class T>
concept AsyncArgument = std::is_trivially_copyable_v<T> || !std::is_aggregate_v<T>;

/// What the first line of every root coroutine does: makes a cancellation visible to
/// `cancelled()` instead of thrown by the next `co_await`. Wrap what you `co_spawn`:
/// `co_spawn(executor, rooted(f()), token)`.
template <class T>
[[nodiscard]] auto rooted(asio::awaitable<T> inner) -> asio::awaitable<T> {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await std::move(inner);
}

/// Whether the calling coroutine has been asked to stop. Never suspends.
[[nodiscard]] inline auto cancelled() -> asio::awaitable<bool> {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

/// Runs `work` to its end and returns its result; for `main` and for tests. Runs `context` on the
/// calling thread, which must be the only one that does.
/// Errors: those of `work`; `internal` when the context ran out of work before `work` ended.
template <class T>
[[nodiscard]] auto block_on(asio::io_context& context, Async<T> work) -> Result<T> {
  auto done = asio::co_spawn(context, rooted(std::move(work)), asio::use_future);
  context.restart();
  while (done.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
    if (context.run_one() == 0) return Error{Errc::internal, "block_on: the context ran out of work"};
  }
  return done.get();
}

/// The same on the threads of `pool`; blocks the caller, which must not be one of those threads.
template <class T>
[[nodiscard]] auto block_on(asio::thread_pool& pool, Async<T> work) -> Result<T> {
  return asio::co_spawn(pool, rooted(std::move(work)), asio::use_future).get();
}

}  // namespace v1
}  // namespace spider
