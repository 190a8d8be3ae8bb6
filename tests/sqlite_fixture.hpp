#pragma once

/// A SQLite storage under a virtual clock, with short forms of the calls. One thread.

#include "spider/storage/sqlite.hpp"
#include "spider/virtual_clock.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace spider {

class SqliteFixture {
 public:
  explicit SqliteFixture(SqliteStorageOptions options, TimePoint start = TimePoint{std::chrono::hours{1}})
      : clock_{context_, start} {
    options.hold = [this] { return std::make_shared<VirtualClock::Hold>(clock_.hold()); };
    opened_ = open_sqlite_storage(std::move(options), clock_);
    if (opened_) storage_ = std::move(opened_).value();
  }

  [[nodiscard]] auto error() const -> Error { return storage_ ? Error{} : opened_.error(); }
  [[nodiscard]] auto is_open() const -> bool { return storage_ != nullptr; }
  auto operator->() -> Storage* { return storage_.get(); }
  [[nodiscard]] auto clock() -> VirtualClock& { return clock_; }
  auto close() -> void { storage_.reset(); }

  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }
  auto join() -> Result<void> {
    SPIDER_TRY(me_, run(storage_->register_scheduler(SchedulerInfo{})));
    return success();
  }
  auto submit(std::uint32_t count = 1) -> Result<JobId> {
    JobSpec spec;
    spec.tasks.resize(1);
    spec.tasks[0].handler = "work";
    spec.tasks[0].count = count;
    SPIDER_TRY(const auto answers, run(storage_->submit(std::span{&spec, 1})));
    SPIDER_TRY(const auto submitted, answers.at(0));
    return submitted.job;
  }
  auto poll(std::size_t max = 100, std::shared_ptr<const SlotFilter> slots = {})
      -> Result<std::vector<InboundEntry>> {
    PollRequest request;
    request.scheduler = me_.scheduler;
    request.session = me_.session;
    request.max_items = max;
    request.slots = std::move(slots);
    SPIDER_TRY(auto batch, run(storage_->poll_ready(std::move(request))));
    me_.session = batch.session;
    return std::move(batch.entries);
  }
  auto start(TaskRef task) -> Result<TaskInstance> {
    TaskAssignment assignment;
    assignment.id = AssignmentId{++assignments_};
    assignment.job = task.job;
    assignment.task = task.task;
    assignment.scheduler = me_.scheduler;
    assignment.session = me_.session;
    SPIDER_TRY(const auto answers, run(storage_->start(std::span{&assignment, 1}, ManagerId{1})));
    SPIDER_TRY(const auto started, answers.at(0));
    return started.instance;
  }
  auto succeed(TaskInstance instance) -> Result<void> {
    const FinishRequest request{instance, FinishRequest::Kind::succeeded};
    SPIDER_TRY(const auto answers, run(storage_->finish(std::span{&request, 1})));
    return answers.at(0);
  }
  auto state(JobId job) -> Result<JobState> { return run(storage_->job_state(job)); }

 private:
  asio::io_context context_;
  VirtualClock clock_;
  Result<std::unique_ptr<Storage>> opened_;
  std::unique_ptr<Storage> storage_;
  Registration me_;
  std::uint64_t assignments_ = 0;
};

}  // namespace spider
