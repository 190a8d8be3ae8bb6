#pragma once

/// A whole scheduler for the unit tests of an application: memory storage, virtual time, one thread.
///
///   App app{handlers};
///   app.run(upload(app.scheduler(), "in.jpg"));                  // the code under test
///   EXPECT_THAT(app, HasSubmitted(ElementsAre(AllOf(InGroup("alice"), HasTask("resize", 256)))));
///   EXPECT_EQ(app.drain(), (AppCounts{.succeeded = 1}));
///
/// Nothing runs but within `run`, `drain` and the functions of the clock, on the calling thread; hours
/// pass in no time, and the same test does the same every time. Not thread-safe.

#include "spider/scheduler.hpp"
#include "spider/virtual_clock.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

/// Jobs by how they ended.
struct AppCounts {
  std::size_t succeeded = 0;
  std::size_t failed = 0;
  std::size_t cancelled = 0;
  std::size_t unfinished = 0;

  friend auto operator==(const AppCounts&, const AppCounts&) -> bool = default;
};
auto operator<<(std::ostream& out, const AppCounts& counts) -> std::ostream&;

/// A job that the storage has taken.
struct SubmittedJob {
  JobId id;
  JobSpec spec;
};
/// "job 1 of alice: decode, 3 x resize"
auto operator<<(std::ostream& out, const SubmittedJob& job) -> std::ostream&;

class App {
 public:
  static constexpr Duration kDrainMax = std::chrono::hours{24};

  explicit App(Handlers handlers);

  /// For whatever else is to be said: `configure` changes the options before the scheduler starts. The
  /// clock is set (a handler that sleeps needs it) and stays as it is; plain functions run on the calling
  /// thread unless `manager.threads` is changed. Without a storage it is one in memory.
  explicit App(const std::function<void(SchedulerOptions&)>& configure);

  ~App();
  App(const App&) = delete;
  auto operator=(const App&) -> App& = delete;

  [[nodiscard]] auto scheduler() noexcept -> Scheduler& { return *scheduler_; }
  [[nodiscard]] auto clock() noexcept -> VirtualClock& { return *clock_; }

  /// Runs `work` to its end under virtual time. Errors: those of `work`; `internal` for a deadlock.
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(*clock_, std::move(work));
  }

  /// Runs until every submitted job has ended, also those that handlers submit meanwhile, but for at
  /// most `at_most` of virtual time: a paused group's job never ends. Counts all jobs submitted so far.
  auto drain(Duration at_most = kDrainMax) -> AppCounts;

  /// What was stored so far, in order. A refused job is not in it, nor the repetition of a unique key.
  [[nodiscard]] auto submitted() const noexcept -> const std::vector<SubmittedJob>&;

 private:
  class Recorder;

  asio::io_context context_{1};
  std::shared_ptr<VirtualClock> clock_;
  std::shared_ptr<Recorder> recorder_;
  std::unique_ptr<Scheduler> scheduler_;
};

/// What it has submitted, when an expectation on it fails.
auto operator<<(std::ostream& out, const App& app) -> std::ostream&;

namespace detail {
/// Whether the job has a regular task of this handler; with this input, where one is given.
[[nodiscard]] auto has_task(const JobSpec& job, std::string_view handler, const std::optional<Bytes>& input)
    -> bool;
}  // namespace detail

// ---------------------------------------------------------------------------------------------
// Matchers. `HasSubmitted` matches an App, the others a SubmittedJob.

/// What was submitted so far matches `jobs`: `HasSubmitted(SizeIs(2))`, `HasSubmitted(IsEmpty())`.
MATCHER_P(HasSubmitted, jobs,
          "submitted jobs, a list that " +
              ::testing::DescribeMatcher<std::vector<SubmittedJob>>(jobs, negation)) {
  return ::testing::ExplainMatchResult(jobs, arg.submitted(), result_listener);
}

/// A task or an array of this handler is among the regular tasks.
MATCHER_P(HasTask, handler, "has a task for " + ::testing::PrintToString(handler)) {
  return detail::has_task(arg.spec, handler, std::nullopt);
}
/// The same with this input, compared as it is encoded.
MATCHER_P2(HasTask, handler, input,
           "has a task for " + ::testing::PrintToString(handler) + " with " +
               ::testing::PrintToString(input)) {
  return detail::has_task(arg.spec, handler, spider::detail::encode_input(input));
}

MATCHER_P(InGroup, name, "is of resource group " + ::testing::PrintToString(name)) {
  return arg.spec.resource_group == name;
}
MATCHER_P(InQueue, name, "is in queue " + ::testing::PrintToString(name)) { return arg.spec.queue == name; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
