// The page of `spider run --report`, made of plain values: what it says, and what it never lets through.

#include "cli/report/html.hpp"
#include "cli/report/load_curve.hpp"
#include "cli/report/page.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

namespace spider::cli {
namespace {

auto count_in(const std::string& text, const std::string& what) -> std::size_t {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

void expect_contains(const std::string& html, const std::string& what) {
  EXPECT_NE(html.find(what), std::string::npos) << what;
}

/// Of one task of two seconds on one worker.
auto one_task() -> RunPage {
  RunPage page;
  page.workload = "w.json";
  page.how = {"fair-share", "1 worker"};
  page.tasks = page.succeeded = page.instances = 1;
  page.makespan_s = page.lower_bound_s = page.end_s = 2;
  page.efficiency = page.utilization = 1;
  page.workers = page.rows = 1;
  page.colour_of = "group";
  page.colours = {"alice"};
  page.members = {{.name = "", .rows = 1, .tasks = 1}};
  page.bars = {{.begin_s = 0, .end_s = 2, .task = "resize", .job = ""}};
  page.running = {std::vector<double>(kPageLoadColumns, 1)};
  page.load = {{.at_s = 0, .queued_max = 0, .running_max = 1}};
  page.groups = {{.name = "alice", .tasks = 1, .wait = {}}};
  return page;
}

TEST(RunPageHtml, OneTaskIsABarOverTheWholeTime) {
  const auto html = to_html(one_task());
  expect_contains(html, "<h1>w.json</h1>");
  expect_contains(html, "fair-share · 1 worker</p>");
  expect_contains(html, "<p class=\"verdict good\">The only task succeeded</p>");
  expect_contains(html, "<b class=\"\">2 s</b><span>makespan; no schedule is below 2 s</span>");
  expect_contains(html, "<b class=\"good\">0</b><span>violations");
  expect_contains(html,
                  "<rect class=\"c0\" x=\"76\" y=\"8\" width=\"909.3\" height=\"21\">"
                  "<title>resize · 2 s from 0</title></rect>");
  expect_contains(html, "class=\"tick middle\">1 s</text>");
  expect_contains(html, "1 of 1 task slots were used");
  EXPECT_EQ(html.rfind("<!DOCTYPE html>", 0), 0U);
  EXPECT_TRUE(html.ends_with("</html>\n"));
}

TEST(RunPageHtml, NothingIsAPageToo) {
  const auto html = to_html(RunPage{});
  expect_contains(html, "There was nothing to run");
  expect_contains(html, "No task ran in this process");
  EXPECT_EQ(html.find("nan"), std::string::npos);
  EXPECT_EQ(html.find("<h2>"), std::string::npos);
}

TEST(RunPageHtml, FailuresAndViolationsAreRed) {
  auto page = one_task();
  page.tasks = 5;
  page.succeeded = 1;
  page.failed = 1;
  page.cancelled = 3;
  page.violations = 2;
  page.complaints = {"job 1 task 0: started while it runs"};
  page.bars[0].how = InstanceEnd::failed;
  page.bars.push_back(
      {.begin_s = 1, .end_s = 2, .row = 0, .how = InstanceEnd::lost, .task = "b", .job = "j"});
  const auto html = to_html(page);
  expect_contains(html, "<p class=\"verdict bad\">1 of 5 tasks failed, 3 cancelled</p>");
  expect_contains(html, "<b class=\"bad\">2</b>");
  expect_contains(html, "<p class=\"complaint\">job 1 task 0: started while it runs</p>");
  expect_contains(html, "<rect class=\"failed\"");
  expect_contains(html, "resize · 2 s from 0 · failed");
  expect_contains(html, "<rect class=\"gone\"");
  expect_contains(html, "b · j · 1 s from 1 s · lost");
}

TEST(RunPageHtml, NamesAreTextWhateverTheyAre) {
  const std::string evil = "<script>\"'&</title>\x01\xff";
  auto page = one_task();
  page.workload = page.colour_of = evil;
  page.how = page.notes = page.footnotes = page.complaints = {evil};
  page.colours = {evil};
  page.members = {{.name = evil, .rows = 1}, {.name = evil, .rows = 20}};
  page.bars[0].task = page.bars[0].job = evil;
  page.groups[0].name = evil;
  const auto html = to_html(page);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find('\x01'), std::string::npos);
  EXPECT_EQ(html.find('\xff'), std::string::npos);
  EXPECT_EQ(count_in(html, "</title>"), 2U) << "of the document and of its only bar";
  expect_contains(html, "<td><i class=\"c0\"></i>&lt;script&gt;&#34;&#39;&amp;&lt;/title&gt;");
}

TEST(RunPageHtml, NeedsNothingElse) {
  const auto html = to_html(one_task());
  for (const auto* what : {"http:", "https:", "src=", "href=", "@import", "<script", "<link", "<img"}) {
    EXPECT_EQ(html.find(what), std::string::npos) << what;
  }
  expect_contains(html, "prefers-color-scheme:dark");
  expect_contains(html, "@media print");
}

/// As much of everything as a page takes, each text long and all of characters that grow.
auto largest() -> RunPage {
  const std::string text(1'000, '&');
  auto page = one_task();
  page.workload = page.colour_of = text;
  page.how = {text, text, text, text, text, text};
  page.notes = page.footnotes = {text, text, text, text, text};
  page.complaints.assign(20, text);
  page.tasks = page.instances = std::numeric_limits<std::uint64_t>::max();
  page.begin_s = 1e9 / 3;
  page.end_s = 1e9;
  page.colours.assign(kPageColours, text);
  page.members.assign(kPageMembersMax, {.name = text, .rows = 1, .tasks = page.tasks, .killed = true});
  page.groups.assign(kPageGroupsMax,
                     {.name = text, .tasks = page.tasks, .wait = {1e8 / 3, 2e8 / 3, 1e8, 1e9}});
  page.running.assign(kPageColours + 1, {});
  for (auto& columns : page.running) {
    for (std::size_t i = 0; i < kPageLoadColumns; ++i) columns.push_back(i % 2 == 0 ? 1.0 / 3 : 2.0 / 3);
  }
  page.workers = 7;
  page.load.clear();
  for (std::size_t i = 0; i < LoadCurve::kBinsMax; ++i) {
    const auto share = static_cast<double>(i) / static_cast<double>(LoadCurve::kBinsMax);
    page.load.push_back({.at_s = page.begin_s + share * (page.end_s - page.begin_s),
                         .queued_max = 1'000'003 - i % 2 * 333'331,
                         .running_max = 3 + i % 2,
                         .queued_mean = 1e6 / (3.0 + static_cast<double>(i % 2))});
  }
  return page;
}

TEST(RunPageHtml, SizeIsBoundedWithBars) {
  auto page = largest();
  page.rows = kPageRowsMax;
  page.bars.assign(kPageBarsMax, {.begin_s = 4e8 / 3,
                                  .end_s = 9.1e8,
                                  .row = kPageRowsMax - 1,
                                  .colour = 9,
                                  .how = InstanceEnd::given_back,
                                  .task = std::string(1'000, '&'),
                                  .job = std::string(1'000, '&')});
  const auto html = to_html(page);
  EXPECT_LT(html.size(), kPageBytesMax);
  EXPECT_EQ(count_in(html, "<rect "), kPageBarsMax);
}

TEST(RunPageHtml, SizeIsBoundedWithHeat) {
  auto page = largest();
  page.bars.clear();
  page.rows = kPageHeatRowsMax;
  page.slots_per_row = 20'000;
  for (std::uint32_t row = 0; row < kPageHeatRowsMax; ++row) {
    for (std::uint32_t column = 0; column < kPageHeatColumns; ++column) {
      page.heat.push_back({row, column, column % 11, (row % 10) / 10.0 + 0.01});
    }
  }
  const auto html = to_html(page);
  EXPECT_LT(html.size(), kPageBytesMax);
  expect_contains(html, "Too many to show each task");
  expect_contains(html, "<path class=\"other s4\"");
}

TEST(RunPageHtml, AQueueThatIsNotKnownIsNotShown) {
  auto page = one_task();
  expect_contains(to_html(page), "<h2>Queue</h2>");
  page.queue_known = false;
  EXPECT_EQ(to_html(page).find("<h2>Queue</h2>"), std::string::npos);
}

TEST(RunPageHtml, GroupsBeyondTheListAreSummedUp) {
  auto page = one_task();
  page.groups_more = 3;
  page.groups_more_tasks = 1'234;
  expect_contains(to_html(page), "… and 3 groups more with 1,234 tasks together.");
}

TEST(RunPageText, TimesHaveTheUnitAPersonWouldUse) {
  EXPECT_EQ(time_text(0), "0");
  EXPECT_EQ(time_text(250e-6), "250 µs");
  EXPECT_EQ(time_text(0.0125), "12.5 ms");
  EXPECT_EQ(time_text(0.9999), "1 s");
  EXPECT_EQ(time_text(12.34), "12.3 s");
  EXPECT_EQ(time_text(119.7), "2 min");
  EXPECT_EQ(time_text(245), "4 min 5 s");
  EXPECT_EQ(time_text(7'199.8), "2 h");
  EXPECT_EQ(time_text(12'000), "3 h 20 min");
  EXPECT_EQ(time_text(86'400 * 12.4), "12.4 d");
  EXPECT_EQ(time_text(-3), "−3 s");
  EXPECT_EQ(time_text(std::numeric_limits<double>::infinity()), "—");
}

TEST(RunPageText, HundredPercentIsNothingLess) {
  EXPECT_EQ(percent_text(1), "100 %");
  EXPECT_EQ(percent_text(0.99999), "99.9 %");
  EXPECT_EQ(percent_text(0.973), "97.3 %");
  EXPECT_EQ(percent_text(0), "0 %");
  EXPECT_EQ(percent_text(1.25), "125 %");
}

TEST(RunPageText, IsCutBetweenCharacters) {
  EXPECT_EQ(html_text("abcdef", 6), "abcdef");
  EXPECT_EQ(html_text("abcdef", 5), "abcde…");
  EXPECT_EQ(html_text("aäb", 2), "a…");
  EXPECT_EQ(html_text("a\xc3", 9), "a\uFFFD");
  EXPECT_EQ(html_text("\xed\xa0\x80", 9), "\uFFFD\uFFFD\uFFFD") << "a surrogate is no character";
}

TEST(RunPageText, TicksAreRoundAndFew) {
  for (const double span : {1e-7, 0.003, 0.7, 3.5, 59.0, 61.0, 4'000.0, 86'000.0, 3e5, 3e7, 1e10}) {
    const auto ticks = time_ticks(0, span, 10);
    EXPECT_GE(ticks.size(), 4U) << span;
    EXPECT_LE(ticks.size(), 11U) << span;
    EXPECT_EQ(ticks[0].label, "0");
  }
  EXPECT_EQ(time_ticks(0, 2, 10)[5].label, "1 s");
  EXPECT_EQ(time_ticks(0, 0.02, 10)[1].label, "2 ms");
  const auto hours = time_ticks(3'000, 40'000, 10);
  EXPECT_EQ(hours.front().label, "2 h");
  EXPECT_EQ(hours.back().label, "10 h");
  EXPECT_EQ(count_ticks(3, 4).back().label, "3");
  EXPECT_EQ(count_ticks(1, 4).size(), 2U);
}

}  // namespace
}  // namespace spider::cli
