#pragma once

/// What a test of a core works with: the core, everything that it may touch, a virtual clock, and the
/// list of promises found broken. One thread; no step of it can hang, not even with a core that spins.
///
///   CoreTrial trial{my_core()};
///   trial.start();
///   trial.storage().offer(ready_entry(1, 0));
///   trial.settle();
///   EXPECT_EQ(trial.taken(), …);

#include "spider/scheduler_core.hpp"
#include "spider/testing/scripted_sink.hpp"
#include "spider/testing/scripted_storage.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

/// Task number `index` of the job; ready since the epoch.
[[nodiscard]] auto ready_entry(std::uint64_t job, std::uint32_t index, std::uint64_t group = 1)
    -> InboundEntry;
[[nodiscard]] auto commit_entry(std::uint64_t job, std::uint64_t group = 1) -> InboundEntry;
[[nodiscard]] auto cleanup_entry(std::uint64_t job, std::uint64_t group = 1) -> InboundEntry;

/// Handed back by the test.
class ScriptedHandedBack final : public HandedBack {
 public:
  explicit ScriptedHandedBack(Clock& clock);

  auto give(const TaskAssignment& assignment) -> void;

  [[nodiscard]] auto wait() -> Async<void> override;
  [[nodiscard]] auto take(std::size_t max) -> std::vector<TaskAssignment> override;

 private:
  std::shared_ptr<spider::detail::WaitingLine> line_;
  std::deque<TaskAssignment> given_;
};

/// Counts events, and keeps the text of the last error of each kind.
class EventLog final : public Observer {
 public:
  auto observe(const Event& event) noexcept -> void override;

  [[nodiscard]] auto events() const -> const std::vector<Event>& { return events_; }
  [[nodiscard]] auto count(EventKind kind) const -> std::size_t;
  /// The durations of all events of this kind.
  [[nodiscard]] auto durations(EventKind kind) const -> std::vector<Duration>;

 private:
  std::vector<Event> events_;  // `error` is not kept
};

class CoreTrial {
 public:
  explicit CoreTrial(std::unique_ptr<SchedulerCore> core, std::size_t capacity = 64);
  /// Cancels a core that still runs.
  ~CoreTrial();
  CoreTrial(const CoreTrial&) = delete;
  auto operator=(const CoreTrial&) -> CoreTrial& = delete;

  [[nodiscard]] auto clock() -> VirtualClock& { return *clock_; }
  [[nodiscard]] auto storage() -> ScriptedStorage& { return *storage_; }
  [[nodiscard]] auto sink() -> ScriptedSink& { return *sink_; }
  [[nodiscard]] auto handed_back() -> ScriptedHandedBack& { return *handed_back_; }
  [[nodiscard]] auto log() -> EventLog& { return log_; }
  [[nodiscard]] auto core() -> SchedulerCore& { return *core_; }

  /// Starts `run` and settles.
  auto start() -> void;
  /// Starts `run`; nothing of it has happened yet.
  auto launch() -> void;
  /// Requests the cancellation on the core's executor, and lets the core react; time stands still.
  /// What `just_before` sets going is under way when the cancellation arrives.
  auto cancel(std::function<void()> just_before = {}) -> void;
  [[nodiscard]] auto enqueued_after_cancel() const -> std::size_t;
  /// Why `run` ended; empty while it has not.
  [[nodiscard]] auto ended() const -> const std::optional<Error>& { return *ended_; }

  /// After the end: the core may be started again.
  auto forget_end() -> void { ended_->reset(); }

  /// Runs whatever is ready; time stands still. False when the core never came to rest.
  auto settle() -> bool;
  /// Lets one handler run; false when none is ready.
  auto step() -> bool;
  /// Lets time pass.
  auto advance(Duration duration) -> void;

  /// Takes all that is queued, and starts it in the storage.
  auto taken() -> std::vector<TaskRef>;
  /// Takes one assignment after the other for a while, until nothing more comes.
  auto drain() -> std::vector<TaskRef>;

  /// Notes a broken promise.
  auto expect(bool kept, std::string promise) -> void;
  [[nodiscard]] auto broken() const -> const std::vector<std::string>& { return broken_; }

 private:
  std::unique_ptr<asio::io_context> io_;
  std::unique_ptr<VirtualClock> clock_;
  std::unique_ptr<ScriptedStorage> storage_;
  std::unique_ptr<ScriptedSink> sink_;
  std::unique_ptr<ScriptedHandedBack> handed_back_;
  EventLog log_;
  std::unique_ptr<SchedulerCore> core_;
  std::unique_ptr<CoreContext> context_;
  asio::cancellation_signal signal_;
  std::shared_ptr<std::optional<Error>> ended_ = std::make_shared<std::optional<Error>>();
  std::size_t accepted_before_cancel_ = 0;
  bool restless_ = false;
  std::vector<std::string> broken_;
};

}  // namespace testing
}  // namespace v1
}  // namespace spider
