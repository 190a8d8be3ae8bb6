#pragma once

/// What every member directory refuses, in the same words.

#include "spider/member_directory.hpp"

#include <string>

namespace spider::inline v1::detail {

/// Errors: `invalid_argument`.
[[nodiscard]] inline auto check_limits(const MemberLimits& limits) -> Result<void> {
  if (limits.active_for <= Duration::zero())
    return Error{Errc::invalid_argument, "active_for is not positive"};
  if (limits.lost_after < limits.active_for)
    return Error{Errc::invalid_argument, "lost_after is below active_for"};
  if (limits.members_max == 0) return Error{Errc::invalid_argument, "members_max is 0"};
  return success();
}

[[nodiscard]] inline auto too_many_members(const MemberLimits& limits) -> Error {
  return {Errc::limit_exceeded, "more than " + std::to_string(limits.members_max) + " members"};
}

}  // namespace spider::inline v1::detail
