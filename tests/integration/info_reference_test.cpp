// `spider info --json -` against the reference figures of recorded workloads.

#include "cli/info.hpp"
#include "integration/reference_tables.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace spider::cli {
namespace {

using Json = nlohmann::json;
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

class InfoReference : public RecordedWorkloads {
 protected:
  void check_tables(const std::string& heading, const Pointers& pointers) {
    const auto reference = rows(heading);
    ASSERT_FALSE(reference.empty());
    for (const auto& row : reference) {
      std::ostringstream out;
      std::ostringstream err;
      ASSERT_EQ(run_info({{path_of(row.file).string()}, "-"}, {out, err}), kSuccess) << err.str();
      compare(Json::parse(out.str()), row, pointers);
    }
  }
};

TEST_F(InfoReference, AgreesOnTaskGraphs) { check_tables("ASAP peak", kGraphFigures); }
TEST_F(InfoReference, AgreesOnSwfLogs) { check_tables("node-seconds", kSwfFigures); }
TEST_F(InfoReference, AgreesOnStageCsvs) { check_tables("stage-seconds", kStageFigures); }

}  // namespace
}  // namespace spider::cli
