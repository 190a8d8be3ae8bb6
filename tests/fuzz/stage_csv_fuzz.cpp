// Jobs as graphs of stages in CSV.

#include "cli/workload/stage_csv.hpp"
#include "fuzz/workload_promises.hpp"

extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
  using namespace spider;
  fuzz::require_workload(cli::parse_stage_csv(fuzz::text_of(data, size), fuzz::kFile, fuzz::small_limits()),
                         {Errc::parse_error, Errc::invalid_time, Errc::duplicate_name, Errc::unknown_parent,
                          Errc::cyclic_graph, Errc::limit_exceeded});
  return 0;
}
