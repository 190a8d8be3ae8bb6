#pragma once

/// How Spider posts a function of its own.

#include "spider/async.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/relationship.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>

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

}  // namespace spider::inline v1::detail
