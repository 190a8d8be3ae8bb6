#pragma once

/// A storage: the three views of it (scheduler, application, execution manager) and its housekeeping.
///
/// Who implements it: adapters (`MemoryStorage`, …), each held to the contract suites in
/// `spider/testing/`. An adapter that cannot do something declares it in its limits.

#include "spider/execution_client.hpp"
#include "spider/job_client.hpp"
#include "spider/storage_client.hpp"

#include <cstddef>
#include <string>

namespace spider {
inline namespace v1 {

/// What a storage takes and promises. Every bound is checked, and refused with `limit_exceeded`.
struct StorageLimits {
  StorageLimits() = default;

  std::string adapter;                           ///< "memory", "sqlite", …
  bool durable = false;                          ///< survives the process
  std::uint32_t tasks_per_job_max = 10'000'000;  ///< regular tasks, arrays counted in full
  std::uint32_t nodes_per_job_max = 1'000'000;   ///< entries of JobSpec::tasks
  std::uint32_t edges_per_job_max = 10'000'000;  ///< entries of all TaskSpec::parents
  std::size_t payload_bytes_max = 16U << 20U;    ///< of one input or one output
  std::size_t jobs_per_submit_max = 100'000;
  std::size_t poll_items_max = 65'536;
  std::uint32_t page_items_max = 10'000;
  std::size_t queues_max = 65'535;
  std::size_t groups_max = 1'000'000;      ///< names of resource groups ever seen
  std::size_t ended_jobs_max = 1'000'000;  ///< ended jobs that are kept; the oldest go first
  /// One offer in so many goes to a less urgent class that has backlog; 0 = none, else ≥ 2.
  std::uint32_t lower_class_share = 8;
  Duration session_lease = std::chrono::seconds{60};         ///< of a scheduler that does not poll
  Duration manager_lease = std::chrono::seconds{60};         ///< of a manager that does not renew
  Duration deferral_first = std::chrono::milliseconds{100};  ///< the ladder: doubling …
  Duration deferral_max = std::chrono::seconds{15};          ///< … up to this
};

struct SweepReport {
  std::size_t swept = 0;      ///< lapsed sessions, managers, deadlines that were acted on
  std::size_t removed = 0;    ///< ended jobs that had been kept for long enough
  TimePoint next = kForever;  ///< when there will be something to sweep again, as known now
};

class Storage : public StorageClient, public JobClient, public ExecutionClient {
 public:
  /// Acts on what has lapsed by the storage's clock: session and manager leases, deadlines of tasks
  /// and jobs; at most `limit` of them. Several may run at once.
  /// Errors: `storage_unavailable`.
  [[nodiscard]] virtual auto sweep(std::size_t limit) -> Async<SweepReport> = 0;

  [[nodiscard]] virtual auto limits() const -> const StorageLimits& = 0;

  /// The storage's own loop: sweeps when something is due. Somebody runs it, `Scheduler` does; one
  /// loop per storage is enough, several do no harm. Returns `cancelled` when cancelled; other
  /// errors only when going on is pointless.
  [[nodiscard]] virtual auto run() -> Async<void> = 0;
};

}  // namespace v1
}  // namespace spider
