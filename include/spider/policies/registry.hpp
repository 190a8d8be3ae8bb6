#pragma once

/// Policies by name: what `--policy SPEC` and configuration files mean.
///
/// A specification is a stack, outermost first: `fair-share/job-round-robin/fifo`. The last part is a
/// leaf, which holds the entries; where it is left out, it is `fifo`: `fair-share` means
/// `fair-share/fifo`. A part may carry numbers: `job-round-robin(active=32,turns=8)`.
/// Known from the start: `fifo` (policies/fifo.hpp), `fair-share(overtakes)`
/// (policies/fair_share.hpp), `fair-share(weighted=1)` and `fair-share(measured=1)`
/// (policies/weighted_fair_share.hpp), `job-round-robin(active, turns)` (policies/job_round_robin.hpp),
/// `priority(share, stale)` with `stale` in seconds (policies/priority.hpp).
/// A registry is a plain value; reading it from several threads is safe while nobody adds.

#include "spider/error.hpp"
#include "spider/scheduling_policy.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace spider {
inline namespace v1 {

/// A part of a specification may say `name=value`; values are whole numbers.
using PolicyArguments = std::map<std::string, std::uint64_t, std::less<>>;

/// One name that a specification may use.
struct PolicyPart {
  std::string name;                    ///< `[a-z0-9-]{1,64}`
  std::string summary;                 ///< one line for people
  std::vector<std::string> arguments;  ///< the names it accepts
  bool leaf = true;                    ///< holds entries; otherwise it groups over an inner policy

  /// Makes a factory; `inner` is empty for a leaf. Called anew for every policy that is made from a
  /// specification, so a leaf's policies may share memory. Errors: `invalid_argument` for a value.
  std::function<Result<PolicyFactory>(const PolicyArguments& arguments, PolicyFactory inner)> make;
};

/// What `spider policies` prints.
struct PolicyListing {
  std::string name;
  std::vector<std::string> arguments;
  std::string summary;
  std::string bound;  ///< of the part with default values over `fifo`; see PolicyTraits
};

class PolicyRegistry {
 public:
  static constexpr std::size_t kDepthMax = 8;  ///< parts of one specification

  /// Knows the shipped policies.
  PolicyRegistry();

  /// Errors: `invalid_name`; `duplicate_name`; `invalid_argument` for a part without `make`.
  auto add(PolicyPart part) -> Result<void>;

  /// A leaf without arguments, from a factory.
  auto add(std::string name, std::string summary, PolicyFactory factory) -> Result<void>;

  /// The policies that a specification makes, each one with memory of its own.
  /// Errors: `unknown_policy` names the part and what is known; `invalid_argument` for anything after a
  /// leaf, an argument that the part does not have or a value out of its range; `limit_exceeded` for
  /// more than `kDepthMax` parts; `parse_error` for what is no specification.
  [[nodiscard]] auto make(std::string_view spec) const -> Result<PolicyFactory>;

  /// In order of addition.
  [[nodiscard]] auto list() const -> std::vector<PolicyListing>;

 private:
  std::vector<PolicyPart> parts_;
};

/// One policy by a specification over the shipped names. Errors: as PolicyRegistry::make.
[[nodiscard]] auto make_policy(std::string_view spec) -> Result<std::unique_ptr<SchedulingPolicy>>;

}  // namespace v1
}  // namespace spider
