/// One test for each flaw of the scheduler whose design this one improves on: through the real storage,
/// core, channel and service, under virtual time. Faults come from decorators that forward the rest.

#include "spider/dispatch_channel.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"
#include "spider/job_builder.hpp"
#include "spider/local_execution_manager.hpp"
#include "spider/policies/registry.hpp"
#include "spider/policy_core.hpp"
#include "spider/storage/memory.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::SizeIs;

/// A storage whose polls fail, or whose commit and cleanup lanes never answer, as long as it is told to.
class FaultyStorage final : public StorageClient {
 public:
  FaultyStorage(StorageClient& real, Clock& clock) : real_{real}, clock_{clock} {}

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override {
    return real_.register_scheduler(std::move(info));
  }
  auto unregister_scheduler(Registration registration) -> Async<void> override {
    return real_.unregister_scheduler(registration);
  }
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    return failing ? refuse() : real_.poll_ready(std::move(request));
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    if (mute) return say_nothing();
    return failing ? refuse() : real_.poll_commit_ready(std::move(request));
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    if (mute) return say_nothing();
    return failing ? refuse() : real_.poll_cleanup_ready(std::move(request));
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    return real_.poll_ended(cursor, wait);
  }
  auto job_state(JobId job) -> Async<JobState> override { return real_.job_state(job); }

  bool failing = false;
  bool mute = false;
  int refused = 0;

 private:
  auto refuse() -> Async<InboundBatch> {
    ++refused;
    co_return Errc::storage_unavailable;
  }
  auto say_nothing() -> Async<InboundBatch> {
    SPIDER_CO_TRY(co_await clock_.sleep_until(kForever));
    co_return Errc::internal;
  }

  StorageClient& real_;
  Clock& clock_;
};

/// Loses the first reply that carries work on its way to the manager.
class LossyDispatch final : public DispatchClient {
 public:
  explicit LossyDispatch(DispatchClient& real) : real_{real} {}

  auto next_tasks(ManagerId manager, std::size_t max, Duration wait)
      -> Async<std::vector<TaskAssignment>> override {
    SPIDER_CO_TRY(auto reply, co_await real_.next_tasks(manager, max, wait));
    if (lost.empty() && !reply.empty()) lost.swap(reply);
    co_return reply;
  }
  auto acknowledge(ManagerId manager, std::vector<TaskAssignment> tasks) -> Async<void> override {
    return real_.acknowledge(manager, std::move(tasks));
  }
  auto heartbeat(ManagerId manager) -> Async<void> override { return real_.heartbeat(manager); }
  auto leave(ManagerId manager, std::vector<TaskAssignment> tasks) -> Async<void> override {
    return real_.leave(manager, std::move(tasks));
  }

  std::vector<TaskAssignment> lost;

 private:
  DispatchClient& real_;
};

class Recorder final : public Observer {
 public:
  auto observe(const Event& event) noexcept -> void override {
    seen.push_back(event);
    seen.back().error = nullptr;
  }
  [[nodiscard]] auto of(EventKind kind) const -> std::vector<Event> {
    std::vector<Event> found;
    for (const auto& event : seen)
      if (event.kind == kind) found.push_back(event);
    return found;
  }
  std::vector<Event> seen;
};

struct Settings {
  std::string policy = "fair-share";
  std::size_t capacity = 1;
  PolicyCoreOptions core;
};

/// The parts, wired by hand; the test is the execution manager.
class Parts {
 public:
  explicit Parts(Settings settings = {}) {
    core = make_policy_core(make_policy(settings.policy).value(), settings.core).value();
    DispatchChannelOptions options;
    options.capacity = settings.capacity;
    channel = make_dispatch_channel(options, clock).value();
    service = make_dispatch_service({}, *channel.source, handed_back, clock, observer).value();
  }
  ~Parts() {
    if (started_) {
      cancel_.emit(asio::cancellation_type::terminal);
      service->close();
      clock.run_for(seconds{10});
      EXPECT_TRUE(ended) << "the core outlived its cancellation";
    }
  }
  Parts(const Parts&) = delete;
  auto operator=(const Parts&) -> Parts& = delete;

