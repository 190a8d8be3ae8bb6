#pragma once

/// The claims that wait for a worker of one pool, first come, first served. Only the head of the line is
/// ever woken; it looks for a worker itself, and the next is woken when it leaves.

#include "waiting.hpp"

#include <atomic>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>

namespace spider::inline v1::detail {

class ClaimLine {
 public:
  explicit ClaimLine(std::size_t waiting_max) : waiting_max_{waiting_max} {}

  /// Whether anybody waits. Decisive only after the lock of an index's shard was taken (`IdleIndex::pop`).
  [[nodiscard]] auto occupied() const noexcept -> bool { return size_.load(std::memory_order_relaxed) != 0; }

  /// A worker may be had: resumes the head.
  auto wake_first() -> void;

  /// Every wait, suspended and later, answers `closed`.
  auto close() -> void;

 private:
  friend class PlaceInLine;
  using Places = std::list<std::shared_ptr<WaitingLine>>;

  const std::size_t waiting_max_;
  std::atomic<std::size_t> size_{0};
  mutable std::mutex mutex_;
  bool closed_ = false;
  Places places_;
};

/// One place in a line, in the frame of a claim that waits. Left when the claim ends in whatever way, the
/// destruction of its frame included.
class PlaceInLine {
 public:
  /// `owner` keeps `line` alive. The clock outlives the place.
  PlaceInLine(std::shared_ptr<void> owner, ClaimLine& line, Clock& clock);
  PlaceInLine(const PlaceInLine&) = delete;
  auto operator=(const PlaceInLine&) -> PlaceInLine& = delete;
  ~PlaceInLine();

  /// False when the line was full: the place is none.
  [[nodiscard]] auto joined() const noexcept -> bool { return joined_; }
  [[nodiscard]] auto is_first() const -> bool;
  /// First the ticket, then the look for a worker, then the wait: no wake-up is missed.
  [[nodiscard]] auto ticket() const -> std::uint64_t { return waiting_->ticket(); }
  /// Errors: `timed_out`, `cancelled`, `closed`.
  [[nodiscard]] auto wait(std::uint64_t ticket, TimePoint until) -> Async<void> {
    return waiting_->wait(ticket, until);
  }

 private:
  std::shared_ptr<void> owner_;
  ClaimLine& line_;
  std::shared_ptr<WaitingLine> waiting_;
  ClaimLine::Places::iterator position_;
  bool joined_ = false;
};

}  // namespace spider::inline v1::detail
