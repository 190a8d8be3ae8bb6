#include "spider/testing/storage_trial.hpp"

#include <cmath>

// What applications see: what is refused, unique keys, waiting, views, ended jobs.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;

struct Refusal {
  const char* what;
  Errc errc;
  void (*spoil)(JobSpec&);
};

constexpr Refusal kRefusals[] = {
    {"a cycle of two", Errc::cyclic_graph,
     [](JobSpec& job) {
       job.tasks = {work({1}), work({0})};
     }},
    {"a task that depends on itself", Errc::cyclic_graph, [](JobSpec& job) { job.tasks = {work({0})}; }},
    {"a cycle behind a root", Errc::cyclic_graph,
     [](JobSpec& job) {
       job.tasks = {work(), work({0, 3}), work({1}), work({2}), work({3})};
     }},
    {"an unknown parent", Errc::unknown_parent, [](JobSpec& job) { job.tasks = {work({7})}; }},
    {"a name used twice", Errc::duplicate_name,
     [](JobSpec& job) {
       job.tasks = {work(), work()};
       job.tasks[0].name = job.tasks[1].name = "same";
     }},
    {"no task and no commit task", Errc::empty_graph, [](JobSpec& job) { job.tasks.clear(); }},
    {"an empty handler", Errc::invalid_name, [](JobSpec& job) { job.tasks[0].handler.clear(); }},
    {"a handler of 129 letters", Errc::invalid_name,
     [](JobSpec& job) { job.tasks[0].handler.assign(129, 'x'); }},
    {"a handler of a million letters", Errc::invalid_name,
     [](JobSpec& job) { job.tasks[0].handler.assign(1'000'000, 'x'); }},
    {"a handler with a NUL", Errc::invalid_name,
     [](JobSpec& job) { job.tasks[0].handler.assign("a\0b", 3); }},
    {"a group that is not UTF-8", Errc::invalid_name, [](JobSpec& job) { job.resource_group = "\xff\xfe"; }},
    {"a group with a space", Errc::invalid_name, [](JobSpec& job) { job.resource_group = "a b"; }},
    {"an empty queue", Errc::invalid_name, [](JobSpec& job) { job.queue.clear(); }},
    {"a task name with a newline", Errc::invalid_name, [](JobSpec& job) { job.tasks[0].name = "a\nb"; }},
    {"a negative timeout", Errc::invalid_time, [](JobSpec& job) { job.tasks[0].timeout = -1ns; }},
    {"a negative estimate", Errc::invalid_time, [](JobSpec& job) { job.tasks[0].estimate = -1ns; }},
    {"a negative back-off", Errc::invalid_time,
     [](JobSpec& job) { job.tasks[0].retry.backoff_first = -1ns; }},
    {"a negative not_before", Errc::invalid_time, [](JobSpec& job) { job.not_before = TimePoint{-1ns}; }},
    {"a not_before that never comes", Errc::invalid_time, [](JobSpec& job) { job.not_before = kForever; }},
    {"a negative deadline", Errc::invalid_time, [](JobSpec& job) { job.deadline = TimePoint{-1ns}; }},
    {"no attempt", Errc::invalid_argument, [](JobSpec& job) { job.tasks[0].retry.attempts_max = 0; }},
    {"1,001 attempts", Errc::invalid_argument, [](JobSpec& job) { job.tasks[0].retry.attempts_max = 1001; }},
    {"a shrinking back-off", Errc::invalid_argument,
     [](JobSpec& job) { job.tasks[0].retry.backoff_factor = 0.5; }},
    {"a back-off that is not a number", Errc::invalid_argument,
     [](JobSpec& job) { job.tasks[0].retry.backoff_factor = std::numeric_limits<double>::quiet_NaN(); }},
    {"a weight of zero", Errc::invalid_argument, [](JobSpec& job) { job.weight = 0; }},
    {"a negative weight", Errc::invalid_argument, [](JobSpec& job) { job.weight = -1; }},
    {"an infinite weight", Errc::invalid_argument, [](JobSpec& job) { job.weight = INFINITY; }},
    {"a weight that is not a number", Errc::invalid_argument, [](JobSpec& job) { job.weight = NAN; }},
    {"an array of none", Errc::invalid_argument, [](JobSpec& job) { job.tasks[0].count = 0; }},
    {"no instance", Errc::invalid_argument, [](JobSpec& job) { job.tasks[0].instances_max = 0; }},
    {"a commit task that is an array", Errc::invalid_argument,
     [](JobSpec& job) { job.commit = work({}, 2); }},
    {"an input over the cap", Errc::limit_exceeded,
     [](JobSpec& job) { job.tasks[0].input.assign(101, 'x'); }},
    {"an array over the cap", Errc::limit_exceeded, [](JobSpec& job) { job.tasks[0].count = 1001; }},
    {"arrays whose sum overflows", Errc::limit_exceeded,
     [](JobSpec& job) {
       job.tasks = {work({}, UINT32_MAX), work({}, UINT32_MAX)};
     }},
    {"nodes over the cap", Errc::limit_exceeded, [](JobSpec& job) { job.tasks.assign(51, work()); }},
    {"edges over the cap", Errc::limit_exceeded,
     [](JobSpec& job) {
       job.tasks = {work(), work(std::vector<std::uint32_t>(21, 0))};
     }},
};