  auto start() -> void {
    started_ = true;
    context_.emplace(CoreContext{faulty, *channel.sink, handed_back, clock, observer});
    asio::co_spawn(io, rooted(core->run(*context_)),
                   asio::bind_cancellation_slot(
                       cancel_.slot(), [this](const std::exception_ptr& thrown, Result<void> result) {
                         EXPECT_FALSE(thrown);
                         ended = std::move(result);
                       }));
    clock.drain();
  }
  auto submit(const std::vector<JobSpec>& jobs) -> std::vector<JobId> {
    std::vector<JobId> ids;
    const auto answers = block_on(clock, storage->submit(jobs)).value();
    for (const auto& answer : answers) ids.push_back(answer.value().job);
    clock.drain();
    return ids;
  }
  /// What the manager is given now; it is acknowledged at once.
  auto take(ManagerId manager = ManagerId{7}) -> std::optional<TaskAssignment> {
    const auto reply = block_on(clock, service->next_tasks(manager, 1, Duration::zero())).value();
    if (reply.empty()) return std::nullopt;
    EXPECT_TRUE(block_on(clock, service->acknowledge(manager, reply)));
    clock.drain();
    return reply.front();
  }
  auto begin(TaskAssignment assignment, ManagerId manager) -> Result<StartedTask> {
    const std::array one{assignment};
    return block_on(clock, storage->start(one, manager)).value().front();
  }
  auto finish(const TaskInstance& instance, Bytes output) -> Result<void> {
    std::array one{FinishRequest{instance, FinishRequest::Kind::succeeded}};
    one.front().output = std::move(output);
    return block_on(clock, storage->finish(one)).value().front();
  }
  [[nodiscard]] auto now() const -> Duration { return clock.now().time_since_epoch(); }

  asio::io_context io{1};
  VirtualClock clock{io};
  Recorder observer;
  std::unique_ptr<Storage> storage = make_memory_storage({}, clock).value();
  FaultyStorage faulty{*storage, clock};
  HandedBackQueue handed_back{clock};
  DispatchChannel channel;
  std::unique_ptr<DispatchService> service;
  std::unique_ptr<PolicyCore> core;
  std::optional<Result<void>> ended;

 private:
  std::optional<CoreContext> context_;
  asio::cancellation_signal cancel_;
  bool started_ = false;
};

auto array_of(std::uint32_t count, const std::string& group = "default") -> JobSpec {
  JobBuilder job{group};
  job.array("work", count);
  return job.spec();
}

// A bump waited for the readers: the lock was held through their timed waits.
TEST(ReferenceFlaws, BumpDoesNotWaitForReaders) {
  Parts parts;
  parts.start();
  std::vector<TimePoint> served;
  for (std::uint64_t reader = 1; reader <= 1000; ++reader) {
    asio::co_spawn(parts.io, rooted(parts.service->next_tasks(ManagerId{reader}, 1, seconds{20})),
                   [&](const std::exception_ptr&, const Result<std::vector<TaskAssignment>>& reply) {
                     if (reply && !reply.value().empty()) served.push_back(parts.clock.now());
                   });
  }
  parts.clock.run_for(seconds{1});
  const auto rival = block_on(parts.clock, parts.storage->register_scheduler(SchedulerInfo{"scheduler"}));
  ASSERT_TRUE(rival);
  parts.submit({array_of(1)});
  const auto bumps = parts.observer.of(EventKind::session_bumped);
  ASSERT_FALSE(bumps.empty());
  EXPECT_GT(bumps.back().session, rival.value().session);
  EXPECT_EQ(bumps.back().at, TimePoint{seconds{1}})
      << "a thousand readers wait, and the bump for none of them";
  // The lanes poll again after their first back-off, so that rivals of one name do not race each other.
  parts.clock.run_for(PolicyCoreOptions{}.backoff_first);
  EXPECT_THAT(served, SizeIs(1));
}

