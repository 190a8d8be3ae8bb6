#include "cli/run/report.hpp"

#include <nlohmann/json.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace spider::cli {

auto wait_figures(std::vector<std::int64_t>& waits_ns) -> WaitFigures {
  if (waits_ns.empty()) return {};
  auto rest = waits_ns.begin();  // none before it is greater
  const auto at = [&](double share) {
    const auto rank = std::ceil(share * static_cast<double>(waits_ns.size()));
    const auto index = std::clamp<std::size_t>(static_cast<std::size_t>(rank), 1, waits_ns.size()) - 1;
    const auto place = waits_ns.begin() + static_cast<std::ptrdiff_t>(index);
    std::nth_element(rest, place, waits_ns.end());
    rest = place;
    return static_cast<double>(*place) * 1e-9;
  };
  return {.p50 = at(0.50), .p90 = at(0.90), .p99 = at(0.99), .max = at(1.0)};
}

auto wait_of_all(const std::vector<GroupFigures>& groups) -> WaitFigures {
  std::vector<std::int64_t> waits;
  for (const auto& group : groups) waits.insert(waits.end(), group.waits_ns.begin(), group.waits_ns.end());
  return wait_figures(waits);
}

auto peak_rss_bytes() -> std::uint64_t {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

namespace {

using Json = nlohmann::ordered_json;

auto json_of(const WaitFigures& wait) -> Json {
  return {{"p50", wait.p50}, {"p90", wait.p90}, {"p99", wait.p99}, {"max", wait.max}};
}

auto seconds(double value) -> std::string {
  std::ostringstream text;
  text << std::fixed << std::setprecision(value < 1 ? 6 : 3) << value << " s";
  return text.str();
}

auto ratio(double value) -> std::string {
  std::ostringstream text;
  text << std::fixed << std::setprecision(4) << value;
  return text.str();
}

auto line(std::ostream& out, const char* label, const std::string& value) -> void {
  out << "  " << std::left << std::setw(22) << label << value << '\n';
}

auto print_groups(std::ostream& out, std::vector<GroupFigures*> groups) -> void {
  constexpr std::size_t kListed = 10;
  // All point into one vector: its order breaks ties.
  std::ranges::sort(groups, [](const auto* a, const auto* b) {
    return a->tasks != b->tasks ? a->tasks > b->tasks : std::less{}(a, b);
  });
  out << "  " << std::left << std::setw(26) << "group" << std::right << std::setw(10) << "tasks"
      << std::setw(14) << "wait p50" << std::setw(14) << "wait p99" << std::setw(14) << "wait max"
      << std::setw(9) << "share" << '\n';
  for (std::size_t i = 0; i < std::min(groups.size(), kListed); ++i) {
    const auto wait = wait_figures(groups[i]->waits_ns);
    const auto& name = groups[i]->name;
    out << "  " << std::left << std::setw(26) << (name.size() > 25 ? name.substr(0, 24) + "~" : name)
        << std::right << std::setw(10) << groups[i]->tasks << std::fixed << std::setprecision(3)
        << std::setw(14) << wait.p50 << std::setw(14) << wait.p99 << std::setw(14) << wait.max
        << std::setprecision(2) << std::setw(9) << groups[i]->share() << '\n';
  }
  if (groups.size() > kListed) out << "  … and " << groups.size() - kListed << " more groups\n";
}

auto print_members(std::ostream& out, const std::vector<MemberFigures>& members) -> void {
  std::uint64_t tasks = 0;
  for (const auto& member : members) tasks += member.tasks;
  out << "  " << std::left << std::setw(26) << "member" << std::right << std::setw(10) << "tasks"
      << std::setw(9) << "share" << std::setw(11) << "conflicts" << std::setw(8) << "shed" << std::setw(9)
      << "moved" << '\n';
  for (const auto& member : members) {
    const auto share =
        static_cast<double>(member.tasks) / static_cast<double>(std::max<std::uint64_t>(tasks, 1));
    out << "  " << std::left << std::setw(26) << (member.killed ? member.id + " (killed)" : member.id)
        << std::right << std::setw(10) << member.tasks << std::fixed << std::setprecision(3) << std::setw(9)
        << share << std::setw(11) << member.conflicts << std::setw(8) << member.shed << std::setw(9)
        << member.moved << '\n';
  }
}

auto members_json(const std::vector<MemberFigures>& members) -> Json {
  auto list = Json::array();
  for (const auto& member : members) {
    list.push_back({{"id", member.id},
                    {"tasks", member.tasks},
                    {"conflicts", member.conflicts},
                    {"shed", member.shed},
                    {"moved", member.moved},
                    {"killed", member.killed}});
  }
  return list;
}

auto takeover_json(const std::optional<TakeoverFigures>& takeover) -> Json {
  if (!takeover) return nullptr;
  return {{"lost", takeover->lost}, {"longest_s", takeover->longest_s}, {"bound_s", takeover->bound_s}};
}

}  // namespace

auto to_json(RunReport& report) -> Json {
  auto groups = Json::array();
  for (auto& group : report.groups) {
    groups.push_back({{"id", group.name},
                      {"tasks", group.tasks},
                      {"wait_s", json_of(wait_figures(group.waits_ns))},
                      {"share", group.share()}});
  }
  return {{"workload",
           {{"jobs", report.jobs},
            {"tasks", report.tasks},
            {"edges", report.edges},
            {"groups", report.groups.size()},
            {"critical_path_s", report.critical_path_s},
            {"work_s", report.work_s},
            {"width", report.width},
            {"records_skipped", report.records_skipped}}},
          {"policy", report.policy},
          {"workers", report.workers},
          {"tasks",
           {{"total", report.tasks},
            {"succeeded", report.succeeded},
            {"failed", report.failed},
            {"cancelled", report.cancelled}}},
          {"makespan_s", report.makespan_s},
          {"lower_bound_s", report.lower_bound_s},
          {"efficiency", report.efficiency()},
          {"utilization", report.utilization},
          {"wait_s", json_of(report.wait)},
          {"groups", std::move(groups)},
          {"fairness",
           {{"jain", jain_index(report.groups)},
            {"lag", report.assignments > 0 ? Json(report.lag.largest) : Json(nullptr)},  // seen, not stored
            {"lag_bound", report.lag.bound ? Json(*report.lag.bound) : Json(nullptr)}}},
          {"dispatch",
           {{"assignments", report.assignments},
            {"stale_dropped", report.stale_dropped},
            {"rescheduled", report.rescheduled},
            {"folded", report.folded}}},
          {"members", members_json(report.members)},
          {"takeover", takeover_json(report.takeover)},
          {"wall_s", report.wall_s},
          {"tasks_per_s", report.tasks_per_s()},
          {"peak_rss_bytes", report.peak_rss_bytes},
          {"violations", report.violations}};
}

auto print_table(std::ostream& out, RunReport& report) -> void {
  std::ostringstream work;
  work << report.jobs << " jobs, " << report.tasks << " tasks, " << report.edges << " edges, width "
       << report.width;
  line(out, "workload", work.str());
  if (report.records_skipped > 0) {
    line(out, "records skipped", std::to_string(report.records_skipped) + " did not qualify");
  }
  std::ostringstream ends;
  ends << report.succeeded << " succeeded, " << report.failed << " failed, " << report.cancelled
       << " cancelled";
  line(out, "tasks", ends.str());
  line(out, "policy, workers", report.policy + ", " + std::to_string(report.workers));
  line(out, "makespan", seconds(report.makespan_s));
  line(out, "lower bound", seconds(report.lower_bound_s));
  line(out, "efficiency", ratio(report.efficiency()));
  line(out, "utilization", ratio(report.utilization));
  line(out, "wait p50 / p90", seconds(report.wait.p50) + " / " + seconds(report.wait.p90));
  line(out, "wait p99 / max", seconds(report.wait.p99) + " / " + seconds(report.wait.max));
  line(out, "Jain's index", ratio(jain_index(report.groups)));
  std::ostringstream dispatch;
  dispatch << report.assignments << ", " << report.stale_dropped << " stale dropped, " << report.rescheduled
           << " rescheduled, " << report.folded << " folded";
  line(out, "assignments", dispatch.str());
  std::ostringstream wall;
  wall << seconds(report.wall_s) << ", " << static_cast<std::uint64_t>(report.tasks_per_s()) << " tasks/s, "
       << report.peak_rss_bytes / 1'000'000 << " MB at most";
  line(out, "wall time", wall.str());
  line(out, "violations", std::to_string(report.violations));
  for (const auto& complaint : report.complaints) out << "    " << complaint << '\n';
  if (report.takeover) {
    std::ostringstream takeover;
    takeover << report.takeover->lost << " tasks of the killed member, the last one offered again after "
             << seconds(report.takeover->longest_s);
    line(out, "takeover", takeover.str());
  }
  if (!report.members.empty()) print_members(out, report.members);
  std::vector<GroupFigures*> groups;
  for (auto& group : report.groups) groups.push_back(&group);
  if (!groups.empty()) print_groups(out, std::move(groups));
}

}  // namespace spider::cli
