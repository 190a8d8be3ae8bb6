#pragma once

/// What all parts of one simulated world share: time, chance, the log, and the complaints. One thread.

#include "sim/chance.hpp"
#include "sim/event_log.hpp"
#include "sim/sim_clock.hpp"
#include "spider/sim/case.hpp"
#include "spider/virtual_clock.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spider::inline v1::sim {

class SimContext {
 public:
  SimContext(const SimCase& what, bool keep_log);

  const SimCase& plan;
  asio::io_context io;  // outlives all that is below, and every frame
  VirtualClock base{io};
  SimClock storage_clock;
  SimClock scheduler_clock;
  SimClock fleet_clock;
  EventLog log;
  std::size_t running = 0;         ///< coroutines spawned here that have not ended
  bool stopping = false;           ///< everybody is to end
  TimePoint storage_away_until{};  ///< the storage answers nobody until then
  bool storage_down = false;       ///< but with an error

  [[nodiscard]] auto fires(FaultKind kind) -> std::optional<Draw>;
  [[nodiscard]] auto faults() -> FaultSource& { return faults_; }

  /// A draw that is no fault: the `number`-th for a purpose.
  [[nodiscard]] auto draw(std::uint64_t purpose, std::uint64_t number) const -> Draw {
    return Draw{mix64(plan.seed ^ mix64(purpose << 56U ^ number))};
  }

  auto note(Note what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0, std::uint64_t d = 0,
            std::uint64_t e = 0) -> void {
    log.note(what, base.now(), a, b, c, d, e);
  }
  auto complain(std::string rule, std::string what) -> void;
  /// So much is broken that the rest of the run tells nothing new.
  [[nodiscard]] auto hopeless() const -> bool { return violations_.size() == kViolationsMax; }
  [[nodiscard]] auto violations() const -> const std::vector<Violation>& { return violations_; }

  /// By the true clock.
  [[nodiscard]] auto sleep(Duration duration) -> Async<void> {
    return base.sleep_until(saturating_add(base.now(), duration));
  }
  /// What a call to the storage goes through on its way: latency, a storage that is away or down.
  /// Errors: `storage_unavailable`; `cancelled`.
  [[nodiscard]] auto reach_storage() -> Async<void>;

  /// Runs until its end; nobody waits for its result. The context outlives it.
  auto spawn(Async<void> work) -> void;

 private:
  static constexpr std::size_t kViolationsMax = 8;

  FaultSource faults_;
  std::vector<Violation> violations_;
  std::uint64_t calls_ = 0;
};

/// "job 3 task 4".
[[nodiscard]] auto to_text(TaskRef task) -> std::string;
/// An answer, as the log has it: 0, or what its error is.
template <class T>
[[nodiscard]] auto outcome_of(const Result<T>& answer) -> std::uint64_t {
  return answer ? 0 : static_cast<std::uint64_t>(answer.error().code.value());
}

}  // namespace spider::inline v1::sim
