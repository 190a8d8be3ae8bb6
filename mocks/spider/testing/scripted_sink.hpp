#pragma once

/// A DispatchQueueSink that a test reads and disturbs: bounded as a real one, with everything that
/// was put in on record, and with other producers that are faster on demand. For tests of cores.
///
/// One thread: all calls on the context that the core runs on, or while that does not run.

#include "spider/clock.hpp"
#include "spider/dispatch_queue.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace spider {
inline namespace v1 {

namespace detail {
class WaitingLine;
}  // namespace detail

namespace testing {

class ScriptedSink final : public DispatchQueueSink {
 public:
  /// Starts without a session. The clock outlives the sink.
  ScriptedSink(Clock& clock, std::size_t capacity);

  /// Takes up to `max` of what is queued, oldest first, as execution managers would.
  auto take(std::size_t max = SIZE_MAX) -> std::vector<TaskAssignment>;
  auto set_capacity(std::size_t capacity) -> void;
  /// The next `times` calls of `try_enqueue` find the queue full, although `free_slots` said otherwise.
  auto refuse(std::size_t times) -> void { refusals_ = times; }

  /// Everything that ever went in, in order.
  [[nodiscard]] auto accepted() const -> const std::vector<TaskAssignment>& { return accepted_; }
  /// How many were refused with `stale_session`.
  [[nodiscard]] auto stale() const -> std::size_t { return stale_; }
  [[nodiscard]] auto session() const -> SessionId { return session_; }
  [[nodiscard]] auto bumps() const -> const std::vector<SessionId>& { return bumps_; }

  [[nodiscard]] auto enqueue(TaskAssignment assignment) -> Async<void> override;
  [[nodiscard]] auto enqueue_batch(std::vector<TaskAssignment> assignments) -> Async<std::size_t> override;
  [[nodiscard]] auto try_enqueue(const TaskAssignment& assignment) -> Result<void> override;
  [[nodiscard]] auto bump_session(SessionId session) -> Result<void> override;
  [[nodiscard]] auto free_slots() const -> std::size_t override;
  [[nodiscard]] auto wait_for_slots() -> Async<std::size_t> override;
  auto close() -> void override;

 private:
  auto put(const TaskAssignment& assignment) -> Result<void>;

  std::shared_ptr<spider::detail::WaitingLine> line_;
  std::size_t capacity_;
  std::size_t refusals_ = 0;
  std::size_t stale_ = 0;
  bool closed_ = false;
  SessionId session_;
  std::deque<TaskAssignment> queued_;
  std::vector<TaskAssignment> accepted_;
  std::vector<SessionId> bumps_;
};

}  // namespace testing
}  // namespace v1
}  // namespace spider
