// Job logs in the Standard Workload Format.

#include "cli/workload/swf.hpp"
#include "fuzz/workload_promises.hpp"

extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
  using namespace spider;
  fuzz::require_workload(cli::parse_swf(fuzz::text_of(data, size), fuzz::kFile, fuzz::small_limits()),
                         {Errc::parse_error, Errc::invalid_time, Errc::limit_exceeded});
  return 0;
}
