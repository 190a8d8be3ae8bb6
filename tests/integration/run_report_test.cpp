// `spider run --report` from its options to its page.

#include "cli/report/page_file.hpp"
#include "cli/run_command.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace spider::cli {
namespace {

auto content_of(const std::string& path) -> std::string {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class RunReportPage : public testing::Test {
 protected:
  RunReportPage() {
    options_.quiet = true;
    options_.report = folder_ / "page.html";
  }
  auto run(const std::string& workload) -> int {
    options_.workloads = {workload};
    err_.str({});
    const auto status = run_run(options_, {out_, err_});
    page_ = content_of(folder_ / "page.html");
    return status;
  }
  auto write(const std::string& name, const std::string& text) -> std::string {
    std::ofstream{folder_ / name} << text;
    return folder_ / name;
  }
  auto bars() -> std::size_t {
    std::size_t count = 0;
    for (auto at = page_.find("<rect "); at != std::string::npos; at = page_.find("<rect ", at + 1)) ++count;
    return count;
  }
  void expect_says(const std::string& what) { EXPECT_NE(page_.find(what), std::string::npos) << what; }

  TemporaryFolder folder_;
  RunCommandOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
  std::string page_;
};

TEST_F(RunReportPage, ShowsEveryTaskOfASmallRun) {
  ASSERT_EQ(run("synthetic:jobs=2,tasks=5,groups=2,width=2,seconds=10,seed=1"), kSuccess) << err_.str();
  expect_says("All 10 tasks succeeded");
  expect_says("fair-share · 4 workers · virtual time · 2 jobs · 2 groups");
  EXPECT_EQ(bars(), 10U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder_.path()}, {}), 1)
      << "nothing else is left in the folder";
}

TEST_F(RunReportPage, ALargeRunIsBounded) {
  ASSERT_EQ(run("synthetic:jobs=60,tasks=50,groups=60,width=10,seconds=10,seed=1"), kSuccess) << err_.str();
  EXPECT_EQ(bars(), 0U);
  expect_says("Too many to show each task: 3,000");
  expect_says("and 10 groups more with 500 tasks together");
  EXPECT_LT(page_.size(), std::size_t{1'000'000});
}

TEST_F(RunReportPage, WhatAKilledMemberHeldIsLost) {
  options_.run.workers = 9;
  options_.run.schedulers = 3;
  options_.run.kill_member = std::chrono::seconds{30};
  ASSERT_EQ(run("synthetic:jobs=20,tasks=20,groups=3,width=5,seconds=10,seed=1"), kSuccess) << err_.str();
  expect_says("scheduler-3 <span class=\"bad\">killed</span>");
  expect_says("<rect class=\"gone\"");
  expect_says(" · lost</title>");
  EXPECT_GT(bars(), 400U);
}

TEST_F(RunReportPage, AResumedRunShowsThePartThatItSaw) {
  options_.run.storage = "sqlite:" + (folder_ / "run.db");
  const auto* workload = "synthetic:jobs=2,tasks=5,groups=2,width=2,seconds=10,seed=1";
  ASSERT_EQ(run(workload), kSuccess) << err_.str();
  EXPECT_EQ(bars(), 10U);
  ASSERT_EQ(run(workload), kSuccess) << err_.str();
  expect_says("All 10 tasks succeeded");
  expect_says("No task ran in this process");
}

TEST_F(RunReportPage, FailedCommandsAndNamesOfAnyKind) {
  options_.run.exec = true;
  options_.run.time = TimeMode::real_time;
  const auto task = [](const std::string& id, const std::string& rest) {
    return R"({"name":"<script>)" + id + R"(","id":")" + id + R"(",)" + rest + '}';
  };
  const auto file =
      write("<b>.json", R"({"name":"w","schemaVersion":"1.5","workflow":{"specification":{"tasks":[)" +
                            task("a", R"("parents":[],"children":["b"])") + ',' +
                            task("b", R"("parents":["a"],"children":[])") + R"(]},"execution":{"tasks":[
      {"id":"a","runtimeInSeconds":1,"command":{"program":"false","arguments":[]}},
      {"id":"b","runtimeInSeconds":1,"command":{"program":"true","arguments":[]}}]}}})");
  EXPECT_EQ(run(file), kTaskFailed) << err_.str();
  expect_says("1 of 2 tasks failed, 1 cancelled");
  expect_says("<h1>&lt;b&gt;.json</h1>");
  expect_says("<rect class=\"failed\"");
  EXPECT_EQ(page_.find("<script"), std::string::npos);
}

TEST_F(RunReportPage, AFileThatCannotBeWrittenIsRefusedBeforeAnythingRuns) {
  const auto* workload = "synthetic:jobs=1,tasks=1,groups=1,width=1,seconds=1,seed=1";
  options_.run.storage = "sqlite:" + (folder_ / "run.db");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  for (const auto& path : {folder_ / "nowhere/page.html", folder_.path(), folder_ / "pipe", std::string{"-"},
                           std::string(5'000, 'x')}) {
    options_.report = path;
    EXPECT_EQ(run(workload), kBadInput) << path;
    EXPECT_NE(err_.str().find("report"), std::string::npos) << err_.str();
    EXPECT_FALSE(std::filesystem::exists(folder_ / "run.db")) << path;
  }
  EXPECT_TRUE(std::filesystem::is_fifo(folder_ / "pipe"));
}

TEST_F(RunReportPage, AFileIsReplacedWholeAndThroughALink) {
  write("page.html", "before");
  std::filesystem::create_symlink(folder_ / "page.html", folder_ / "link.html");
  const auto page = PageFile::open(folder_ / "link.html");
  ASSERT_TRUE(page) << page.error();
  EXPECT_EQ(content_of(folder_ / "page.html"), "before");
  ASSERT_TRUE(page.value().write("after"));
  EXPECT_EQ(content_of(folder_ / "page.html"), "after");
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link.html"));
  std::filesystem::remove_all(folder_.path());
  const auto gone = page.value().write("too late");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error(), Errc::io_error);
}

}  // namespace
}  // namespace spider::cli
