#include "cli/report/chart.hpp"
#include "cli/report/html.hpp"
#include "cli/report/page.hpp"
#include "cli/report/page_style.hpp"

#include <algorithm>
#include <string_view>

namespace spider::cli {

namespace {

constexpr std::size_t kNameBytesMax = 60;
constexpr std::size_t kSentenceBytesMax = 300;

auto element(std::string_view name, std::string_view of_class, const std::string& html) -> std::string {
  return '<' + std::string{name} + " class=\"" + std::string{of_class} + "\">" + html + "</" +
         std::string{name} + ">\n";
}

auto tile(const std::string& figure, const std::string& meaning, std::string_view look = "") -> std::string {
  return "<div class=\"tile\"><b class=\"" + std::string{look} + "\">" + figure + "</b><span>" + meaning +
         "</span></div>\n";
}

auto tasks_text(std::uint64_t count) -> std::string {
  return count_text(count) + (count == 1 ? " task" : " tasks");
}

auto verdict(const RunPage& page) -> std::string {
  if (page.tasks == 0) return element("p", "verdict", "There was nothing to run");
  if (page.succeeded == page.tasks) {
    const auto all = page.tasks == 1 ? std::string{"The only task"} : "All " + tasks_text(page.tasks);
    return element("p", "verdict good", all + " succeeded");
  }
  const auto others = page.tasks - page.succeeded - page.failed - page.cancelled;
  auto text = count_text(page.failed) + " of " + tasks_text(page.tasks) + " failed";
  if (page.cancelled > 0) text += ", " + count_text(page.cancelled) + " cancelled";
  if (others > 0 && others <= page.tasks) text += ", " + count_text(others) + " not ended";
  return element("p", "verdict bad", text);
}

auto head(const RunPage& page) -> std::string {
  std::string how;
  for (const auto& words : page.how) how += (how.empty() ? "" : " · ") + html_text(words, kNameBytesMax);
  auto html =
      "<header>\n<h1>" + html_text(page.workload, kSentenceBytesMax) + "</h1>\n" + element("p", "what", how) +
      verdict(page) + "<div class=\"tiles\">\n" +
      tile(time_text(page.makespan_s), "makespan; no schedule is below " + time_text(page.lower_bound_s)) +
      tile(percent_text(page.efficiency), "efficiency: lower bound ÷ makespan") +
      tile(percent_text(page.utilization), "utilization of the workers") +
      tile(time_text(page.wait.p50), "median wait of a task that is ready") +
      tile(time_text(page.wait.p99), "99 % waited less; the longest " + time_text(page.wait.max)) +
      tile(count_text(page.violations),
           page.violations == 0 ? "violations of what is promised" : "violations: see below",
           page.violations == 0 ? "good" : "bad") +
      "</div>\n";
  for (const auto& complaint : page.complaints) {
    html += element("p", "complaint", html_text(complaint, kSentenceBytesMax));
  }
  for (const auto& note : page.notes) html += element("p", "note", html_text(note, kSentenceBytesMax));
  return html + "</header>\n";
}

auto legend(const RunPage& page) -> std::string {
  const auto entry = [](const std::string& look, const std::string& name) {
    return "<li><i class=\"" + look + "\"></i>" + name + "</li>\n";
  };
  std::string html;
  for (std::size_t colour = 0; colour < page.colours.size(); ++colour) {
    html += entry(colour_class(page, colour), html_text(page.colours[colour], kNameBytesMax));
  }
  if (page.running.size() > page.colours.size()) html += entry("other", "all others");
  const auto any = [&](InstanceEnd how) {
    return std::ranges::find(page.bars, how, &PageBar::how) != page.bars.end();
  };
  if (any(InstanceEnd::failed)) html += entry("failed", "failed");
  if (any(InstanceEnd::given_back) || any(InstanceEnd::lost)) html += entry("gone", "lost or given back");
  return "<ul class=\"legend\">\n" + html + "</ul>\n";
}

auto timeline_caption(const RunPage& page) -> std::string {
  std::uint64_t slots = 0;
  for (const auto& member : page.members) slots += member.rows;
  const auto used = count_text(slots) + " of " + count_text(page.workers) + " task slots were used";
  if (page.heat.empty()) {
    return "Each row is a task slot, each bar a task; its colour is the " +
           html_text(page.colour_of, kNameBytesMax) + ". " + used + ". Time since the first submit.";
  }
  return "Too many to show each task: " + count_text(page.instances) + " on " + count_text(slots) +
         " slots, " + count_text(page.slots_per_row) + " to a row. The colour is the " +
         html_text(page.colour_of, kNameBytesMax) +
         " that took most of the time, its strength how busy the slots were. " + used +
         ". Time since the first submit.";
}

auto running_caption(const RunPage& page) -> std::string {
  std::uint64_t running = 0;
  for (const auto& load : page.load) running = std::max(running, load.running_max);
  return "At most " + count_text(running) + " at once. Areas: busy workers by " +
         html_text(page.colour_of, kNameBytesMax) + ", on average; line: the most; dashed: all " +
         count_text(page.workers) + " workers.";
}

auto queue_caption(const RunPage& page) -> std::string {
  std::uint64_t queued = 0;
  for (const auto& load : page.load) queued = std::max(queued, load.queued_max);
  return "At most " + tasks_text(queued) +
         (queued == 1 ? " that was ready waited" : " that were ready waited") +
         " for a worker. Area: on average; line: the most.";
}

auto charts(const RunPage& page) -> std::string {
  const auto section = [](const std::string& title, const std::string& caption, const std::string& picture) {
    return "<section>\n<h2>" + title + "</h2>\n" + element("p", "caption", caption) + picture +
           "</section>\n";
  };
  if (page.instances == 0) return element("p", "note", "No task ran in this process.");
  return section("Workers", timeline_caption(page), timeline_chart(page) + legend(page)) +
         section("Running tasks", running_caption(page), running_chart(page)) +
         (page.queue_known ? section("Queue", queue_caption(page), queue_chart(page)) : "");
}

/// From p99 over p90 to p50, one upon the other.
auto wait_bar(const RunPage& page, const PageGroup& group, double longest) -> std::string {
  const auto colour = colour_class(page, group.colour);
  const double waits[] = {group.wait.p99, group.wait.p90, group.wait.p50};
  std::string html;
  for (std::size_t i = 0; i < 3 && longest > 0; ++i) {
    html += "<u class=\"" + colour + " w" + std::to_string(i) +
            "\" style=\"width:" + coordinate(100 * std::clamp(waits[i] / longest, 0.0, 1.0)) + "%\"></u>";
  }
  return "<div class=\"bar\">" + html + "</div>";
}

auto group_row(const RunPage& page, const PageGroup& group, double longest) -> std::string {
  const auto cell = [](const std::string& text) { return "<td>" + text + "</td>"; };
  return "<tr>" +
         cell("<i class=\"" + colour_class(page, group.colour) + "\"></i>" +
              html_text(group.name, kNameBytesMax)) +
         cell(count_text(group.tasks)) + cell(time_text(group.wait.p50)) + cell(time_text(group.wait.p90)) +
         cell(time_text(group.wait.p99)) + cell(time_text(group.wait.max)) +
         cell(group.share > 0 ? percent_text(group.share) : "—") + "<td class=\"bars\">" +
         wait_bar(page, group, longest) + "</td></tr>\n";
}

auto waits(const RunPage& page) -> std::string {
  if (page.groups.empty()) return "";
  double longest = 0;
  for (const auto& group : page.groups) longest = std::max(longest, group.wait.p99);
  auto html =
      "<section>\n<h2>Waits per group</h2>\n" +
      element(
          "p", "caption",
          "From ready to started. Bars: half, 90 % and 99 % of the tasks waited less; the full width is " +
              time_text(longest) +
              ". Share: of the worker time that is the group's due while it has tasks waiting; "
              "100 % is fair. Jain's index of the shares " +
              coordinate(page.jain) + '.') +
      "<div class=\"table\"><table>\n<tr><th>group</th><th>tasks</th><th>p50</th><th>p90</th><th>p99</th>"
      "<th>max</th><th>share</th><th class=\"bars\"></th></tr>\n";
  for (const auto& group : page.groups) html += group_row(page, group, longest);
  html += "</table></div>\n";
  if (page.groups_more > 0) {
    html += element("p", "caption",
                    "… and " + count_text(page.groups_more) + " groups more with " +
                        tasks_text(page.groups_more_tasks) + " together.");
  }
  return html + "</section>\n";
}

auto members(const RunPage& page) -> std::string {
  if (page.members.size() < 2) return "";
  std::string html =
      "<section>\n<h2>Members</h2>\n<div class=\"table\"><table>\n"
      "<tr><th>member</th><th>slots used</th><th>tasks ended</th></tr>\n";
  for (const auto& member : page.members) {
    html += "<tr><td>" + html_text(member.name, kNameBytesMax) +
            (member.killed ? " <span class=\"bad\">killed</span>" : "") + "</td><td>" +
            count_text(member.rows) + "</td><td>" + count_text(member.tasks) + "</td></tr>\n";
  }
  return html + "</table></div>\n</section>\n";
}

}  // namespace

auto to_html(const RunPage& page) -> std::string {
  std::string footer;
  for (const auto& note : page.footnotes) {
    footer += (footer.empty() ? "" : " · ") + html_text(note, kSentenceBytesMax);
  }
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>" +
         html_text(page.workload, kNameBytesMax) + " – spider run</title>\n<style>" +
         std::string{page_style()} +
         "</style>\n</head>\n<body>\n<svg width=\"0\" height=\"0\" style=\"position:absolute\" "
         "aria-hidden=\"true\"><defs><pattern id=\"gone\" width=\"5\" height=\"5\" "
         "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path class=\"hatch\" "
         "d=\"M0 0h5v5h-5z\"/><path class=\"hatching\" d=\"M0 0v5\"/></pattern></defs></svg>\n" +
         head(page) + charts(page) + waits(page) + members(page) + "<footer>" + footer +
         "</footer>\n</body>\n</html>\n";
}

}  // namespace spider::cli
