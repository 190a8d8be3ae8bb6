/// The suite of scheduler cores must refuse a bad core. Each one here is PolicyCore with its
/// surroundings disturbed in such a way that from outside it has exactly one defect.

#include "spider/testing/core_trial.hpp"
#include "spider/testing/scheduler_core_suite.hpp"
#include "support/policy_cores.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace spider::inline v1::testing {
namespace {

enum class CoreDefect {
  none,
  ignores_commit,
  ignores_ended_jobs,
  takes_older_batches,
  ignores_newer_sessions,
  stamps_the_first_session,
  reuses_ids,
  forgets_handed_back,
  takes_stale_handed_back,
  ends_on_a_failing_poll,
  hammers_a_failing_storage,
  ignores_gaps,
  enqueues_after_cancel,
  never_leaves,
  ignores_cancellation,
  dispatches_twice,
};

class DisturbedStorage final : public StorageClient {
 public:
  DisturbedStorage(StorageClient& inner, DispatchQueueSink& sink, CoreDefect defect)
      : inner_{inner}, sink_{sink}, defect_{defect} {}

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override {
    auto registration = co_await inner_.register_scheduler(std::move(info));
    if (registration) first_ = first_.value == 0 ? registration.value().session : first_;
    co_return registration;
  }
  auto unregister_scheduler(Registration registration) -> Async<void> override {
    if (defect_ == CoreDefect::never_leaves) co_return success();
    co_return co_await inner_.unregister_scheduler(registration);
  }
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    while (true) {
      auto batch = co_await inner_.poll_ready(request);
      const auto unavailable = !batch && batch.error() == Errc::storage_unavailable;
      if (unavailable && defect_ == CoreDefect::hammers_a_failing_storage) continue;
      if (unavailable && defect_ == CoreDefect::ends_on_a_failing_poll) sink_.close();
      co_return disturbed(std::move(batch), request);
    }
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    auto batch = co_await inner_.poll_commit_ready(request);
    if (batch && defect_ == CoreDefect::ignores_commit) {
      for (auto& entry : batch.value().entries) entry.job.value += kDisguise;
    }
    co_return disturbed(std::move(batch), request);
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    auto batch = co_await inner_.poll_cleanup_ready(request);
    co_return disturbed(std::move(batch), request);
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    auto batch = co_await inner_.poll_ended(cursor, wait);
    if (batch && defect_ == CoreDefect::ignores_ended_jobs) batch.value().jobs.clear();
    if (batch && defect_ == CoreDefect::ignores_gaps) batch.value().gap = false;
    co_return batch;
  }
  auto job_state(JobId job) -> Async<JobState> override { return inner_.job_state(job); }

  static constexpr std::uint64_t kDisguise = 1U << 20U;

 private:
  [[nodiscard]] auto disturbed(Result<InboundBatch> batch, const PollRequest& request) const
      -> Result<InboundBatch> {
    if (!batch) return batch;
    auto& session = batch.value().session;
    if (defect_ == CoreDefect::takes_older_batches) session = std::max(session, request.session);
    if (defect_ == CoreDefect::ignores_newer_sessions) session = std::min(session, request.session);
    return batch;
  }

  StorageClient& inner_;
  DispatchQueueSink& sink_;
  CoreDefect defect_;
  SessionId first_;
};

class DisturbedSink final : public DispatchQueueSink {
 public:
  DisturbedSink(DispatchQueueSink& inner, CoreDefect defect) : inner_{inner}, defect_{defect} {}

  auto try_enqueue(const TaskAssignment& decided) -> Result<void> override {
    auto assignment = decided;
    if (first_.value == 0) first_ = assignment.session;
    if (defect_ == CoreDefect::stamps_the_first_session) assignment.session = first_;
    if (defect_ == CoreDefect::reuses_ids) assignment.id = AssignmentId{1};
    if (defect_ == CoreDefect::ignores_commit) assignment.job.value %= DisturbedStorage::kDisguise;
    last_ = assignment;
    if (defect_ == CoreDefect::dispatches_twice && inner_.free_slots() > 1) {
      static_cast<void>(inner_.try_enqueue(assignment));
    }
    return inner_.try_enqueue(assignment);
  }
  auto enqueue_last() -> void { static_cast<void>(inner_.try_enqueue(last_)); }

  auto enqueue(TaskAssignment assignment) -> Async<void> override { return inner_.enqueue(assignment); }
  auto enqueue_batch(std::vector<TaskAssignment> assignments) -> Async<std::size_t> override {
    return inner_.enqueue_batch(std::move(assignments));
  }
  auto bump_session(SessionId session) -> Result<void> override { return inner_.bump_session(session); }
  [[nodiscard]] auto free_slots() const -> std::size_t override { return inner_.free_slots(); }
  auto wait_for_slots() -> Async<std::size_t> override { return inner_.wait_for_slots(); }
  auto close() -> void override { inner_.close(); }

