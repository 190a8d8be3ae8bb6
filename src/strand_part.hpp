#pragma once

/// One of several coroutines that make a whole: each runs on a strand of its own.

#include "spider/async.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace spider::inline v1::detail {

/// A coroutine on a strand of its own that can be asked to stop from any thread.
class StrandPart {
 public:
  explicit StrandPart(const asio::any_io_executor& executor) : strand_{asio::make_strand(executor)} {}

  /// Calls `on_end` on the part's strand. `on_end` keeps this part alive.
  template <class T, class OnEnd>
  auto start(Async<T> work, OnEnd on_end) -> void {
    asio::co_spawn(
        strand_, rooted(std::move(work)),
        asio::bind_cancellation_slot(
            signal_.slot(), [on_end = std::move(on_end)](std::exception_ptr thrown, Result<T> end) mutable {
              if (thrown) end = Error{Errc::internal, "a part of the scheduler ended by an exception"};
              on_end(std::move(end));
            }));
  }

  /// `alive` is what keeps this part alive.
  auto stop(std::shared_ptr<void> alive) -> void {
    asio::post(strand_,
               [this, alive = std::move(alive)] { signal_.emit(asio::cancellation_type::terminal); });
  }

 private:
  asio::strand<asio::any_io_executor> strand_;
  asio::cancellation_signal signal_;
};

}  // namespace spider::inline v1::detail
