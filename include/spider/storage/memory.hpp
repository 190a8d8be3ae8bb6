#pragma once

/// The storage in memory: for tests, and for work that need not outlive the process. Not durable.
///
/// One mutex guards all of it, and is held for a bounded number of items at a time: a call with a large
/// batch is cut into sections of 1,024, each item whole. Nothing is done in the background but by `run`:
/// entries become due and sessions lapse when somebody polls or starts; leases of managers, deadlines,
/// and sessions that nobody polls under, when `run` or `sweep` acts.
///
/// Deterministic: the same calls at the same times are answered the same. Tasks of a job are offered in
/// the order in which they became ready, which is that of their parents' ends, then that of JobSpec::tasks.
///
/// Memory: about 64 bytes for each task, array elements included, 100 for each running instance, 1 KiB
/// and the JobSpec for each job; an array waits for its offers as one range. Names of resource groups and
/// queues, and members, are kept for good. Ended jobs are kept until there are more than
/// `StorageLimits::ended_jobs_max`, with their outputs.

#include "spider/clock.hpp"
#include "spider/storage.hpp"

#include <memory>

namespace spider {
inline namespace v1 {

struct MemoryStorageOptions {
  StorageLimits limits;
};

/// Thread-safe, as StorageClient, JobClient and ExecutionClient say. The clock outlives the storage, and
/// the storage every call that has not completed; frames that an execution context destroys at its
/// shutdown may be destroyed later.
/// Errors: `invalid_argument` for a limit out of its range: a maximum of 0, a lease or ladder that is
/// not positive, a `lower_class_share` of 1, more than 65,535 queues.
[[nodiscard]] auto make_memory_storage(MemoryStorageOptions options, Clock& clock)
    -> Result<std::unique_ptr<Storage>>;

}  // namespace v1
}  // namespace spider
