#pragma once

/// The shipped HandedBack: a bounded queue from the threads of a DispatchService to one core.
///
/// `put`, `close` and `size` are called by whoever hands assignments back, `wait` and `take` by the
/// core. Every function may be called from any thread.
///
/// Order: assignments leave in the order in which `put` accepted them, each exactly once. Several
/// threads in `take` at the same time each get a part of that order, every part in order.
///
/// Memory: at most `capacity` × sizeof(TaskAssignment) (64) bytes in blocks of 32 assignments, kept
/// until the queue is gone. It is moodycamel's ConcurrentQueue with one producer, behind a lock.

#include "spider/scheduler_core.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace spider {
inline namespace v1 {

class HandedBackQueue final : public HandedBack {
 public:
  static constexpr std::size_t kCapacityDefault = 65'536;
  static constexpr std::size_t kCapacityMax = std::size_t{1} << 24U;

  /// `capacity`: 1 … kCapacityMax. The clock outlives the queue and the calls that wait on it.
  explicit HandedBackQueue(Clock& clock, std::size_t capacity = kCapacityDefault);
  /// Closes it.
  ~HandedBackQueue() override;

  /// Accepts the first n of `assignments` and returns n: fewer than all when the queue is full or out
  /// of memory, 0 when it is closed. What is refused is the caller's to report; the storage offers it
  /// again. Never suspends, resumes nobody inline.
  [[nodiscard]] auto put(std::span<const TaskAssignment> assignments) -> std::size_t;

  /// Ends the intake. What is queued may still be taken: `wait` answers `closed` once nothing is left.
  /// Idempotent.
  auto close() -> void;

  [[nodiscard]] auto wait() -> Async<void> override;
  [[nodiscard]] auto take(std::size_t max) -> std::vector<TaskAssignment> override;

  /// A snapshot; never more than the capacity.
  [[nodiscard]] auto size() const -> std::size_t;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace spider
