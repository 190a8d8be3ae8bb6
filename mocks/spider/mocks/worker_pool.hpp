#pragma once

/// gMock class for a worker pool. A method without an action fails with `Errc::internal` and its own name.

#include "spider/mocks/actions.hpp"
#include "spider/worker_pool.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <optional>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockWorkerPool : public WorkerPool {
 public:
  MockWorkerPool() {
    ON_CALL(*this, add).WillByDefault(Unconfigured("MockWorkerPool::add"));
    ON_CALL(*this, remove).WillByDefault(Unconfigured("MockWorkerPool::remove"));
    ON_CALL(*this, claim).WillByDefault(Unconfigured("MockWorkerPool::claim"));
    ON_CALL(*this, release).WillByDefault(Unconfigured("MockWorkerPool::release"));
    ON_CALL(*this, renew).WillByDefault(Unconfigured("MockWorkerPool::renew"));
    ON_CALL(*this, sweep).WillByDefault(Unconfigured("MockWorkerPool::sweep"));
    ON_CALL(*this, count).WillByDefault(Unconfigured("MockWorkerPool::count"));
  }

  MOCK_METHOD(Async<void>, add, (WorkerInfo), (override));
  MOCK_METHOD(Async<void>, remove, (WorkerId), (override));
  MOCK_METHOD(Async<std::optional<Claim>>, claim, (ClaimRequest), (override));
  MOCK_METHOD(Async<void>, release, (Claim), (override));
  MOCK_METHOD(Async<void>, renew, (Claim), (override));
  MOCK_METHOD(Async<PoolSweep>, sweep, (TimePoint, std::size_t), (override));
  MOCK_METHOD(Async<WorkerCounts>, count, (), (override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
