#pragma once

/// gMock class for a member directory. A method without an action fails with `Errc::internal` and its own
/// name; `limits` answers with the defaults.

#include "spider/member_directory.hpp"
#include "spider/mocks/actions.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <vector>

namespace spider {
inline namespace v1 {
namespace mocks {

class MockMemberDirectory : public MemberDirectory {
 public:
  MockMemberDirectory() {
    ON_CALL(*this, join).WillByDefault(Unconfigured("MockMemberDirectory::join"));
    ON_CALL(*this, ping).WillByDefault(Unconfigured("MockMemberDirectory::ping"));
    ON_CALL(*this, leave).WillByDefault(Unconfigured("MockMemberDirectory::leave"));
    ON_CALL(*this, active).WillByDefault(Unconfigured("MockMemberDirectory::active"));
    ON_CALL(*this, collect).WillByDefault(Unconfigured("MockMemberDirectory::collect"));
    ON_CALL(*this, limits).WillByDefault(::testing::ReturnRef(limits_));
  }

  MOCK_METHOD(Async<MemberId>, join, (MemberInfo), (override));
  MOCK_METHOD(Async<void>, ping, (MemberId), (override));
  MOCK_METHOD(Async<void>, leave, (MemberId), (override));
  MOCK_METHOD(Async<std::vector<MemberView>>, active, (), (override));
  MOCK_METHOD(Async<std::size_t>, collect, (std::size_t), (override));
  MOCK_METHOD(const MemberLimits&, limits, (), (const, override));

 private:
  MemberLimits limits_;
};

}  // namespace mocks
}  // namespace v1
}  // namespace spider