auto refuses(StorageTrial& trial) -> void {
  StorageLimits limits;
  limits.payload_bytes_max = 100;
  limits.tasks_per_job_max = 1000;
  limits.nodes_per_job_max = 50;
  limits.edges_per_job_max = 20;
  if (!trial.open(limits)) return;
  for (const auto& refusal : kRefusals) {
    auto spec = flat_job();
    refusal.spoil(spec);
    const auto submitted = trial.submit(spec);
    trial.expect(fails(submitted, refusal.errc), std::string{"refused with its error: "} + refusal.what);
    if (!submitted) trial.expect(!submitted.error().detail.empty(), std::string{"names: "} + refusal.what);
  }
  const auto jobs = trial.run(trial.storage().list(JobFilter{}));
  trial.expect(jobs && jobs.value().empty(), "nothing of a refused job is stored");
}

auto each_by_itself(StorageTrial& trial) -> void {
  StorageLimits limits;
  limits.jobs_per_submit_max = 3;
  if (!trial.open(limits)) return;
  std::vector<JobSpec> jobs(3, flat_job());
  jobs[1].tasks.clear();
  const auto answers = trial.run(trial.storage().submit(jobs));
  const bool complete = answers && answers.value().size() == 3;
  trial.expect(complete, "one answer for each job");
  if (!complete) return;
  trial.expect(answers.value()[0] && answers.value()[2], "a bad job does not keep others out");
  trial.expect(fails(answers.value()[1], Errc::empty_graph), "answers stand in the order of the jobs");
  if (answers.value()[0] && answers.value()[2]) {
    trial.expect(answers.value()[0].value().job < answers.value()[2].value().job, "ids increase");
  }
  jobs.assign(4, flat_job());
  const auto refused = trial.run(trial.storage().submit(jobs));
  trial.expect(fails(refused, Errc::limit_exceeded), "too many jobs in one call are refused");
}

auto unique_key(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job(1, "alice");
  spec.unique_key = "nightly";
  const auto first = trial.submit(spec);
  const auto again = trial.submit(spec);
  spec.resource_group = "bob";
  const auto other = trial.submit(spec);
  if (!first || !again || !other) return trial.expect(false, "a job with a unique key is accepted");
  trial.expect(!first.value().existing, "the first is new");
  trial.expect(again.value().existing && again.value().job == first.value().job,
               "a repetition answers with the first job");
  trial.expect(!other.value().existing, "another group's key is another key");
  trial.expect(trial.poll().size() == 2, "a repetition adds no work");
}

auto array_barrier(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  JobSpec spec;
  spec.tasks = {work({}, 3), work({0}, 2), work({1})};
  const auto id = trial.job(spec);
  auto entries = trial.poll();
  trial.expect(entries.size() == 3, "all tasks of an array without parents are ready");
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) trial.succeed(entries[i].ref());
  trial.expect(trial.poll().empty(), "none of the next array before all of the one before");
  if (!entries.empty()) trial.succeed(entries.back().ref());
  entries = trial.poll();
  trial.expect(entries.size() == 2 && entries[0].task == TaskId{3} && entries[1].task == TaskId{4},
               "all of the next array after all of the one before, by index");
  for (const auto& entry : entries) {
    const auto started = trial.start(entry.ref());
    trial.expect(started && started.value().element == entry.task.index() - 3, "a task knows its element");
    if (started) trial.end(started.value().instance, FinishRequest::Kind::succeeded);
  }
  trial.expect(trial.poll().size() == 1 && trial.state(id) == JobState::running, "the last one follows");
}

