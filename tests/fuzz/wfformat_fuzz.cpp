// Workflows in WfFormat.

#include "cli/workload/wfformat.hpp"
#include "fuzz/workload_promises.hpp"

/// A node takes a hundred bytes: enough for more than `nodes_max`. Larger inputs cost more, and show no more.
constexpr std::size_t kBytesMax = 4096;
constexpr std::size_t kWfNodesMax = 32;

extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
  using namespace spider;
  if (size > kBytesMax) return -1;
  const auto limits = fuzz::small_limits(kWfNodesMax);
  fuzz::require_workload(cli::parse_wfformat(fuzz::text_of(data, size), fuzz::kFile, limits),
                         {Errc::parse_error, Errc::limit_exceeded, Errc::duplicate_name, Errc::unknown_parent,
                          Errc::unknown_task, Errc::invalid_time, Errc::cyclic_graph, Errc::empty_graph},
                         limits);
  return 0;
}
