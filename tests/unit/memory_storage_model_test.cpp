// Random calls to the memory storage against a model that is too simple to be wrong.

#include "spider/rng.hpp"
#include "spider/storage/memory.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <map>

namespace spider {
namespace {

using namespace std::chrono_literals;

struct ModelTask {
  TaskState state = TaskState::pending;
  bool leased = false;
  TimePoint due{};
  std::uint32_t attempts = 0;
  TaskInstance instance;
};

struct ModelJob {
  JobState state = JobState::ready;
  JobSpec spec;
  std::vector<ModelTask> tasks;

  /// Makes ready what has no unfinished parents.
  auto promote(TimePoint now) -> void {
    for (std::size_t node = 0; node < tasks.size(); ++node) {
      if (tasks[node].state != TaskState::pending) continue;
      const auto done = [&](auto parent) { return tasks[parent].state == TaskState::succeeded; };
      if (std::ranges::all_of(spec.tasks[node].parents, done)) {
        tasks[node].state = TaskState::ready;
        tasks[node].due = now;
      }
    }
  }
  auto end(JobState how) -> void {
    state = how;
    for (auto& task : tasks) {
      if (!has_ended(task.state)) task.state = TaskState::cancelled;
    }
  }
};

class StorageModel {
 public:
  explicit StorageModel(std::uint64_t seed) : rng_{seed} {
    me_ = run(storage_->register_scheduler(SchedulerInfo{})).value();
  }

  auto step() -> void {
    switch (rng_.below(8)) {
      case 0: return jobs_.size() < 200 || rng_.below(20) == 0 ? submit() : poll();
      case 1: return rng_.below(10) == 0 ? cancel() : poll();
      case 2: return rng_.below(20) == 0 ? supersede() : poll();
      case 3: return clock_.run_for(Duration{static_cast<std::int64_t>(rng_.below(400'000'000))}), void();
      case 4:
      case 5: return start();
      default: return finish();
    }
  }

  auto check_all() -> void {
    for (const auto& [id, job] : jobs_) {
      ASSERT_EQ(run(storage_->job_state(id)).value(), job.state) << "job " << id.value;
      const auto views = run(storage_->view_tasks(id, {})).value();
      ASSERT_EQ(views.size(), job.tasks.size());
      for (std::size_t index = 0; index < views.size(); ++index) {
        ASSERT_EQ(views[index].state, job.tasks[index].state) << "job " << id.value << " task " << index;
        ASSERT_EQ(views[index].attempts, job.tasks[index].attempts);
      }
    }
  }

 private:
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    auto result = asio::co_spawn(context_, std::move(work), asio::use_future);
    context_.restart();
    context_.poll();
    return result.get();
  }

  auto submit() -> void {
    ModelJob job;
    job.spec.resource_group = "group" + std::to_string(rng_.below(4));
    const auto tasks = 1 + rng_.below(6);
    for (std::uint32_t node = 0; node < tasks; ++node) {
      TaskSpec task;
      task.handler = "work";
      for (std::uint32_t parent = 0; parent < node; ++parent) {
        if (rng_.below(3) == 0) task.parents.push_back(parent);
      }
      job.spec.tasks.push_back(std::move(task));
    }
    job.tasks.resize(tasks);
    job.promote(clock_.now());
    const auto id = run(storage_->submit(std::span{&job.spec, 1})).value().at(0).value().job;
    jobs_.emplace(id, std::move(job));
  }

  auto poll() -> void {
    PollRequest request;
    request.scheduler = me_.scheduler;
    request.session = me_.session;
    request.max_items = 1 + rng_.below(8);
    const auto max = request.max_items;
    std::size_t available = 0;
    for (const auto& [id, job] : jobs_) {
      for (const auto& task : job.tasks) available += offered(task) ? 1 : 0;
    }
    const auto batch = run(storage_->poll_ready(std::move(request))).value();
    ASSERT_EQ(batch.entries.size(), std::min(available, max));
    for (const auto& entry : batch.entries) {
      auto& task = jobs_.at(entry.job).tasks.at(entry.task.index());
      ASSERT_TRUE(offered(task)) << "job " << entry.job.value << " task " << entry.task.index();
      task.leased = true;
    }
  }
  [[nodiscard]] auto offered(const ModelTask& task) const -> bool {
    return task.state == TaskState::ready && !task.leased && task.due <= clock_.now();
  }

