#pragma once

/// The surroundings of an execution manager, scripted: a dispatch queue that hands out what it is given,
/// and a storage that starts everything and records what is reported. Not thread-safe.

#include "spider/dispatch_client.hpp"
#include "spider/execution_client.hpp"
#include "spider/job_builder.hpp"
#include "spider/observer.hpp"
#include "spider/virtual_clock.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace spider::fake {

class Dispatch final : public DispatchClient {
 public:
  explicit Dispatch(Clock& clock) : clock_{clock} {}

  auto next_tasks(ManagerId, std::size_t max, Duration wait) -> Async<std::vector<TaskAssignment>> override {
    ++polls;
    max_asked = std::max(max_asked, max);
    if (!errors.empty()) {
      const auto error = errors.front();
      errors.pop_front();
      co_return error;
    }
    if (queue.empty() && closed) co_return Errc::dispatch_queue_closed;
    if (queue.empty()) {
      const auto waited = co_await clock_.sleep_until(saturating_add(clock_.now(), wait));
      if (!waited) co_return waited.error();
    }
    std::vector<TaskAssignment> taken;
    while (!queue.empty() && taken.size() < max) {
      taken.push_back(queue.front());
      queue.pop_front();
    }
    co_return taken;
  }
  auto acknowledge(ManagerId, std::vector<TaskAssignment> assignments) -> Async<void> override {
    for (const auto& assignment : assignments) acknowledged.push_back(assignment.id);
    co_return success();
  }
  auto heartbeat(ManagerId) -> Async<void> override {
    heartbeats.push_back(clock_.now());
    co_return success();
  }
  auto leave(ManagerId, std::vector<TaskAssignment>) -> Async<void> override {
    ++left;
    co_return success();
  }

  std::deque<TaskAssignment> queue;
  std::deque<Errc> errors;
  bool closed = false;
  std::size_t polls = 0;
  std::size_t max_asked = 0;
  std::vector<AssignmentId> acknowledged;
  std::vector<TimePoint> heartbeats;
  int left = 0;

 private:
  Clock& clock_;
};

class Execution final : public ExecutionClient {
 public:
  explicit Execution(Clock& clock) : clock_{clock} {}

  struct Finished {
    TimePoint at;
    FinishRequest request;
  };

  auto start(std::span<const TaskAssignment> assignments, ManagerId)
      -> Async<std::vector<Result<StartedTask>>> override {
    ++starts;
    if (fail(start_errors)) co_return Errc::storage_unavailable;
    std::vector<Result<StartedTask>> started;
    for (const auto& assignment : assignments) started.push_back(start_one(assignment));
    if (fail(lost_start_replies)) co_return Errc::storage_unavailable;
    co_return started;
  }
  auto parent_outputs(TaskInstance instance) -> Async<std::vector<std::vector<Bytes>>> override {
    ++parent_fetches;
    if (fail(parent_errors)) co_return parent_error;
    co_return parents[instance.task.task.index()];
  }
  auto finish(std::span<const FinishRequest> requests) -> Async<std::vector<Result<void>>> override {
    ++finishes;
    if (fail(finish_errors)) co_return Errc::storage_unavailable;
    std::vector<Result<void>> answers;
    for (const auto& request : requests) {
      finished.push_back({clock_.now(), request});
      if (request.output.size() > output_bytes_max)
        answers.emplace_back(Errc::limit_exceeded);
      else
        answers.emplace_back(success());
    }
    co_return answers;
  }
  auto renew(ManagerId) -> Async<Renewal> override {
    renewals.push_back(clock_.now());
    if (fail(renew_errors)) co_return renew_error;
    Renewal renewal;
    renewal.lease = lease;
    renewal.lost = std::exchange(lost, {});
    co_return renewal;
  }

  auto start_one(const TaskAssignment& assignment) -> Result<StartedTask> {
    const auto refusal = refused.find(assignment.task.index());
    if (refusal != refused.end()) return refusal->second;
    StartedTask task;
    task.instance = {InstanceId{assignment.id.value}, 1, assignment.ref()};
    task.spec = specs.at(assignment.task.index());
    if (task.spec->timeout > Duration::zero()) task.deadline = clock_.now() + task.spec->timeout;
    task.attempt = attempt;
    task.element = assignment.task.index();
    return task;
  }
  [[nodiscard]] auto output(std::size_t i) const -> const Bytes& { return finished.at(i).request.output; }

  std::vector<std::shared_ptr<const TaskSpec>> specs;
  std::map<std::uint32_t, Errc> refused;
  std::map<std::uint32_t, std::vector<std::vector<Bytes>>> parents;
  std::uint32_t attempt = 1;
  int start_errors = 0;
  int lost_start_replies = 0;
  int finish_errors = 0;
  int renew_errors = 0;
  int parent_errors = 0;
  Errc renew_error = Errc::storage_unavailable;
  Errc parent_error = Errc::storage_unavailable;
  std::size_t output_bytes_max = 1'000'000;
  Duration lease = std::chrono::seconds{30};
  std::vector<TaskInstance> lost;

  std::size_t starts = 0;
  std::size_t finishes = 0;
  std::size_t parent_fetches = 0;
  std::vector<Finished> finished;
  std::vector<TimePoint> renewals;

 private:
  static auto fail(int& left) -> bool { return left > 0 && left-- > 0; }

  Clock& clock_;
};

class Recorder final : public Observer {
 public:
  struct Seen {
    EventKind kind;
    TaskRef task;
    Duration duration;
    Error error;
  };

  auto observe(const Event& event) noexcept -> void override {
    const std::scoped_lock lock{mutex_};
    seen.push_back({event.kind, event.task, event.duration, event.error != nullptr ? *event.error : Error{}});
  }
  [[nodiscard]] auto of(EventKind kind) const -> std::vector<Seen> {
    std::vector<Seen> found;
    std::copy_if(seen.begin(), seen.end(), std::back_inserter(found),
                 [kind](const Seen& one) { return one.kind == kind; });
    return found;
  }

  std::vector<Seen> seen;

 private:
  std::mutex mutex_;
};

}  // namespace spider::fake
