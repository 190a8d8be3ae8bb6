// The monitor between core and managers, shown histories in which one promise is broken.

#include "sim/dispatch_monitor.hpp"
#include "sim/monitor_fixture.hpp"

namespace spider::sim {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DispatchMonitorTest : public MonitorTest {
 protected:
  DispatchMonitorTest() {
    monitor_.core_begins();
    monitor_.bumped(SessionId{1});
  }

  DispatchMonitor monitor_{context_, 2, seconds{5}};
};

TEST_F(DispatchMonitorTest, OrderlyHistoryIsClean) {
  monitor_.enqueued(assignment(1));
  monitor_.enqueued(assignment(2));
  monitor_.dequeued(assignment(1));
  monitor_.handed_out(kAnna, assignment(1));
  monitor_.acknowledged(kAnna, std::vector{assignment(1)});
  monitor_.bumped(SessionId{2});
  pass(seconds{60});
  monitor_.close(2, 1, 0, 0);
  EXPECT_THAT(rules(), IsEmpty());
}

TEST_F(DispatchMonitorTest, I3StaleAssignmentTaken) {
  monitor_.enqueued(assignment(1));
  monitor_.bumped(SessionId{2});
  monitor_.dequeued(assignment(1));
  EXPECT_THAT(rules(), ElementsAre("I3"));
}

TEST_F(DispatchMonitorTest, I9MoreThanTheCapacity) {
  for (std::uint64_t id = 1; id <= 3; ++id) monitor_.enqueued(assignment(id));
  EXPECT_THAT(rules(), ElementsAre("I9"));
}

TEST_F(DispatchMonitorTest, I12EnqueuedAfterTheStop) {
  monitor_.core_stops();
  monitor_.enqueued(assignment(1));
  EXPECT_THAT(rules(), ElementsAre("I12"));
}

TEST_F(DispatchMonitorTest, I8NotHandedBackInTime) {
  monitor_.enqueued(assignment(1));
  monitor_.dequeued(assignment(1));
  monitor_.handed_out(kAnna, assignment(1));
  monitor_.manager_gone(kAnna);
  pass(seconds{10});
  monitor_.look();
  EXPECT_THAT(rules(), IsEmpty()) << "it is not due yet";
  pass(seconds{10});
  monitor_.look();
  EXPECT_THAT(rules(), ElementsAre("I8"));
}

TEST_F(DispatchMonitorTest, QueueRules) {
  monitor_.enqueued(assignment(1));
  monitor_.enqueued(assignment(2));
  monitor_.dequeued(assignment(2));
  monitor_.dequeued(assignment(2));
  monitor_.enqueued(assignment(3, 7));
  monitor_.bumped(SessionId{1});
  monitor_.enqueue_refused(assignment(4), Error{Errc::would_block});
  EXPECT_THAT(rules(), ElementsAre("D4", "D3", "D5", "D6", "D2"));
}

TEST_F(DispatchMonitorTest, D10CancelledEnqueueThatComesOut) {
  monitor_.enqueue_begins(assignment(1));
  monitor_.enqueue_ends(assignment(1), Errc::cancelled);
  monitor_.dequeued(assignment(1));
  EXPECT_THAT(rules(), ElementsAre("D10", "D3"));
}

TEST_F(DispatchMonitorTest, ServiceRules) {
  monitor_.handed_out(kAnna, assignment(1));
  monitor_.handed_out(kBert, assignment(1));
  monitor_.handed_back(assignment(1));
  monitor_.handed_back(assignment(1));
  monitor_.handed_back(assignment(2));
  monitor_.close(0, 0, 0, 1);
  EXPECT_THAT(rules(), ElementsAre("S1", "S4", "S4", "S4"));
}

TEST_F(DispatchMonitorTest, D15CountersThatDoNotAddUp) {
  monitor_.enqueued(assignment(1));
  monitor_.close(2, 0, 1, 0);
  EXPECT_THAT(rules(), ElementsAre("D15", "D3"));
}

/// What its scheduler held when it was killed is the storage's to offer again.
TEST_F(DispatchMonitorTest, AbandonedQueueMayHoldSomething) {
  monitor_.enqueued(assignment(1));
  monitor_.enqueued(assignment(2));
  monitor_.dequeued(assignment(1));
  monitor_.handed_out(kAnna, assignment(1));
  monitor_.manager_gone(kAnna);
  monitor_.abandon();
  pass(seconds{60});
  monitor_.close(2, 1, 1, 1);
  EXPECT_THAT(rules(), IsEmpty());
  monitor_.close(3, 1, 1, 1);
  EXPECT_THAT(rules(), ElementsAre("D15")) << "but it still counts";
}

}  // namespace
}  // namespace spider::sim