  auto any_task() -> TaskRef {
    auto found = jobs_.upper_bound(JobId{rng_.below(jobs_.rbegin()->first.value)});
    return {found->first, TaskId{static_cast<std::uint32_t>(rng_.below(found->second.tasks.size()))}};
  }

  auto start() -> void {
    if (jobs_.empty()) return;
    const auto ref = any_task();
    auto& job = jobs_.at(ref.job);
    auto& task = job.tasks[ref.task.index()];
    TaskAssignment assignment;
    assignment.job = ref.job;
    assignment.task = ref.task;
    assignment.scheduler = me_.scheduler;
    assignment.session = me_.session;
    const auto started = run(storage_->start(std::span{&assignment, 1}, ManagerId{1})).value().at(0);
    const bool runnable = task.state == TaskState::ready && task.due <= clock_.now();
    ASSERT_EQ(started.has_value(), runnable && !has_ended(job.state));
    if (!started) return;
    job.state = JobState::running;
    task.state = TaskState::running;
    task.leased = false;
    task.instance = started.value().instance;
    ++task.attempts;
  }

  auto finish() -> void {
    if (jobs_.empty()) return;
    const auto ref = any_task();
    auto& job = jobs_.at(ref.job);
    auto& task = job.tasks[ref.task.index()];
    if (task.state != TaskState::running && task.state != TaskState::cancelled) return;
    FinishRequest request{task.instance, static_cast<FinishRequest::Kind>(rng_.below(4))};
    request.instance.task = ref;
    request.delay = 50ms;
    const auto done = run(storage_->finish(std::span{&request, 1})).value().at(0);
    if (task.state == TaskState::cancelled) return;
    ASSERT_TRUE(done);
    apply(job, task, request.kind);
  }

  auto apply(ModelJob& job, ModelTask& task, FinishRequest::Kind kind) -> void {
    using Kind = FinishRequest::Kind;
    task.state = TaskState::ready;
    if (kind == Kind::succeeded) {
      task.state = TaskState::succeeded;
      job.promote(clock_.now());
      const auto over = [](const auto& each) { return each.state == TaskState::succeeded; };
      if (std::ranges::all_of(job.tasks, over)) job.state = JobState::succeeded;
    } else if (kind == Kind::failed && task.attempts == 3) {
      task.state = TaskState::failed;
      job.end(JobState::failed);
    } else if (kind == Kind::failed) {
      task.due = clock_.now() + (task.attempts == 1 ? 1s : 2s);
    } else {
      --task.attempts;
      task.due = clock_.now() + 50ms;
    }
  }

  auto cancel() -> void {
    if (jobs_.empty()) return;
    const auto id = any_task().job;
    auto& job = jobs_.at(id);
    if (!has_ended(job.state)) job.end(JobState::cancelled);
    ASSERT_EQ(run(storage_->cancel(id)).value(), job.state);
  }

  auto supersede() -> void {
    me_ = run(storage_->register_scheduler(SchedulerInfo{})).value();
    for (auto& [id, job] : jobs_) {
      for (auto& task : job.tasks) task.leased = false;
    }
  }

  asio::io_context context_;
  VirtualClock clock_{context_};
  std::unique_ptr<Storage> storage_ = make_memory_storage({.limits = patient()}, clock_).value();
  Registration me_;
  Rng rng_;
  std::map<JobId, ModelJob> jobs_;

  static auto patient() -> StorageLimits {
    StorageLimits limits;
    limits.session_lease = limits.manager_lease = 24h * 3650;
    return limits;
  }
};

TEST(MemoryStorageModel, RandomCallsAgreeWithTheModel) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    StorageModel model{seed};
    for (int step = 0; step < 3000 && !HasFatalFailure(); ++step) {
      model.step();
      if (step % 500 == 0) model.check_all();
    }
    model.check_all();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace spider
