#include "spider/testing/storage_trial.hpp"

#include <sstream>

// The tables of job and task states: every legal move, and the impossible ones.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;
using J = JobState;
using T = TaskState;

/// A job, what is done to it, and where it and its first task stand then. `shape`: a `t` for each task, `c`
/// for a commit task, `k` for a cleanup task. `last` is how the last step of the script must fail.
struct Move {
  const char* shape;
  const char* script;
  JobState job;
  TaskState task;
  Errc last = Errc{};
};

constexpr Move kMoves[] = {
    // Every legal move of a job.
    {"t", "", J::ready, T::ready},
    {"tt", "start", J::running, T::running},
    {"c", "", J::commit_ready, T::ready},
    {"t", "cancel", J::cancelled, T::cancelled},
    {"tk", "cancel", J::cleanup_ready, T::cancelled},
    {"t", "deadline", J::failed, T::cancelled},
    {"tc", "start succeed", J::commit_ready, T::succeeded},
    {"t", "start succeed", J::succeeded, T::succeeded},
    {"tt", "start succeed", J::running, T::succeeded},
    {"tk", "start succeed", J::succeeded, T::succeeded},
    {"tt", "start fail", J::failed, T::failed},
    {"ttk", "start fail", J::failed, T::failed},
    {"t", "start deadline", J::failed, T::cancelled},
    {"t", "start cancel", J::cancelled, T::cancelled},
    {"tk", "start cancel", J::cleanup_ready, T::cancelled},
    {"tc", "start succeed commit succeed", J::succeeded, T::succeeded},
    {"tc", "start succeed commit fail", J::failed, T::succeeded},
    {"tck", "start succeed commit fail", J::cleanup_ready, T::succeeded},
    {"tc", "start succeed cancel", J::cancelled, T::succeeded},
    {"tck", "start succeed cancel", J::cleanup_ready, T::succeeded},
    {"tc", "start succeed deadline", J::failed, T::succeeded},
    {"tck", "start succeed commit cancel", J::cleanup_ready, T::succeeded},
    {"tk", "cancel cleanup succeed", J::cancelled, T::cancelled},
    {"tk", "cancel cleanup fail", J::cancelled, T::cancelled},
    {"tck", "start succeed commit fail cleanup succeed", J::failed, T::succeeded},
    {"tck", "start succeed commit fail cleanup fail", J::failed, T::succeeded},
    {"t", "start fail retry", J::ready, T::ready},
    {"t", "start fail retry start succeed", J::succeeded, T::succeeded},
    {"tc", "start succeed commit fail retry", J::commit_ready, T::succeeded},
    {"tt", "deadline retry", J::ready, T::ready},
    // Every legal move of a task that these have not shown.
    {"t", "start error", J::running, T::ready},
    {"t", "start error rest start succeed", J::succeeded, T::succeeded},
    {"t", "start defer", J::running, T::ready},
    {"t", "start release", J::running, T::ready},
    {"t", "start lapse", J::running, T::ready},
    {"t", "start error rest start error rest start error", J::failed, T::failed},
    {"t", "start lapse start lapse start lapse", J::failed, T::failed},
    // What is impossible is refused and changes nothing.
    {"t", "start start", J::running, T::running, Errc::instance_limit},
    {"t", "start succeed start", J::succeeded, T::succeeded, Errc::job_not_running},
    {"tt", "start succeed start", J::running, T::succeeded, Errc::task_not_runnable},
    {"t", "cancel start", J::cancelled, T::cancelled, Errc::job_not_running},
    {"tk", "cancel start", J::cleanup_ready, T::cancelled, Errc::job_not_running},
    {"t", "start fail start", J::failed, T::failed, Errc::job_not_running},
    {"tc", "commit", J::ready, T::ready, Errc::task_not_runnable},
    {"tc", "start commit", J::running, T::running, Errc::task_not_runnable},
    {"tc", "start succeed start", J::commit_ready, T::succeeded, Errc::task_not_runnable},
    {"tk", "cleanup", J::ready, T::ready, Errc::task_not_runnable},
    {"tck", "start succeed cleanup", J::commit_ready, T::succeeded, Errc::task_not_runnable},
    {"tck", "start succeed cancel commit", J::cleanup_ready, T::succeeded, Errc::job_not_running},
    {"t", "start error start", J::running, T::ready, Errc::task_not_runnable},
    {"t", "start succeed fail", J::succeeded, T::succeeded, Errc::stale_instance},
    {"t", "start fail succeed", J::failed, T::failed, Errc::stale_instance},
    {"t", "start cancel succeed", J::cancelled, T::cancelled, Errc::stale_instance},
    {"t", "retry", J::ready, T::ready, Errc::job_not_running},
    {"t", "start retry", J::running, T::running, Errc::job_not_running},
    {"t", "cancel retry", J::cancelled, T::cancelled, Errc::job_not_running},
    {"t", "start succeed retry", J::succeeded, T::succeeded, Errc::job_not_running},
    // Cancelling what has ended or cleans up is no error, and changes nothing.
    {"t", "start succeed cancel", J::succeeded, T::succeeded},
    {"t", "start fail cancel", J::failed, T::failed},
    {"tk", "cancel cancel", J::cleanup_ready, T::cancelled},
};

