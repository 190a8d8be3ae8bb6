#pragma once

/// Several members over one memory storage and one memory directory, on one thread of virtual time.

#include "spider/pull/memory_directory.hpp"
#include "spider/pull/sharded_storage_client.hpp"
#include "spider/storage/memory.hpp"
#include "spider/testing/forwarding_storage.hpp"
#include "spider/virtual_clock.hpp"

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace spider {

/// A directory in front of another. What a test sets is asked instead.
class StagedDirectory final : public MemberDirectory {
 public:
  StagedDirectory(std::shared_ptr<MemberDirectory> behind, Clock& clock)
      : behind_{std::move(behind)}, clock_{clock} {}

  auto join(MemberInfo info) -> Async<MemberId> override {
    log.push_back("join");
    auto pause = clock_.sleep_until(saturating_add(clock_.now(), join_takes));
    static_cast<void>(co_await std::move(pause));
    auto call = behind_->join(std::move(info));
    co_return co_await std::move(call);
  }
  auto ping(MemberId member) -> Async<void> override {
    log.push_back("ping");
    pinged_at.push_back(clock_.now());
    auto pause = clock_.sleep_until(saturating_add(clock_.now(), ping_takes));
    static_cast<void>(co_await std::move(pause));
    auto call = behind_->ping(member);
    co_return co_await std::move(call);
  }
  auto leave(MemberId member) -> Async<void> override { return behind_->leave(member); }
  auto active() -> Async<std::vector<MemberView>> override {
    log.push_back("active");
    auto call = behind_->active();
    auto members = co_await std::move(call);
    if (view && members) co_return view(std::move(members).value());
    co_return members;
  }
  auto collect(std::size_t limit) -> Async<std::size_t> override { return behind_->collect(limit); }
  [[nodiscard]] auto limits() const -> const MemberLimits& override { return behind_->limits(); }

  std::function<Result<std::vector<MemberView>>(std::vector<MemberView>)> view;
  Duration join_takes{};
  Duration ping_takes{};
  std::vector<std::string> log;
  std::vector<TimePoint> pinged_at;

 private:
  std::shared_ptr<MemberDirectory> behind_;
  Clock& clock_;
};

struct StuckLoad final : LoadProbe {
  explicit StuckLoad(double load) : value{load} {}
  auto percent(TimePoint) -> Result<double> override { return value; }
  double value;
};

class ShardedStorageTest : public ::testing::Test {
 protected:
  struct Member {
    std::shared_ptr<StagedDirectory> directory;
    std::shared_ptr<ShardedStorageClient> client;
    Registration registration;
    std::map<TaskRef, TimePoint> pulled;
    std::vector<TaskRef> twice;
    asio::cancellation_signal stop_run;
    asio::cancellation_signal stop_polls;
  };

  auto TearDown() -> void override {
    for (auto& member : members_) kill(member);
    stop_storage_.emit(asio::cancellation_type::terminal);
    clock_.drain();
  }

  /// Without registering.
  auto make(ShardedStorageOptions options = {}, std::shared_ptr<LoadProbe> load = {}) -> Member& {
    auto& member = members_.emplace_back();
    member.directory = std::make_shared<StagedDirectory>(directory_, clock_);
    const ShardedStorageParts parts{front_ ? front_ : storage_, member.directory, std::move(load)};
    member.client = make_sharded_storage_client(parts, std::move(options), clock_).value();
    return member;
  }
  auto enrol(Member& member, const std::string& name) -> void {
    SchedulerInfo info{name};
    const auto registered = block_on(clock_, member.client->register_scheduler(std::move(info)));
    ASSERT_TRUE(registered) << registered.error();
    member.registration = registered.value();
    spawn(member.client->run(), member.stop_run);
  }
  auto start(const std::string& name, ShardedStorageOptions options = {},
             std::shared_ptr<LoadProbe> load = {}) -> Member& {
    auto& member = make(std::move(options), std::move(load));
    enrol(member, name);
    return member;
  }
  auto spawn(Async<void> work, asio::cancellation_signal& stop) -> void {
    auto ignore = [](std::exception_ptr, Result<void>) {};
    asio::co_spawn(context_, rooted(std::move(work)), asio::bind_cancellation_slot(stop.slot(), ignore));
    clock_.drain();
  }
  /// Polls all the time, from now on.
  auto pull(Member& member) -> void { spawn(keep_polling(&member, &clock_), member.stop_polls); }
  static auto request(const Member& member, Duration wait) -> PollRequest {
    PollRequest request;
    request.scheduler = member.registration.scheduler;
    request.session = member.registration.session;
    request.max_items = 256;
    request.wait = wait;
    return request;
  }
  static auto keep_polling(Member* member, Clock* clock) -> Async<void> {
    while (true) {
      auto asked = request(*member, std::chrono::hours{1});
      auto call = member->client->poll_ready(std::move(asked));
      const auto batch = co_await std::move(call);
      if (!batch) co_return batch.error();
      for (const auto& entry : batch.value().entries) {
        const bool fresh = member->pulled.emplace(entry.ref(), clock->now()).second;
        if (!fresh) member->twice.push_back(entry.ref());
      }
    }
  }
  static auto kill(Member& member) -> void {
    member.stop_polls.emit(asio::cancellation_type::terminal);
    member.stop_run.emit(asio::cancellation_type::terminal);
  }

  /// One job with an array of so many tasks.
  auto submit(std::uint32_t count) -> JobId {
    JobSpec job;
    TaskSpec task;
    task.handler = "work";
    task.count = count;
    job.tasks = {task};
    const auto answers = block_on(clock_, storage_->submit(std::span{&job, 1}));
    return answers.value().front().value().job;
  }
  auto poll(Member& member, Duration wait = {}) -> Result<InboundBatch> {
    return block_on(clock_, member.client->poll_ready(request(member, wait)));
  }
  auto active() -> std::size_t { return block_on(clock_, directory_->active()).value().size(); }
  auto pulled_in_all() -> std::size_t {
    std::size_t all = 0;
    for (const auto& member : members_) all += member.pulled.size();
    return all;
  }
  /// R14: no task is held by two members.
  auto expect_nothing_twice() -> void {
    std::map<TaskRef, int> times;
    for (const auto& member : members_) {
      EXPECT_TRUE(member.twice.empty());
      for (const auto& [task, at] : member.pulled) ++times[task];
    }
    for (const auto& [task, count] : times) ASSERT_EQ(count, 1) << "task " << to_string(task.task);
  }

  asio::io_context context_;
  VirtualClock clock_{context_};
  std::shared_ptr<Storage> storage_ = make_memory_storage({}, clock_).value();
  std::shared_ptr<StorageClient> front_;  ///< what members poll instead
  std::shared_ptr<MemberDirectory> directory_ = make_memory_directory({}, clock_).value();
  std::deque<Member> members_;
  asio::cancellation_signal stop_storage_;
};

}  // namespace spider