// The buffer was refilled on a tick: freed slots stood empty until the next one.
TEST(ReferenceFlaws, RefillNeedsNoTick) {
  Settings settings;
  settings.core.buffered_max = 1;
  Parts parts{settings};
  parts.start();
  parts.submit({array_of(1000)});
  for (std::uint32_t task = 0; task < 1000; ++task) ASSERT_TRUE(parts.take()) << task;
  EXPECT_EQ(parts.now(), Duration::zero());
}

// All lanes were polled together, and the slowest held up the others.
TEST(ReferenceFlaws, SilentLaneHoldsUpNoOther) {
  Parts parts;
  parts.faulty.mute = true;
  parts.start();
  parts.submit({array_of(3)});
  for (std::uint32_t task = 0; task < 3; ++task) EXPECT_TRUE(parts.take()) << task;
  EXPECT_EQ(parts.now(), Duration::zero());
}

// Only a manager's death gave its work back: a reply lost on its way to a live one was lost for good.
TEST(ReferenceFlaws, LostReplyOnALiveManagerComesBackAfterTheLease) {
  Parts parts;
  parts.start();
  LossyDispatch lossy{*parts.service};
  Handlers handlers;
  handlers.add("work", [] {});
  LocalExecutionManagerOptions options;
  options.id = ManagerId{7};
  options.threads = 0;
  auto manager = LocalExecutionManager::make(
      parts.io.get_executor(), {lossy, *parts.storage, parts.clock, parts.observer}, handlers, options);
  ASSERT_TRUE(manager);
  asio::co_spawn(parts.io, rooted(manager.value()->run()), asio::detached);
  const auto job = parts.submit({array_of(1)}).front();
  EXPECT_THAT(lossy.lost, SizeIs(1));
  const auto end = block_on(parts.clock, parts.storage->wait(job, seconds{300}));
  ASSERT_TRUE(end) << end.error();
  EXPECT_EQ(end.value(), JobState::succeeded);
  EXPECT_EQ(parts.now(), DispatchServiceOptions{}.assignment_lease);
  EXPECT_THAT(parts.observer.of(EventKind::assignment_expired), SizeIs(1));
  EXPECT_THAT(parts.observer.of(EventKind::manager_lost), SizeIs(0));
  EXPECT_TRUE(block_on(parts.clock, manager.value()->stop(StopMode::cancel, seconds{1})));
  parts.clock.drain();
}

// Nobody told the core that a job had ended: its buffered tasks were dispatched all the same.
TEST(ReferenceFlaws, EndedJobIsNotDispatched) {
  Parts parts;
  parts.start();
  const auto doomed = parts.submit({array_of(100)}).front();
  ASSERT_TRUE(block_on(parts.clock, parts.storage->cancel(doomed)));
  parts.clock.drain();
  const auto next = parts.submit({array_of(2)}).front();
  std::vector<JobId> taken;
  while (const auto assignment = parts.take()) taken.push_back(assignment->job);
  EXPECT_THAT(taken, ElementsAre(doomed, next, next)) << "only what was in the channel before its end";
  EXPECT_EQ(parts.now(), Duration::zero());
}

// Retiring a dry job swapped the last one into its place, which cost that one its turn.
TEST(ReferenceFlaws, RetirementCostsNobodyItsTurn) {
  Settings settings;
  settings.policy = "job-round-robin(active=3,turns=100)";
  Parts parts{settings};
  parts.start();
  const auto jobs = parts.submit({array_of(2), array_of(5), array_of(5), array_of(3)});
  std::string order;
  while (const auto assignment = parts.take())
    order += static_cast<char>('a' + static_cast<int>(assignment->job.value - jobs.front().value));
  EXPECT_EQ(order, "abcabcbcdbcdbcd");
}

