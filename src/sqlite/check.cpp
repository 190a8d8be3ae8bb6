// Whether the tables of a file agree with each other. Each query finds what must not be there, and calls
// it by its name; task states and their numbers are those of job.hpp.

#include "sqlite/schema.hpp"

#include <array>
#include <filesystem>

namespace spider {
inline namespace v1 {

namespace {

using detail::Connection;
using detail::Rows;

constexpr std::size_t kComplaintsMax = 100;

constexpr std::array kMustBeEmpty = {
    "SELECT 'job ' || id || ': it has no specification' FROM job "
    "WHERE body IS NULL AND id NOT IN (SELECT job FROM job_spec)",
    "SELECT 'job ' || job || ': a specification without a job' FROM job_spec "
    "WHERE job NOT IN (SELECT id FROM job)",
    "SELECT 'job ' || id || ': its group or queue has no name' FROM job WHERE resource_group NOT IN "
    "(SELECT id FROM resource_group) OR queue NOT IN (SELECT id FROM queue)",
    "SELECT 'job ' || job || ': a task without a job' FROM task WHERE job NOT IN (SELECT id FROM job)",
    "SELECT 'job ' || id || ': ' || succeeded || ' tasks are counted as succeeded, and ' || stored || ' are' "
    "FROM (SELECT id, succeeded, (SELECT count(*) FROM task WHERE task.job = job.id AND bits < 1073741824 "
    "AND state = 3) AS stored FROM job) WHERE succeeded <> stored",
    "SELECT 'job ' || id || ': it succeeded with tasks that have not' FROM job WHERE state = 4 AND "
    "pending + ready + running + failed + cancelled > 0",
    "SELECT 'job ' || id || ': it has ended and is not in the log of ended jobs' FROM job WHERE state >= 4 "
    "AND NOT EXISTS (SELECT 1 FROM ended WHERE position = ended_position AND ended.job = job.id)",
    "SELECT 'job ' || job || ': it is in the log of ended jobs twice' FROM ended WHERE job <> 0 "
    "GROUP BY job HAVING count(*) > 1",
    "SELECT 'job ' || job || ' task ' || bits || ': it runs without an instance' FROM task WHERE state = 2 "
    "AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.job = task.job AND instance.bits = task.bits)",
    "SELECT 'job ' || job || ' task ' || bits || ': an instance of a task that does not run' FROM instance "
    "WHERE NOT EXISTS (SELECT 1 FROM task WHERE task.job = instance.job AND task.bits = instance.bits AND "
    "state = 2)",
    "SELECT 'manager ' || manager || ': its instances are miscounted' FROM (SELECT manager, count(*) AS "
    "number FROM instance GROUP BY manager) AS runs WHERE NOT EXISTS (SELECT 1 FROM manager WHERE "
    "id = runs.manager AND running = number)",
    "SELECT 'job ' || job || ' task ' || bits || ': it is leased and the lease is not known' FROM task "
    "WHERE session <> 0 AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.session = task.session AND "
    "number = task.lease AND instr(' ' || tasks || ' ', ' ' || task.job || ':' || task.bits || ' ') > 0)",
    "SELECT 'session ' || session || ': its leased tasks are miscounted' FROM lease LEFT JOIN (SELECT "
    "session, lease AS number, count(*) AS held FROM task WHERE session <> 0 GROUP BY session, lease) USING "
    "(session, number) WHERE unstarted <> ifnull(held, 0)",
    "SELECT 'job ' || id || ': nobody looks after its deadline' FROM job WHERE deadline IS NOT NULL AND "
    "state "
    "< 3 AND NOT EXISTS (SELECT 1 FROM job_deadline WHERE at = job.deadline AND job_deadline.job = job.id)",
    "SELECT 'job ' || job || ': it has ready tasks and is not in its group''s rotation' FROM "
    "(SELECT DISTINCT job FROM ready) WHERE NOT EXISTS (SELECT 1 FROM job AS owner, job_turn WHERE "
    "owner.id = job AND job_turn.lane = owner.lane AND job_turn.queue = owner.queue AND "
    "job_turn.priority = owner.priority AND job_turn.resource_group = owner.resource_group AND "
    "job_turn.turn = owner.turn)",
    "SELECT 'group ' || resource_group || ': it has jobs and takes no part' FROM (SELECT DISTINCT lane, "
    "queue, "
    "priority, resource_group FROM job_turn) AS waiting WHERE NOT EXISTS (SELECT 1 FROM backlog WHERE "
    "backlog.lane = waiting.lane AND backlog.queue = waiting.queue AND backlog.priority = waiting.priority "
    "AND backlog.resource_group = waiting.resource_group)",
    // Equivalent work, in the states of EquivalentWork::State.
    "SELECT 'job ' || job || ' task ' || bits || ': equivalent work of a job that is not there, or has "
    "ended' "
    "FROM equivalent WHERE NOT EXISTS (SELECT 1 FROM job WHERE id = equivalent.job AND state < 2)",
    "SELECT 'job ' || job || ' task ' || bits || ': equivalent work in another state than its task' "
    "FROM equivalent JOIN task USING (job, bits) WHERE task.state <> CASE equivalent.state "
    "WHEN 0 THEN 0 WHEN 4 THEN 2 WHEN 5 THEN 6 ELSE 1 END",
    "SELECT 'job ' || job || ' task ' || bits || ': it is folded and nothing equivalent runs' FROM task "
    "WHERE state = 6 AND NOT EXISTS (SELECT 1 FROM equivalent AS own JOIN equivalent AS run USING (work) "
    "WHERE own.job = task.job AND own.bits = task.bits AND run.state = 4)",
    "SELECT 'job ' || job || ' task ' || bits || ': it is folded and nobody knows into what' FROM task "
    "WHERE state = 6 AND NOT EXISTS (SELECT 1 FROM folded_into WHERE folded_into.job = task.job AND "
    "folded_into.bits = task.bits)",
    "SELECT 'job ' || min(job) || ': equivalent work runs twice at once' FROM equivalent WHERE state = 4 "
    "GROUP BY work HAVING count(*) > 1",
    "SELECT 'job ' || job || ' task ' || bits || ': it was folded, and the job is not there' "
    "FROM folded_into WHERE job NOT IN (SELECT id FROM job)",
};

auto collect(Connection& file, const char* query, SqliteCheck& found) -> void {
  Rows rows{file, query};
  while (found.complaints.size() < kComplaintsMax && rows.next()) found.complaints.push_back(rows.text(0));
}

}  // namespace

auto check_sqlite_storage(const std::string& path) -> Result<SqliteCheck> {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Error{make_error_code(SqliteErrc::io_error), path + ": no such file"};
  }
  SqliteStorageOptions options{path};
  options.verify_bytes_max = 0;  // all of it is looked at below
  SPIDER_TRY(const auto file, detail::open_file(options));
  SqliteCheck found;
  try {
    file->execute("BEGIN");
    {
      Rows rows{*file, "PRAGMA integrity_check(100)"};
      while (rows.next()) {
        if (auto line = rows.text(0); line != "ok") found.complaints.push_back("file: " + std::move(line));
      }
    }
    for (const auto* query : kMustBeEmpty) collect(*file, query, found);
    Rows jobs{*file, "SELECT count(*) FROM job"};
    if (jobs.next()) found.jobs = jobs.get<std::uint64_t>(0);
  } catch (const detail::SqlFailure& failure) {
    found.complaints.push_back("file: " + failure.text);
  }
  return found;
}

}  // namespace v1
}  // namespace spider
