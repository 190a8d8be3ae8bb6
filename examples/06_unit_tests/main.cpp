// Unit tests of an application: a handler alone, a storage that fails, the whole under virtual time.
// No server, no thread, no sleep. Your own test program links gtest_main and needs no main.

#include "gallery.hpp"
#include "spider/mocks/job_client.hpp"
#include "spider/testing/app.hpp"
#include "spider/testing/perform.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using spider::testing::App;
using spider::testing::AppCounts;
using spider::testing::HasSubmitted;
using spider::testing::HasTask;
using spider::testing::InGroup;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

auto configure(spider::SchedulerOptions& options) -> void {
  options.handlers = gallery::handlers(options.clock);
}

TEST(Gallery, ResizeUsesWhatWasDecoded) {
  const auto handlers = gallery::handlers(nullptr);
  const auto thumb = spider::testing::perform(handlers, "resize", 64, {.parents = {{"pixels"}}});
  EXPECT_EQ(thumb.output<std::string>().value(), "pixels at 64");
}

TEST(Gallery, DecodeOfATextIsNotTriedAgain) {
  const auto handlers = gallery::handlers(nullptr);
  EXPECT_TRUE(spider::testing::perform(handlers, "decode", "notes.txt").retry_never());
}

TEST(Gallery, UploadSaysWhenTheStorageIsAway) {
  boost::asio::io_context context;
  spider::mocks::MockJobClient jobs;
  EXPECT_CALL(jobs, submit).WillOnce(spider::mocks::CoFail(spider::Errc::storage_unavailable));
  const auto uploaded = spider::block_on(context, gallery::upload(&jobs, "alice", "in.jpg"));
  EXPECT_EQ(uploaded.error(), spider::Errc::storage_unavailable);
}

TEST(Gallery, UploadSubmitsOneJobOfTheUser) {
  App app{configure};
  EXPECT_THAT(app, HasSubmitted(IsEmpty()));
  ASSERT_TRUE(app.run(gallery::upload(&app.scheduler().storage(), "alice", "in.jpg")));
  EXPECT_THAT(app, HasSubmitted(ElementsAre(AllOf(InGroup("alice"), HasTask("decode", "in.jpg"),
                                                  HasTask("resize", 64), HasTask("resize", 256)))));
}

TEST(Gallery, GoodPicturesSucceedAndBadOnesFail) {
  App app{configure};
  for (const auto* path : {"one.jpg", "two.jpg", "notes.txt"}) {
    ASSERT_TRUE(app.run(gallery::upload(&app.scheduler().storage(), "alice", path)));
  }
  EXPECT_EQ(app.drain(), (AppCounts{.succeeded = 2, .failed = 1}));
}

TEST(Gallery, ReminderComesAfterAWeek) {
  App app{configure};
  spider::JobBuilder job{"alice"};
  job.task("remind", "your pictures");
  const auto week = std::chrono::hours{7 * 24};
  ASSERT_TRUE(app.run(app.scheduler().submit(job)));
  EXPECT_EQ(app.drain(week - std::chrono::seconds{1}), (AppCounts{.unfinished = 1}));
  EXPECT_EQ(app.drain(), (AppCounts{.succeeded = 1}));
  EXPECT_EQ(app.clock().now(), spider::TimePoint{week});
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  GTEST_FLAG_SET(print_time, false);  // the output is compared
  return RUN_ALL_TESTS();
}
