#include "spider/testing/member_directory_suite.hpp"

#include "spider/testing/member_directory_trial.hpp"

#include <utility>

namespace spider {
inline namespace v1 {
namespace testing {

auto MemberDirectoryTrial::open(std::size_t members_max) -> bool {
  MemberLimits limits;
  limits.active_for = kActiveFor;
  limits.lost_after = kLostAfter;
  limits.members_max = members_max;
  auto opened = open_(MemberDirectorySetup{limits, clock_});
  expect(opened.has_value(), "an empty directory can be opened");
  if (!opened) return false;
  directory_ = std::move(opened).value();
  return true;
}

auto MemberDirectoryTrial::join(std::string name) -> MemberId {
  const auto joined = try_join(std::move(name));
  expect(joined.has_value(), "a member can join");
  return joined ? joined.value() : MemberId{};
}

auto MemberDirectoryTrial::collect(std::size_t limit) -> std::size_t {
  const auto collected = run(directory_->collect(limit));
  expect(collected.has_value(), "a collect answers");
  return collected ? collected.value() : 0;
}

auto MemberDirectoryTrial::active() -> std::vector<MemberId> {
  std::vector<MemberId> members;
  const auto views = run(directory_->active());
  expect(views.has_value(), "who is active can be asked");
  if (!views) return members;
  for (const auto& view : views.value()) members.push_back(view.id);
  return members;
}

auto MemberDirectoryTrial::active_names() -> std::string {
  std::string names;
  const auto views = run(directory_->active());
  expect(views.has_value(), "who is active can be asked");
  if (!views) return names;
  for (const auto& view : views.value()) names += (names.empty() ? "" : " ") + view.name;
  return names;
}

auto MemberDirectoryTrial::expect_active(const std::string& names, const std::string& when) -> void {
  const auto actual = active_names();
  expect(actual == names, "active " + when + " is \"" + names + "\", not \"" + actual + '"');
}

auto member_directory_checks() -> std::span<const MemberDirectoryCheck> {
  static const auto checks = [] {
    std::vector<MemberDirectoryCheck> all;
    for (const auto part : {member_directory_active_checks(), member_directory_row_checks()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return checks;
}

auto broken_promises(const MemberDirectoryCheck& check, const OpenMemberDirectory& open)
    -> std::vector<std::string> {
  MemberDirectoryTrial trial{check.rule, open};
  check.run(trial);
  return trial.broken();
}

auto member_directory_cases(OpenMemberDirectory open)
    -> ::testing::internal::ParamGenerator<MemberDirectoryCase> {
  std::vector<MemberDirectoryCase> cases;
  for (const auto& check : member_directory_checks()) cases.push_back({open, check});
  return ::testing::ValuesIn(cases);
}

auto member_directory_case_name(const ::testing::TestParamInfo<MemberDirectoryCase>& info) -> std::string {
  return std::string{info.param.check.rule} + info.param.check.name;
}

TEST_P(MemberDirectorySuite, Holds) {
  for (const auto& promise : broken_promises(GetParam().check, GetParam().open)) {
    ADD_FAILURE() << "broken promise " << promise;
  }
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MemberDirectorySuite);

}  // namespace testing
}  // namespace v1
}  // namespace spider
