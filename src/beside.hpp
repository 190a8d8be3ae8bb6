#pragma once

/// A call that runs on a strand of its own, beside one that waits for it and for something else.

#include "spider/clock.hpp"
#include "spider/error.hpp"
#include "strand_part.hpp"
#include "waiting.hpp"

#include <memory>
#include <mutex>
#include <optional>

namespace spider::inline v1::detail {

/// What a call that waits shares with the storage's call that it runs beside itself.
template <class T>
struct Beside {
  Beside(const asio::any_io_executor& executor, Clock& clock)
      : part{executor}, line{WaitingLine::make(clock)} {}

  StrandPart part;
  std::shared_ptr<WaitingLine> line;
  std::mutex mutex;
  std::optional<Result<T>> end;
};

}  // namespace spider::inline v1::detail
