#pragma once

/// How Spider posts a function of its own.

#include "spider/async.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/blocking.hpp>
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

}  // namespace spider::inline v1::detail
