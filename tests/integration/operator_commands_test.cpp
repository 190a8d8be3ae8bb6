// The operator's commands on a durable storage, from their options to their exit statuses.

#include "cli/program.hpp"
#include "sqlite_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace spider::cli {
namespace {

using Json = nlohmann::json;

class OperatorCommands : public testing::Test {
 protected:
  /// `spider COMMAND… --storage sqlite:FILE`; the lines of its JSON are in `lines_`.
  auto spider(std::vector<std::string> words) -> int {
    words.insert(words.begin(), "spider");
    words.insert(words.end(), {"--storage", "sqlite:" + file_, "--json", "-"});
    return call(words);
  }
  auto call(const std::vector<std::string>& words) -> int {
    std::vector<const char*> argv;
    for (const auto& word : words) argv.push_back(word.c_str());
    out_.str({});
    err_.str({});
    const auto status = run_main(static_cast<int>(argv.size()), argv.data(), {out_, err_});
    lines_.clear();
    std::istringstream text{out_.str()};
    for (std::string line; std::getline(text, line);) lines_.push_back(Json::parse(line, nullptr, false));
    return status;
  }
  auto submit(std::vector<std::string> words = {}) -> int {
    words.insert(words.begin(), {"submit", "--handler", "work"});
    return spider(std::move(words));
  }

  /// The commands go by the wall clock.
  static auto now() -> TimePoint { return std::chrono::system_clock::now(); }

  TemporaryFolder folder_;
  std::string file_ = folder_ / "file";
  std::ostringstream out_;
  std::ostringstream err_;
  std::vector<Json> lines_;
};

TEST_F(OperatorCommands, SubmittedJobsAreListedAndShown) {
  ASSERT_EQ(submit({"--group", "alice", "--queue", "q", "--priority", "3", "--count", "4", "--key", "k"}),
            kSuccess)
      << err_.str();
  EXPECT_EQ(lines_.at(0), Json({{"job", 1}, {"existing", false}}));
  ASSERT_EQ(submit({"--group", "alice", "--key", "k"}), kSuccess);
  EXPECT_EQ(lines_.at(0), Json({{"job", 1}, {"existing", true}}));
  ASSERT_EQ(submit({"--group", "bob"}), kSuccess);

  ASSERT_EQ(spider({"list"}), kSuccess) << err_.str();
  ASSERT_EQ(lines_.size(), 2U);
  EXPECT_EQ(lines_[0].at("tasks").at("ready"), 4);
  EXPECT_EQ(lines_[0].at("priority"), 3);
  ASSERT_EQ(spider({"list", "--group", "bob"}), kSuccess);
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].at("job"), 2);
  ASSERT_EQ(spider({"list", "--state", "failed"}), kSuccess);
  EXPECT_TRUE(lines_.empty());
  ASSERT_EQ(spider({"list", "--after", "1", "--max", "0"}), kSuccess);
  EXPECT_EQ(lines_.size(), 1U);

  ASSERT_EQ(spider({"status", "1", "--tasks"}), kSuccess) << err_.str();
  EXPECT_EQ(lines_.at(0).at("state"), "ready");
  EXPECT_TRUE(lines_[0].at("created_at").is_string()) << lines_[0];
  EXPECT_TRUE(lines_[0].at("ended_at").is_null()) << lines_[0];
  EXPECT_EQ(lines_[0].at("task_list").size(), 4U);
  EXPECT_EQ(lines_[0].at("task_list")[3].at("handler"), "work");
}

TEST_F(OperatorCommands, WorkloadsAreSubmittedWhole) {
  ASSERT_EQ(spider({"submit", "synthetic:jobs=3,tasks=20,groups=2,width=4,seconds=3,seed=7"}), kSuccess)
      << err_.str();
  EXPECT_EQ(lines_.size(), 3U);
  ASSERT_EQ(spider({"check"}), kSuccess) << err_.str();
  EXPECT_EQ(lines_.at(0).at("jobs"), 3);
}

TEST_F(OperatorCommands, CancelledJobsEndAndOnlyFailedOnesAreRetried) {
  ASSERT_EQ(submit(), kSuccess);
  ASSERT_EQ(spider({"cancel", "1"}), kSuccess) << err_.str();
  EXPECT_EQ(lines_.at(0).at("state"), "cancelled");
  EXPECT_EQ(spider({"cancel", "1", "77"}), kBadInput) << "goes on after the good one";
  EXPECT_EQ(lines_.size(), 1U);
  EXPECT_NE(err_.str().find("77"), std::string::npos) << err_.str();
  EXPECT_EQ(spider({"retry", "1"}), kBadInput);
  EXPECT_EQ(spider({"status", "77"}), kBadInput);
}

