#include "cli/compare_command.hpp"
#include "cli/program.hpp"
#include "cli/run/lag_meter.hpp"
#include "spider/policies/fair_share.hpp"
#include "spider/policies/fifo.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <sstream>

namespace spider::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kLog = "examples/10_lottery/three_users.swf";

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

template <class... Words>
auto spider(const Words*... words) -> Outcome {
  const std::array<const char*, sizeof...(Words) + 1> arguments{"spider", words...};
  std::ostringstream out;
  std::ostringstream err;
  Outcome outcome;
  outcome.status = run_main(arguments.size(), arguments.data(), {out, err});
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

TEST(CompareCommand, PoliciesAreSplitOutsideOfParentheses) {
  EXPECT_THAT(split_policies("fifo,job-round-robin(active=2,turns=3)/fifo,fair-share").value(),
              ElementsAre("fifo", "job-round-robin(active=2,turns=3)/fifo", "fair-share"));
  EXPECT_EQ(split_policies("fifo,,fair-share").error(), Errc::parse_error);
  EXPECT_EQ(split_policies("").error(), Errc::parse_error);
}

TEST(CompareCommand, JsonHasOneRunPerPolicy) {
  const auto ran = spider("compare", kLog, "--policies", "fifo,fair-share", "--workers", "4", "--json", "-");
  EXPECT_EQ(ran.status, kSuccess) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  ASSERT_EQ(json["policies"].size(), 2U);
  for (const auto* policy : {"fifo", "fair-share"}) {
    EXPECT_EQ(json["policies"][policy]["tasks"]["succeeded"], 36) << policy;
    EXPECT_EQ(json["policies"][policy]["violations"], 0) << policy;
  }
  const auto& fairness = json["policies"]["fair-share"]["fairness"];
  EXPECT_LE(fairness["lag"], fairness["lag_bound"]);
  EXPECT_LT(fairness["lag"], json["policies"]["fifo"]["fairness"]["lag"]);
}

TEST(CompareCommand, UnknownPolicyIsBadInputBeforeAnythingRuns) {
  const auto ran = spider("compare", kLog, "--policies", "fifo,lottery");
  EXPECT_EQ(ran.status, kBadInput);
  EXPECT_THAT(ran.err, HasSubstr("lottery"));
  EXPECT_EQ(ran.out, "");
}

TEST(LagMeter, CountsHowFarAGroupFallsBehind) {
  const auto figures = std::make_shared<LagFigures>();
  const auto policy = with_lag_meter(make_fifo(), figures);
  for (std::uint64_t job = 1; job <= 20; ++job) {
    InboundEntry entry;
    entry.job = JobId{job};
    entry.group = ResourceGroupId{job <= 10 ? 1U : 2U};
    entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(job)}};
    policy->admit(entry, {});
  }
  for (int served = 0; served < 10; ++served) ASSERT_TRUE(policy->next({}).has_value());
  EXPECT_DOUBLE_EQ(figures->largest, 5.0);  // of ten entries, the second group was due half
  EXPECT_FALSE(figures->bound.has_value());
}

}  // namespace
}  // namespace spider::cli
