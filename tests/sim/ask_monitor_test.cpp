// The monitor of how soon a scheduler asks for work, shown histories in which it does not.

#include "sim/ask_monitor.hpp"
#include "sim/monitor_fixture.hpp"

namespace spider::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AskMonitorTest : public MonitorTest {
 protected:
  static auto promise() -> AskMonitor::Promise {
    AskMonitor::Promise promise;
    promise.rest = milliseconds{100};
    promise.rest_failed = seconds{4};
    promise.wait_max = seconds{3};
    promise.held_max = 10;
    promise.jobs_max = 10;
    return promise;
  }
  auto register_anew(bool done = true) -> void {
    monitor_.registration_begins();
    monitor_.registration_ends(done);
  }
  auto ask(TaskKind lane, Duration wait = seconds{3}) -> void {
    PollRequest request;
    request.wait = wait;
    monitor_.poll_begins(lane, request);
  }
  auto ask_all() -> void {
    for (const auto lane : {TaskKind::regular, TaskKind::commit, TaskKind::cleanup}) ask(lane);
  }
  auto pass_and_look(Duration time) -> void {
    pass(time);
    monitor_.look();
  }

  AskMonitor monitor_{context_, promise()};
};

TEST_F(AskMonitorTest, OrderlyLifeIsClean) {
  register_anew(false);
  pass_and_look(seconds{4});
  register_anew();
  ask_all();
  pass_and_look(seconds{30});  // held up on its way
  monitor_.poll_ends(TaskKind::regular, true);
  pass_and_look(milliseconds{100});
  ask(TaskKind::regular);
  monitor_.poll_ends(TaskKind::commit, false);
  pass_and_look(seconds{4});
  ask(TaskKind::commit);
  monitor_.poll_ends(TaskKind::regular, true);
  monitor_.close();
  pass_and_look(seconds{30});
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(AskMonitorTest, I11DoesNotAskAgainAfterAnAnswer) {
  register_anew();
  ask_all();
  monitor_.poll_ends(TaskKind::cleanup, true);
  pass_and_look(milliseconds{102});
  EXPECT_THAT(rules(), ElementsAre("I11"));
  pass_and_look(milliseconds{102});
  EXPECT_THAT(rules(), ElementsAre("I11")) << "said once";
}

TEST_F(AskMonitorTest, I11AsksTooLateAfterAnAnswer) {
  register_anew();
  ask_all();
  monitor_.poll_ends(TaskKind::regular, true);
  pass(milliseconds{102});
  ask(TaskKind::regular);
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

TEST_F(AskMonitorTest, I11DoesNotAskAgainAfterAFailure) {
  register_anew();
  ask_all();
  monitor_.poll_ends(TaskKind::regular, false);
  pass_and_look(milliseconds{4002});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

TEST_F(AskMonitorTest, I11DoesNotAskWhenItIsRegistered) {
  register_anew();
  ask(TaskKind::regular);
  ask(TaskKind::commit);
  pass_and_look(milliseconds{4002});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

TEST_F(AskMonitorTest, I11DoesNotRegisterAgain) {
  register_anew(false);
  pass_and_look(milliseconds{4002});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

TEST_F(AskMonitorTest, I11NeverRegisters) {
  pass_and_look(milliseconds{2});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

/// The other lanes go on; and with room again it must ask.
TEST_F(AskMonitorTest, I11AsksOnlyWhereItHasRoom) {
  register_anew();
  ask_all();
  monitor_.holds(11);
  monitor_.poll_ends(TaskKind::regular, true);
  pass_and_look(seconds{30});
  EXPECT_THAT(rules(), IsEmpty());
  monitor_.holds(10);
  pass_and_look(milliseconds{4002});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

TEST_F(AskMonitorTest, I11WaitsForLongerThanOneInterval) {
  register_anew();
  ask(TaskKind::regular, milliseconds{3001});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

/// Its clock ran at half its rate, and was set back.
TEST_F(AskMonitorTest, I11ClockOfItsOwnIsAllowedFor) {
  context_.scheduler_clock.jump(-milliseconds{50});
  context_.scheduler_clock.set_rate(500);
  register_anew();
  ask_all();
  monitor_.poll_ends(TaskKind::regular, true);
  context_.scheduler_clock.jump(-milliseconds{30});
  pass_and_look(milliseconds{360});
  EXPECT_THAT(rules(), IsEmpty());
  pass_and_look(milliseconds{2});
  EXPECT_THAT(rules(), ElementsAre("I11"));
}

}  // namespace
}  // namespace spider::sim
