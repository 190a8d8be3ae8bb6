// `spider info --json -` against the tables of reference figures that come with recorded workloads:
// $SPIDER_TRACES/SOURCES.md, where each table's first column is "file" and the headings say what is meant.

#include "cli/info.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace spider::cli {
namespace {

using Json = nlohmann::json;
using Cells = std::vector<std::string>;

auto split(const std::string& text, const std::string& separator) -> Cells {
  Cells parts;
  std::size_t begin = 0;
  while (true) {
    const auto end = text.find(separator, begin);
    auto part = text.substr(begin, end == std::string::npos ? end : end - begin);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    parts.push_back(part);
    if (end == std::string::npos) return parts;
    begin = end + separator.size();
  }
}

auto cells_of(const std::string& line) -> Cells {
  auto cells = split(line, "|");
  return {cells.begin() + 1, cells.end() - 1};
}

struct Row {
  std::string file;
  std::map<std::string, std::string> figures;  ///< by heading
};

/// The rows of the tables that have a column `heading`.
auto rows_with(const std::filesystem::path& sources, const std::string& heading) -> std::vector<Row> {
  std::ifstream in{sources};
  std::vector<Row> rows;
  Cells headings;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('|')) {
      headings.clear();
    } else if (headings.empty()) {
      headings = cells_of(line);
    } else if (const auto cells = cells_of(line); !line.starts_with("|-") && headings[0] == "file" &&
                                                  std::count(headings.begin(), headings.end(), heading)) {
      Row row{cells[0], {}};
      for (std::size_t i = 1; i < cells.size(); ++i) row.figures[headings[i]] = cells[i];
      rows.push_back(row);
    }
  }
  return rows;
}

/// Where the figures of a heading are in the JSON object; several where a cell has several.
using Pointers = std::map<std::string, std::vector<std::string>>;

const Pointers kGraphFigures{
    {"tasks", {"/tasks"}},
    {"edges", {"/edges"}},
    {"roots", {"/roots"}},
    {"leaves", {"/leaves"}},
    {"comp", {"/components"}},
    {"levels", {"/levels"}},
    {"width", {"/width"}},
    {"ASAP peak", {"/asap_peak"}},
    {"max in / out degree", {"/parents_max", "/children_max"}},
    {"cp s", {"/critical_path_s"}},
    {"work s", {"/work_s"}},
    {"longest task s", {"/longest_task_s"}},
    {"zero", {"/zero_time_nodes"}},
};
const Pointers kSwfFigures{
    {"records", {"/swf/records"}},
    {"usable", {"/swf/usable"}},
    {"users", {"/swf/users"}},
    {"groups", {"/swf/groups"}},
    {"queues", {"/swf/queues"}},
    {"partitions", {"/swf/partitions"}},
    {"submit span s", {"/swf/submit_span_s"}},
    {"node-seconds", {"/swf/node_seconds"}},
    {"sum of run times s", {"/swf/run_time_sum_s"}},
    {"max procs", {"/swf/processors_max"}},
    {"median / max run time s", {"/swf/run_time_median_s", "/swf/run_time_max_s"}},
    {"largest user share of node-seconds", {"/swf/user_share_max"}},
    {"MaxProcs", {"/swf/machine_processors"}},
};
const Pointers kStageFigures{
    {"jobs", {"/jobs"}},
    {"single-stage jobs", {"/stages/single_stage_jobs"}},
    {"stages", {"/stages/stages"}},
    {"edges", {"/stages/edges"}},
    {"duplicate parent refs", {"/stages/duplicate_parents"}},
    {"stages outside the name grammar", {"/stages/outside_grammar"}},
    {"instances", {"/stages/instances"}},
    {"max instances of a stage", {"/stages/instances_max"}},
    {"depth", {"/stages/depth"}},
    {"widest level", {"/stages/widest_level"}},
    {"arrivals s", {"/first_arrival_s", "/last_arrival_s"}},
    {"stage-seconds", {"/stages/stage_seconds"}},
    {"work (instance-seconds)", {"/work_s"}},
    {"longest job critical path s", {"/critical_path_s"}},
    {"sum of job critical paths s", {"/stages/critical_path_sum_s"}},
    {"zero-duration stages", {"/stages/zero_duration_stages"}},
};

/// Half a unit of the last digit that the table gives, and a little for binary fractions.
auto tolerance(const std::string& figure) -> double {
  const auto point = figure.find('.');
  if (point == std::string::npos) return 0;
  return 0.501 * std::pow(10.0, -static_cast<double>(figure.size() - point - 1));
}

auto figures_in(const std::string& cell) -> Cells {
  return split(cell, cell.find("..") == std::string::npos ? "/" : "..");
}

void compare(const Json& described, const Row& row, const Pointers& pointers) {
  for (const auto& [heading, cell] : row.figures) {
    SCOPED_TRACE(row.file + ", " + heading);
    ASSERT_TRUE(pointers.contains(heading));
    const auto& where = pointers.at(heading);
    const auto figures = figures_in(cell);
    ASSERT_EQ(figures.size(), where.size());
    for (std::size_t i = 0; i < figures.size(); ++i) {
      const auto& actual = described.at(Json::json_pointer{where[i]});
      EXPECT_NEAR(actual.get<double>(), std::stod(figures[i]), tolerance(figures[i]));
    }
  }
}

class InfoReference : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("SPIDER_TRACES");
    if (folder == nullptr) GTEST_SKIP() << "SPIDER_TRACES is not set";
    traces_ = folder;
  }

  [[nodiscard]] auto path_of(const std::string& file) const -> std::filesystem::path {
    for (const auto* folder : {"wfformat", "swf", "other"}) {
      if (exists(traces_ / folder / file)) return traces_ / folder / file;
    }
    return traces_ / file;
  }

  void check_tables(const std::string& heading, const Pointers& pointers) {
    const auto rows = rows_with(traces_ / "SOURCES.md", heading);
    ASSERT_FALSE(rows.empty());
    for (const auto& row : rows) {
      std::ostringstream out;
      std::ostringstream err;
      ASSERT_EQ(run_info({{path_of(row.file).string()}, "-"}, {out, err}), kSuccess) << err.str();
      compare(Json::parse(out.str()), row, pointers);
    }
  }

  std::filesystem::path traces_;
};

TEST_F(InfoReference, AgreesOnTaskGraphs) { check_tables("ASAP peak", kGraphFigures); }
TEST_F(InfoReference, AgreesOnSwfLogs) { check_tables("node-seconds", kSwfFigures); }
TEST_F(InfoReference, AgreesOnStageCsvs) { check_tables("stage-seconds", kStageFigures); }

}  // namespace
}  // namespace spider::cli
