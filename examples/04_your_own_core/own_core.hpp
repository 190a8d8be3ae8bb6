#pragma once

/// A scheduler core with a loop of its own: earliest deadline first.
///
/// It looks around ten times a second: what is ready, which jobs have ended, what was handed back;
/// then it fills the dispatch queue. Every failure has one answer: register again, which brings back
/// whatever was polled and not started.

#include "spider/scheduler_core.hpp"

#include <array>
#include <chrono>
#include <map>
#include <set>

class DeadlineCore final : public spider::SchedulerCore {
 public:
  auto run(spider::CoreContext& context) -> spider::Async<void> override {
    auto why = spider::Error{};
    while (why != spider::Errc::cancelled && why != spider::Errc::dispatch_queue_closed) {
      const auto looked = co_await look_around(context);
      registered_ = looked.has_value();
      if (!looked) why = looked.error();
      static_cast<void>(co_await context.clock.sleep_until(context.clock.now() + kPause));
      const auto stop = co_await spider::cancelled();
      if (stop) why = spider::Errc::cancelled;
    }
    // Even when cancelled: what is held here is of use to others.
    co_await spider::asio::this_coro::reset_cancellation_state(spider::asio::disable_cancellation());
    static_cast<void>(co_await context.storage.unregister_scheduler(registration_));
    co_return why;
  }

 private:
  static constexpr std::chrono::milliseconds kPause{100};
  static constexpr std::size_t kWaitingMax = 1'000;
  static constexpr std::array kLanes{&spider::StorageClient::poll_commit_ready,
                                     &spider::StorageClient::poll_cleanup_ready,
                                     &spider::StorageClient::poll_ready};

  auto look_around(spider::CoreContext& context) -> spider::Async<void> {
    if (!registered_) {
      SPIDER_CO_TRY(registration_, co_await context.storage.register_scheduler(spider::SchedulerInfo{}));
      SPIDER_CO_TRY(begin_session(context, registration_.session));
    }
    for (const auto lane : kLanes) {
      if (waiting_.size() >= kWaitingMax) break;
      spider::PollRequest request;
      request.scheduler = registration_.scheduler;
      request.session = registration_.session;
      request.max_items = kWaitingMax - waiting_.size();
      SPIDER_CO_TRY(const auto batch, co_await (context.storage.*lane)(request));
      if (batch.session < registration_.session) continue;
      if (batch.session > registration_.session) {
        SPIDER_CO_TRY(begin_session(context, batch.session));
      }
      for (const auto& entry : batch.entries) admit(entry);
    }
    SPIDER_CO_TRY(const auto ended, co_await context.storage.poll_ended(cursor_, spider::Duration::zero()));
    cursor_ = ended.cursor;
    for (const auto job : ended.jobs) forget(job);
    if (ended.gap) co_return spider::Errc::stale_session;
    for (const auto& assignment : context.handed_back.take(kWaitingMax)) take_back(assignment);

    const auto stop = co_await spider::cancelled();
    if (stop) co_return spider::Errc::cancelled;
    co_return dispatch(context);
  }

  auto begin_session(spider::CoreContext& context, spider::SessionId session) -> spider::Result<void> {
    waiting_.clear();
    finalizing_.clear();
    registration_.session = session;
    return context.sink.bump_session(session);
  }

  auto admit(const spider::InboundEntry& entry) -> void {
    const auto regular = entry.task.kind() == spider::TaskKind::regular;
    if (regular && finalizing_.contains(entry.job)) return;
    if (!regular) {
      forget(entry.job);
      finalizing_.insert(entry.job);
    }
    waiting_.emplace(std::pair{entry.deadline, entry.ref()}, entry);
  }

  auto forget(spider::JobId job) -> void {
    finalizing_.erase(job);
    std::erase_if(waiting_, [job](const auto& held) { return held.second.job == job; });
  }

  auto take_back(const spider::TaskAssignment& assignment) -> void {
    if (assignment.session != registration_.session || assignment.scheduler != registration_.scheduler)
      return;
    spider::InboundEntry entry;
    entry.job = assignment.job;
    entry.group = assignment.group;
    entry.task = assignment.task;
    entry.deadline = spider::TimePoint{};  // it was chosen once: it goes first
    admit(entry);
  }

  auto dispatch(spider::CoreContext& context) -> spider::Result<void> {
    for (auto next = waiting_.begin(); next != waiting_.end(); next = waiting_.erase(next)) {
      const auto& entry = next->second;
      const auto put = context.sink.try_enqueue(
          {spider::AssignmentId{++last_id_}, entry.job, entry.group, registration_.scheduler,
           registration_.session, entry.created_at, entry.ready_at, entry.task, entry.queue, entry.priority});
      if (!put && put.error() == spider::Errc::would_block) break;  // the rest waits for the next look
      if (!put) return put;
    }
    return spider::success();
  }

  std::map<std::pair<spider::TimePoint, spider::TaskRef>, spider::InboundEntry> waiting_;  // by deadline
  std::set<spider::JobId> finalizing_;  // until they end, or a new session begins
  spider::Registration registration_;
  spider::EndedCursor cursor_;
  std::uint64_t last_id_ = 0;
  bool registered_ = false;
};
