// A job as a storage wrote it, of which a file may hold anything by now.

#include "fuzz/fuzz_target.hpp"
#include "spider/storage/life_cycle.hpp"
#include "sqlite/spec_format.hpp"

extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
  using namespace spider;
  const auto job = detail::unpack_job(fuzz::text_of(data, size));
  if (!job) return 0;
  const auto packed = detail::pack(*job);
  const auto again = detail::unpack_job(packed);
  fuzz::require(again.has_value(), "what was packed can be unpacked");
  fuzz::require(detail::pack(*again) == packed, "a job survives the way there and back");
  static_cast<void>(life_cycle::compile(*job, StorageLimits{}).has_value());
  return 0;
}