 private:
  DispatchQueueSink& inner_;
  CoreDefect defect_;
  SessionId first_;
  TaskAssignment last_;
};

class DisturbedHandedBack final : public HandedBack {
 public:
  DisturbedHandedBack(HandedBack& inner, CoreDefect defect) : inner_{inner}, defect_{defect} {}

  auto wait() -> Async<void> override { return inner_.wait(); }
  auto take(std::size_t max) -> std::vector<TaskAssignment> override {
    auto taken = inner_.take(max);
    if (defect_ == CoreDefect::forgets_handed_back) taken.clear();
    if (defect_ == CoreDefect::takes_stale_handed_back) {
      for (auto& assignment : taken) assignment.session = taken.front().session;
    }
    return taken;
  }

 private:
  HandedBack& inner_;
  CoreDefect defect_;
};

class BrokenCore final : public SchedulerCore {
 public:
  explicit BrokenCore(CoreDefect defect) : defect_{defect}, core_{policy_core()} {}

  auto run(CoreContext& context) -> Async<void> override {
    DisturbedSink sink{context.sink, defect_};
    DisturbedStorage storage{context.storage, sink, defect_};
    DisturbedHandedBack handed_back{context.handed_back, defect_};
    CoreContext disturbed{storage, sink, handed_back, context.clock, context.observer};
    if (defect_ == CoreDefect::ignores_cancellation) {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    }
    const auto ended = co_await core_->run(disturbed);
    if (defect_ == CoreDefect::enqueues_after_cancel) sink.enqueue_last();
    co_return ended;
  }

 private:
  CoreDefect defect_;
  std::unique_ptr<SchedulerCore> core_;
};

/// All promises that a core with this defect breaks, in one text.
auto verdict(CoreDefect defect) -> std::string {
  std::string text;
  for (const auto& check : scheduler_core_checks()) {
    const auto make = [defect] { return std::make_unique<BrokenCore>(defect); };
    for (const auto& promise : broken_promises(check, make)) text += promise + "\n";
  }
  return text;
}

TEST(SchedulerCoreSuiteItself, AcceptsTheUndisturbedCore) { EXPECT_EQ(verdict(CoreDefect::none), ""); }

struct ExpectedRule {
  CoreDefect defect;
  const char* promise;
};

TEST(SchedulerCoreSuiteItself, RefusesEachBrokenCoreByTheRuleThatItBreaks) {
  constexpr ExpectedRule kExpected[] = {
      {CoreDefect::ignores_commit,
       "C5 FinalizingJobsTasksAreDropped: a core drops the buffered regular tasks"},
      {CoreDefect::ignores_ended_jobs, "C6 EndedJobsAreNotDispatched"},
      {CoreDefect::takes_older_batches, "C7 OlderBatchIsDropped: a core drops a batch of an older session"},
      {CoreDefect::ignores_newer_sessions, "C7 NewerSessionClearsAndBumps: a core bumps the queue"},
      {CoreDefect::stamps_the_first_session, "C7 AssignmentsAreStamped"},
      {CoreDefect::reuses_ids, "gives each assignment an id of its own"},
      {CoreDefect::forgets_handed_back, "C8 HandedBackIsScheduledAgain: a core schedules again"},
      {CoreDefect::takes_stale_handed_back,
       "C8 HandedBackIsScheduledAgain: a core drops what is handed back stale"},
      {CoreDefect::ends_on_a_failing_poll, "C10 FailingPollsAreRepeated: a core is not ended"},
      {CoreDefect::hammers_a_failing_storage, "C10 FailuresArePaced"},
      {CoreDefect::ignores_gaps, "C10 LostRegistrationIsRenewed: a core registers anew after a gap"},
      {CoreDefect::enqueues_after_cancel, "C12 CancelledWhenTheQueueIsFull: a core enqueues nothing after"},
      {CoreDefect::never_leaves, "C12 CancelledWhenIdle: a core unregisters when cancelled"},
      {CoreDefect::ignores_cancellation, "C12 CancelledWhenIdle: a core ends without delay"},
      {CoreDefect::dispatches_twice, "a core drops what is handed back stale"},
  };
  for (const auto& [defect, promise] : kExpected) {
    EXPECT_THAT(verdict(defect), ::testing::HasSubstr(promise));
  }
}

}  // namespace
}  // namespace spider::inline v1::testing
