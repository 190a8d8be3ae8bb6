#pragma once

/// What a run tells at its end: the figures, as a table for people and as JSON for programs.

#include "cli/run/lag_meter.hpp"
#include "cli/run/monitor.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace spider::cli {

/// Seconds. Nearest-rank percentiles; all 0 where nothing was measured.
struct WaitFigures {
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

/// Changes the order of `waits_ns`.
[[nodiscard]] auto wait_figures(std::vector<std::int64_t>& waits_ns) -> WaitFigures;
[[nodiscard]] auto wait_of_all(const std::vector<GroupFigures>& groups) -> WaitFigures;

/// One of several schedulers on the storage.
struct MemberFigures {
  std::string id;
  std::uint64_t tasks = 0;      ///< that ended here
  std::uint64_t conflicts = 0;  ///< entries taken from slots that another active member owns first
  std::uint64_t shed = 0;       ///< polls for less than its share, because the machine was busy
  std::uint64_t moved = 0;      ///< slots that it began or ceased to own
  bool killed = false;
};

/// What a killed member held.
struct TakeoverFigures {
  std::uint64_t lost = 0;  ///< tasks, leased or running
  double longest_s = 0;    ///< until the storage offered the last of them to another member
  double bound_s = 0;      ///< the lease, and the back-off before another attempt
};

struct RunReport {
  // The workload.
  std::uint64_t jobs = 0;
  std::uint64_t tasks = 0;
  std::uint64_t edges = 0;
  std::uint64_t width = 0;
  double critical_path_s = 0;  ///< of the longest job
  double work_s = 0;
  std::uint64_t records_skipped = 0;  ///< that did not qualify

  // What became of it.
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::size_t workers = 0;
  double makespan_s = 0;     ///< first submit to last end, in the run's own time
  double lower_bound_s = 0;  ///< max(critical path, work ÷ workers); of executed commands work ÷ workers
  double utilization = 0;    ///< busy worker-seconds ÷ (workers × makespan)
  WaitFigures wait;
  std::vector<GroupFigures> groups;
  LagFigures lag;

  std::vector<MemberFigures> members;  ///< none when there was a single scheduler
  std::optional<TakeoverFigures> takeover;

  std::uint64_t assignments = 0;
  std::uint64_t stale_dropped = 0;
  std::uint64_t rescheduled = 0;  ///< handed back and assigned again
  std::uint64_t folded = 0;

  std::string policy;
  double wall_s = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t violations = 0;
  std::vector<std::string> complaints;

  [[nodiscard]] auto efficiency() const -> double { return makespan_s > 0 ? lower_bound_s / makespan_s : 1; }
  [[nodiscard]] auto tasks_per_s() const -> double {
    return wall_s > 0 ? static_cast<double>(tasks) / wall_s : 0;
  }
  [[nodiscard]] auto all_succeeded() const -> bool { return succeeded == tasks && violations == 0; }
};

[[nodiscard]] auto to_json(RunReport& report) -> nlohmann::ordered_json;

/// At most the ten groups with the most tasks are listed.
auto print_table(std::ostream& out, RunReport& report) -> void;

/// High-water mark of this process's resident memory.
[[nodiscard]] auto peak_rss_bytes() -> std::uint64_t;

}  // namespace spider::cli
