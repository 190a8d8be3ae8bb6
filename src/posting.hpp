#pragma once

/// How Spider posts a function of its own.

#include "spider/async.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/relationship.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>

#include <utility>

namespace spider::inline v1::detail {

/// What asio::post does for a function that has neither an executor nor an allocator of its own. asio::post
/// asks a type-erased executor for those two all the same; each question copies the executor, and of a
/// strand that is an allocation.
template <class Function>
auto post_to(const asio::any_io_executor& executor, Function function) -> void {
  asio::require(executor, asio::execution::blocking.never).execute(std::move(function));
}

/// The same, for a caller that is about to suspend or to end: its own thread may run the function as soon as
/// it has, and no other is woken. Until then the function waits: nothing that may take long comes before.
template <class Function>
auto post_after(const asio::any_io_executor& executor, Function function) -> void {
  asio::prefer(asio::require(executor, asio::execution::blocking.never),
               asio::execution::relationship.continuation)
      .execute(std::move(function));
}

/// What a caller does next: whether what it leaves behind can wait until it is done.
enum class Next : bool {
  may_take_long,
  suspends,
};

template <class Function>
auto post_to(const asio::any_io_executor& executor, Next next, Function function) -> void {
  if (next == Next::suspends) return post_after(executor, std::move(function));
  post_to(executor, std::move(function));
}

/// An executor to which much is posted: it is asked once for what `post_to` asks for each time, which of a
/// strand is an allocation.
class Poster {
 public:
  explicit Poster(const asio::any_io_executor& executor)
      : now_{asio::require(executor, asio::execution::blocking.never)},
        after_{asio::prefer(now_, asio::execution::relationship.continuation)} {}

  template <class Function>
  auto post(Next next, Function function) const -> void {
    (next == Next::suspends ? after_ : now_).execute(std::move(function));
  }

 private:
  asio::any_io_executor now_;
  asio::any_io_executor after_;
};

/// A strand of `executor`. Of a context's own executor it keeps the type: a strand of a type-erased one
/// allocates three times more for each function.
[[nodiscard]] inline auto make_strand_of(const asio::any_io_executor& executor) -> asio::any_io_executor {
  if (const auto* context = executor.target<asio::io_context::executor_type>())
    return asio::make_strand(*context);
  if (const auto* pool = executor.target<asio::thread_pool::executor_type>()) return asio::make_strand(*pool);
  return asio::make_strand(executor);
}

}  // namespace spider::inline v1::detail
