#pragma once

/// A clock that moves only when nothing is left to do: hours pass in seconds, and the same program
/// gives the same order of events every time.
///
/// Drives one `asio::io_context` on one thread. Whoever runs the context through `run` or
/// `block_on` lets virtual time advance: when no handler is ready to run, time leaps to the next
/// timer. Timers that are due at the same instant fire in the order in which they were set.
///
/// Work that runs outside the context (a handler on a thread pool) must `hold()` the clock, or time
/// would leap over it.

#include "spider/clock.hpp"

#include <cstddef>

namespace spider {
inline namespace v1 {

class VirtualClock final : public Clock {
 public:
  /// The context outlives the clock; the clock outlives what was armed on it.
  explicit VirtualClock(asio::io_context& context, TimePoint start = TimePoint{});
  ~VirtualClock() override;

  /// Callable from any thread.
  [[nodiscard]] auto now() const -> TimePoint override;
  /// Only from coroutines that run on the clock's context.
  [[nodiscard]] auto sleep_until(TimePoint at) -> Async<void> override;
  [[nodiscard]] auto make_alarm(std::function<void()> on_fire) -> std::unique_ptr<Alarm> override;

  /// While a Hold lives, time stands still and `run` waits for the work that holds it. Callable, and
  /// released, on any thread.
  class [[nodiscard]] Hold {
   public:
    Hold(Hold&& other) noexcept;
    auto operator=(Hold&& other) noexcept -> Hold&;
    ~Hold();

   private:
    friend class VirtualClock;
    explicit Hold(VirtualClock* clock) noexcept;
    VirtualClock* clock_;
  };
  [[nodiscard]] auto hold() -> Hold;

  /// Runs the context until neither a ready handler, nor a timer, nor a hold is left. Returns how
  /// many timers fired.
  auto run() -> std::size_t;

  /// The same, but leaves timers after `until` alone, and ends with `now() == until` or later.
  auto run_until(TimePoint until) -> std::size_t;
  auto run_for(Duration duration) -> std::size_t { return run_until(saturating_add(now(), duration)); }

  /// Runs everything that is ready, and what holds the clock; leaves time where it is.
  auto drain() -> void;

  /// After `drain()`: lets time leap to the next timer and fires all that are due then. Returns how
  /// many fired: 0 when none is set.
  auto step() -> std::size_t;

  [[nodiscard]] auto context() noexcept -> asio::io_context&;

 private:
  class State;
  std::shared_ptr<State> state_;
};

/// Runs `work` to its end under virtual time. Errors: those of `work`; `internal` when nothing was
/// left to run and `work` had not ended (a deadlock).
template <class T>
[[nodiscard]] auto block_on(VirtualClock& clock, Async<T> work) -> Result<T> {
  auto done = asio::co_spawn(clock.context(), rooted(std::move(work)), asio::use_future);
  while (true) {
    clock.drain();
    if (done.wait_for(std::chrono::seconds{0}) == std::future_status::ready) return done.get();
    if (clock.step() == 0) return Error{Errc::internal, "block_on: nothing is left to run"};
  }
}

}  // namespace v1
}  // namespace spider
