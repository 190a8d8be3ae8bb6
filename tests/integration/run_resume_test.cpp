// `spider run --storage sqlite:…` that is killed, interrupted, repeated.

#include "cli/run_command.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace spider::cli {
namespace {

using Json = nlohmann::json;

constexpr int kTasks = 48;
constexpr int kDeadlineMs = 60'000;

/// A layered workflow whose tasks each append the time to a file of their own, say so through a pipe with a
/// name, and rest a little.
class AppendingWorkflow {
 public:
  AppendingWorkflow() {
    EXPECT_EQ(::mkfifo((folder_ / "started").c_str(), 0600), 0);
    started_ = ::open((folder_ / "started").c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    Json specified = Json::array();
    Json executed = Json::array();
    for (int task = 0; task < kTasks; ++task) {
      const auto id = "t" + std::to_string(task);
      Json parents = Json::array();
      if (task >= 8) parents = {"t" + std::to_string(task - 8), "t" + std::to_string((task + 1) % 8)};
      specified.push_back({{"name", id}, {"id", id}, {"parents", parents}, {"children", Json::array()}});
      const auto script =
          "date +%s%N >>" + lines_of(task) + "; echo >>" + (folder_ / "started") + "; sleep 0.02";
      executed.push_back({{"id", id},
                          {"runtimeInSeconds", 1},
                          {"command", {{"program", "sh"}, {"arguments", {"-c", script}}}}});
    }
    std::ofstream{file()} << Json{
        {"name", "w"},
        {"schemaVersion", "1.5"},
        {"workflow", {{"specification", {{"tasks", specified}}}, {"execution", {{"tasks", executed}}}}}};
  }
  AppendingWorkflow(const AppendingWorkflow&) = delete;
  auto operator=(const AppendingWorkflow&) -> AppendingWorkflow& = delete;
  ~AppendingWorkflow() { ::close(started_); }

  [[nodiscard]] auto file() const -> std::string { return folder_ / "w.json"; }
  [[nodiscard]] auto storage() const -> std::string { return folder_ / "storage"; }
  [[nodiscard]] auto output(const char* name) const -> std::string { return folder_ / name; }
  [[nodiscard]] auto lines_of(int task) const -> std::string {
    return folder_ / ("t" + std::to_string(task));
  }

  /// Waits until so many more tasks have started; false when that takes too long.
  [[nodiscard]] auto wait_for_starts(int count) const -> bool {
    for (char byte = 0; count > 0;) {
      if (::read(started_, &byte, 1) == 1) {
        --count;
        continue;
      }
      pollfd readable{started_, POLLIN, 0};
      if (::poll(&readable, 1, kDeadlineMs) != 1) return false;
    }
    return true;
  }

 private:
  TemporaryFolder folder_;
  int started_ = -1;
};

/// `spider run --exec` in a process of its own.
class RunningProgram {
 public:
  explicit RunningProgram(const AppendingWorkflow& workflow) : child_{::fork()} {
    if (child_ != 0) return;
    RunCommandOptions options;
    options.workloads = {workflow.file()};
    options.json = workflow.output("report");
    options.quiet = true;
    options.run.exec = true;
    options.run.time = TimeMode::real_time;
    options.run.storage = "sqlite:" + workflow.storage();
    options.run.manager_lease = std::chrono::seconds{1};
    std::ofstream out{workflow.output("out")};
    std::ofstream err{workflow.output("err")};
    const auto status = run_run(options, {out, err});
    out.close();
    err.close();
    ::_exit(status);
  }
  auto signal(int number) const -> void { ::kill(child_, number); }
  /// Its exit status, or minus the signal that ended it.
  [[nodiscard]] auto wait() const -> int {
    int status = 0;
    ::waitpid(child_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t child_;
};

auto text_of(const std::string& file) -> std::string {
  std::ifstream in{file};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Every task succeeded, and none was started by anybody after its success had been stored.
auto expect_sound_history(const AppendingWorkflow& workflow) -> void {
  const auto checked = check_sqlite_storage(workflow.storage());
  ASSERT_TRUE(checked) << checked.error();
  EXPECT_EQ(checked.value().complaints, std::vector<std::string>{});
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  const auto opened = open_sqlite_storage(SqliteStorageOptions{workflow.storage()}, clock);
  ASSERT_TRUE(opened) << opened.error();
  auto& storage = *opened.value();
  const auto jobs = block_on(context, storage.list(JobFilter{}));
  ASSERT_EQ(jobs.value().size(), 1U);
  EXPECT_EQ(jobs.value()[0].state, JobState::succeeded) << jobs.value()[0].reason;
  const auto tasks = block_on(context, storage.view_tasks(jobs.value()[0].id, Page{}));
  ASSERT_EQ(tasks.value().size(), static_cast<std::size_t>(kTasks));
  for (int index = 0; index < kTasks; ++index) {
    const auto& task = tasks.value()[static_cast<std::size_t>(index)];
    EXPECT_EQ(task.state, TaskState::succeeded);
    std::ifstream lines{workflow.lines_of(index)};
    std::int64_t began_ns = 0;
    int starts = 0;
    for (; lines >> began_ns; ++starts) {
      EXPECT_LT(began_ns, task.ended_at.time_since_epoch().count()) << "task " << index;
    }
    EXPECT_GE(starts, 1) << "task " << index;
  }
}

TEST(RunResume, KilledThreeTimesEveryTaskSucceedsExactlyOnce) {
  const AppendingWorkflow workflow;
  for (int life = 0; life < 3; ++life) {
    const RunningProgram program{workflow};
    ASSERT_TRUE(workflow.wait_for_starts(9)) << text_of(workflow.output("err"));
    program.signal(SIGKILL);
    ASSERT_EQ(program.wait(), -SIGKILL) << text_of(workflow.output("err"));
  }
  const RunningProgram last{workflow};
  ASSERT_EQ(last.wait(), kSuccess) << text_of(workflow.output("err"));
  const auto report = Json::parse(text_of(workflow.output("report")));
  EXPECT_EQ(report.at("tasks").at("succeeded"), kTasks);
  EXPECT_EQ(report.at("violations"), 0);
  expect_sound_history(workflow);
}

TEST(RunResume, TerminatedItGivesBackWhatRunsAndSaysHowToGoOn) {
  const AppendingWorkflow workflow;
  {
    const RunningProgram program{workflow};
    ASSERT_TRUE(workflow.wait_for_starts(9)) << text_of(workflow.output("err"));
    program.signal(SIGTERM);
    ASSERT_EQ(program.wait(), kInterrupted) << text_of(workflow.output("err"));
    EXPECT_NE(text_of(workflow.output("err")).find("same command"), std::string::npos);
  }
  const RunningProgram again{workflow};
  ASSERT_EQ(again.wait(), kSuccess) << text_of(workflow.output("err"));
  EXPECT_EQ(Json::parse(text_of(workflow.output("report"))).at("violations"), 0);
  expect_sound_history(workflow);
}

class RepeatedRun : public testing::Test {
 protected:
  auto run(const std::string& workload, const std::string& storage) -> int {
    RunCommandOptions options;
    options.workloads = {workload};
    options.json = "-";
    options.run.storage = storage;
    out_.str({});
    err_.str({});
    return run_run(options, {out_, err_});
  }
  auto report() -> Json { return Json::parse(out_.str()); }

  TemporaryFolder folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

constexpr const char* kSome = "synthetic:jobs=5,tasks=20,groups=2,width=4,seconds=3,seed=7";

TEST_F(RepeatedRun, CompleteItTellsTheSameAndRunsNothing) {
  const auto storage = "sqlite:" + (folder_ / "file");
  ASSERT_EQ(run(kSome, "memory:"), kSuccess) << err_.str();
  const auto in_memory = report();
  ASSERT_EQ(run(kSome, storage), kSuccess) << err_.str();
  const auto first = report();
  // What becomes ready at one time may be polled in another order.
  EXPECT_NEAR(first.at("makespan_s").get<double>() / in_memory.at("makespan_s").get<double>(), 1.0, 0.05);
  ASSERT_EQ(run(kSome, storage), kSuccess) << err_.str();
  const auto second = report();
  EXPECT_EQ(second.at("dispatch").at("assignments"), 0);
  EXPECT_EQ(second.at("fairness").at("jain"), first.at("fairness").at("jain"));
  EXPECT_TRUE(second.at("fairness").at("lag").is_null());
  for (const auto* key : {"tasks", "makespan_s", "wait_s", "groups", "violations"}) {
    EXPECT_EQ(second.at(key), first.at(key)) << key;
  }
}

TEST_F(RepeatedRun, FileOfSomethingElseIsRefusedAndStaysAsItIs) {
  const auto storage = "sqlite:" + (folder_ / "file");
  ASSERT_EQ(run(kSome, storage), kSuccess) << err_.str();
  EXPECT_EQ(run("synthetic:jobs=5,tasks=20,groups=2,width=4,seconds=3,seed=8", storage), kStorageFailed);
  EXPECT_NE(err_.str().find("not submitted by this run"), std::string::npos) << err_.str();
  EXPECT_EQ(run(kSome, storage), kSuccess) << err_.str();
  std::ofstream{folder_ / "text"} << "no database at all, but long enough to look like a file of some kind\n";
  EXPECT_EQ(run(kSome, "sqlite:" + (folder_ / "text")), kStorageFailed);
  EXPECT_EQ(run(kSome, "sqlite:" + (folder_ / "nowhere/file")), kStorageFailed);
  EXPECT_EQ(run(kSome, "sqlite:"), kBadInput);
  EXPECT_EQ(run(kSome, "cloud:9"), kBadInput);
}

}  // namespace
}  // namespace spider::cli
