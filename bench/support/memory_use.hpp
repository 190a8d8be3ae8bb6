#pragma once

/// What this process holds of the machine's memory.

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace spider::bench {

/// 0 where the system does not tell. What was freed is given back first: a benchmark that runs once more, to
/// find out how often it must, would otherwise fill again what it has had before, and seem to grow by little.
inline auto resident_bytes() -> std::int64_t {
  malloc_trim(0);
  std::ifstream statm{"/proc/self/statm"};
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace spider::bench
