#pragma once

/// gMock classes for a core and for what it is handed back. A method without an action fails with
/// `Errc::internal` and its own name; `take` answers nothing.

#include "spider/mocks/actions.hpp"
#include "spider/scheduler_core.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <vector>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockHandedBack : public HandedBack {
 public:
  MockHandedBack() { ON_CALL(*this, wait).WillByDefault(Unconfigured("MockHandedBack::wait")); }

  MOCK_METHOD(Async<void>, wait, (), (override));
  MOCK_METHOD(std::vector<TaskAssignment>, take, (std::size_t), (override));
};

class MockSchedulerCore : public SchedulerCore {
 public:
  MockSchedulerCore() { ON_CALL(*this, run).WillByDefault(Unconfigured("MockSchedulerCore::run")); }

  MOCK_METHOD(Async<void>, run, (CoreContext&), (override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
