#pragma once

/// gMock class for the storage as an application sees it. A method without an action fails with
/// `Errc::internal` and its own name.

#include "spider/job_client.hpp"
#include "spider/mocks/actions.hpp"

#include <gmock/gmock.h>

#include <span>
#include <vector>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockJobClient : public JobClient {
 public:
  MockJobClient() {
    ON_CALL(*this, submit).WillByDefault(Unconfigured("MockJobClient::submit"));
    ON_CALL(*this, cancel).WillByDefault(Unconfigured("MockJobClient::cancel"));
    ON_CALL(*this, view).WillByDefault(Unconfigured("MockJobClient::view"));
    ON_CALL(*this, view_tasks).WillByDefault(Unconfigured("MockJobClient::view_tasks"));
    ON_CALL(*this, explain).WillByDefault(Unconfigured("MockJobClient::explain"));
    ON_CALL(*this, list).WillByDefault(Unconfigured("MockJobClient::list"));
    ON_CALL(*this, wait).WillByDefault(Unconfigured("MockJobClient::wait"));
    ON_CALL(*this, outputs).WillByDefault(Unconfigured("MockJobClient::outputs"));
    ON_CALL(*this, retry).WillByDefault(Unconfigured("MockJobClient::retry"));
    ON_CALL(*this, pause).WillByDefault(Unconfigured("MockJobClient::pause"));
    ON_CALL(*this, resume).WillByDefault(Unconfigured("MockJobClient::resume"));
    ON_CALL(*this, has_pending).WillByDefault(Unconfigured("MockJobClient::has_pending"));
  }

  MOCK_METHOD(Async<std::vector<Result<Submitted>>>, submit, (std::span<const JobSpec>), (override));
  MOCK_METHOD(Async<JobState>, cancel, (JobId), (override));
  MOCK_METHOD(Async<JobView>, view, (JobId), (override));
  MOCK_METHOD(Async<std::vector<TaskView>>, view_tasks, (JobId, Page), (override));
  MOCK_METHOD(Async<TaskExplanation>, explain, (TaskRef), (override));
  MOCK_METHOD(Async<std::vector<JobView>>, list, (JobFilter), (override));
  MOCK_METHOD(Async<JobState>, wait, (JobId, Duration), (override));
  MOCK_METHOD(Async<std::vector<TaskOutput>>, outputs, (JobId, Page), (override));
  MOCK_METHOD(Async<void>, retry, (JobId), (override));
  MOCK_METHOD(Async<void>, pause, (PauseTarget), (override));
  MOCK_METHOD(Async<void>, resume, (PauseTarget), (override));
  MOCK_METHOD(Async<bool>, has_pending, (std::string, CoalesceKey), (override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
