#pragma once

/// What is kept of each task instance for the page that `spider run --report` writes.

#include "spider/types.hpp"

#include <cstdint>

namespace spider::cli {

enum class InstanceEnd : std::uint8_t {
  succeeded,
  failed,
  given_back,  ///< released, put off, or its result was refused: no attempt that counts
  lost,        ///< nothing was heard of it again: its member was killed, or the run ended
};

/// One task instance that this process ran.
struct InstanceRecord {
  TimePoint begin{};
  TimePoint end{};
  JobId job{};
  TaskId task{};
  std::uint16_t member = 0;  ///< in the order in which they are first heard of
  InstanceEnd how = InstanceEnd::lost;
};
static_assert(sizeof(InstanceRecord) == 32, "a run of a million tasks keeps a million of them");

}  // namespace spider::cli
