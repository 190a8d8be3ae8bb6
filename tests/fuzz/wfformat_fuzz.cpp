// Workflows in WfFormat.

#include "cli/workload/wfformat.hpp"
#include "fuzz/workload_promises.hpp"

extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
  using namespace spider;
  fuzz::require_workload(cli::parse_wfformat(fuzz::text_of(data, size), fuzz::kFile, fuzz::small_limits()),
                         {Errc::parse_error, Errc::limit_exceeded, Errc::duplicate_name, Errc::unknown_parent,
                          Errc::unknown_task, Errc::invalid_time, Errc::cyclic_graph, Errc::empty_graph});
  return 0;
}
