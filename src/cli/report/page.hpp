#pragma once

/// What stands on the page that `spider run --report` writes: plain values, all of bounded number, and the
/// HTML that is made of them.

#include "cli/report/instance_record.hpp"
#include "cli/run/report.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace spider::cli {

// With these, and texts cut off, a page is smaller than a megabyte.
inline constexpr std::size_t kPageBytesMax = 1'000'000;
inline constexpr std::size_t kPageRowsMax = 200;     ///< of single instances
inline constexpr std::size_t kPageBarsMax = 2'000;   ///< one per instance
inline constexpr std::size_t kPageHeatRowsMax = 50;  ///< where there are more of either
inline constexpr std::size_t kPageHeatColumns = 200;
inline constexpr std::size_t kPageLoadColumns = 500;
inline constexpr std::size_t kPageColours = 10;  ///< the rest has one together
inline constexpr std::size_t kPageGroupsMax = 50;
inline constexpr std::size_t kPageMembersMax = 64;
inline constexpr std::size_t kPageNotesMax = 20;

/// One task instance on the timeline. Times here and below are seconds since the first submit.
struct PageBar {
  double begin_s = 0;
  double end_s = 0;
  std::uint32_t row = 0;
  std::uint32_t colour = 0;
  InstanceEnd how = InstanceEnd::succeeded;
  std::string task;
  std::string job;
};

/// A part of the timeline where instances are too many to be seen one by one.
struct PageHeat {
  std::uint32_t row = 0;
  std::uint32_t column = 0;
  std::uint32_t colour = 0;  ///< what most of the time went to
  double busy = 0;           ///< > 0 … 1
};

struct PageLoad {
  double at_s = 0;
  std::uint64_t queued_max = 0;
  std::uint64_t running_max = 0;
  double queued_mean = 0;
};

struct PageGroup {
  std::string name;
  std::uint64_t tasks = 0;
  WaitFigures wait;
  double share = 0;
  std::uint32_t colour = 0;
};

struct PageMember {
  std::string name;
  std::uint32_t rows = 0;
  std::uint64_t tasks = 0;
  bool killed = false;
};

struct RunPage {
  std::string workload;                ///< what ran
  std::vector<std::string> how;        ///< policy, workers, time, …: a few words each
  std::vector<std::string> notes;      ///< sentences that say what the page does not show
  std::vector<std::string> footnotes;  ///< figures for those who read to the end

  std::uint64_t tasks = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t violations = 0;
  std::vector<std::string> complaints;
  double makespan_s = 0;
  double lower_bound_s = 0;
  double efficiency = 0;
  double utilization = 0;
  WaitFigures wait;
  double jain = 1;

  std::size_t workers = 0;
  double begin_s = 0;                ///< of the axis of time
  double end_s = 0;                  ///< equal where nothing ran
  std::string colour_of;             ///< "group", or "kind of task" where there is one group only
  std::vector<std::string> colours;  ///< at most `kPageColours`; one more for all others
  std::vector<PageMember> members;   ///< in the order of their rows; one at least where anything ran

  std::uint32_t rows = 0;  ///< of bars, or of buckets of task slots
  std::uint64_t instances = 0;
  std::vector<PageBar> bars;        ///< all instances, or none
  std::vector<PageHeat> heat;       ///< else
  std::uint32_t slots_per_row = 1;  ///< of the heat

  std::vector<std::vector<double>> running;  ///< by colour and column: workers that were busy, on average
  std::vector<PageLoad> load;                ///< in equal distances
  bool queue_known = true;

  std::vector<PageGroup> groups;  ///< those with the most tasks
  std::uint64_t groups_more = 0;
  std::uint64_t groups_more_tasks = 0;
};

/// One document that needs nothing else: no script, no picture, no font, no address. Smaller than
/// `kPageBytesMax` within the bounds above. Every text is escaped and cut off.
[[nodiscard]] auto to_html(const RunPage& page) -> std::string;

}  // namespace spider::cli
