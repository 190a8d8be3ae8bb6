// R15, `spider run --schedulers N`: several members on one storage, and one of them killed.

#include "cli/run_command.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>

namespace spider::cli {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

/// 2,000 tasks, 20,000 worker-seconds.
constexpr const char* kWork = "synthetic:jobs=40,tasks=50,groups=3,width=20,seconds=10,seed=7";

class RunMembers : public testing::Test {
 protected:
  RunMembers() {
    options_.workloads = {kWork};
    options_.json = "-";
    options_.run.workers = 16;
    options_.run.schedulers = 4;
  }
  auto run() -> int {
    out_.str({});
    err_.str({});
    return run_run(options_, {out_, err_});
  }
  /// Runs, and expects everything to have ended well, once.
  auto report() -> Json {
    EXPECT_EQ(run(), kSuccess) << err_.str();
    auto report = Json::parse(out_.str());
    EXPECT_EQ(report.at("tasks").at("succeeded"), report.at("tasks").at("total"));
    EXPECT_EQ(report.at("violations"), 0);
    std::uint64_t tasks = 0;
    for (const auto& member : report.at("members")) tasks += member.at("tasks").get<std::uint64_t>();
    EXPECT_EQ(tasks, report.at("tasks").at("total").get<std::uint64_t>()) << "each task ended at one member";
    return report;
  }

  RunCommandOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(RunMembers, R15_FourShareTheWorkWithinATenth) {
  options_.workloads = {"synthetic:jobs=200,tasks=50,groups=3,width=20,seconds=10,seed=7"};
  const auto members = report().at("members");
  ASSERT_EQ(members.size(), 4U);
  for (const auto& member : members) {
    EXPECT_NEAR(member.at("tasks").get<double>(), 2'500, 250) << member.at("id");
    EXPECT_FALSE(member.at("killed").get<bool>());
    EXPECT_EQ(member.at("shed"), 0);
  }
}

TEST_F(RunMembers, WorkOfAKilledOneIsTakenOver) {
  options_.run.kill_member = 200s;
  const auto told = report();
  const auto& killed = told.at("members").at(3);
  EXPECT_TRUE(killed.at("killed").get<bool>());
  EXPECT_GT(killed.at("tasks").get<std::uint64_t>(), 0U);
  EXPECT_LT(killed.at("tasks").get<std::uint64_t>(), 400U);
  const auto& takeover = told.at("takeover");
  EXPECT_GT(takeover.at("lost").get<std::uint64_t>(), 0U);
  EXPECT_GT(takeover.at("longest_s").get<double>(), 0);
  EXPECT_LE(takeover.at("longest_s").get<double>(), takeover.at("bound_s").get<double>());
  EXPECT_GT(told.at("members").at(0).at("moved").get<std::uint64_t>(), 0U)
      << "slots of the dead have new owners";
}

TEST_F(RunMembers, SqliteFileIsSharedAsWell) {
  const TemporaryFolder folder;
  options_.workloads = {"synthetic:jobs=12,tasks=20,groups=3,width=10,seconds=10,seed=7"};
  options_.run.storage = "sqlite:" + (folder / "file");
  options_.run.schedulers = 3;
  options_.run.kill_member = 30s;
  const auto first = report();
  EXPECT_LE(first.at("takeover").at("longest_s").get<double>(),
            first.at("takeover").at("bound_s").get<double>());
  EXPECT_EQ(run(), kSuccess) << "it is complete: " << err_.str();
}

TEST_F(RunMembers, SameSeedSameFigures) {
  options_.run.kill_member = 200s;
  auto first = report();
  auto second = report();
  for (const auto* key : {"members", "takeover", "makespan_s", "wait_s"})
    EXPECT_EQ(first.at(key), second.at(key)) << key;
}

TEST_F(RunMembers, TableNamesThem) {
  options_.json.clear();
  options_.run.kill_member = 200s;
  ASSERT_EQ(run(), kSuccess) << err_.str();
  for (const auto* word :
       {"conflicts", "shed", "moved", "scheduler-1 ", "scheduler-4 (killed)", "takeover"}) {
    EXPECT_NE(out_.str().find(word), std::string::npos) << word << '\n' << out_.str();
  }
}

TEST_F(RunMembers, SingleOneHasNoMembers) {
  options_.run.schedulers = 1;
  ASSERT_EQ(run(), kSuccess) << err_.str();
  EXPECT_TRUE(Json::parse(out_.str()).at("members").empty());
  EXPECT_TRUE(Json::parse(out_.str()).at("takeover").is_null());
}

TEST_F(RunMembers, BadNumbersAreRefused) {
  const auto refused = [this](auto change) {
    const auto before = options_.run;
    change(options_.run);
    const auto status = run();
    options_.run = before;
    return status == kBadInput;
  };
  EXPECT_TRUE(refused([](RunOptions& run) { run.schedulers = 0; }));
  EXPECT_TRUE(refused([](RunOptions& run) { run.schedulers = 65, run.workers = 100; }));
  EXPECT_TRUE(refused([](RunOptions& run) { run.workers = 3; }));
  EXPECT_TRUE(refused([](RunOptions& run) { run.schedulers = 1, run.kill_member = 1s; }));
  EXPECT_TRUE(refused([](RunOptions& run) { run.kill_member = -1s; }));
  EXPECT_TRUE(refused([](RunOptions& run) { run.shed = true; }));
}

}  // namespace
}  // namespace spider::cli
