#pragma once

/// One simulated case: what is submitted, who executes it, what goes wrong, and how to run it again.
///
/// `expand` makes a case of a seed. A case that failed is shrunk (check.hpp) to the fewest events that
/// still fail, and printed as a unit test by `to_test`. An event is one submit, one manager that joins,
/// or one fault.
///
/// Running a case is deterministic: the same case gives the same events in the same order, byte by byte,
/// on every build. Everything runs on the calling thread, in virtual time, and is gone on return.

#include "spider/clock.hpp"
#include "spider/job.hpp"
#include "spider/scheduling_policy.hpp"
#include "spider/sim/fault.hpp"
#include "spider/storage.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
inline namespace v1 {
namespace sim {

/// Opens an empty storage with these limits on this clock; called once per run. The storage answers on
/// the executor of its caller and starts no thread.
using StorageFactory =
    std::function<Result<std::unique_ptr<Storage>>(const StorageLimits& limits, Clock& clock)>;

/// What is under test besides Spider's own parts.
struct SimParts {
  PolicyFactory policy{};    ///< none: the case's `policy`
  StorageFactory storage{};  ///< none: the memory storage
};

struct SubmitEvent {
  Duration at{};  ///< after the begin
  JobSpec job;
  bool refused = false;  ///< the job is broken on purpose: the storage must refuse it
};

struct ManagerEvent {
  Duration at{};
  std::size_t batch = 8;  ///< assignments per call, 1 … 1,024
  std::size_t lanes = 1;  ///< calls side by side, 1 … 16
};

struct FaultEvent {
  FaultKind kind{};
  std::uint64_t opportunity = 0;

  friend auto operator<=>(const FaultEvent&, const FaultEvent&) = default;
};

struct SimCase {
  std::uint64_t seed = 1;             ///< of run times, latencies, and of how a fault goes about it
  std::string policy = "fair-share";  ///< as `make_policy` takes it
  std::size_t capacity = 64;          ///< of the dispatch channel
  std::size_t buffered_max = 1024;    ///< entries in the core
  Duration latency_max{};             ///< of some of the calls to the storage
  Duration task_seconds_max = std::chrono::milliseconds{500};  ///< run times are between 0 and this
  Duration safety = std::chrono::seconds{20};  ///< how long faults happen; then everything must heal
  std::uint64_t idle_workers = 0;              ///< in a pool, apart from the rest
  std::uint64_t claimants = 0;                 ///< who claim them
  std::size_t members = 1;  ///< schedulers that share the storage, 1 … 6, each with all of `managers`
  std::vector<SubmitEvent> submits;
  std::vector<ManagerEvent> managers;
  std::vector<FaultEvent> faults;     ///< exactly these; used when there are no rates
  std::optional<FaultRates> rates{};  ///< how probable each kind is
};

/// A broken promise. `rule` is a name from the lists of promises: I1 … I14 or the rule of a part (D3, S4,
/// T10, P1 …); or "healing": something did not end although everything went right again; or "setup", or
/// "replay": the same seed logged something else.
struct Violation {
  std::string rule;
  std::string what;
  Duration at{};  ///< virtual time since the begin
};

struct SimOutcome {
  std::vector<Violation> violations;  ///< the first few
  std::uint64_t dispatches = 0;
  std::uint64_t folded = 0;    ///< tasks taken into the run of an equivalent one
  std::uint64_t events = 0;    ///< of the log
  std::uint64_t log_hash = 0;  ///< equal logs have equal hashes
  std::string log;             ///< the log itself, where asked for
  Duration virtual_time{};
  FaultCounts fired{};
  std::vector<FaultEvent> faults;  ///< what fired, in order

  [[nodiscard]] auto clean() const -> bool { return violations.empty(); }
};

/// What a seed means. `policy` overrides the drawn one unless it is empty.
[[nodiscard]] auto expand(std::uint64_t seed, const std::string& policy = {}) -> SimCase;

/// The case's options on one line: what was drawn, and the rates of its faults.
[[nodiscard]] auto describe(const SimCase& what) -> std::string;

/// Runs the case once. A part that cannot be made is a violation of the rule "setup".
[[nodiscard]] auto replay(const SimCase& what, const SimParts& parts = {}, bool keep_log = false)
    -> SimOutcome;

/// The case as a unit test, ready to be pasted: it fails as long as the promise is broken. Faults are those
/// of `faults`, whatever the rates. `parts` is how the test is to write its SimParts.
[[nodiscard]] auto to_test(const SimCase& what, const Violation& broken, const std::string& parts = "{}")
    -> std::string;

}  // namespace sim
}  // namespace v1
}  // namespace spider
