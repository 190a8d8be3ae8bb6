#pragma once

/// The members of one process: a MemberDirectory in memory, for several schedulers over one memory
/// storage, for tests and for simulation. Not durable. Thread-safe; never suspends.

#include "spider/clock.hpp"
#include "spider/member_directory.hpp"

#include <memory>

namespace spider {
inline namespace v1 {

/// The clock outlives the directory.
/// Errors: `invalid_argument` for `active_for` ≤ 0, `lost_after` below it, or `members_max` 0.
[[nodiscard]] auto make_memory_directory(MemberLimits limits, Clock& clock)
    -> Result<std::unique_ptr<MemberDirectory>>;

}  // namespace v1
}  // namespace spider
