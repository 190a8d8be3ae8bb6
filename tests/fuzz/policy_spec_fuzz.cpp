// Specifications of policies, as they stand on a command line or in a configuration.

#include "fuzz/fuzz_target.hpp"
#include "spider/policies/registry.hpp"

extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
  using namespace spider;
  const auto policy = make_policy(fuzz::text_of(data, size));
  if (!policy) {
    fuzz::require_documented(policy.error(), {Errc::unknown_policy, Errc::invalid_argument,
                                              Errc::limit_exceeded, Errc::parse_error});
  } else {
    fuzz::require(policy.value() != nullptr, "a policy is made");
    fuzz::require(!policy.value()->traits().name.empty(), "a policy has a name");
    fuzz::require(!policy.value()->traits().bound.empty(), "a policy states its bound");
  }
  return 0;
}
