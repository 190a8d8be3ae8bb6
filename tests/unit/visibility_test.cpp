// F18: what a dispatch reports of its task, and that time in queue and time deferred are separate numbers.

#include "spider/metrics.hpp"
#include "spider/scheduler.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace spider {
namespace {

using namespace std::chrono_literals;

/// Keeps two kinds of events, and counts all.
class Watch final : public Observer {
 public:
  auto observe(const Event& event) noexcept -> void override {
    metrics.observe(event);
    if (event.kind == EventKind::dispatched) dispatched.push_back(event);
    if (event.kind == EventKind::task_deferred) deferred.push_back(event);
  }
  [[nodiscard]] auto has_line(const std::string& line) const -> bool {
    return ('\n' + metrics.text()).find('\n' + line + '\n') != std::string::npos;
  }

  Metrics metrics{{}};
  std::vector<Event> dispatched;
  std::vector<Event> deferred;
};

class Busy {
 public:
  explicit Busy(std::shared_ptr<Clock> clock) : clock_{std::move(clock)} {}
  auto operator()() const -> Async<void> {
    SPIDER_CO_TRY(co_await clock_->sleep_until(clock_->now() + 8min));
    co_return success();
  }

 private:
  std::shared_ptr<Clock> clock_;
};

// Minute 0: put off for five, the only slot is taken for eight. Minute 5: due. Minute 8: started.
TEST(Visibility, TimeInQueueAndTimeDeferredAreSeparateNumbers) {
  asio::io_context context{1};
  const auto clock = std::make_shared<VirtualClock>(context);
  const auto watch = std::make_shared<Watch>();
  SchedulerOptions options;
  options.clock = clock;
  options.observer = watch;
  options.manager.slots = 1;
  const auto asked = std::make_shared<int>(0);
  options.handlers.add("later", [asked]() -> Answer<void> {
    if ((*asked)++ == 0) return Retry::after(5min);
    return success();
  });
  options.handlers.add("busy", Busy{clock});
  Scheduler scheduler{context.get_executor(), options};
  for (const auto* handler : {"later", "busy"}) {
    JobBuilder job{"alice"};
    job.priority(3).task(handler);
    ASSERT_TRUE(block_on(*clock, scheduler.submit(job)));
  }
  clock->run_for(1h);

  ASSERT_EQ(watch->dispatched.size(), 3U);
  const auto& first = watch->dispatched[0];
  const auto& again = watch->dispatched[2];
  EXPECT_EQ(first.deferrals, 0U);
  EXPECT_EQ(first.deliveries, 0U);
  EXPECT_EQ(first.priority, 3);
  EXPECT_EQ(again.task, first.task);
  EXPECT_EQ(again.deferrals, 1U);
  EXPECT_EQ(again.deliveries, 1U);
  EXPECT_EQ(again.duration, 0s) << "it waits since it was due again, not since it was ready first";
  EXPECT_EQ(again.at - first.at, 5min);
  ASSERT_EQ(watch->deferred.size(), 1U);
  EXPECT_EQ(watch->deferred[0].duration, 5min);
  EXPECT_TRUE(watch->has_line("spider_deferral_seconds_sum 300")) << watch->metrics.text();
  EXPECT_TRUE(watch->has_line("spider_start_wait_seconds_sum 180")) << watch->metrics.text();
  EXPECT_TRUE(watch->has_line("spider_dispatch_wait_seconds_count{class=\"3\"} 3"));
  EXPECT_TRUE(watch->has_line("spider_redelivered_total 1"));
}

}  // namespace
}  // namespace spider
