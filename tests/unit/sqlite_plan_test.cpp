// Whether what is done for each task is a look-up: how SQLite plans each statement that was run; and how many
// are run.

#include "sqlite_fixture.hpp"
#include "sqlite_pool_fixture.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace spider {
namespace {

/// The text of every statement that any connection opened in its life runs.
class Recorder {
 public:
  Recorder() { sqlite3_auto_extension(reinterpret_cast<void (*)()>(attach)); }
  Recorder(const Recorder&) = delete;
  auto operator=(const Recorder&) -> Recorder& = delete;
  ~Recorder() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(attach)); }

  /// What has been run since the last call, and how often.
  [[nodiscard]] static auto take() -> std::map<std::string, int> { return std::exchange(texts(), {}); }

 private:
  // The writer's thread adds; the test's looks while it waits for nothing.
  static auto texts() -> std::map<std::string, int>& {
    static std::map<std::string, int> all;
    return all;
  }
  static auto attach(sqlite3* handle, const char** /*error*/, const sqlite3_api_routines* /*api*/) -> int {
    return sqlite3_trace_v2(handle, SQLITE_TRACE_STMT, record, nullptr);
  }
  static auto record(unsigned /*kind*/, void* /*context*/, void* statement, void* /*text*/) -> int {
    ++texts()[sqlite3_sql(static_cast<sqlite3_stmt*>(statement))];
    return 0;
  }
};

/// The lines of the plan.
auto plan_of(sqlite3* handle, const std::string& sql) -> std::vector<std::string> {
  sqlite3_stmt* statement = nullptr;
  const auto text = "EXPLAIN QUERY PLAN " + sql;
  if (sqlite3_prepare_v2(handle, text.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    ADD_FAILURE() << sql << ": " << sqlite3_errmsg(handle);
    return {};
  }
  std::vector<std::string> lines;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    lines.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 3)));
  }
  sqlite3_finalize(statement);
  return lines;
}

auto starts_with_any(const std::string& text, std::initializer_list<const char*> words) -> bool {
  return std::any_of(words.begin(), words.end(), [&](const char* word) { return text.starts_with(word); });
}

auto expect_look_ups(const std::string& path, const std::map<std::string, int>& statements) -> void {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  for (const auto& [sql, times] : statements) {
    if (!starts_with_any(sql, {"SELECT", "INSERT", "UPDATE", "DELETE"})) continue;
    for (const auto& line : plan_of(handle, sql)) {
      if (starts_with_any(line, {"SCAN counter", "SCAN worker_counter"})) continue;  // of one row
      EXPECT_FALSE(line.starts_with("SCAN") || line.find("TEMP B-TREE") != std::string::npos)
          << sql << "\n  " << line;
    }
  }
  sqlite3_close(handle);
}

auto chain_with_all() -> JobSpec {
  JobSpec spec;
  spec.unique_key = "key";
  spec.deadline = TimePoint{std::chrono::hours{100}};
  spec.tasks.resize(2);
  for (auto& task : spec.tasks) {
    task.handler = "work";
    task.timeout = std::chrono::minutes{1};
  }
  spec.tasks[0].count = 3;
  spec.tasks[1].parents = {0};
  spec.commit.emplace().handler = "work";
  return spec;
}

