#pragma once

/// The storage in memory: for tests, and for work that need not outlive the process. Not durable.

#include "spider/clock.hpp"
#include "spider/storage.hpp"

#include <memory>

namespace spider {
inline namespace v1 {

struct MemoryStorageOptions {
  StorageLimits limits;
};

/// Errors: `invalid_argument` for a limit out of its range. The clock outlives the storage.
[[nodiscard]] auto make_memory_storage(MemoryStorageOptions options, Clock& clock)
    -> Result<std::unique_ptr<Storage>>;

}  // namespace v1
}  // namespace spider
