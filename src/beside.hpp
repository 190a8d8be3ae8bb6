#pragma once

/// A call that runs on a strand of its own, beside one that waits for it and for something else.

#include "spider/clock.hpp"
#include "spider/error.hpp"
#include "strand_part.hpp"
#include "waiting.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace spider::inline v1::detail {

/// What a call that waits shares with the storage's call that it runs beside itself.
template <class T>
struct Beside {
  /// Who waits here does so without a deadline: the line needs no alarm, which costs more than all the rest.
  Beside(const asio::any_io_executor& executor, Clock& clock)
      : part{executor}, line{std::make_shared<WaitingLine>(clock)} {}

  auto finish(Result<T> how) -> void {
    {
      const std::scoped_lock lock{mutex_};
      end_ = std::move(how);
    }
    line->notify_all();
  }
  /// How the call ended, once it has.
  [[nodiscard]] auto take_end() -> std::optional<Result<T>> {
    const std::scoped_lock lock{mutex_};
    return std::exchange(end_, std::nullopt);
  }

  StrandPart part;
  const std::shared_ptr<WaitingLine> line;

 private:
  std::mutex mutex_;
  std::optional<Result<T>> end_;
};

}  // namespace spider::inline v1::detail
