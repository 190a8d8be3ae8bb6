// `spider run --member NAME`: four processes on one SQLite file, one of them killed.

#include "cli/run_command.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace spider::cli {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr std::size_t kProcesses = 4;
constexpr std::uint64_t kJobs = 40;
constexpr std::uint64_t kTasksPerRun = 400;

class RunProcesses : public testing::Test {
 protected:
  ~RunProcesses() override {
    for (const auto child : children_) {
      if (child > 0) ::kill(child, SIGKILL);
    }
  }

  [[nodiscard]] auto output(std::size_t member, const char* what) const -> std::string {
    return folder_ / (what + std::to_string(member));
  }
  auto start(std::size_t number) -> void {
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child > 0) return children_.push_back(child);
    RunCommandOptions options;
    options.workloads = {"synthetic:jobs=40,tasks=10,groups=2,width=5,seconds=0.1,seed=3"};
    options.json = output(number, "report");
    options.quiet = true;
    options.run.time = TimeMode::real_time;
    options.run.workers = 2;
    options.run.storage = "sqlite:" + (folder_ / "file");
    options.run.manager_lease = 1s;
    options.run.member = "member-" + std::to_string(number);
    std::ofstream out{output(number, "out")};
    std::ofstream err{output(number, "err")};
    const auto status = run_run(options, {out, err});
    out.close();
    err.close();
    ::_exit(status);
  }
  /// The exit status of a process, or minus the signal that ended it.
  auto wait(std::size_t number) -> int {
    int status = 0;
    ::waitpid(children_[number], &status, 0);
    children_[number] = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  static auto text_of(const std::string& file) -> std::string {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    return text.str();
  }
  auto open() -> std::unique_ptr<Storage> {
    return open_sqlite_storage(SqliteStorageOptions{folder_ / "file"}, clock_).value();
  }
  /// Waits until so many jobs have ended.
  auto wait_for_ends(Storage& storage, std::size_t jobs) -> bool {
    EndedCursor cursor{1};
    for (std::size_t seen = 0; seen < jobs;) {
      const auto batch = block_on(context_, storage.poll_ended(cursor, 60s));
      if (!batch || batch.value().jobs.empty()) return false;
      cursor = batch.value().cursor;
      seen += batch.value().jobs.size();
    }
    return true;
  }
  auto expect_all_succeeded(Storage& storage) -> void {
    JobFilter filter;
    filter.max = 1000;
    const auto jobs = block_on(context_, storage.list(filter)).value();
    ASSERT_EQ(jobs.size(), kJobs) << "each job was submitted once, by whomever";
    for (const auto& job : jobs) {
      EXPECT_EQ(job.state, JobState::succeeded) << job.reason;
      EXPECT_EQ(job.tasks[static_cast<std::size_t>(TaskState::succeeded)], kTasksPerRun / kJobs);
    }
    const auto ended = block_on(context_, storage.poll_ended(EndedCursor{1}, {})).value().jobs;
    EXPECT_EQ(ended.size(), kJobs) << "no job ended twice";
  }

  TemporaryFolder folder_;
  std::vector<pid_t> children_;
  asio::io_context context_;
  SystemClock clock_{context_.get_executor()};
};

TEST_F(RunProcesses, FourShareAFileAndOneIsKilled) {
  for (std::size_t number = 0; number < kProcesses; ++number) start(number);
  while (::access((folder_ / "file").c_str(), R_OK) != 0) {
    ASSERT_EQ(::waitpid(children_[0], nullptr, WNOHANG), 0) << "it has ended: " << text_of(output(0, "err"));
  }
  const auto storage = open();
  ASSERT_TRUE(wait_for_ends(*storage, 8)) << text_of(output(0, "err"));
  ASSERT_EQ(::kill(children_[3], SIGKILL), 0);
  ASSERT_EQ(wait(3), -SIGKILL) << text_of(output(3, "err"));
  std::uint64_t tasks = 0;
  for (std::size_t number = 0; number < 3; ++number) {
    ASSERT_EQ(wait(number), kSuccess) << text_of(output(number, "err"));
    const auto report = Json::parse(text_of(output(number, "report")));
    EXPECT_EQ(report.at("tasks").at("succeeded"), kTasksPerRun) << "each tells of all";
    EXPECT_EQ(report.at("violations"), 0);
    ASSERT_EQ(report.at("members").size(), 1U);
    const auto own = report.at("members").at(0).at("tasks").get<std::uint64_t>();
    EXPECT_GT(own, 0U) << number;
    tasks += own;
  }
  EXPECT_LT(tasks, kTasksPerRun) << "the killed one had its part";
  expect_all_succeeded(*storage);
  const auto checked = check_sqlite_storage(folder_ / "file");
  ASSERT_TRUE(checked) << checked.error();
  EXPECT_EQ(checked.value().complaints, std::vector<std::string>{});
}

TEST_F(RunProcesses, MemberNeedsADurableStorageInRealTime) {
  const auto refused = [this](auto change) {
    RunCommandOptions options;
    options.workloads = {"synthetic:"};
    options.run.time = TimeMode::real_time;
    options.run.storage = "sqlite:" + (folder_ / "other");
    options.run.member = "a";
    change(options.run);
    std::ostringstream out;
    return run_run(options, {out, out}) == kBadInput;
  };
  EXPECT_TRUE(refused([](RunOptions& run) { run.storage = "memory:"; }));
  EXPECT_TRUE(refused([](RunOptions& run) { run.time = TimeMode::virtual_time; }));
  EXPECT_TRUE(refused([](RunOptions& run) { run.member = "no spaces"; }));
}

}  // namespace
}  // namespace spider::cli