TEST_F(OperatorCommands, FailedJobsAreRetriedAndEachStandingExplained) {
  ASSERT_EQ(submit({"--group", "alice"}), kSuccess);
  const auto explained = [&] {
    EXPECT_EQ(spider({"explain", "1"}), kSuccess) << err_.str();
    return lines_.at(0).at("standing").get<std::string>();
  };
  const auto run_and_fail = [&](bool finish) {
    SqliteFixture storage{SqliteStorageOptions{file_}, now()};
    ASSERT_TRUE(storage.join());
    const auto started = storage.start(storage.poll().value().at(0).ref());
    ASSERT_TRUE(started) << started.error();
    if (!finish) return;
    FinishRequest request{started.value(), FinishRequest::Kind::failed};
    request.reason = "no space";
    request.retry = false;
    ASSERT_TRUE(storage.run(storage->finish(std::span{&request, 1})).value().at(0));
  };
  EXPECT_EQ(explained(), "queued");
  run_and_fail(true);
  ASSERT_EQ(spider({"status", "1"}), kSuccess);
  EXPECT_EQ(lines_.at(0).at("state"), "failed");
  EXPECT_EQ(lines_[0].at("reason"), "task 0 (work): no space");
  EXPECT_EQ(explained(), "ended");
  ASSERT_EQ(spider({"retry", "1"}), kSuccess) << err_.str();
  ASSERT_EQ(spider({"status", "1"}), kSuccess);
  EXPECT_EQ(lines_.at(0).at("state"), "ready");
  EXPECT_EQ(lines_[0].at("tasks").at("ready"), 1);
  EXPECT_EQ(explained(), "queued");
  EXPECT_EQ(spider({"retry", "1"}), kBadInput) << "it has not failed again";
  run_and_fail(false);
  EXPECT_EQ(explained(), "running");
}

TEST_F(OperatorCommands, PausedGroupsAndQueuesAreNamed) {
  ASSERT_EQ(submit({"--group", "alice"}), kSuccess);
  ASSERT_EQ(spider({"pause", "--group", "alice", "--queue", "default"}), kSuccess) << err_.str();
  EXPECT_EQ(lines_.at(0), Json({{"group", "alice"}, {"paused", true}}));
  EXPECT_EQ(lines_.at(1), Json({{"queue", "default"}, {"paused", true}}));
  ASSERT_EQ(spider({"resume", "--group", "alice"}), kSuccess);
  EXPECT_EQ(lines_.at(0), Json({{"group", "alice"}, {"paused", false}}));
  EXPECT_EQ(spider({"pause"}), kBadInput);
  EXPECT_EQ(spider({"pause", "--group", "no name"}), kBadInput);
}

TEST_F(OperatorCommands, TasksAreExplainedAndPlaced) {
  ASSERT_EQ(submit({"--group", "alice", "--count", "3"}), kSuccess);
  ASSERT_EQ(submit({"--group", "alice", "--delay", "1000"}), kSuccess);
  ASSERT_EQ(spider({"place", "1", "0", "2"}), kSuccess) << err_.str();
  EXPECT_EQ(lines_.at(0).at("place").at("in_group"), 1);
  EXPECT_EQ(lines_.at(1).at("standing"), "queued");
  ASSERT_EQ(spider({"explain", "2"}), kSuccess) << err_.str();
  EXPECT_EQ(lines_.at(0).at("standing"), "not_due");
  EXPECT_FALSE(lines_[0].at("until").is_null());
  EXPECT_FALSE(lines_[0].at("why").get<std::string>().empty());
  ASSERT_EQ(spider({"pause", "--group", "alice"}), kSuccess);
  ASSERT_EQ(spider({"explain", "1", "1"}), kSuccess);
  EXPECT_EQ(lines_.at(0).at("standing"), "paused");
  EXPECT_EQ(spider({"explain", "1", "3"}), kBadInput) << "no such task";
  EXPECT_EQ(spider({"place", "1", "commit"}), kBadInput);
  EXPECT_EQ(spider({"place", "1", "first"}), kBadInput);
  EXPECT_EQ(spider({"place", "9"}), kBadInput);
}

