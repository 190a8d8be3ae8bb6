#pragma once

/// gMock classes for the two halves of a dispatch queue. A method without an action fails with
/// `Errc::internal` and its own name; `free_slots` answers 0.

#include "spider/dispatch_queue.hpp"
#include "spider/mocks/actions.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockDispatchQueueSink : public DispatchQueueSink {
 public:
  MockDispatchQueueSink() {
    ON_CALL(*this, enqueue).WillByDefault(Unconfigured("MockDispatchQueueSink::enqueue"));
    ON_CALL(*this, enqueue_batch).WillByDefault(Unconfigured("MockDispatchQueueSink::enqueue_batch"));
    ON_CALL(*this, try_enqueue).WillByDefault(Unconfigured("MockDispatchQueueSink::try_enqueue"));
    ON_CALL(*this, bump_session).WillByDefault(Unconfigured("MockDispatchQueueSink::bump_session"));
    ON_CALL(*this, wait_for_slots).WillByDefault(Unconfigured("MockDispatchQueueSink::wait_for_slots"));
  }

  MOCK_METHOD(Async<void>, enqueue, (TaskAssignment), (override));
  MOCK_METHOD(Async<std::size_t>, enqueue_batch, (std::vector<TaskAssignment>), (override));
  MOCK_METHOD(Result<void>, try_enqueue, (const TaskAssignment&), (override));
  MOCK_METHOD(Result<void>, bump_session, (SessionId), (override));
  MOCK_METHOD(std::size_t, free_slots, (), (const, override));
  MOCK_METHOD(Async<std::size_t>, wait_for_slots, (), (override));
  MOCK_METHOD(void, close, (), (override));
};

class MockDispatchQueueSource : public DispatchQueueSource {
 public:
  MockDispatchQueueSource() {
    ON_CALL(*this, dequeue).WillByDefault(Unconfigured("MockDispatchQueueSource::dequeue"));
    ON_CALL(*this, dequeue_batch).WillByDefault(Unconfigured("MockDispatchQueueSource::dequeue_batch"));
    ON_CALL(*this, try_dequeue).WillByDefault(Unconfigured("MockDispatchQueueSource::try_dequeue"));
  }

  MOCK_METHOD(Async<std::optional<TaskAssignment>>, dequeue, (Duration), (override));
  MOCK_METHOD(Async<std::vector<TaskAssignment>>, dequeue_batch, (std::size_t, Duration), (override));
  MOCK_METHOD(Result<std::optional<TaskAssignment>>, try_dequeue, (), (override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
