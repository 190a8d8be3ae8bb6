#include "cli/report/make_page.hpp"

#include "cli/report/colours.hpp"
#include "cli/report/html.hpp"
#include "cli/report/timeline.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace spider::cli {

namespace {

/// One page being made.
class PageMaker {
 public:
  PageMaker(const PageSource& source, RunReport& report)
      : source_{source}, report_{report}, colours_{source.record.jobs, report.groups} {}

  auto make() -> RunPage;

 private:
  auto add_head() -> void;
  auto add_notes() -> void;
  auto add_span() -> void;
  auto add_members(const TimelineRows& rows) -> void;
  auto add_timeline() -> void;
  auto add_bars(const TimelineRows& rows, const std::vector<std::uint32_t>& first_rows) -> void;
  auto add_heat(const TimelineRows& rows, const std::vector<std::uint32_t>& first_rows) -> void;
  auto add_load() -> void;
  auto add_groups() -> void;
  [[nodiscard]] auto at_s(TimePoint at) const -> double {
    return to_seconds(at - source_.record.first_submit) * source_.options.speed;
  }
  [[nodiscard]] auto is_shared() const -> bool { return !source_.options.member.empty(); }

  const PageSource& source_;
  RunReport& report_;
  Colours colours_;
  std::vector<std::uint32_t> colour_;  // by position of the instance
  TimePoint begin_{};
  TimePoint end_{};
  RunPage page_;
};

auto count_of(std::uint64_t count, const std::string& one, const std::string& many) -> std::string {
  return count_text(count) + ' ' + (count == 1 ? one : many);
}

auto names_of(const std::vector<Workload>& workloads) -> std::string {
  constexpr std::size_t kNamed = 3;
  std::string names;
  for (std::size_t i = 0; i < std::min(workloads.size(), kNamed); ++i) {
    const auto& name = workloads[i].name;
    names += (i == 0 ? "" : ", ") + name.substr(name.rfind('/') + 1);
  }
  if (workloads.size() > kNamed) names += " and " + std::to_string(workloads.size() - kNamed) + " more";
  return names;
}

auto PageMaker::make() -> RunPage {
  add_head();
  add_notes();
  add_groups();
  page_.instances = source_.record.instances.size();
  if (page_.instances == 0) return std::move(page_);
  add_span();
  add_timeline();
  add_load();
  return std::move(page_);
}

auto PageMaker::add_head() -> void {
  const auto& options = source_.options;
  page_.workload = names_of(source_.workloads);
  page_.how = {options.policy, count_of(options.workers, "worker", "workers")};
  if (options.schedulers > 1) page_.how.push_back(count_of(options.schedulers, "member", "members"));
  page_.how.push_back(options.exec                             ? "real processes"
                      : options.time == TimeMode::virtual_time ? "virtual time"
                                                               : "real time");
  page_.how.push_back(count_of(report_.jobs, "job", "jobs"));
  page_.how.push_back(count_of(report_.groups.size(), "group", "groups"));
  page_.tasks = report_.tasks;
  page_.succeeded = report_.succeeded;
  page_.failed = report_.failed;
  page_.cancelled = report_.cancelled;
  page_.violations = report_.violations;
  page_.complaints = report_.complaints;
  page_.makespan_s = report_.makespan_s;
  page_.lower_bound_s = report_.lower_bound_s;
  page_.efficiency = report_.efficiency();
  page_.utilization = report_.utilization;
  page_.wait = report_.wait;
  page_.jain = jain_index(report_.groups);
  page_.workers = options.workers;
  page_.footnotes = {"spider " SPIDER_VERSION,
                     count_of(report_.edges, "edge", "edges") + ", critical path " +
                         time_text(report_.critical_path_s) + ", work " + time_text(report_.work_s),
                     count_of(report_.assignments, "assignment", "assignments") + ", " +
                         count_text(report_.stale_dropped) + " stale dropped, " +
                         count_text(report_.rescheduled) + " rescheduled, " + count_text(report_.folded) +
                         " folded",
                     "took " + time_text(report_.wall_s) + ", " +
                         count_text(static_cast<std::uint64_t>(report_.tasks_per_s())) + " tasks/s, " +
                         count_text(report_.peak_rss_bytes / 1'000'000) + " MB at most",
                     "storage " + options.storage + ", seed " + std::to_string(options.seed)};
}

auto PageMaker::add_notes() -> void {
  const auto& options = source_.options;
  auto& notes = page_.notes;
  page_.queue_known = !is_shared();
  if (source_.record.resumed) {
    notes.emplace_back(
        "This run was begun before. Workers, running tasks and queue are shown for the part that this "
        "process "
        "saw; all figures are of the whole run.");
  }
  if (is_shared()) {
    notes.emplace_back(
        "Other processes shared this run. Workers and running tasks are shown for this one; all figures are "
        "of "
        "the whole run.");
  }
  if (options.speed != 1) {
    notes.push_back("Run at " + coordinate(options.speed) +
                    " times the speed: all times are those of the workload.");
  }
  if (report_.records_skipped > 0) {
    notes.push_back(count_of(report_.records_skipped, "record", "records") +
                    " of the workload did not qualify and did not run.");
  }
  if (report_.takeover) {
    notes.push_back("A member was killed, with " + count_of(report_.takeover->lost, "task", "tasks") +
                    "; the last of them was offered to another after " +
                    time_text(report_.takeover->longest_s) + '.');
  }
}

/// What the axis of time covers: the run, or the part of it that was seen.
auto PageMaker::add_span() -> void {
  const auto& instances = source_.record.instances;
  const auto partly = source_.record.resumed || is_shared();
  begin_ =
      partly ? std::min(instances.front().begin, source_.record.load.begin()) : source_.record.first_submit;
  end_ = begin_ + Duration{1};
  for (const auto& instance : instances) end_ = std::max(end_, instance.end);
  page_.begin_s = at_s(begin_);
  page_.end_s = at_s(end_);
}

auto PageMaker::add_members(const TimelineRows& rows) -> void {
  const auto several = rows.per_member.size() > 1;
  for (std::size_t i = 0; i < rows.per_member.size(); ++i) {
    auto& member = page_.members.emplace_back();
    member.rows = rows.per_member[i];
    if (!several) continue;
    if (i < report_.members.size() && !is_shared()) {
      member.name = report_.members[i].id;
      member.tasks = report_.members[i].tasks;
      member.killed = report_.members[i].killed;
    } else {
      member.name = "member " + std::to_string(i + 1);
      for (const auto& instance : source_.record.instances) {
        if (instance.member == i && instance.how < InstanceEnd::given_back) ++member.tasks;
      }
    }
  }
}

auto PageMaker::add_timeline() -> void {
  const auto& record = source_.record;
  const auto rows = assign_rows(record.instances, record.members);
  add_members(rows);
  std::vector<std::uint32_t> first_rows{0};
  for (const auto count : rows.per_member) first_rows.push_back(first_rows.back() + count);
  page_.rows = first_rows.back();
  page_.colour_of = colours_.by_group() ? "group" : "kind of task";
  page_.colours = colours_.names();
  colour_.reserve(record.instances.size());
  for (const auto& instance : record.instances) {
    colour_.push_back(colours_.find(instance.job, instance.task).colour);
  }
  const auto each = page_.rows <= kPageRowsMax && record.instances.size() <= kPageBarsMax;
  return each ? add_bars(rows, first_rows) : add_heat(rows, first_rows);
}

auto PageMaker::add_bars(const TimelineRows& rows, const std::vector<std::uint32_t>& first_rows) -> void {
  const auto& record = source_.record;
  for (std::size_t i = 0; i < record.instances.size(); ++i) {
    const auto& instance = record.instances[i];
    const auto found = colours_.find(instance.job, instance.task);
    auto& bar = page_.bars.emplace_back();
    bar.begin_s = at_s(instance.begin);
    bar.end_s = at_s(instance.end);
    bar.row = first_rows[instance.member] + rows.of[i];
    bar.colour = colour_[i];
    bar.how = instance.how;
    bar.task = found.task != nullptr ? found.task->name : "task " + to_string(instance.task);
    if (found.task != nullptr && found.task->count > 1) bar.task += " #" + to_string(instance.task);
    if (found.job != nullptr && record.jobs.size() > 1) bar.job = found.job->name;
  }
}

auto PageMaker::add_heat(const TimelineRows& rows, const std::vector<std::uint32_t>& first_rows) -> void {
  const auto& record = source_.record;
  const auto slots = page_.rows;
  page_.slots_per_row = static_cast<std::uint32_t>((slots + kPageHeatRowsMax - 1) / kPageHeatRowsMax);
  page_.rows = (slots + page_.slots_per_row - 1) / page_.slots_per_row;
  WorkerTime time{{page_.rows, kPageHeatColumns, colours_.names().size() + 1}, begin_, end_};
  for (std::size_t i = 0; i < record.instances.size(); ++i) {
    const auto& instance = record.instances[i];
    time.add(instance, (first_rows[instance.member] + rows.of[i]) / page_.slots_per_row, colour_[i]);
  }
  for (std::uint32_t row = 0; row < page_.rows; ++row) {
    const auto in_row = std::min(page_.slots_per_row, slots - row * page_.slots_per_row);
    for (std::uint32_t column = 0; column < kPageHeatColumns; ++column) {
      PageHeat cell{.row = row, .column = column};
      for (std::uint32_t colour = 0; colour <= colours_.others(); ++colour) {
        cell.busy += time.busy(row, column, colour);
        if (time.busy(row, column, colour) > time.busy(row, column, cell.colour)) cell.colour = colour;
      }
      cell.busy = std::min(cell.busy / in_row, 1.0);
      if (cell.busy > 0) page_.heat.push_back(cell);
    }
  }
}

auto PageMaker::add_load() -> void {
  const auto& record = source_.record;
  WorkerTime time{{1, kPageLoadColumns, colours_.names().size() + 1}, begin_, end_};
  for (std::size_t i = 0; i < record.instances.size(); ++i) time.add(record.instances[i], 0, colour_[i]);
  for (std::uint32_t colour = 0; colour <= colours_.others(); ++colour) {
    std::vector<double> columns;
    for (std::size_t column = 0; column < kPageLoadColumns; ++column) {
      columns.push_back(time.busy(0, column, colour));
    }
    const auto none = std::ranges::all_of(columns, [](double busy) { return busy == 0; });
    if (colour < colours_.others() || !none) page_.running.push_back(std::move(columns));
  }
  const auto bins = record.load.bins();
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const auto at = record.load.begin() + record.load.bin_width() * static_cast<std::int64_t>(i);
    if (at >= end_) break;
    page_.load.push_back({.at_s = at_s(at),
                          .queued_max = bins[i].queued_max,
                          .running_max = bins[i].running_max,
                          .queued_mean = bins[i].queued_mean});
  }
}

auto PageMaker::add_groups() -> void {
  std::vector<GroupFigures*> groups;
  for (auto& group : report_.groups) groups.push_back(&group);
  // All point into one vector: its order breaks ties.
  std::ranges::sort(groups, [](const auto* a, const auto* b) {
    return a->tasks != b->tasks ? a->tasks > b->tasks : std::less{}(a, b);
  });
  for (auto* group : groups) {
    if (page_.groups.size() == kPageGroupsMax) {
      ++page_.groups_more;
      page_.groups_more_tasks += group->tasks;
      continue;
    }
    page_.groups.push_back({.name = group->name,
                            .tasks = group->tasks,
                            .wait = wait_figures(group->waits_ns),
                            .share = group->share(),
                            .colour = colours_.of_group(group->name)});
  }
}

}  // namespace

auto make_page(const PageSource& source, RunReport& report) -> RunPage {
  return PageMaker{source, report}.make();
}

}  // namespace spider::cli
