#pragma once

/// gMock class for the dispatch service as an execution manager sees it. A method without an action
/// fails with `Errc::internal` and its own name.

#include "spider/dispatch_client.hpp"
#include "spider/mocks/actions.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <vector>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockDispatchClient : public DispatchClient {
 public:
  MockDispatchClient() {
    ON_CALL(*this, next_tasks).WillByDefault(Unconfigured("MockDispatchClient::next_tasks"));
    ON_CALL(*this, acknowledge).WillByDefault(Unconfigured("MockDispatchClient::acknowledge"));
    ON_CALL(*this, heartbeat).WillByDefault(Unconfigured("MockDispatchClient::heartbeat"));
    ON_CALL(*this, leave).WillByDefault(Unconfigured("MockDispatchClient::leave"));
  }

  MOCK_METHOD(Async<std::vector<TaskAssignment>>, next_tasks, (ManagerId, std::size_t, Duration), (override));
  MOCK_METHOD(Async<void>, acknowledge, (ManagerId, std::vector<TaskAssignment>), (override));
  MOCK_METHOD(Async<void>, heartbeat, (ManagerId), (override));
  MOCK_METHOD(Async<void>, leave, (ManagerId, std::vector<TaskAssignment>), (override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
