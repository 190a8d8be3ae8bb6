#pragma once

/// How a run is recognised when the same command is given again: each of its jobs carries a unique key
/// made of a fingerprint of the workloads and the options, and of the job's number.

#include "cli/run/driver.hpp"
#include "cli/workload/workload.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace spider::cli {

class RunKey {
 public:
  /// The fingerprint covers all that decides what is run and how: equal for the same command over
  /// unchanged files, whatever their names. Not a cryptographic one.
  RunKey(const std::vector<Workload>& workloads, const RunOptions& options);

  /// The unique key of job `number` of the run.
  [[nodiscard]] auto of(std::size_t number) const -> std::string { return prefix_ + std::to_string(number); }
  /// The number in a key of this run; none for any other text.
  [[nodiscard]] auto number(const std::string& unique_key) const -> std::optional<std::size_t>;

 private:
  std::string prefix_;
};

}  // namespace spider::cli