auto waits(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job());
  const auto other = trial.job(flat_job());
  const auto waiting = trial.begin(trial.storage().wait(id, 60s));
  const auto impatient = trial.begin(trial.storage().wait(id, 1s));
  const auto cancelled = trial.begin(trial.storage().wait(id, 60s));
  cancelled->signal.emit(asio::cancellation_type::terminal);
  trial.clock().run_for(2s);
  trial.expect(impatient->done() && fails(*impatient->result, Errc::timed_out), "timed_out after its time");
  trial.expect(cancelled->done() && fails(*cancelled->result, Errc::cancelled), "cancelled when asked to");
  trial.succeed(first_of(other));
  trial.clock().drain();
  trial.expect(!waiting->done(), "does not complete while the job runs");
  trial.succeed(first_of(id));
  trial.clock().drain();
  trial.expect(waiting->done() && *waiting->result && waiting->result->value() == JobState::succeeded,
               "completes when the job ends, without time passing");
  const auto after = trial.begin(trial.storage().wait(id, 0s));
  trial.expect(after->done() && *after->result, "completes at once on a job that has ended");
  const auto unknown = trial.begin(trial.storage().wait(JobId{999'999}, 0s));
  trial.expect(unknown->done() && fails(*unknown->result, Errc::unknown_job), "unknown_job");
}

auto outputs(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  JobSpec spec;
  spec.tasks = {work({}, 2), work(), work({1, 0})};
  const auto id = trial.job(spec);
  trial.succeed({id, TaskId{0}}, "zero");
  trial.succeed({id, TaskId{1}}, "one");
  trial.succeed({id, TaskId{2}}, "two");
  const auto last = trial.start(TaskRef{id, TaskId{3}});
  if (!last) return trial.expect(false, "the child is ready after its parents");
  const auto parents = trial.run(trial.storage().parent_outputs(last.value().instance));
  const std::vector<std::vector<Bytes>> expected = {{"two"}, {"zero", "one"}};
  trial.expect(parents && parents.value() == expected, "parents' outputs, in the order of TaskSpec::parents");
  trial.end(last.value().instance, FinishRequest::Kind::succeeded);
  const auto all = trial.run(trial.storage().outputs(id, Page{1, 3}));
  trial.expect(all && all.value().size() == 2 && all.value()[0].output == "one" &&
                   all.value()[1].output == "two" && trial.state(id) == JobState::succeeded,
               "outputs of the page by index, empty ones left out");
}

auto ended_log(StorageTrial& trial) -> void {
  StorageLimits limits;
  limits.ended_jobs_max = 2;
  if (!trial.open(limits)) return;
  const auto begin = trial.run(trial.storage().poll_ended({}, 0s));
  if (!begin) return trial.expect(false, "poll_ended answers");
  const auto waiting = trial.begin(trial.storage().poll_ended(begin.value().cursor, 60s));
  std::vector<JobId> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(trial.job(flat_job()));
  trial.succeed(first_of(jobs[1]));
  trial.clock().drain();
  trial.expect(waiting->done() && *waiting->result && waiting->result->value().jobs == std::vector{jobs[1]},
               "a waiting poll_ended is woken by an end");
  trial.cancel(jobs[0]);
  const auto rest = trial.run(trial.storage().poll_ended(begin.value().cursor, 0s));
  trial.expect(rest && rest.value().jobs == std::vector{jobs[1], jobs[0]}, "each cursor sees all, in order");
  trial.expect(rest && !rest.value().gap, "nothing was dropped yet");
  trial.succeed(first_of(jobs[2]));
  const auto late = trial.run(trial.storage().poll_ended(begin.value().cursor, 0s));
  trial.expect(late && late.value().gap, "a cursor behind what was dropped is told");
  const auto gone = trial.run(trial.storage().view(jobs[1]));
  trial.expect(fails(gone, Errc::unknown_job), "the oldest ended job goes first");
}

auto views(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job(3, "alice");
  spec.commit = work();
  const auto id = trial.job(spec);
  const auto other = trial.job(flat_job(1, "bob"));
  trial.succeed(first_of(id));
  const auto view = trial.run(trial.storage().view(id));
  trial.expect(view && view.value().tasks[static_cast<std::size_t>(TaskState::ready)] == 2 &&
                   view.value().tasks[static_cast<std::size_t>(TaskState::succeeded)] == 1,
               "a view counts the regular tasks by state");
  const auto page = trial.run(trial.storage().view_tasks(id, Page{0, 2}));
  trial.expect(page && page.value().size() == 2, "a page holds no more than asked");
  const auto last = trial.run(trial.storage().view_tasks(id, Page{2, 2}));
  trial.expect(last && last.value().size() == 2 && last.value()[1].id == TaskId::commit(),
               "the commit task follows on the last page");
  JobFilter filter;
  filter.resource_group = "bob";
  const auto listed = trial.run(trial.storage().list(filter));
  trial.expect(listed && listed.value().size() == 1 && listed.value()[0].id == other, "a filter filters");
  JobFilter next;
  next.after = id;
  const auto rest = trial.run(trial.storage().list(next));
  trial.expect(rest && rest.value().size() == 1 && rest.value()[0].id == other, "a list goes on by id");
}

constexpr StorageCheck kJobChecks[] = {
    {"T1", "BadJobsAreRefused", refuses},
    {"T1", "JobsAreAcceptedOneByOne", each_by_itself},
    {"T1", "UniqueKeyReturnsTheFirstJob", unique_key},
    {"T1", "ArraysWaitForEachOtherWhole", array_barrier},
    {"T5", "OutputsAreThereWhenTheJobEnds", outputs},
    {"T6", "WaitCompletesWhenTheJobEnds", waits},
    {"T6", "EndedJobsAreReportedToEveryCursor", ended_log},
    {"T2", "ViewsTellTheState", views},
};

}  // namespace

auto storage_job_checks() -> std::span<const StorageCheck> { return kJobChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