TEST_F(OperatorCommands, PurgeRemovesWhatHasEndedForLongEnough) {
  for (int job = 1; job <= 3; ++job) ASSERT_EQ(submit(), kSuccess);
  ASSERT_EQ(spider({"cancel", "1", "2"}), kSuccess);
  ASSERT_EQ(spider({"purge", "--older-than", "3600"}), kSuccess) << err_.str();
  EXPECT_EQ(lines_.at(0).at("removed"), 0);
  ASSERT_EQ(spider({"purge"}), kSuccess);
  EXPECT_EQ(lines_.at(0).at("removed"), 2);
  ASSERT_EQ(spider({"list"}), kSuccess);
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].at("job"), 3);
  EXPECT_EQ(spider({"check"}), kSuccess) << err_.str();
}

TEST_F(OperatorCommands, CheckFindsTablesThatDisagree) {
  ASSERT_EQ(submit(), kSuccess);
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file_.c_str(), &handle), SQLITE_OK);
  const auto execute = [&](const char* sql) { return sqlite3_exec(handle, sql, nullptr, nullptr, nullptr); };
  ASSERT_EQ(execute("UPDATE job SET body = NULL"), SQLITE_OK);
  EXPECT_EQ(spider({"check"}), kStorageFailed);
  EXPECT_EQ(lines_.at(0).at("sound"), false);
  EXPECT_NE(err_.str().find("specification"), std::string::npos) << err_.str();
  ASSERT_EQ(execute("UPDATE job SET state = 4, succeeded = 1"), SQLITE_OK);
  sqlite3_close(handle);
  EXPECT_EQ(spider({"check"}), kStorageFailed);
  EXPECT_GE(lines_.at(0).at("complaints").size(), 3U) << out_.str();
}

TEST_F(OperatorCommands, WhatCannotBeOpenedIsAStorageFailure) {
  for (const auto* command : {"list", "check", "purge"}) {
    EXPECT_EQ(spider({command}), kStorageFailed) << command << ": no such file";
  }
  EXPECT_FALSE(std::ifstream{file_}.is_open()) << "only submit makes files";
  std::ofstream{file_} << "some text that is no database, and longer than a header of one hundred bytes, "
                          "so that nobody takes it for a short one\n";
  const std::vector<std::vector<std::string>> commands{{"list"},
                                                       {"status", "1"},
                                                       {"cancel", "1"},
                                                       {"retry", "1"},
                                                       {"check"},
                                                       {"purge"},
                                                       {"explain", "1"},
                                                       {"place", "1"},
                                                       {"pause", "--queue", "q"},
                                                       {"submit", "--handler", "work"}};
  for (const auto& command : commands) {
    EXPECT_EQ(spider(command), kStorageFailed) << command[0];
  }
}

TEST_F(OperatorCommands, BadArgumentsAreRefused) {
  EXPECT_EQ(spider({"submit"}), kBadInput) << "neither handler nor workload";
  EXPECT_EQ(submit({"nowhere.json"}), kBadInput) << "both";
  EXPECT_EQ(spider({"submit", "nowhere.json"}), kBadInput);
  EXPECT_FALSE(std::ifstream{file_}.is_open());
  EXPECT_EQ(submit({"--group", "no name"}), kBadInput);
  EXPECT_EQ(submit({"--priority", "256"}), kBadInput);
  EXPECT_EQ(submit({"--delay", "-1"}), kBadInput);
  ASSERT_EQ(submit(), kSuccess);
  EXPECT_EQ(spider({"list", "--state", "fine"}), kBadInput);
  EXPECT_NE(err_.str().find("cleanup_ready"), std::string::npos) << err_.str();
  EXPECT_EQ(call({"spider", "list"}), kBadInput) << "no storage";
  EXPECT_EQ(call({"spider", "list", "--storage", "memory:"}), kBadInput);
  EXPECT_EQ(call({"spider", "check", "--storage", "file"}), kBadInput);
}

TEST_F(OperatorCommands, EachExplainsItself) {
  for (const auto* command : {"submit", "list", "status", "explain", "place", "cancel", "retry", "pause",
                              "resume", "check", "purge"}) {
    EXPECT_EQ(call({"spider", command, "--help"}), kSuccess) << command;
    EXPECT_NE(out_.str().find("--storage"), std::string::npos) << command;
  }
}

TEST_F(OperatorCommands, HelpIsPlainText) {
  for (const auto* command : {"run", "compare", "info", "policies", "sim", "submit"}) {
    EXPECT_EQ(call({"spider", command, "--help"}), kSuccess) << command;
    const auto help = out_.str();
    EXPECT_FALSE(help.empty());
    const auto is_text = [](char letter) {
      return letter == '\n' || static_cast<unsigned char>(letter) >= ' ';
    };
    EXPECT_TRUE(std::ranges::all_of(help, is_text)) << command << '\n' << help;
  }
}

}  // namespace
}  // namespace spider::cli
