#pragma once

/// What a run hears of its schedulers while it goes on. One strand.

#include "cli/run/driver.hpp"
#include "cli/run/monitor.hpp"
#include "spider/observer.hpp"

#include <chrono>
#include <cstdint>
#include <functional>

namespace spider::cli {

using WallClock = std::chrono::steady_clock;

/// Counts what the core says, and calls for progress now and then.
class RunObserver final : public Observer {
 public:
  RunObserver(const Monitor& monitor, const RunOptions& options) : monitor_{monitor}, options_{options} {}

  auto observe(const Event& event) noexcept -> void override {
    if (event.kind == EventKind::dispatched) {
      ++assignments;
      if (assignments % 256 == 0) progress();
    }
    if (event.kind == EventKind::assignment_expired) ++rescheduled;
    if (event.kind == EventKind::manager_lost) rescheduled += event.count;
    if (event.kind == EventKind::stale_batch_dropped) stale_dropped += event.count;
    if (event.kind == EventKind::task_started) folded += event.count;
    if (event.kind == EventKind::job_submitted && event.fold == FoldOutcome::folded) ++folded;
  }

  auto progress() noexcept -> void {
    if (now_and_then) now_and_then();
    if (!options_.on_progress) return;
    const auto now = WallClock::now();
    if (now - last_ < std::chrono::milliseconds{200}) return;
    last_ = now;
    options_.on_progress({.tasks = monitor_.tasks_submitted(),
                          .ended = monitor_.tasks_ended(),
                          .running = monitor_.running(),
                          .queued = monitor_.waiting(),
                          .elapsed_s = std::chrono::duration<double>(now - begin_).count()});
  }

  std::function<void()> now_and_then;  ///< may be empty
  std::uint64_t assignments = 0;
  std::uint64_t rescheduled = 0;
  std::uint64_t stale_dropped = 0;
  std::uint64_t folded = 0;

 private:
  const Monitor& monitor_;
  const RunOptions& options_;
  WallClock::time_point begin_ = WallClock::now();
  WallClock::time_point last_ = begin_;
};

}  // namespace spider::cli
