// Real time passes here, but nothing is expected of its speed.

#include "spider/system_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>

namespace spider {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

TEST(SystemClock, AgreesWithTheWallClock) {
  asio::io_context context;
  const SystemClock clock{context.get_executor()};
  const auto difference = clock.now() - std::chrono::system_clock::now();
  EXPECT_LT(std::chrono::abs(difference), hours{1});
}

TEST(SystemClock, NeverGoesBack) {
  asio::io_context context;
  const SystemClock clock{context.get_executor()};
  auto last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(SystemClock, SleepsNoLessThanAsked) {
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  const auto until = clock.now() + microseconds{300};
  EXPECT_TRUE(block_on(context, clock.sleep_until(until)));
  EXPECT_GE(clock.now(), until);
}

TEST(SystemClock, SleepInThePastAnswersAtOnce) {
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  EXPECT_TRUE(block_on(context, clock.sleep_until(TimePoint{})));
}

TEST(SystemClock, CancelledSleepSaysSo) {
  for (const bool forever : {true, false}) {
    asio::io_context context;
    SystemClock clock{context.get_executor()};
    asio::cancellation_signal signal;
    std::optional<Result<void>> seen;
    const auto until = forever ? kForever : clock.now() + hours{1};
    asio::co_spawn(context, rooted(clock.sleep_until(until)),
                   asio::bind_cancellation_slot(
                       signal.slot(), [&](std::exception_ptr, Result<void> result) { seen = result; }));
    asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
    context.run();
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->error(), Errc::cancelled);
  }
}

TEST(SystemClock, AlarmFiresOnceNotBeforeItsTimeAndNotWithinArm) {
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  const auto at = clock.now() + microseconds{200};
  int fired = 0;
  TimePoint when{};
  const auto alarm = clock.make_alarm([&] {
    ++fired;
    when = clock.now();
  });
  alarm->arm(clock.now() + hours{1});
  alarm->arm(at);
  EXPECT_EQ(fired, 0);
  context.run();
  EXPECT_EQ(fired, 1);
  EXPECT_GE(when, at);
}

TEST(SystemClock, DisarmedAndDestroyedAlarmsDoNotFire) {
  asio::io_context context;
  SystemClock clock{context.get_executor()};
  int fired = 0;
  const auto disarmed = clock.make_alarm([&] { ++fired; });
  const auto forever = clock.make_alarm([&] { ++fired; });
  auto destroyed = clock.make_alarm([&] { ++fired; });
  for (auto* alarm : {disarmed.get(), forever.get(), destroyed.get()}) alarm->arm(clock.now() + hours{1});
  disarmed->disarm();
  forever->arm(kForever);
  destroyed.reset();
  context.run();  // ends only when no timer is left
  EXPECT_EQ(fired, 0);
}

TEST(SystemClock, AlarmOutlivesItsContext) {
  auto context = std::make_unique<asio::io_context>();
  SystemClock clock{context->get_executor()};
  const auto alarm = clock.make_alarm([] {});
  alarm->arm(clock.now() + hours{1});
  context.reset();
  alarm->arm(TimePoint{});
  alarm->disarm();
}

}  // namespace
}  // namespace spider
