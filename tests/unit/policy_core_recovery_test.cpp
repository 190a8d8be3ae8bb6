// What is leased to a core that does not know of it, or has dropped it, is dispatched all the same.

#include "spider/policy_core.hpp"
#include "spider/testing/core_trial.hpp"
#include "support/policy_cores.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spider::inline v1::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST(PolicyCore, C10RecoversWhatOneLostAnswerHasLeased) {
  CoreTrial trial{policy_core({}, {.recover_after = 1min})};
  trial.start();
  trial.storage().lose(StorageCall::poll_ready, 1);
  trial.storage().offer(ready_entry(1, 0));
  trial.advance(10s);
  trial.storage().offer(ready_entry(1, 1));
  trial.settle();
  EXPECT_THAT(trial.taken(), ElementsAre(TaskRef{JobId{1}, TaskId{1}})) << "nobody knows of the first";
  trial.storage().start({JobId{1}, TaskId{1}});
  trial.advance(49s);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 1U);
  trial.advance(1s);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 2U);
  EXPECT_THAT(trial.taken(), ElementsAre(TaskRef{JobId{1}, TaskId{0}}));
  trial.advance(1h);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 2U) << "once is enough";
}

TEST(PolicyCore, C10LapseBetweenTheLostAnswerAndTheNextHidesNothing) {
  CoreTrial trial{policy_core({}, {.recover_after = 1min})};
  trial.start();
  for (const auto lane : {StorageCall::poll_commit_ready, StorageCall::poll_cleanup_ready})
    trial.storage().hang(lane);
  trial.storage().lose(StorageCall::poll_ready, 1);
  trial.storage().lapse();
  trial.storage().offer(ready_entry(1, 0));
  trial.advance(50s);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 1U);
  EXPECT_EQ(trial.log().count(EventKind::session_bumped), 2U) << "the next answer told of the new session";
  EXPECT_THAT(trial.taken(), IsEmpty());
  trial.advance(10s);
  EXPECT_THAT(trial.taken(), ElementsAre(TaskRef{JobId{1}, TaskId{0}}));
}

TEST(PolicyCore, C10AnswerThatIsLostAfterAnotherLaneToldOfTheLapseCounts) {
  CoreTrial trial{policy_core({}, {.recover_after = 1min})};
  trial.start();
  trial.storage().hang(StorageCall::poll_ready);
  trial.storage().lapse();
  trial.settle();
  EXPECT_EQ(trial.log().count(EventKind::session_bumped), 2U);
  trial.storage().offer(ready_entry(1, 0));
  trial.storage().heal(StorageCall::poll_ready);
  trial.storage().lose(StorageCall::poll_ready, 1);
  trial.advance(59s);
  EXPECT_THAT(trial.taken(), IsEmpty());
  trial.advance(1s);
  EXPECT_THAT(trial.taken(), ElementsAre(TaskRef{JobId{1}, TaskId{0}}));
}

TEST(PolicyCore, C2RoomThatADropMakesIsPolledForAtOnce) {
  CoreTrial trial{policy_core({}, {.buffered_max = 4}), 1};
  trial.start();
  for (std::uint32_t task = 0; task < 6; ++task) trial.storage().offer(ready_entry(1, task));
  trial.settle();
  EXPECT_EQ(trial.storage().under_way(StorageCall::poll_ready), 0U) << "there is no room";
  trial.storage().offer(cleanup_entry(1));
  trial.settle();
  EXPECT_EQ(trial.storage().under_way(StorageCall::poll_ready), 1U) << "although the queue is still full";
}

TEST(PolicyCore, C6RetryThatOvertakesTheNewsOfTheEndLosesNothing) {
  CoreTrial trial{policy_core(), 1};
  trial.start();
  for (std::uint32_t task = 0; task < 3; ++task) trial.storage().offer(ready_entry(1, task));
  trial.settle();
  trial.storage().end_job(JobId{1});
  trial.storage().retry(JobId{1});
  for (std::uint32_t task = 0; task < 3; ++task) trial.storage().offer(ready_entry(1, task));
  EXPECT_THAT(trial.drain(), SizeIs(3));
}

TEST(PolicyCore, C5RetryOfAJobWhoseEndWasNeverToldLosesNothing) {
  CoreTrial trial{policy_core()};
  trial.start();
  trial.storage().offer(commit_entry(1));
  trial.settle();
  EXPECT_THAT(trial.taken(), SizeIs(1));
  trial.storage().start({JobId{1}, TaskId::commit()});
  trial.storage().retry(JobId{1});
  trial.storage().offer(ready_entry(1, 0));
  EXPECT_THAT(trial.drain(), ElementsAre(TaskRef{JobId{1}, TaskId{0}}));
}

TEST(PolicyCore, C6OfWhatWasDroppedTheStorageIsAskedOnce) {
  CoreTrial trial{policy_core(), 1};
  trial.storage().fail(StorageCall::job_state, Errc::unknown_job, 1);
  trial.start();
  for (std::uint32_t task = 0; task < 5; ++task) trial.storage().offer(ready_entry(1, task));
  for (std::uint32_t task = 0; task < 5; ++task) trial.storage().offer(ready_entry(2, task));
  trial.settle();
  trial.storage().end_job(JobId{1});
  trial.storage().offer(cleanup_entry(2));
  trial.advance(1h);
  EXPECT_EQ(trial.storage().count(StorageCall::job_state), 2U);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 1U) << "what is dead stays dead";
}

TEST(PolicyCore, C6StorageThatDoesNotSayWhetherAJobLivesIsRegisteredWithAnew) {
  CoreTrial trial{policy_core({}, {.recover_after = 1min}), 1};
  trial.storage().fail(StorageCall::job_state, Errc::storage_unavailable);
  trial.start();
  for (std::uint32_t task = 0; task < 5; ++task) trial.storage().offer(ready_entry(1, task));
  trial.settle();
  trial.storage().end_job(JobId{1});
  trial.advance(59s);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 1U);
  trial.advance(1s);
  EXPECT_EQ(trial.storage().count(StorageCall::register_scheduler), 2U);
}

}  // namespace
}  // namespace spider::inline v1::testing
