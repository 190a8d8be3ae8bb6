#pragma once

/// A member's way to what it shares with the others: the storage and the directory. One thread.

#include "sim/sim_context.hpp"

#include <algorithm>

namespace spider::inline v1::sim {

class MemberLink {
 public:
  explicit MemberLink(SimContext& context) : context_{context} {}

  /// As `SimContext::reach_storage`. What is on its way when the link is cut arrives.
  /// Errors, besides: `storage_unavailable` while it is cut.
  [[nodiscard]] auto reach() -> Async<void> {
    return context_.base.now() < cut_until_ ? refuse() : context_.reach_storage();
  }
  /// By the true clock.
  auto cut(TimePoint until) -> void { cut_until_ = std::max(cut_until_, until); }

 private:
  static auto refuse() -> Async<void> { co_return Error{Errc::storage_unavailable, "the link is cut"}; }

  SimContext& context_;
  TimePoint cut_until_{};
};

}  // namespace spider::inline v1::sim
