#pragma once

/// gMock classes for the clock and its alarm. For code that merely waits, `VirtualClock` is the
/// better partner; these are for checking what is armed and asked. Without an action `now` answers
/// the epoch, `make_alarm` an alarm that never fires, and `sleep_until` fails with `Errc::internal`.

#include "spider/clock.hpp"
#include "spider/mocks/actions.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <memory>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockAlarm : public Alarm {
 public:
  MOCK_METHOD(void, arm, (TimePoint), (override));
  MOCK_METHOD(void, disarm, (), (override));
};

class MockClock : public Clock {
 public:
  MockClock() {
    ON_CALL(*this, sleep_until).WillByDefault(Unconfigured("MockClock::sleep_until"));
    ON_CALL(*this, make_alarm).WillByDefault([](const std::function<void()>&) {
      return std::make_unique<::testing::NiceMock<MockAlarm>>();
    });
  }

  MOCK_METHOD(TimePoint, now, (), (const, override));
  MOCK_METHOD(Async<void>, sleep_until, (TimePoint), (override));
  MOCK_METHOD(std::unique_ptr<Alarm>, make_alarm, (std::function<void()>), (override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
