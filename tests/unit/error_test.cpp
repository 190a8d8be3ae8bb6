#include "spider/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <system_error>

namespace spider {
namespace {

auto half(int value) -> Result<int> {
  if (value % 2 != 0) return Errc::invalid_argument;
  return value / 2;
}

auto quarter(int value) -> Result<int> {
  SPIDER_TRY(const auto first, half(value));
  SPIDER_TRY(const auto second, half(first));
  return second;
}

TEST(Error, EveryCodeHasATextOfItsOwn) {
  std::set<std::string> texts;
  int codes = 0;
  for (int value = 1; value <= 1000; ++value) {
    const auto text = error_category().message(value);
    if (text == "unknown error") break;
    EXPECT_TRUE(texts.insert(text).second) << text;
    ++codes;
  }
  EXPECT_EQ(codes, static_cast<int>(Errc::internal));
}

TEST(Error, CodeBelongsToTheSpiderCategory) {
  const std::error_code code = Errc::stale_session;
  EXPECT_EQ(&code.category(), &error_category());
  EXPECT_STREQ(code.category().name(), "spider");
  EXPECT_EQ(code, Errc::stale_session);
  EXPECT_NE(code, Errc::invalid_session);
}

TEST(Error, MessageAppendsTheDetail) {
  EXPECT_EQ(Error{Errc::unknown_job}.message(), "unknown job");
  EXPECT_EQ((Error{Errc::unknown_job, "17"}.message()), "unknown job: 17");
}

TEST(Error, StreamsItsMessage) {
  std::ostringstream out;
  out << Error{Errc::parse_error, "line 3"};
  EXPECT_EQ(out.str(), "parse error: line 3");
}

TEST(Error, ComparesWithErrcByCodeAlone) {
  EXPECT_EQ((Error{Errc::closed, "channel"}), Errc::closed);
  EXPECT_FALSE((Error{Errc::closed, "channel"}) == Error{Errc::closed});
}

TEST(Result, DefaultHoldsInternal) {
  const Result<int> result;
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), Errc::internal);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error(), Errc::invalid_argument);
}

TEST(Result, ValueOfAnErrorThrowsSystemError) {
  const Result<int> result = Error{Errc::io_error, "disk"};
  try {
    static_cast<void>(result.value());
    FAIL() << "value() of an error returned";
  } catch (const std::system_error& thrown) {
    EXPECT_EQ(thrown.code(), Errc::io_error);
    EXPECT_NE(std::string{thrown.what()}.find("disk"), std::string::npos);
  }
}

}  // namespace
}  // namespace spider
