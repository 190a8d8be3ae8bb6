#pragma once

/// gMock classes for a policy and for a picker. Without actions a policy is one that never has
/// anything, declares to be not work-conserving, and is named "mock"; a picker picks group 0.

#include "spider/scheduling_policy.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <optional>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockSchedulingPolicy : public SchedulingPolicy {
 public:
  MockSchedulingPolicy() {
    PolicyTraits traits_by_default;
    traits_by_default.name = "mock";
    traits_by_default.work_conserving = false;
    ON_CALL(*this, traits).WillByDefault(::testing::Return(traits_by_default));
  }

  MOCK_METHOD(void, admit, (const InboundEntry&, TimePoint), (override));
  MOCK_METHOD(std::optional<InboundEntry>, next, (TimePoint), (override));
  MOCK_METHOD(std::optional<InboundEntry>, take_oldest, (JobId, TimePoint), (override));
  MOCK_METHOD(std::size_t, drop_job, (JobId), (override));
  MOCK_METHOD(void, clear, (), (override));
  MOCK_METHOD(std::size_t, size, (), (const, override));
  MOCK_METHOD(void, finished, (const InboundEntry&, Duration), (override));
  MOCK_METHOD(std::optional<TimePoint>, wake_at, (), (const, override));
  MOCK_METHOD(std::optional<QueuePlace>, place, (JobId, TaskId), (const, override));
  MOCK_METHOD(PolicyTraits, traits, (), (const, override));
};

class MockGroupPicker : public GroupPicker {
 public:
  MockGroupPicker() {
    Traits traits_by_default;
    traits_by_default.name = "mock";
    ON_CALL(*this, traits).WillByDefault(::testing::Return(traits_by_default));
  }

  MOCK_METHOD(void, active, (const GroupInfo&, TimePoint), (override));
  MOCK_METHOD(void, idle, (GroupKey), (override));
  MOCK_METHOD(void, forget, (GroupKey), (override));
  MOCK_METHOD(GroupKey, pick, (TimePoint), (override));
  MOCK_METHOD(void, finished, (GroupKey, Duration), (override));
  MOCK_METHOD(void, clear, (), (override));
  MOCK_METHOD(std::uint64_t, turn, (GroupKey), (const, override));
  MOCK_METHOD(Traits, traits, (), (const, override));
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
