#pragma once

/// Runs handlers in this process: the execution manager that ships.
///
/// It reaches the rest of Spider through DispatchClient and ExecutionClient only, as a remote one would.
/// What runs where:
///   the manager itself   on one strand of the executor it is given;
///   plain functions      on a thread pool of its own, so that a slow one delays no heartbeat; with
///                        `threads = 0` on the executor instead: then they must not block it for long;
///   coroutines           on the executor, each on a strand of its own. They must not block.
/// The pool is the only thing here that starts threads.
///
/// What becomes of an attempt:
///   a value                    finished as succeeded
///   an error, an exception     failed with the reason; tried again by the task's RetryPolicy
///   Retry::never               failed for good
///   Retry::after               deferred; spends no attempt
///   past its deadline          reported as failed with `deadline_exceeded` at once and asked to stop; its
///                              late result is dropped, its slot free only when it has really returned
///   lost (says a renewal)      asked to stop, its result is dropped
///   a name nobody registered   released after `release_delay`; spends no attempt
/// A call to the storage that ends in an error has an unknown outcome: it is repeated with growing rests
/// until it is answered or the manager stops, because giving up would leave a task running for ever.
/// Meanwhile no more is taken on than `slots` results can wait. Every such failure is observed.

#include "spider/clock.hpp"
#include "spider/dispatch_client.hpp"
#include "spider/execution_client.hpp"
#include "spider/handlers.hpp"
#include "spider/observer.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {

namespace detail {
class ManagerState;
}

struct LocalExecutionManagerOptions {
  LocalExecutionManagerOptions() = default;

  ManagerId id{};                      ///< 0 = drawn at random; any other must be new with each life
  std::size_t slots = 16;              ///< tasks at a time; 1 … 1,000,000
  std::optional<std::size_t> threads;  ///< of the pool, at most 1,024; none = one per slot, at most 64
  std::size_t batch = 256;             ///< assignments taken at once; ≥ 1
  Duration poll_wait = std::chrono::seconds{10};
  Duration heartbeat_interval = std::chrono::seconds{5};  ///< > 0
  Duration release_delay = std::chrono::seconds{1};       ///< of tasks with an unknown name; ≥ 0
  Duration backoff_first = std::chrono::milliseconds{100};
  Duration backoff_max = std::chrono::seconds{15};

  /// Called when a plain function goes to the pool; what it returns is destroyed when the function has
  /// returned. Under a VirtualClock: `[&clock] { return std::make_shared<VirtualClock::Hold>(clock.hold());
  /// }`, or time would leap over the work (and over its deadline).
  std::function<std::shared_ptr<void>()> hold_clock;
};
static_assert(AsyncArgument<LocalExecutionManagerOptions>);

enum class StopMode : std::uint8_t {
  drain,   ///< what runs may finish
  cancel,  ///< what runs is asked to stop; if it then answers an error, no attempt is spent
};

struct StopReport {
  struct Handler {
    TaskRef task;
    std::string name;
    TimePoint since{};
  };

  StopReport() = default;

  std::vector<Handler> still_running;  ///< fenced when the manager's lease lapses
};

class LocalExecutionManager {
 public:
  struct Parts {
    DispatchClient& dispatch;
    ExecutionClient& execution;
    Clock& clock;
    Observer& observer;
  };

  /// The parts and the executor's context outlive the manager.
  /// Errors: `handlers.error()`; `invalid_argument` for an option out of its range.
  [[nodiscard]] static auto make(asio::any_io_executor executor, Parts parts, Handlers handlers,
                                 LocalExecutionManagerOptions options = {})
      -> Result<std::unique_ptr<LocalExecutionManager>>;

  /// Preconditions: `run`, if called, has completed, and so has every `stop`. Waits for plain functions
  /// that are still running on the pool: nothing else can be done with a thread.
  ~LocalExecutionManager();
  LocalExecutionManager(const LocalExecutionManager&) = delete;
  auto operator=(const LocalExecutionManager&) -> LocalExecutionManager& = delete;

  [[nodiscard]] auto id() const noexcept -> ManagerId;

  /// Takes and runs tasks until stopped; then returns as soon as all handlers have, or the timeout of the
  /// stop has passed, and the last call to a client has completed. After that nothing is touched any more:
  /// a coroutine that is still running holds only its own data. Call it once.
  /// Cancellation is a `stop(cancel)` without a timeout.
  /// Errors: `dispatch_queue_closed` when that is why it ended; `cancelled` before it began.
  [[nodiscard]] auto run() -> Async<void>;

  /// No handler is started any more; what was taken but not started goes back, started tasks whose
  /// handlers have not begun are released. Returns when all handlers have returned and their results are
  /// stored, at the latest after `timeout`, and names those that still run. May be repeated: the stricter
  /// mode and the earlier timeout hold. Callable from any thread; from a handler it waits for that one too.
  [[nodiscard]] auto stop(StopMode mode, Duration timeout) -> Async<StopReport>;

 private:
  LocalExecutionManager(asio::any_io_executor executor, Parts parts, Handlers handlers,
                        LocalExecutionManagerOptions options);

  std::unique_ptr<asio::thread_pool> pool_;  // null when plain functions run on the executor
  std::unique_ptr<detail::ManagerState> state_;
};

}  // namespace v1
}  // namespace spider
