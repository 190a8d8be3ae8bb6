// Several schedulers on one storage, each with a ShardedStorageClient.

#include "spider/pull/memory_directory.hpp"
#include "spider/pull/sharded_storage_client.hpp"
#include "spider/scheduler.hpp"
#include "spider/storage/memory.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace spider {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kTasks = 200;

/// Notes who began a task, and rests for ten seconds.
class Nap {
 public:
  Nap(std::shared_ptr<Clock> clock, std::uint32_t& begun) : clock_{std::move(clock)}, begun_{&begun} {}
  auto operator()() const -> Async<void> {
    ++*begun_;
    co_return co_await clock_->sleep_until(clock_->now() + 10s);
  }

 private:
  std::shared_ptr<Clock> clock_;
  std::uint32_t* begun_;
};

class SchedulerPull : public ::testing::Test {
 protected:
  auto start(const std::string& name) -> Scheduler& {
    ShardedStorageParts parts{storage_, directory_};
    std::shared_ptr<ShardedStorageClient> pull =
        make_sharded_storage_client(std::move(parts), {}, *clock_).value();
    SchedulerOptions options;
    options.handlers.add("nap", Nap{clock_, begun_[name]});
    options.storage = storage_;
    options.pull = pull;
    options.core_options.member = name;
    options.core_options.buffered_max = 16;
    options.manager.slots = 4;
    options.clock = clock_;
    return schedulers_.try_emplace(name, context_.get_executor(), std::move(options)).first->second;
  }
  auto submit(std::uint32_t tasks) -> JobId {
    JobSpec job;
    job.tasks.resize(1);
    job.tasks[0].handler = "nap";
    job.tasks[0].count = tasks;
    return run(schedulers_.begin()->second.submit(std::move(job))).value();
  }
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(*clock_, std::move(work));
  }
  auto active() -> std::string {
    const auto members = run(directory_->active()).value();
    std::string names;
    for (const auto& member : members) names += member.name + ' ';
    return names;
  }
  auto stop(Scheduler& scheduler) -> void { EXPECT_TRUE(run(scheduler.stop(StopMode::cancel, 10s))); }

  asio::io_context context_{1};
  std::shared_ptr<VirtualClock> clock_ = std::make_shared<VirtualClock>(context_);
  std::shared_ptr<Storage> storage_ = make_memory_storage({}, *clock_).value();
  std::shared_ptr<MemberDirectory> directory_ = make_memory_directory({}, *clock_).value();
  std::map<std::string, std::uint32_t> begun_;
  std::map<std::string, Scheduler> schedulers_;
};

TEST_F(SchedulerPull, TwoShareTheTasksAndEachRunsOnce) {
  auto& a = start("a");
  auto& b = start("b");
  clock_->run_for(21s);  // both have pinged, and read who is active
  EXPECT_EQ(active(), "a b ");
  const auto job = submit(kTasks);
  EXPECT_EQ(run(a.wait(job, 1h)).value(), JobState::succeeded);
  EXPECT_EQ(begun_["a"] + begun_["b"], kTasks);
  EXPECT_GT(begun_["a"], kTasks / 3);
  EXPECT_GT(begun_["b"], kTasks / 3);
  stop(a);
  stop(b);
  EXPECT_EQ(active(), "");
}

TEST_F(SchedulerPull, R10_StoppedOneLeavesAtOnceAndDrains) {
  auto& a = start("a");
  auto& b = start("b");
  clock_->run_for(21s);
  const auto job = submit(kTasks);
  clock_->run_for(1s);
  const auto before = begun_["b"];
  ASSERT_GT(before, 0U);
  auto stopping = asio::co_spawn(context_, rooted(b.stop(StopMode::drain, 1min)), asio::use_future);
  clock_->run_for(1s);
  EXPECT_NE(stopping.wait_for(0s), std::future_status::ready) << "its handlers are still running";
  EXPECT_EQ(active(), "a ");
  clock_->run_for(10s);
  ASSERT_EQ(stopping.wait_for(0s), std::future_status::ready);
  EXPECT_TRUE(stopping.get());
  EXPECT_EQ(begun_["b"], before) << "it took no more";
  EXPECT_EQ(run(a.wait(job, 1h)).value(), JobState::succeeded);
  EXPECT_EQ(begun_["a"] + begun_["b"], kTasks) << "what it drained was not run again";
  EXPECT_EQ(active(), "a ") << "it never appears again";
  stop(a);
}

}  // namespace
}  // namespace spider
