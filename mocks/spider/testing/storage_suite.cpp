#include "spider/testing/storage_suite.hpp"

#include "spider/testing/storage_trial.hpp"

#include <utility>

namespace spider {
inline namespace v1 {
namespace testing {

auto StorageTrial::open(StorageLimits limits) -> bool {
  auto opened = open_(StorageSetup{std::move(limits), clock_});
  expect(opened.has_value(), "an empty storage can be opened");
  if (!opened) return false;
  storage_ = std::move(opened).value();
  me = register_as("first");
  return true;
}

auto StorageTrial::pass(Duration duration) -> void {
  clock_.run_for(duration);
  for (std::size_t round = 0; round < 100; ++round) {  // a broken storage may never be done
    const auto swept = run(storage_->sweep(1000));
    if (!swept || swept.value().swept == 0) return;
  }
}

auto StorageTrial::register_as(const std::string& member) -> Registration {
  const auto registered = run(storage_->register_scheduler(SchedulerInfo{member}));
  expect(registered.has_value(), "a scheduler can register");
  return registered ? registered.value() : Registration{};
}

auto StorageTrial::submit(const JobSpec& spec) -> Result<Submitted> {
  const auto answers = run(storage_->submit(std::span{&spec, 1}));
  if (!answers) return answers.error();
  if (answers.value().size() != 1) return Error{Errc::internal, "one answer for each job"};
  return answers.value().front();
}

auto StorageTrial::job(const JobSpec& spec) -> JobId {
  const auto submitted = submit(spec);
  expect(submitted.has_value(), "a valid job is accepted");
  return submitted ? submitted.value().job : JobId{};
}

auto StorageTrial::request(const Registration& who, const Ask& ask) -> PollRequest {
  PollRequest request;
  request.scheduler = who.scheduler;
  request.session = who.session;
  request.queues = ask.queues;
  request.max_items = ask.max_items;
  request.per_group_max = ask.per_group_max;
  request.per_job_max = ask.per_job_max;
  request.wait = ask.wait;
  request.slots = ask.slots;
  return request;
}

auto StorageTrial::begin_poll(const Registration& who, const Ask& ask)
    -> std::shared_ptr<CallUnderWay<InboundBatch>> {
  switch (ask.lane) {
    case TaskKind::commit: return begin(storage_->poll_commit_ready(request(who, ask)));
    case TaskKind::cleanup: return begin(storage_->poll_cleanup_ready(request(who, ask)));
    case TaskKind::regular: break;
  }
  return begin(storage_->poll_ready(request(who, ask)));
}

auto StorageTrial::try_poll(const Registration& who, const Ask& ask) -> Result<InboundBatch> {
  const auto call = begin_poll(who, ask);
  while (!call->done()) {
    clock_.drain();
    if (call->done()) break;
    if (clock_.step() == 0) return Error{Errc::internal, "a poll never answered"};
  }
  return *call->result;
}

auto StorageTrial::poll_as(const Registration& who, const Ask& ask) -> std::vector<InboundEntry> {
  const auto batch = try_poll(who, ask);
  expect(batch.has_value(), "a poll under a live session answers");
  return batch ? batch.value().entries : std::vector<InboundEntry>{};
}

auto StorageTrial::poll(const Ask& ask) -> std::vector<InboundEntry> { return poll_as(me, ask); }

auto StorageTrial::assignment(TaskRef task) -> TaskAssignment {
  TaskAssignment assignment;
  assignment.id = AssignmentId{++assignments_};
  assignment.job = task.job;
  assignment.task = task.task;
  assignment.scheduler = me.scheduler;
  assignment.session = me.session;
  return assignment;
}

auto StorageTrial::start(const TaskAssignment& assignment, ManagerId manager) -> Result<StartedTask> {
  const auto answers = run(storage_->start(std::span{&assignment, 1}, manager));
  if (!answers) return answers.error();
  if (answers.value().size() != 1) return Error{Errc::internal, "one answer for each assignment"};
  return answers.value().front();
}

auto StorageTrial::start(TaskRef task, ManagerId manager) -> Result<StartedTask> {
  return start(assignment(task), manager);
}

auto StorageTrial::finish(const FinishRequest& request) -> Result<void> {
  const auto answers = run(storage_->finish(std::span{&request, 1}));
  if (!answers) return answers.error();
  if (answers.value().size() != 1) return Error{Errc::internal, "one answer for each request"};
  return answers.value().front();
}

auto StorageTrial::succeed(TaskRef task, Bytes output) -> bool {
  const auto started = start(task);
  if (!started) return false;
  FinishRequest request{started.value().instance, FinishRequest::Kind::succeeded};
  request.output = std::move(output);
  return finish(request).has_value();
}

auto StorageTrial::state(JobId id) -> JobState {
  const auto state = run(storage_->job_state(id));
  expect(state.has_value(), "a stored job has a state");
  return state ? state.value() : JobState::ready;
}

auto StorageTrial::task(TaskRef ref) -> TaskView {
  const bool regular = ref.task.kind() == TaskKind::regular;
  const auto page = regular ? Page{ref.task.index(), 1} : Page{};
  const auto views = run(storage_->view_tasks(ref.job, page));
  if (views) {
    for (const auto& view : views.value()) {
      if (view.id == ref.task) return view;
    }
  }
  expect(false, "task " + to_string(ref.task) + " can be viewed");
  return {};
}

auto work(std::vector<std::uint32_t> parents, std::uint32_t count) -> TaskSpec {
  TaskSpec spec;
  spec.handler = "work";
  spec.parents = std::move(parents);
  spec.count = count;
  return spec;
}

auto flat_job(std::uint32_t count, std::string group) -> JobSpec {
  JobSpec spec;
  spec.resource_group = std::move(group);
  spec.tasks = {work({}, count)};
  return spec;
}

auto first_of(JobId job) -> TaskRef { return {job, TaskId{0}}; }

auto keyed_task(const std::string& table, std::vector<std::uint32_t> parents) -> TaskSpec {
  auto task = work(std::move(parents));
  task.coalesce = CoalesceKey{"reindex", {table}};
  task.retry.attempts_max = 1;
  return task;
}

auto keyed_job(const std::string& table, std::string group) -> JobSpec {
  JobSpec job;
  job.resource_group = std::move(group);
  job.tasks = {keyed_task(table)};
  return job;
}

auto start_all(StorageTrial& trial, const Ask& ask) -> std::vector<StartedTask> {
  std::vector<StartedTask> started;
  for (const auto& entry : trial.poll(ask)) {
    if (auto answer = trial.start(entry.ref())) started.push_back(std::move(answer).value());
  }
  return started;
}

auto has_pending(StorageTrial& trial, const std::string& table, const std::string& group) -> bool {
  const auto answer = trial.run(trial.storage().has_pending(group, CoalesceKey{"reindex", {table}}));
  trial.expect(answer.has_value(), "has_pending answers");
  return answer && answer.value();
}

auto storage_checks() -> std::span<const StorageCheck> {
  static const auto checks = [] {
    std::vector<StorageCheck> all;
    for (const auto part : {storage_job_checks(), storage_state_checks(), storage_fence_checks(),
                            storage_lane_checks(), storage_order_checks(), storage_explain_checks(),
                            storage_coalescing_checks(), storage_fold_checks(), storage_slot_checks()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return checks;
}

auto broken_promises(const StorageCheck& check, const OpenStorage& open) -> std::vector<std::string> {
  StorageTrial trial{check.rule, open};
  check.run(trial);
  return trial.broken();
}

auto storage_cases(OpenStorage open) -> ::testing::internal::ParamGenerator<StorageCase> {
  std::vector<StorageCase> cases;
  for (const auto& check : storage_checks()) cases.push_back({open, check});
  return ::testing::ValuesIn(cases);
}

auto storage_case_name(const ::testing::TestParamInfo<StorageCase>& info) -> std::string {
  return std::string{info.param.check.rule} + info.param.check.name;
}

TEST_P(StorageSuite, Holds) {
  for (const auto& promise : broken_promises(GetParam().check, GetParam().open)) {
    ADD_FAILURE() << "broken promise " << promise;
  }
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StorageSuite);

}  // namespace testing
}  // namespace v1
}  // namespace spider