class Script {
 public:
  Script(StorageTrial& trial, const Move& move) : trial_{trial} {
    JobSpec spec;
    for (const char letter : std::string{move.shape}) {
      if (letter == 't') spec.tasks.push_back(work());
      if (letter == 'c') spec.commit = work();
      if (letter == 'k') spec.cleanup = work();
    }
    if (std::string{move.script}.find("deadline") != std::string::npos) {
      spec.deadline = saturating_add(trial.clock().now(), 1h);
    }
    job_ = trial.job(spec);
  }

  [[nodiscard]] auto job() const -> JobId { return job_; }

  auto perform(const std::string& step) -> Result<void> {
    using Kind = FinishRequest::Kind;
    if (step == "start") return start(TaskId{0});
    if (step == "commit") return start(TaskId::commit());
    if (step == "cleanup") return start(TaskId::cleanup());
    if (step == "succeed") return trial_.finish(running_, Kind::succeeded);
    if (step == "defer") return trial_.finish(running_, Kind::deferred);
    if (step == "release") return trial_.finish(running_, Kind::released);
    if (step == "error") return trial_.finish(running_, Kind::failed);
    if (step == "retry") return trial_.run(trial_.storage().retry(job_));
    if (step == "fail") {
      FinishRequest request{running_, Kind::failed};
      request.retry = false;
      return trial_.finish(request);
    }
    if (step == "cancel") {
      const auto state = trial_.run(trial_.storage().cancel(job_));
      if (!state) return state.error();
    } else {
      trial_.pass(step == "rest" ? 10s : Duration{step == "lapse" ? 61s : 3600s});
      trial_.me = trial_.register_as("first");
    }
    return success();
  }

 private:
  auto start(TaskId task) -> Result<void> {
    const auto started = trial_.start(TaskRef{job_, task});
    if (!started) return started.error();
    running_ = started.value().instance;
    return success();
  }

  StorageTrial& trial_;
  JobId job_;
  TaskInstance running_;
};

auto run_move(StorageTrial& trial, const Move& move) -> void {
  const std::string label = std::string{"job '"} + move.shape + "', \"" + move.script + "\": ";
  Script script{trial, move};
  std::istringstream words{move.script};
  Result<void> last = success();
  for (std::string step; words >> step;) {
    trial.expect(last.has_value(), label + "the step before \"" + step + "\" is accepted");
    last = script.perform(step);
  }
  if (move.last == Errc{}) {
    trial.expect(last.has_value(), label + "the last step is accepted");
  } else {
    trial.expect(fails(last, move.last), label + "the last step is refused with its error");
  }
  const auto state = trial.state(script.job());
  trial.expect(state == move.job, label + "the job is " + std::string{to_string(state)});
  const bool regular = move.shape[0] == 't';
  const auto task = trial.task({script.job(), regular ? TaskId{0} : TaskId::commit()}).state;
  trial.expect(task == move.task, label + "its task is " + std::string{to_string(task)});
}

