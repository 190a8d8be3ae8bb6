#pragma once

/// How a coroutine of Spider suspends and is woken: the shared ground of every waiting line.
///
/// `Suspension` holds one suspended coroutine. It is resumed by posting to the coroutine's own
/// executor, never inline, so whoever wakes may hold a lock. `WaitingLine` is an eventcount: waiters
/// are woken without being handed anything, look at their condition again, and wait on.
/// A coroutine that waits here survives nothing it should not: when its execution context shuts
/// down, the context destroys the suspended frames before the executor dies (`ContextWatch`).

#include "spider/clock.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace spider::inline v1::detail {

enum class Wake : std::uint8_t {
  notified,   ///< look at your condition again
  timed_out,  ///< your deadline has passed
  cancelled,  ///< your cancellation was requested
  closed,     ///< the line was closed; nobody waits here any more
};

using WakeHandler = asio::any_completion_handler<void(Wake)>;

/// One suspended coroutine: its handler and where to run it. Movable, owned by a waiting line.
class Suspension {
 public:
  Suspension(WakeHandler handler, asio::any_io_executor executor, asio::cancellation_slot slot);
  Suspension(Suspension&& other) noexcept;
  auto operator=(Suspension&& other) noexcept -> Suspension&;
  ~Suspension() = default;

  /// Posts the coroutine's continuation to its executor. Call once.
  auto resume(Wake why) -> void;
  /// The same, for a thread that runs none of the executor's functions now: it has no inline to avoid.
  auto resume_from_outside(Wake why) -> void;
  [[nodiscard]] auto context() const -> asio::execution_context&;

 private:
  [[nodiscard]] auto continuation(Wake why);

  WakeHandler handler_;
  asio::any_io_executor executor_;
  asio::cancellation_slot slot_;
};

/// A part that holds suspensions, as an execution context sees it.
class HoldsSuspensions {
 public:
  HoldsSuspensions() = default;
  HoldsSuspensions(const HoldsSuspensions&) = delete;
  auto operator=(const HoldsSuspensions&) -> HoldsSuspensions& = delete;
  virtual ~HoldsSuspensions() = default;

  /// `context` is shutting down: destroy every suspension that belongs to it. Destroying one runs
  /// destructors of arbitrary frames: do it without holding a lock.
  virtual auto drop_suspensions(const asio::execution_context& context) noexcept -> void = 0;
};

/// Asks `context` to call `holder->drop_suspensions` when it shuts down. Once per pair is enough.
auto watch_context(asio::execution_context& context, std::weak_ptr<HoldsSuspensions> holder) -> void;

/// An eventcount with deadlines. Thread-safe; lives in a shared_ptr, and a waiter keeps it alive.
///
///   const auto ticket = line->ticket();          // first the ticket,
///   if (condition) …                             // then the condition,
///   const auto woken = co_await line->wait(ticket, deadline);   // then the wait: nothing is missed
class WaitingLine final : public HoldsSuspensions, public std::enable_shared_from_this<WaitingLine> {
 public:
  /// The clock outlives the line.
  [[nodiscard]] static auto make(Clock& clock) -> std::shared_ptr<WaitingLine>;
  explicit WaitingLine(Clock& clock);

  [[nodiscard]] auto ticket() const -> std::uint64_t;

  /// Suspends until notified after `ticket` was drawn, or until `deadline` by the clock.
  /// Errors: `timed_out`, `cancelled`, `closed`.
  [[nodiscard]] auto wait(std::uint64_t ticket, TimePoint deadline) -> Async<void>;

  /// Wakes all who wait, and everybody who has drawn a ticket and is about to. Cheap when nobody waits.
  auto notify_all() -> void;

  /// Every wait, suspended and later, answers `closed`.
  auto close() -> void;

  [[nodiscard]] auto waiters() const -> std::size_t;

  auto drop_suspensions(const asio::execution_context& context) noexcept -> void override;

 private:
  struct Waiter {
    Suspension suspension;
    TimePoint deadline;
  };
  using Waiters = std::map<std::uint64_t, Waiter>;

  auto suspend(WakeHandler handler, asio::any_io_executor executor, asio::cancellation_slot slot,
               std::uint64_t ticket, TimePoint deadline) -> void;
  auto cancel(std::uint64_t number) -> void;
  auto expire() -> void;
  auto rearm() -> void;

  Clock& clock_;
  std::unique_ptr<Alarm> alarm_;
  mutable std::mutex mutex_;
  std::uint64_t ticket_ = 0;
  std::uint64_t next_number_ = 0;
  bool closed_ = false;
  Waiters waiters_;  // by arrival
  std::multimap<TimePoint, std::uint64_t> deadlines_;
  std::vector<const asio::execution_context*> watched_;
};

}  // namespace spider::inline v1::detail
