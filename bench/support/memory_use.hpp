#pragma once

/// What this process holds of the machine's memory.

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace spider::bench {

/// 0 where the system does not tell.
inline auto resident_bytes() -> std::int64_t {
  std::ifstream statm{"/proc/self/statm"};
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace spider::bench
