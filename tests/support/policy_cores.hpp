#pragma once

/// PolicyCore over a plain policy, for tests.

#include "spider/policy_core.hpp"
#include "support/plain_policies.hpp"

#include <memory>
#include <utility>

namespace spider::inline v1::testing {

[[nodiscard]] inline auto policy_core(PlainPolicy::Manners manners = {}, PolicyCoreOptions options = {})
    -> std::unique_ptr<PolicyCore> {
  return make_policy_core(make_plain_policy(manners), std::move(options)).value();
}

}  // namespace spider::inline v1::testing
