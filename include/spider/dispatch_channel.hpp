#pragma once

/// The dispatch channel: the shipped implementation of the dispatch queue.

#include "spider/clock.hpp"
#include "spider/dispatch_queue.hpp"

#include <cstdint>
#include <memory>

namespace spider {
inline namespace v1 {

struct DispatchChannelOptions {
  std::size_t capacity = 1024;       ///< 1 … 2^24 assignments
  SessionId session{};               ///< the session the core registered under; 0 = none yet
  std::size_t resume_slots = 1;      ///< suspended producers resume once this many slots are free
  std::size_t wake_fanout = 4;       ///< woken consumers in flight at most
  std::uint32_t overtake_max = 512;  ///< items in a row that may be taken past suspended consumers
  Duration wait_max = std::chrono::seconds{60};  ///< cap of every timed dequeue
};

struct DispatchChannelCounters {
  std::uint64_t enqueued = 0;
  std::uint64_t dequeued = 0;
  std::uint64_t stale_dropped = 0;
  std::size_t queued = 0;
  std::size_t high_water = 0;
};

struct DispatchChannel {
  std::unique_ptr<DispatchQueueSink> sink;
  std::unique_ptr<DispatchQueueSource> source;
};

[[nodiscard]] auto make_dispatch_channel(DispatchChannelOptions options, Clock& clock)
    -> Result<DispatchChannel>;

}  // namespace v1
}  // namespace spider
