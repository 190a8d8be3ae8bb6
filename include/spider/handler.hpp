#pragma once

/// One handler with its types erased: bytes in, bytes out. `make_handler` turns a function into one.
///
/// A handler is `R(Input)`, `R(TaskContext&, Input)`, `R()` or `R(TaskContext&)`: a function, a lambda,
/// a `std::function`, but nothing overloaded or generic, because its signature decides.
///   Input    has a codec (codec.hpp). A function without one ignores the task's input. An input that
///            does not decode fails the task for good with `payload_error`: it will not get better.
///   R        is a T with a codec or void, a `Result` of it, or an `Answer` of it (answer.hpp).
///   Async<T> or any `asio::awaitable<R>` makes it a coroutine.
/// Whatever it throws is an error `handler_failed` with the text, which spends an attempt.
///
/// Threads: the same callable may run for several tasks at once. A plain function may block, a
/// coroutine must not (local_execution_manager.hpp says what runs where).

#include "spider/answer.hpp"
#include "spider/async.hpp"
#include "spider/codec.hpp"
#include "spider/task_context.hpp"

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

namespace spider {
inline namespace v1 {

/// Thread-safe. No exception leaves it.
class Handler {
 public:
  using Plain = std::function<Answer<Bytes>(TaskContext&, const Bytes& input)>;
  using Coroutine = std::function<asio::awaitable<Answer<Bytes>>(TaskContext&, const Bytes& input)>;

  Handler(Plain run, bool wants_context) : run_{std::move(run)}, wants_context_{wants_context} {}
  Handler(Coroutine run, bool wants_context) : run_{std::move(run)}, wants_context_{wants_context} {}

  [[nodiscard]] auto is_coroutine() const noexcept -> bool { return run_.index() == 1; }
  /// Whether it takes a TaskContext: only then can it ask for its parents' outputs.
  [[nodiscard]] auto wants_context() const noexcept -> bool { return wants_context_; }

  /// Runs a plain function. Precondition: not a coroutine.
  [[nodiscard]] auto call(TaskContext& task, const Bytes& input) const -> Answer<Bytes> {
    return std::get<Plain>(run_)(task, input);
  }
  /// The handler, `task` and `input` outlive the coroutine. Precondition: is_coroutine().
  [[nodiscard]] auto start(TaskContext& task, const Bytes& input) const -> asio::awaitable<Answer<Bytes>> {
    return std::get<Coroutine>(run_)(task, input);
  }

 private:
  std::variant<Plain, Coroutine> run_;
  bool wants_context_;
};

namespace detail {

/// The error of the exception that is being handled.
[[nodiscard]] auto current_exception_as_error() -> Error;

// What a handler returned, as bytes. The overloads peel off one layer each.

template <class T>
[[nodiscard]] auto to_bytes(T value) -> Answer<Bytes> {
  static_assert(Encodable<T>, "give what this handler returns a spider::Codec: see spider/codec.hpp");
  return Codec<T>::encode(value);
}
template <class T>
[[nodiscard]] auto to_bytes(Answer<T> answer) -> Answer<Bytes> {
  if (answer.error() != nullptr) return *answer.error();
  if (answer.retry() != nullptr) return *answer.retry();
  if constexpr (std::is_void_v<T>) {
    return Codec<void>::encode();
  } else {
    return to_bytes(std::move(answer).value());
  }
}
template <class T>
[[nodiscard]] auto to_bytes(Result<Answer<T>> answer) -> Answer<Bytes> {
  return to_bytes(Answer<T>{std::move(answer)});
}
template <class T>
[[nodiscard]] auto to_bytes(Result<T> result) -> Answer<Bytes> {
  if (!result) return std::move(result).error();
  if constexpr (std::is_void_v<T>) {
    return Codec<void>::encode();
  } else {
    return to_bytes(std::move(result).value());
  }
}

/// What a handler takes: an optional TaskContext&, then an optional input.
template <class... Parameters>
struct Takes {
  static_assert(sizeof...(Parameters) == 0, "a handler takes (TaskContext&, Input), either, or neither");
  static constexpr bool kContext = false;
  using Input = void;
};
template <>
struct Takes<TaskContext&> {
  static constexpr bool kContext = true;
  using Input = void;
};
template <class In>
struct Takes<In> {
  static constexpr bool kContext = false;
  using Input = std::remove_cvref_t<In>;
};
template <class In>
struct Takes<TaskContext&, In> {
  static constexpr bool kContext = true;
  using Input = std::remove_cvref_t<In>;
};

template <class Taken>
[[nodiscard]] auto decode_input(const Bytes& bytes) -> Result<typename Taken::Input> {
  if constexpr (std::is_void_v<typename Taken::Input>) {
    return success();
  } else {
    static_assert(Encodable<typename Taken::Input>,
                  "give the input of this handler a spider::Codec: see spider/codec.hpp");
    return Codec<typename Taken::Input>::decode(bytes);
  }
}

template <class Taken, class Function>
auto invoke(const Function& function, TaskContext& task, Result<typename Taken::Input>& input)
    -> decltype(auto) {
  if constexpr (std::is_void_v<typename Taken::Input>) {
    if constexpr (Taken::kContext) {
      return function(task);
    } else {
      return function();
    }
  } else if constexpr (Taken::kContext) {
    return function(task, std::move(input).value());
  } else {
    return function(std::move(input).value());
  }
}

template <class Taken, class R, class... Parameters>
[[nodiscard]] auto call_plain(const std::function<R(Parameters...)>& function, TaskContext& task,
                              const Bytes& bytes) -> Answer<Bytes> {
  try {
    auto input = decode_input<Taken>(bytes);
    if (!input) return Retry::never(input.error());
    if constexpr (std::is_void_v<R>) {
      invoke<Taken>(function, task, input);
      return Codec<void>::encode();
    } else {
      return to_bytes(R{invoke<Taken>(function, task, input)});
    }
  } catch (...) {
    return current_exception_as_error();
  }
}

/// All that `function`, `task` and `bytes` point to outlives the coroutine; the input lives in it.
template <class Taken, class Function>
[[nodiscard]] auto run_coroutine(const Function* function, TaskContext* task, const Bytes* bytes)
    -> asio::awaitable<Answer<Bytes>> {
  try {
    auto input = decode_input<Taken>(*bytes);
    if (!input) co_return Retry::never(input.error());
    auto running = invoke<Taken>(*function, *task, input);
    auto returned = co_await std::move(running);
    co_return to_bytes(std::move(returned));
  } catch (...) {
    co_return current_exception_as_error();
  }
}

template <class R>
inline constexpr bool kIsAwaitable = false;
template <class R, class Executor>
inline constexpr bool kIsAwaitable<asio::awaitable<R, Executor>> = true;

template <class R, class... Parameters>
[[nodiscard]] auto erase(std::function<R(Parameters...)> function) -> Handler {
  using Taken = Takes<Parameters...>;
  if constexpr (kIsAwaitable<R>) {
    auto run = [function = std::move(function)](TaskContext& task, const Bytes& input) {
      return run_coroutine<Taken>(&function, &task, &input);
    };
    return Handler{Handler::Coroutine{std::move(run)}, Taken::kContext};
  } else {
    auto run = [function = std::move(function)](TaskContext& task, const Bytes& input) {
      return call_plain<Taken>(function, task, input);
    };
    return Handler{Handler::Plain{std::move(run)}, Taken::kContext};
  }
}

}  // namespace detail

template <class Function>
[[nodiscard]] auto make_handler(Function function) -> Handler {
  return detail::erase(std::function{std::move(function)});
}

}  // namespace v1
}  // namespace spider
