#pragma once

/// gMock class for the storage as a scheduler core sees it. A method without an action fails with
/// `Errc::internal` and its own name.

#include "spider/mocks/actions.hpp"
#include "spider/storage_client.hpp"

#include <gmock/gmock.h>

#include <span>
#include <vector>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockStorageClient : public StorageClient {
 public:
  MockStorageClient() {
    ON_CALL(*this, register_scheduler).WillByDefault(Unconfigured("MockStorageClient::register_scheduler"));
    ON_CALL(*this, unregister_scheduler)
        .WillByDefault(Unconfigured("MockStorageClient::unregister_scheduler"));
    ON_CALL(*this, poll_ready).WillByDefault(Unconfigured("MockStorageClient::poll_ready"));
    ON_CALL(*this, poll_commit_ready).WillByDefault(Unconfigured("MockStorageClient::poll_commit_ready"));
    ON_CALL(*this, poll_cleanup_ready).WillByDefault(Unconfigured("MockStorageClient::poll_cleanup_ready"));
    ON_CALL(*this, poll_ended).WillByDefault(Unconfigured("MockStorageClient::poll_ended"));
    ON_CALL(*this, job_state).WillByDefault(Unconfigured("MockStorageClient::job_state"));
  }

  MOCK_METHOD(Async<Registration>, register_scheduler, (SchedulerInfo), (override));
  MOCK_METHOD(Async<void>, unregister_scheduler, (Registration), (override));
  MOCK_METHOD(Async<InboundBatch>, poll_ready, (PollRequest), (override));
  MOCK_METHOD(Async<InboundBatch>, poll_commit_ready, (PollRequest), (override));
  MOCK_METHOD(Async<InboundBatch>, poll_cleanup_ready, (PollRequest), (override));
  MOCK_METHOD(Async<EndedBatch>, poll_ended, (EndedCursor, Duration), (override));
  MOCK_METHOD(Async<JobState>, job_state, (JobId), (override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
