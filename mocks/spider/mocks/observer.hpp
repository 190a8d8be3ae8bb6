#pragma once

/// gMock class for an observer. Spider's parts call it from their threads; gMock allows that as long as
/// all expectations are set before. An event's `error` is valid during the call only: match on it, do
/// not save it.
///
///   EXPECT_CALL(observer, observe(Field(&Event::kind, EventKind::task_failed)));

#include "spider/observer.hpp"

#include <gmock/gmock.h>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockObserver : public Observer {
 public:
  MOCK_METHOD(void, observe, (const Event&), (noexcept, override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