/// How many dispatches it takes until the quiet group's task is dispatched, that one included.
auto dispatches_until(Parts& parts, JobId quiet, std::size_t limit) -> std::size_t {
  for (std::size_t count = 1; count <= limit; ++count) {
    const auto assignment = parts.take();
    if (!assignment) return 0;
    if (assignment->job == quiet) return count;
  }
  return 0;
}

// The core saw only the head of one queue: behind a burst no other group's task was seen.
TEST(ReferenceFlaws, BurstHidesNoOtherGroupUnderFairShare) {
  Parts parts{{.policy = "fair-share", .capacity = 4, .core = {}}};
  parts.start();
  parts.submit({array_of(400'000, "burst"), array_of(600'000, "burst")});
  const auto quiet = parts.submit({array_of(1, "quiet")}).front();
  const auto count = dispatches_until(parts, quiet, 100'000);
  EXPECT_EQ(count, 4U + 64U) << "what was in the channel, and what makes a poll worthwhile";
}

// The same where the older job goes first: it is older, but ready only behind the whole burst.
TEST(ReferenceFlaws, BurstHidesNoOtherGroupUnderFifo) {
  Parts parts{{.policy = "fifo", .capacity = 4, .core = {}}};
  parts.start();
  auto late = array_of(1, "quiet");
  late.not_before = TimePoint{seconds{1}};
  const auto quiet = parts.submit({late}).front();
  parts.clock.run_for(std::chrono::milliseconds{500});
  parts.submit({array_of(400'000, "burst"), array_of(600'000, "burst")});
  parts.clock.run_for(seconds{1});
  const auto count = dispatches_until(parts, quiet, 100'000);
  EXPECT_EQ(count, 4U + 64U) << "what was in the channel, and what makes a poll worthwhile";
}

// One failing poll ended the core, and with it the scheduler.
TEST(ReferenceFlaws, FailingPollDoesNotEndTheCore) {
  Parts parts;
  parts.faulty.failing = true;
  parts.start();
  parts.submit({array_of(1)});
  parts.clock.run_for(seconds{600});
  EXPECT_FALSE(parts.ended);
  EXPECT_GT(parts.faulty.refused, 3);
  EXPECT_FALSE(parts.take());
  parts.faulty.failing = false;
  parts.clock.run_for(PolicyCoreOptions{}.backoff_max);
  EXPECT_TRUE(parts.take());
}

// A task was finished by whoever said so: a late result of a fenced attempt replaced the present one.
TEST(ReferenceFlaws, StaleFinishIsRefused) {
  Parts parts;
  parts.start();
  const auto job = parts.submit({array_of(1)}).front();
  const auto first = parts.take();
  ASSERT_TRUE(first);
  const auto slow = parts.begin(*first, ManagerId{7});
  ASSERT_TRUE(slow) << slow.error();
  parts.clock.run_for(StorageLimits{}.manager_lease);
  ASSERT_TRUE(block_on(parts.clock, parts.storage->sweep(100)));
  parts.clock.run_for(RetryPolicy{}.backoff_first);
  const auto second = parts.take(ManagerId{8});
  ASSERT_TRUE(second);
  const auto present = parts.begin(*second, ManagerId{8});
  ASSERT_TRUE(present) << present.error();
  EXPECT_EQ(parts.finish(slow.value().instance, "stale").error(), Errc::stale_instance);
  EXPECT_EQ(block_on(parts.clock, parts.storage->view(job)).value().state, JobState::running);
  EXPECT_TRUE(parts.finish(present.value().instance, "present"));
  const auto outputs = block_on(parts.clock, parts.storage->outputs(job, {})).value();
  ASSERT_THAT(outputs, SizeIs(1));
  EXPECT_EQ(outputs.front().output, "present");
}

}  // namespace
}  // namespace spider
