// `spider run` from its options to its exit status.

#include "cli/run_command.hpp"
#include "spider/policies/fifo.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace spider::cli {
namespace {

using Json = nlohmann::json;

/// Two tasks in a row; `second` is the text of the second one's fields after its id.
auto two_tasks(const std::string& parents = R"(["a"])", const std::string& seconds = "2.5",
               const std::string& second_id = "b", const std::string& extra = "") -> std::string {
  return R"({"name":"w","schemaVersion":"1.5","workflow":{"specification":{"tasks":[
    {"name":"a","id":"a","parents":[],"children":[]},
    {"name":"b","id":")" +
         second_id + R"(","parents":)" + parents + R"(,"children":[]}]},
    "execution":{"tasks":[{"id":"a","runtimeInSeconds":1},{"id":")" +
         second_id + R"(","runtimeInSeconds":)" + seconds + extra + R"(}]}}})";
}

class RunCommand : public testing::Test {
 protected:
  auto write(const std::string& name, const std::string& text) -> std::string {
    const std::filesystem::path path{folder_ / name};
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << text;
    return path.string();
  }

  auto run(std::vector<std::string> workloads) -> int {
    options_.workloads = std::move(workloads);
    options_.json = "-";
    out_.str({});
    err_.str({});
    return run_run(options_, {out_, err_});
  }

  void expect_refused(const std::string& text, const std::string& named) {
    const auto file = write("bad.json", text);
    EXPECT_EQ(run({file}), kBadInput);
    EXPECT_EQ(out_.str(), "");
    EXPECT_NE(err_.str().find("bad.json"), std::string::npos) << err_.str();
    EXPECT_NE(err_.str().find(named), std::string::npos) << err_.str();
  }

