// Several processes on one file: some embed a Scheduler, others only submit.

#include "spider/scheduler.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <boost/asio/signal_set.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace spider {
namespace {

constexpr int kWorkerProcesses = 3;
constexpr int kSubmitters = 3;
constexpr int kJobsEach = 60;
constexpr int kTasksPerJob = 3;
constexpr int kVictim = 100;  // the worker that is killed in the middle of a task
constexpr int kProcessesDeadlineMs = 60'000;

auto process_options(const std::string& path) -> SqliteStorageOptions {
  SqliteStorageOptions options{path};
  options.synchronous = SqliteStorageOptions::Synchronous::normal;
  options.busy_timeout = std::chrono::seconds{30};
  options.limits.session_lease = options.limits.manager_lease = std::chrono::seconds{2};
  return options;
}

/// A number that no other task of the test has travels as input, and is told when a handler runs.
auto job_of(int submitter, int job) -> JobSpec {
  JobSpec spec;
  spec.resource_group = "group" + std::to_string(submitter);
  spec.unique_key = std::to_string(job);
  for (int task = 0; task < kTasksPerJob; ++task) {
    auto& made = spec.tasks.emplace_back();
    made.handler = "tell";
    made.input = Codec<std::int64_t>::encode((submitter * kJobsEach + job) * kTasksPerJob + task);
    if (task > 0) made.parents = {static_cast<std::uint32_t>(task - 1)};
  }
  return spec;
}

/// Submits one by one, each twice, as one does who did not hear the answer.
[[noreturn]] auto submit(const std::string& path, int submitter) -> void {
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  auto storage = open_sqlite_storage(process_options(path), clock);
  if (!storage) ::_exit(2);
  for (int job = 0; job < kJobsEach; ++job) {
    const std::vector<JobSpec> specs{job_of(submitter, job), job_of(submitter, job)};
    const auto answers = block_on(context, storage.value()->submit(specs));
    if (!answers) ::_exit(3);
    for (const auto& answer : answers.value()) {
      if (!answer) ::_exit(4);
    }
  }
  storage.value().reset();
  ::_exit(0);
}

/// What a worker says when a handler runs.
struct ToldByProcess {
  std::int64_t number = 0;
  int worker = 0;
};

auto is_fatal(const ToldByProcess& told) -> bool { return told.worker == kVictim && told.number % 7 == 6; }

/// Says so; does not come back from what is fatal.
class Tell {
 public:
  Tell(int pipe, int worker) : pipe_{pipe}, worker_{worker} {}
  auto operator()(std::int64_t number) const -> Result<void> {
    const ToldByProcess told{number, worker_};
    if (::write(pipe_, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) ::_exit(5);
    while (is_fatal(told)) ::pause();
    return success();
  }

 private:
  int pipe_;
  int worker_;
};

/// Works until it is terminated.
[[noreturn]] auto work_in_process(const std::string& path, int worker, int pipe) -> void {
  asio::io_context context;
  const auto clock = std::make_shared<SystemClock>(context.get_executor());
  asio::signal_set terminated{context, SIGTERM};
  bool stopping = false;
  terminated.async_wait([&](const boost::system::error_code&, int) { stopping = true; });
  auto storage = open_sqlite_storage(process_options(path), *clock);
  if (!storage) ::_exit(2);
  SchedulerOptions options;
  options.storage = std::move(storage).value();
  options.clock = clock;
  options.core_options.member = "worker" + std::to_string(worker);
  options.core_options.poll_items_max = 8;  // so that there is something for everybody
  options.manager.slots = 4;
  options.manager.threads = 0;
  options.handlers.add("tell", Tell{pipe, worker});
  int status = 0;
  {
    Scheduler scheduler{context.get_executor(), std::move(options)};
    while (!stopping) context.run_one();
    if (!block_on(context, scheduler.stop(StopMode::drain, std::chrono::seconds{10}))) status = 6;
  }
  ::_exit(status);
}

/// Whether the child ended as it should.
auto ended_well(pid_t child) -> bool {
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

template <class F>
auto in_a_child(F work_there) -> pid_t {
  const auto child = ::fork();
  if (child == 0) work_there();
  return child;
}

/// How often each task was run, as its number.
using Runs = std::map<std::int64_t, int>;

class SqliteProcesses : public ::testing::Test {
 protected:
  SqliteProcesses() { EXPECT_EQ(::pipe(ends_), 0); }
  ~SqliteProcesses() override {
    for (const auto end : ends_) ::close(end);
  }

  auto start_worker(int worker) -> pid_t {
    return in_a_child([&] { work_in_process(path_, worker, ends_[1]); });
  }
  auto start_submitters() -> void {
    for (int i = 0; i < kSubmitters; ++i) submitters_.push_back(in_a_child([&] { submit(path_, i); }));
  }

  /// Listens until each task was run; what to do about each told run is the caller's.
  template <class F>
  auto listen(F about) -> void {
    while (runs_.size() < kAll) {
      pollfd readable{ends_[0], POLLIN, 0};
      ASSERT_EQ(::poll(&readable, 1, kProcessesDeadlineMs), 1) << runs_.size() << " tasks were run";
      ToldByProcess told;
      ASSERT_EQ(::read(ends_[0], &told, sizeof told), static_cast<ssize_t>(sizeof told));
      ++runs_[told.number];
      about(told);
    }
  }

  auto end(const std::vector<pid_t>& workers) -> void {
    for (const auto child : submitters_) EXPECT_TRUE(ended_well(child)) << "a submitter";
    for (const auto child : workers) ::kill(child, SIGTERM);
    for (const auto child : workers) EXPECT_TRUE(ended_well(child)) << "a worker";
  }

  auto expect_all_succeeded() -> void {
    const auto checked = check_sqlite_storage(path_);
    ASSERT_TRUE(checked) << checked.error();
    EXPECT_EQ(checked.value().jobs, static_cast<std::uint64_t>(kSubmitters * kJobsEach));
    EXPECT_EQ(checked.value().complaints, std::vector<std::string>{});
    asio::io_context context;
    SystemClock clock{context.get_executor()};
    const auto storage = open_sqlite_storage(process_options(path_), clock);
    JobFilter filter;
    filter.state = JobState::succeeded;
    filter.max = 10'000;
    const auto succeeded = block_on(context, storage.value()->list(filter));
    EXPECT_EQ(succeeded.value().size(), static_cast<std::size_t>(kSubmitters * kJobsEach));
  }

  static constexpr std::size_t kAll = kSubmitters * kJobsEach * kTasksPerJob;
  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "file";
  int ends_[2]{};
  std::vector<pid_t> submitters_;
  Runs runs_;
};

TEST_F(SqliteProcesses, ThatShareAFileRunEachTaskOnceBetweenThem) {
  std::vector<pid_t> workers;
  for (int i = 0; i < kWorkerProcesses; ++i) workers.push_back(start_worker(i));
  start_submitters();
  std::set<int> who;
  listen([&](const ToldByProcess& told) { who.insert(told.worker); });
  end(workers);
  for (const auto& [number, times] : runs_) EXPECT_EQ(times, 1) << "task " << number;
  EXPECT_GT(who.size(), 1U);
  expect_all_succeeded();
}

TEST_F(SqliteProcesses, DoTheWorkOfOneThatIsKilled) {
  const auto victim = start_worker(kVictim);
  start_submitters();
  std::vector<pid_t> others;
  std::int64_t fatal = -1;
  std::set<std::int64_t> of_the_victim;
  listen([&](const ToldByProcess& told) {
    if (told.worker != kVictim) return;
    of_the_victim.insert(told.number);
    if (!is_fatal(told)) return;
    fatal = told.number;  // and it holds others that it has polled
    ::kill(victim, SIGKILL);
    ::waitpid(victim, nullptr, 0);
    for (int i = 0; i < kWorkerProcesses; ++i) others.push_back(start_worker(i));
  });
  ASSERT_GE(fatal, 0);
  end(others);
  EXPECT_EQ(runs_[fatal], 2);
  for (const auto& [number, times] : runs_) {
    EXPECT_LE(times, of_the_victim.contains(number) ? 2 : 1) << "task " << number;
  }
  expect_all_succeeded();
}

/// Opens the file when the pipe is closed. The exit status is 0 for success.
[[noreturn]] auto open_with_others(const std::string& path, int gate) -> void {
  char nothing = 0;
  while (::read(gate, &nothing, 1) > 0) {
  }
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  ::_exit(open_sqlite_storage(process_options(path), clock) ? 0 : 1);
}

TEST(SqliteFileOfMany, MayBeCreatedByAllAtOnce) {
  constexpr int kRounds = 20;
  constexpr int kOpeners = 6;
  const TemporaryFolder folder;
  for (int round = 0; round < kRounds; ++round) {
    const std::string path = folder / std::to_string(round);
    int gate[2] = {};
    ASSERT_EQ(::pipe(gate), 0);
    std::vector<pid_t> openers;
    for (int i = 0; i < kOpeners; ++i) {
      openers.push_back(in_a_child([&] {
        ::close(gate[1]);
        open_with_others(path, gate[0]);
      }));
    }
    ::close(gate[1]);
    for (const auto child : openers) EXPECT_TRUE(ended_well(child)) << "round " << round;
    ::close(gate[0]);
  }
}

}  // namespace
}  // namespace spider