TEST(SqlitePlan, WhatIsDoneForATaskScansNoTable) {
  const Recorder recorder;
  const TemporaryFolder folder;
  SqliteFixture storage{SqliteStorageOptions{folder / "file"}};
  ASSERT_TRUE(storage.is_open()) << storage.error();
  ASSERT_TRUE(storage.join());
  static_cast<void>(recorder.take());

  ASSERT_TRUE(storage.submit(2));
  const auto spec = chain_with_all();
  const auto job = storage.run(storage->submit(std::span{&spec, 1})).value().at(0).value().job;
  const auto slots = std::make_shared<SlotFilter>();
  slots->first = ~SlotSet{} << kSlots / 2;
  ASSERT_EQ(storage.submit(10).value(), JobId{job.value + 1});
  ASSERT_FALSE(storage.poll(1, slots).value().empty());
  for (auto entries = storage.poll(2); !entries.value().empty(); entries = storage.poll(2)) {
    for (const auto& entry : entries.value()) {
      const auto instance = storage.start(entry.ref()).value();
      static_cast<void>(storage.run(storage->parent_outputs(instance)));
      ASSERT_TRUE(storage.run(storage->renew(ManagerId{1})));
      FinishRequest request{instance, FinishRequest::Kind::succeeded};
      request.output = "output";
      ASSERT_TRUE(storage.run(storage->finish(std::span{&request, 1})).value().at(0));
    }
  }
  ASSERT_TRUE(storage.run(storage->view(job)));
  ASSERT_TRUE(storage.run(storage->job_state(job)));
  ASSERT_TRUE(storage.run(storage->poll_ended(EndedCursor{1}, {})));
  const auto statements = recorder.take();
  EXPECT_GT(statements.size(), 20U);

  expect_look_ups(folder / "file", statements);
}

TEST(SqlitePlan, W1_ClaimAndReleaseScanNoTable) {
  const Recorder recorder;
  const TemporaryFolder folder;
  SqlitePoolFixture pool{SqliteStorageOptions{folder / "file"}};
  ASSERT_TRUE(pool.is_open());
  ASSERT_TRUE(pool.add(1));  // the first of a pool counts the pools, which have a maximum
  static_cast<void>(recorder.take());

  ASSERT_TRUE(pool.add(2));
  for (const auto actor : {ActorId{}, ActorId{5}, ActorId{5}}) {
    const auto claimed = pool.try_claim(7, actor);
    ASSERT_TRUE(claimed && claimed.value());
    ASSERT_TRUE(pool.renew(*claimed.value()));
    ASSERT_TRUE(pool.release(*claimed.value()));
  }
  ASSERT_TRUE(pool.sweep());
  ASSERT_TRUE(pool.remove(1));
  const auto statements = recorder.take();
  EXPECT_GT(statements.size(), 10U);
  expect_look_ups(folder / "file", statements);
}

constexpr std::size_t kOneTaskJobs = 64;  // of one task each

auto submit_one_task_jobs(SqliteFixture& storage) -> void {
  JobSpec spec;
  spec.tasks.emplace_back().handler = "work";
  const std::vector<JobSpec> specs(kOneTaskJobs, spec);
  ASSERT_TRUE(storage.run(storage->submit(specs)));
}

auto run_one_task_jobs(SqliteFixture& storage) -> void {
  std::vector<FinishRequest> finishes;
  const auto entries = storage.poll(kOneTaskJobs).value();
  ASSERT_EQ(entries.size(), kOneTaskJobs);
  for (const auto& entry : entries) {
    finishes.push_back({storage.start(entry.ref()).value(), FinishRequest::Kind::succeeded});
  }
  ASSERT_TRUE(storage.run(storage->finish(finishes)));
}

auto statements_per_job(const std::map<std::string, int>& statements) -> double {
  int number = 0;
  for (const auto& [sql, times] : statements) {
    if (starts_with_any(sql, {"SELECT", "INSERT", "UPDATE", "DELETE"})) number += times;
  }
  return static_cast<double>(number) / static_cast<double>(kOneTaskJobs);
}

// What a job of one task costs is the number of its statements. A submit writes the job and its turn; a poll
// leases the task; a start writes the job, the task, the instance and, alone in its transaction, the
// counters, its manager and the lease; an end writes the job, the task, the instance and the log of ended
// jobs.
TEST(SqlitePlan, AJobOfOneTaskCostsFewStatements) {
  const Recorder recorder;
  const TemporaryFolder folder;
  SqliteFixture storage{SqliteStorageOptions{folder / "file"}};
  ASSERT_TRUE(storage.join());
  submit_one_task_jobs(storage);
  run_one_task_jobs(storage);  // prepares everything
  static_cast<void>(recorder.take());
  submit_one_task_jobs(storage);
  EXPECT_LE(statements_per_job(recorder.take()), 2.1);
  run_one_task_jobs(storage);
  EXPECT_LE(statements_per_job(recorder.take()), 11.5);
}

}  // namespace
}  // namespace spider