auto moves(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  for (const auto& move : kMoves) run_move(trial, move);
}

auto parents_first(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  JobSpec spec;
  spec.tasks = {work(), work(), work({0, 1})};
  const auto id = trial.job(spec);
  const TaskRef child{id, TaskId{2}};
  trial.expect(trial.task(child).state == T::pending, "a task with parents is pending");
  trial.expect(fails(trial.start(child), Errc::task_not_runnable), "a pending task cannot start");
  trial.poll();
  trial.succeed({id, TaskId{1}});
  trial.expect(trial.task(child).state == T::pending && trial.poll().empty(), "one parent is not enough");
  trial.succeed({id, TaskId{0}});
  trial.expect(trial.task(child).state == T::ready, "the last parent makes it ready");
  const auto entries = trial.poll();
  trial.expect(entries.size() == 1 && entries[0].ref() == child, "and puts it into the inbound queue");
}

auto lanes(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job();
  spec.commit = work();
  spec.cleanup = work();
  const auto id = trial.job(spec);
  Ask commit;
  commit.lane = TaskKind::commit;
  Ask cleanup;
  cleanup.lane = TaskKind::cleanup;
  trial.expect(trial.poll(commit).empty() && trial.poll(cleanup).empty(), "they wait for their time");
  trial.poll();
  trial.succeed(first_of(id));
  const auto commits = trial.poll(commit);
  trial.expect(commits.size() == 1 && commits[0].task == TaskId::commit(), "commit comes in its own lane");
  trial.expect(trial.poll().empty(), "and in no other");
  trial.cancel(id);
  const auto cleanups = trial.poll(cleanup);
  trial.expect(cleanups.size() == 1 && cleanups[0].task == TaskId::cleanup(), "so does cleanup");
}

auto ends_everything(StorageTrial& trial) -> void {
  for (const bool cancelled : {false, true}) {
    if (!trial.open()) return;
    JobSpec spec;
    spec.tasks = {work(), work(), work(), work({0})};
    const auto id = trial.job(spec);
    const auto first = trial.start(TaskRef{id, TaskId{0}});
    const auto second = trial.start(TaskRef{id, TaskId{1}}, ManagerId{2});
    if (!first || !second) return trial.expect(false, "ready tasks start");
    if (cancelled) {
      trial.cancel(id);
    } else {
      FinishRequest request{first.value().instance, FinishRequest::Kind::failed};
      request.retry = false;
      request.reason = "broken disk";
      trial.end(request);
      const auto view = trial.run(trial.storage().view(id));
      trial.expect(view && view.value().reason.find("broken disk") != std::string::npos, "it says why");
    }
    for (std::uint32_t index = 1; index < 4; ++index) {
      trial.expect(trial.task({id, TaskId{index}}).state == T::cancelled,
                   "unfinished tasks end with the job");
    }
    trial.expect(trial.poll().empty(), "none of them is offered");
    const auto renewal = trial.run(trial.storage().renew(ManagerId{2}));
    trial.expect(renewal && renewal.value().lost == std::vector{second.value().instance},
                 "a running instance learns of it at its manager's renewal");
    trial.expect(
        fails(trial.finish(second.value().instance, FinishRequest::Kind::succeeded), Errc::stale_instance),
        "its late result is refused");
  }
}

constexpr StorageCheck kStateChecks[] = {
    {"T2", "EveryMoveOfJobsAndTasks", moves},
    {"T3", "TasksWaitForTheirParents", parents_first},
    {"T3", "CommitAndCleanupHaveTheirLanes", lanes},
    {"T4", "TheEndOfAJobEndsItsTasks", ends_everything},
};

}  // namespace

auto storage_state_checks() -> std::span<const StorageCheck> { return kStateChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
