#pragma once

/// Counts what the calling thread allocates. This program's operator new is replaced for it, and its
/// aligned_alloc, which Asio takes the frames of coroutines from. Sanitizers count, too.

#include <cstdint>

namespace spider::inline v1::testing {

struct Allocations {
  std::uint64_t objects = 0;  ///< by operator new
  std::uint64_t frames = 0;   ///< by aligned_alloc: frames and handlers that Asio had none to recycle for

  friend auto operator==(const Allocations&, const Allocations&) -> bool = default;
  friend auto operator-(const Allocations& left, const Allocations& right) -> Allocations {
    return {left.objects - right.objects, left.frames - right.frames};
  }
};

/// Of this thread, since it began.
[[nodiscard]] auto allocations() -> Allocations;

}  // namespace spider::inline v1::testing
