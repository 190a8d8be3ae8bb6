// The monitor of how soon a storage lets ready work be found, shown storages that hide it.

#include "sim/monitor_fixture.hpp"
#include "sim/storage_monitor.hpp"

namespace spider::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PollMonitorTest : public MonitorTest {
 protected:
  PollMonitorTest() {
    limits_.session_lease = seconds{8};
    JobSpec spec;
    spec.tasks.emplace_back().count = 8;
    spec.tasks.emplace_back().coalesce = CoalesceKey{"work", {"here"}};
    monitor_.submitted(spec, Submitted{JobId{1}});
    monitor_.registered(kScheduler, SessionId{1});
  }

  auto ask(std::shared_ptr<const SlotFilter> slots = nullptr, Duration wait = seconds{3}) -> std::uint64_t {
    PollRequest request;
    request.slots = std::move(slots);
    request.wait = wait;
    return monitor_.polls().begins(TaskKind::regular, request);
  }
  auto find_nothing(const std::shared_ptr<const SlotFilter>& slots = nullptr,
                    const Result<InboundBatch>& answer = InboundBatch{}) -> void {
    const auto poll = ask(slots);
    monitor_.polls().ends(poll, answer);
  }
  /// The task was ready at `ready_at`, and is found by a poll of all.
  auto find(std::uint32_t task, TimePoint ready_at) -> void {
    const auto poll = ask();
    InboundBatch batch;
    batch.session = SessionId{1};
    auto& entry = batch.entries.emplace_back();
    entry.job = JobId{1};
    entry.task = TaskId{task};
    entry.ready_at = ready_at;
    monitor_.polled(TaskKind::regular, kScheduler, nullptr, batch);
    monitor_.polls().ends(poll, batch);
  }
  /// Asks for the task's slot, and after a second for the next one's.
  static auto slots_of(std::uint32_t first, std::uint32_t later) -> std::shared_ptr<const SlotFilter> {
    auto slots = std::make_shared<SlotFilter>();
    slots->first.set(slot_of({JobId{1}, TaskId{first}}));
    slots->later.set(slot_of({JobId{1}, TaskId{later}}));
    slots->takeover_delay = seconds{1};
    return slots;
  }

  StorageLimits limits_;
  StorageMonitor monitor_{context_, limits_};
};

TEST_F(PollMonitorTest, OrderlyPollsAreClean) {
  find_nothing();  // at the instant of its submission
  pass(seconds{1});
  find(0, TimePoint{seconds{1}});
  find_nothing();
  pass(seconds{1});
  find(1, TimePoint{seconds{1}});  // it became ready after that look
  const auto poll = ask();
  pass(seconds{3});
  monitor_.polls().look();
  find(2, TimePoint{seconds{3}});  // while that poll slept
  monitor_.polls().ends(poll, InboundBatch{});
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(PollMonitorTest, I11EmptyAnswerWhileATaskWasReady) {
  pass(seconds{1});
  find_nothing();
  pass(seconds{1});
  find(0, {});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

/// What failed has not looked.
TEST_F(PollMonitorTest, I11FailedPollFoundNothingOut) {
  pass(seconds{1});
  find_nothing(nullptr, Errc::storage_unavailable);
  find(0, {});
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(PollMonitorTest, I11OnlyWhoAskedForItsSlotMustFindIt) {
  pass(seconds{1} + milliseconds{500});
  find_nothing(slots_of(1, 2));
  find_nothing(std::make_shared<SlotFilter>());
  find(0, {});
  EXPECT_THAT(rules(), IsEmpty());
  find(1, {});
  EXPECT_THAT(rules(), ElementsAre("I11"));
  find(2, {});
  EXPECT_THAT(rules(), ElementsAre("I11", "I11")) << "its takeover was due";
}

TEST_F(PollMonitorTest, I11TakeoverIsNotDueAtOnce) {
  pass(milliseconds{900});
  find_nothing(slots_of(1, 2));
  find(2, {});
  EXPECT_THAT(rules(), IsEmpty());
}

/// What was leased is offered anew when that lease ends; what has a coalesce key may wait for its equivalent.
TEST_F(PollMonitorTest, I11LeasedAndFoldableTasksMayComeLater) {
  find(0, {});
  pass(seconds{1});
  find_nothing();
  pass(seconds{1});
  find(0, {});
  find(8, {});
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(PollMonitorTest, I11NoAnswerWhenTheWaitIsOver) {
  const auto poll = ask(nullptr, seconds{3});
  pass(seconds{3});
  monitor_.polls().look();
  EXPECT_THAT(rules(), IsEmpty());
  pass(milliseconds{2});
  monitor_.polls().look();
  EXPECT_THAT(rules(), ElementsAre("I11"));
  monitor_.polls().ends(poll, InboundBatch{});
  EXPECT_THAT(rules(), ElementsAre("I11")) << "said once";
}

TEST_F(PollMonitorTest, I11AnswerAfterTheWaitIsOver) {
  const auto poll = ask(nullptr, seconds{3});
  pass(milliseconds{3002});
  monitor_.polls().ends(poll, InboundBatch{});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

/// The storage's clock ran at half its rate.
TEST_F(PollMonitorTest, I11ClockOfItsOwnIsAllowedFor) {
  context_.storage_clock.set_rate(500);
  ask(nullptr, seconds{3});
  context_.storage_clock.set_rate(1000);
  context_.storage_clock.jump(-seconds{1});
  pass(seconds{8});
  monitor_.polls().look();
  EXPECT_THAT(rules(), IsEmpty());
  pass(milliseconds{2});
  monitor_.polls().look();
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

}  // namespace
}  // namespace spider::sim
