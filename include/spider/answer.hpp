#pragma once

/// What a handler may answer: a value, an error, or how to try again. `Answer<T>` is what a handler
/// returns when a plain T or `Result<T>` does not say enough. Plain values, no threads.

#include "spider/error.hpp"
#include "spider/types.hpp"

#include <boost/outcome/success_failure.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace spider {
inline namespace v1 {

/// What a handler answers instead of a value when an error alone does not say enough.
class Retry {
 public:
  /// Again after `delay`; 0 or less leaves it to the storage's ladder of deferrals. Spends no attempt.
  template <class Rep, class Period>
  [[nodiscard]] static auto after(std::chrono::duration<Rep, Period> delay) -> Retry {
    return Retry{std::max(std::chrono::duration_cast<Duration>(delay), Duration::zero()), {}};
  }
  /// Fails the task for good, whatever its retry policy.
  [[nodiscard]] static auto never(std::string reason) -> Retry {
    return Retry{std::nullopt, Error{Errc::handler_failed, std::move(reason)}};
  }
  [[nodiscard]] static auto never(Error reason) -> Retry { return Retry{std::nullopt, std::move(reason)}; }

  /// Empty for `never`.
  [[nodiscard]] auto delay() const noexcept -> std::optional<Duration> { return delay_; }
  /// Of `never`.
  [[nodiscard]] auto reason() const noexcept -> const Error& { return reason_; }

 private:
  Retry(std::optional<Duration> delay, Error reason) : delay_{delay}, reason_{std::move(reason)} {}

  std::optional<Duration> delay_;
  Error reason_;
};

/// A value, an error (spends an attempt; tried again as the task's RetryPolicy says), or a Retry.
template <class T>
class Answer {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  Answer() requires std::is_void_v<T>
  = default;
  template <class U>
  requires(std::convertible_to<U, Value> && !std::same_as<std::remove_cvref_t<U>, Answer>)
      Answer(U&& value)  // NOLINT
      : content_{std::in_place_index<0>, std::forward<U>(value)} {}
  Answer(Error error) : content_{std::move(error)} {}  // NOLINT(google-explicit-constructor)
  Answer(Errc code) : content_{Error{code}} {}         // NOLINT(google-explicit-constructor)
  Answer(Retry retry) : content_{std::move(retry)} {}  // NOLINT(google-explicit-constructor)
  /// What `SPIDER_TRY` returns.
  Answer(boost::outcome_v2::failure_type<Error> failure)  // NOLINT(google-explicit-constructor)
      : content_{std::move(failure).error()} {}
  Answer(boost::outcome_v2::success_type<void> /*done*/)  // NOLINT(google-explicit-constructor)
      requires std::is_void_v<T> {}

  [[nodiscard]] auto has_value() const noexcept -> bool { return content_.index() == 0; }
  /// Precondition: has_value().
  [[nodiscard]] auto value() & -> Value& { return std::get<0>(content_); }
  [[nodiscard]] auto value() const& -> const Value& { return std::get<0>(content_); }
  [[nodiscard]] auto value() && -> Value&& { return std::get<0>(std::move(content_)); }
  /// Null unless it is an error, a Retry.
  [[nodiscard]] auto error() const noexcept -> const Error* { return std::get_if<1>(&content_); }
  [[nodiscard]] auto retry() const noexcept -> const Retry* { return std::get_if<2>(&content_); }

 private:
  std::variant<Value, Error, Retry> content_;
};

/// An answer holds its error already: so `Async<Answer<T>>` is an awaitable of just that.
template <class T>
class [[nodiscard]] Result<Answer<T>> : public Answer<T> {
 public:
  using Answer<T>::Answer;
  Result() : Answer<T>{Error{Errc::internal, "no answer was set"}} {}
  Result(Answer<T> answer) : Answer<T>{std::move(answer)} {}  // NOLINT(google-explicit-constructor)
};

}  // namespace v1
}  // namespace spider