  TemporaryFolder folder_;
  RunCommandOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(RunCommand, SucceedsAndReportsEveryFigure) {
  ASSERT_EQ(run({write("w.json", two_tasks())}), kSuccess) << err_.str();
  const auto report = Json::parse(out_.str());
  EXPECT_EQ(report.at("tasks").at("succeeded"), 2);
  EXPECT_DOUBLE_EQ(report.at("makespan_s"), 3.5);
  EXPECT_DOUBLE_EQ(report.at("lower_bound_s"), 3.5);
  EXPECT_DOUBLE_EQ(report.at("efficiency"), 1);
  EXPECT_EQ(report.at("violations"), 0);
  EXPECT_EQ(report.at("dispatch").at("assignments"), 2);
  for (const auto* key : {"workload", "utilization", "wait_s", "groups", "fairness", "members", "wall_s",
                          "tasks_per_s", "peak_rss_bytes"}) {
    EXPECT_TRUE(report.contains(key)) << key;
  }
}

TEST_F(RunCommand, SpeedChangesNoFigureOfTheWorkloadsTime) {
  const auto file = write("w.csv", "0,j,M1,8,100,1,4\n");  // four tasks of 8 s, two at a time
  options_.run.workers = 2;
  ASSERT_EQ(run({file}), kSuccess) << err_.str();
  const auto plain = Json::parse(out_.str());
  EXPECT_DOUBLE_EQ(plain.at("wait_s").at("max"), 8);
  options_.run.speed = 4;
  ASSERT_EQ(run({file}), kSuccess) << err_.str();
  const auto fast = Json::parse(out_.str());
  for (const auto* key : {"makespan_s", "wait_s", "groups", "utilization"})
    EXPECT_EQ(fast.at(key), plain.at(key)) << key;
}

TEST_F(RunCommand, EachFileIsAGroupOfItsOwn) {
  ASSERT_EQ(run({write("one/w.json", two_tasks()), write("two/w.json", two_tasks())}), kSuccess)
      << err_.str();
  const auto report = Json::parse(out_.str());
  ASSERT_EQ(report.at("groups").size(), 2U);
  EXPECT_NE(report.at("groups")[0].at("id"), report.at("groups")[1].at("id"));
}

TEST_F(RunCommand, GroupOptionPutsAFileIntoAGroup) {
  const auto file = write("w.json", two_tasks());
  options_.groups = {"alice=" + file};
  ASSERT_EQ(run({file}), kSuccess) << err_.str();
  EXPECT_EQ(Json::parse(out_.str()).at("groups")[0].at("id"), "alice");
  options_.groups = {"alice=elsewhere.json"};
  EXPECT_EQ(run({file}), kBadInput);
  options_.groups = {"no name=" + file};
  EXPECT_EQ(run({file}), kBadInput);
  options_.groups = {"alice"};
  EXPECT_EQ(run({file}), kBadInput);
}

TEST_F(RunCommand, TableAndJsonGoWhereTheyAreSent) {
  options_.workloads = {write("w.json", two_tasks())};
  options_.json = folder_ / "figures.json";
  ASSERT_EQ(run_run(options_, {out_, err_}), kSuccess) << err_.str();
  EXPECT_NE(out_.str().find("makespan"), std::string::npos);
  std::ifstream figures{options_.json};
  EXPECT_EQ(Json::parse(figures).at("tasks").at("total"), 2);
  options_.json = folder_ / "nowhere/figures.json";
  options_.run.storage = "sqlite:" + (folder_ / "run.db");
  EXPECT_EQ(run_run(options_, {out_, err_}), kBadInput);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run.db")) << "refused before anything runs";
}

TEST_F(RunCommand, ExecutedCommandsDecideByTheirStatus) {
  options_.run.exec = true;
  options_.run.time = TimeMode::real_time;
  const auto with = [](const std::string& program) {
    return R"(,"command":{"program":")" + program + R"(","arguments":[]})";
  };
  const auto file = [&](const std::string& program) {
    auto text = two_tasks(R"(["a"])", "1", "b", with(program));
    text.insert(text.find(R"("runtimeInSeconds":1})") + 20, with("true"));
    return text;
  };
  EXPECT_EQ(run({write("good.json", file("true"))}), kSuccess) << err_.str();
  EXPECT_EQ(run({write("false.json", file("false"))}), kTaskFailed);
  EXPECT_EQ(Json::parse(out_.str()).at("tasks").at("failed"), 1);
  EXPECT_EQ(run({write("missing.json", file("no-such-program-anywhere"))}), kTaskFailed);
  EXPECT_EQ(run({write("none.json", two_tasks())}), kBadInput) << "a task without a command";
}

TEST_F(RunCommand, BadFilesAreRefusedByFileAndPlace) {
  const auto good = two_tasks();
  expect_refused(good.substr(0, good.size() / 2), "line");
  expect_refused("no JSON at all", "line");
  expect_refused(two_tasks(R"(["b"])"), "cyclic graph");
  expect_refused(two_tasks(R"(["nobody"])"), "nobody");
  expect_refused(two_tasks(R"([])", "1", "a"), "duplicate");
  expect_refused(two_tasks(R"(["a"])", "-1"), "runtimeInSeconds");
  expect_refused(two_tasks(R"(["a"])", "1e400"), "");
  expect_refused(two_tasks(R"(["a"])", R"("NaN")"), "runtimeInSeconds");
}

TEST_F(RunCommand, GraphOverTheLimitIsRefused) {
  const auto file = write("large.csv", "0,j,M1,1,100,1,2000000000\n");
  EXPECT_EQ(run({file}), kBadInput);
  EXPECT_NE(err_.str().find("limit exceeded"), std::string::npos) << err_.str();
}

TEST_F(RunCommand, BadArgumentsAreRefused) {
  const auto file = write("w.json", two_tasks());
  EXPECT_EQ(run({"nowhere.json"}), kBadInput);
  EXPECT_EQ(run({"synthetic:jobs=minus"}), kBadInput);
  options_.run.policy = "sorcery";
  EXPECT_EQ(run({file}), kBadInput);
  EXPECT_NE(err_.str().find("sorcery"), std::string::npos) << err_.str();
  options_.run.policy = "fifo";
  options_.run.workers = 0;
  EXPECT_EQ(run({file}), kBadInput);
  options_.run.workers = 1;
  options_.run.speed = 0;
  EXPECT_EQ(run({file}), kBadInput);
}

TEST_F(RunCommand, SignalEndsARunInVirtualTime) {
  int leaves = 0;
  const auto signalling = [&leaves]() -> std::unique_ptr<SchedulingPolicy> {
    if (++leaves == 2) std::raise(SIGTERM);  // the second resource group has come, and runs have begun
    return make_fifo();
  };
  ASSERT_TRUE(options_.run.registry.add("signalling", "fifo", signalling));
  options_.run.policy = "fair-share/signalling";
  const auto* tasks = "0,j,M1,1,100,1,1000\n";
  EXPECT_EQ(run({write("a.csv", tasks), write("b.csv", tasks), write("c.csv", tasks)}), kInterrupted);
  EXPECT_NE(err_.str().find("interrupted"), std::string::npos) << err_.str();
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace spider::cli
