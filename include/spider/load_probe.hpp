#pragma once

/// How busy the machine is: what load shedding goes by. Implemented by `cpu_load.hpp` and by users; called by
/// ShardedStorageClient from within its `run`, one call at a time.

#include "spider/error.hpp"
#include "spider/types.hpp"

namespace spider {
inline namespace v1 {

class LoadProbe {
 public:
  LoadProbe() = default;
  LoadProbe(const LoadProbe&) = delete;
  auto operator=(const LoadProbe&) -> LoadProbe& = delete;
  virtual ~LoadProbe() = default;

  /// The load in percent of what this process may use, nominally 0 … 100. May read small files; never
  /// waits. Whatever is not a number from 0 up (NaN, an infinity, a negative number) counts as "no
  /// information", and so does an error: nothing is shed then.
  /// Errors: `io_error`; any other of an implementation's own.
  [[nodiscard]] virtual auto percent(TimePoint now) -> Result<double> = 0;
};

}  // namespace v1
}  // namespace spider
