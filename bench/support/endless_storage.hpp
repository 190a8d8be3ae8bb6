#pragma once

/// A StorageClient without a storage: entries are made on the fly, so that what is measured is what
/// comes after it. Commit, cleanup and ended jobs never arrive. One thread at a time.

#include "spider/clock.hpp"
#include "spider/storage_client.hpp"
#include "support/assignments.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace spider::bench {

enum class Arrival : std::uint8_t {
  in_turn,  ///< as the contract of StorageClient has it: group after group, job after job
  random,   ///< each entry of a random job
};

class EndlessStorage final : public StorageClient {
 public:
  struct Options {
    std::uint64_t groups = 1;
    std::uint64_t jobs = 1;  ///< at least one per group
    Arrival arrival = Arrival::in_turn;
    std::uint64_t entries_max = std::numeric_limits<std::uint64_t>::max();
  };

  EndlessStorage(Options options, Clock& clock)
      : options_{options}, clock_{clock}, next_task_(options.jobs) {}

  auto register_scheduler(SchedulerInfo) -> Async<Registration> override {
    co_return Registration{SchedulerId{1}, kSession, 1};
  }
  auto unregister_scheduler(Registration) -> Async<void> override { co_return success(); }

  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    const auto count = take_up_to(request.max_items);
    if (count == 0) return nothing(request.wait);
    return some(count);
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    return nothing(request.wait);
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    return nothing(request.wait);
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    const auto slept = co_await clock_.sleep_until(saturating_add(clock_.now(), wait));
    if (!slept) co_return slept.error();
    EndedBatch batch;
    batch.cursor = cursor;
    co_return batch;
  }
  auto job_state(JobId) -> Async<JobState> override { co_return JobState::running; }

  /// For who schedules by hand: what a poll of so many would bring.
  auto make(std::size_t count) -> std::vector<InboundEntry> {
    std::vector<InboundEntry> entries(count);
    const auto now = clock_.now();
    for (auto& entry : entries) fill(entry, now);
    return entries;
  }
  auto take_up_to(std::size_t max) -> std::size_t {
    const auto count = std::min<std::uint64_t>(max, options_.entries_max - handed_out_);
    handed_out_ += count;
    return count;
  }

 private:
  auto fill(InboundEntry& entry, TimePoint now) -> void {
    const auto number = made_++;
    const auto job =
        options_.arrival == Arrival::in_turn ? number % options_.jobs : mix64(number) % options_.jobs;
    entry.job = JobId{job + 1};
    entry.group = ResourceGroupId{job % options_.groups + 1};
    entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(job)}};
    entry.ready_at = now;
    entry.task = TaskId{next_task_[job]++ & TaskId::kIndexMax};
  }
  auto some(std::size_t count) -> Async<InboundBatch> {
    InboundBatch batch;
    batch.session = kSession;
    batch.entries = make(count);
    co_return batch;
  }
  auto nothing(Duration wait) -> Async<InboundBatch> {
    const auto slept = co_await clock_.sleep_until(saturating_add(clock_.now(), wait));
    if (!slept) co_return slept.error();
    InboundBatch batch;
    batch.session = kSession;
    co_return batch;
  }

  Options options_;
  Clock& clock_;
  std::vector<std::uint32_t> next_task_;  // of each job
  std::uint64_t made_ = 0;
  std::uint64_t handed_out_ = 0;
};

}  // namespace spider::bench
