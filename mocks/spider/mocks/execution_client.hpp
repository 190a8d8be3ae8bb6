#pragma once

/// gMock class for the storage as an execution manager sees it. A method without an action fails with
/// `Errc::internal` and its own name.

#include "spider/execution_client.hpp"
#include "spider/mocks/actions.hpp"

#include <gmock/gmock.h>

#include <span>
#include <vector>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockExecutionClient : public ExecutionClient {
 public:
  MockExecutionClient() {
    ON_CALL(*this, start).WillByDefault(Unconfigured("MockExecutionClient::start"));
    ON_CALL(*this, parent_outputs).WillByDefault(Unconfigured("MockExecutionClient::parent_outputs"));
    ON_CALL(*this, finish).WillByDefault(Unconfigured("MockExecutionClient::finish"));
    ON_CALL(*this, renew).WillByDefault(Unconfigured("MockExecutionClient::renew"));
  }

  MOCK_METHOD(Async<std::vector<Result<StartedTask>>>, start, (std::span<const TaskAssignment>, ManagerId),
              (override));
  MOCK_METHOD(Async<std::vector<std::vector<Bytes>>>, parent_outputs, (TaskInstance), (override));
  MOCK_METHOD(Async<std::vector<Result<void>>>, finish, (std::span<const FinishRequest>), (override));
  MOCK_METHOD(Async<Renewal>, renew, (ManagerId), (override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
