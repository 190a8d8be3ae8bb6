#include "spider/metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace spider {
namespace {

using namespace std::chrono_literals;

auto event(EventKind kind) -> Event {
  Event made;
  made.kind = kind;
  return made;
}

auto has_line(const Metrics& metrics, const std::string& line) -> bool {
  return ('\n' + metrics.text()).find('\n' + line + '\n') != std::string::npos;
}

TEST(Metrics, EventsAreCountedByKind) {
  Metrics metrics{{}};
  metrics.observe(event(EventKind::registered));
  metrics.observe(event(EventKind::registered));
  EXPECT_TRUE(has_line(metrics, "spider_events_total{kind=\"registered\"} 2")) << metrics.text();
  EXPECT_TRUE(has_line(metrics, "spider_events_total{kind=\"task_started\"} 0"));
}

TEST(Metrics, HistogramsAreCumulativeAndEndInAllOfIt) {
  Metrics metrics{{}};
  for (const auto wait : {500us, 2000us, 1000us}) {
    auto dispatched = event(EventKind::dispatched);
    dispatched.priority = 3;
    dispatched.duration = wait;
    metrics.observe(dispatched);
  }
  EXPECT_TRUE(has_line(metrics, "spider_dispatch_wait_seconds_bucket{class=\"3\",le=\"0.0001\"} 0"));
  EXPECT_TRUE(has_line(metrics, "spider_dispatch_wait_seconds_bucket{class=\"3\",le=\"0.001\"} 2"));
  EXPECT_TRUE(has_line(metrics, "spider_dispatch_wait_seconds_bucket{class=\"3\",le=\"0.005\"} 3"));
  EXPECT_TRUE(has_line(metrics, "spider_dispatch_wait_seconds_bucket{class=\"3\",le=\"+Inf\"} 3"));
  EXPECT_TRUE(has_line(metrics, "spider_dispatch_wait_seconds_sum{class=\"3\"} 0.0035"));
  EXPECT_TRUE(has_line(metrics, "spider_dispatch_wait_seconds_count{class=\"3\"} 3"));
}

TEST(Metrics, WhatDoesNotFitALabelSetCountsAsOther) {
  Metrics metrics{{.groups_max = 2, .operations_max = 1}};
  for (const std::uint64_t group : {7U, 8U, 9U, 10U, 7U}) {
    auto started = event(EventKind::task_started);
    started.group = ResourceGroupId{group};
    started.operation = group == 7 ? "reindex" : "vacuum";
    metrics.observe(started);
  }
  auto dispatched = event(EventKind::dispatched);
  dispatched.priority = 200;
  metrics.observe(dispatched);
  EXPECT_TRUE(has_line(metrics, "spider_group_started_total{group=\"7\"} 2")) << metrics.text();
  EXPECT_TRUE(has_line(metrics, "spider_group_started_total{group=\"8\"} 1"));
  EXPECT_TRUE(has_line(metrics, "spider_group_started_total{group=\"other\"} 2"));
  EXPECT_TRUE(has_line(metrics, "spider_runs_total{operation=\"reindex\"} 2"));
  EXPECT_TRUE(has_line(metrics, "spider_runs_total{operation=\"other\"} 3"));
  EXPECT_TRUE(has_line(metrics, "spider_dispatch_wait_seconds_count{class=\"other\"} 1"));
}

// Q9
TEST(Metrics, FoldsAreCountedByOperationAndWhyNot) {
  Metrics metrics{{}};
  auto started = event(EventKind::task_started);
  started.operation = "reindex";
  started.fold = FoldOutcome::folded;
  started.count = 4;
  metrics.observe(started);
  started.fold = FoldOutcome::key_differs;
  started.count = 0;
  metrics.observe(started);
  auto submitted = event(EventKind::job_submitted);
  submitted.operation = "reindex";
  submitted.fold = FoldOutcome::already_running;
  metrics.observe(submitted);
  submitted.fold = FoldOutcome::folded;
  metrics.observe(submitted);
  EXPECT_TRUE(has_line(metrics, "spider_runs_total{operation=\"reindex\"} 2")) << metrics.text();
  EXPECT_TRUE(has_line(metrics, "spider_folds_total{operation=\"reindex\",at=\"start\"} 4"));
  EXPECT_TRUE(has_line(metrics, "spider_folds_total{operation=\"reindex\",at=\"submit\"} 1"));
  EXPECT_TRUE(
      has_line(metrics, "spider_not_folded_total{operation=\"reindex\",at=\"start\",why=\"key_differs\"} 1"));
  EXPECT_TRUE(has_line(
      metrics, "spider_not_folded_total{operation=\"reindex\",at=\"submit\",why=\"already_running\"} 1"));
}

TEST(Metrics, DropsAndManagersAreCounted) {
  Metrics metrics{{}};
  auto stale = event(EventKind::stale_batch_dropped);
  stale.count = 5;
  metrics.observe(stale);
  metrics.observe(event(EventKind::manager_joined));
  metrics.observe(event(EventKind::manager_joined));
  auto lost = event(EventKind::manager_lost);
  lost.count = 3;
  metrics.observe(lost);
  EXPECT_TRUE(has_line(metrics, "spider_stale_entries_dropped_total 5"));
  EXPECT_TRUE(has_line(metrics, "spider_handed_back_total 3"));
  EXPECT_TRUE(has_line(metrics, "spider_managers 1"));
}

TEST(Metrics, GaugesAreReadAtEveryText) {
  Metrics metrics{{}};
  double depth = 1;
  ASSERT_TRUE(metrics.add_gauge("depth", "Of\nit.", [&] { return depth; }).has_value());
  EXPECT_TRUE(has_line(metrics, "depth 1"));
  depth = 2.5;
  EXPECT_TRUE(has_line(metrics, "depth 2.5"));
  EXPECT_TRUE(has_line(metrics, "# HELP depth Of\\nit."));
  EXPECT_EQ(metrics.add_gauge("depth", "", [] { return 0.0; }).error(), Errc::duplicate_name);
  EXPECT_EQ(metrics.add_gauge("2depth", "", [] { return 0.0; }).error(), Errc::invalid_name);
  EXPECT_EQ(metrics.add_gauge("", "", [] { return 0.0; }).error(), Errc::invalid_name);
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics{{}};
  auto started = event(EventKind::task_started);
  started.operation = "a\"b\\c\nd";
  metrics.observe(started);
  EXPECT_TRUE(has_line(metrics, "spider_runs_total{operation=\"a\\\"b\\\\c\\nd\"} 1")) << metrics.text();
}

TEST(Metrics, NothingIsLostBetweenThreads) {
  Metrics metrics{{.groups_max = 3}};
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < 10'000; ++i) {
        auto started = event(EventKind::task_started);
        started.group = ResourceGroupId{1 + i % 5};
        if (i % 100 == 0) started.operation = "reindex";
        metrics.observe(started);
        if (i % 1000 == 0) (void)metrics.text();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(has_line(metrics, "spider_events_total{kind=\"task_started\"} 40000"));
  EXPECT_TRUE(has_line(metrics, "spider_group_started_total{group=\"other\"} 16000")) << metrics.text();
  EXPECT_TRUE(has_line(metrics, "spider_runs_total{operation=\"reindex\"} 400"));
  EXPECT_TRUE(has_line(metrics, "spider_start_wait_seconds_count 40000"));
}

}  // namespace
}  // namespace spider
