#pragma once

/// What one check of the storage suite works with: a storage, a virtual clock, a registered scheduler,
/// short forms of the calls, and the list of promises found broken. One thread.

#include "spider/testing/storage_suite.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

/// A call to a storage that may be suspended.
template <class T>
struct CallUnderWay {
  asio::cancellation_signal signal;
  std::optional<Result<T>> result;

  [[nodiscard]] auto done() const -> bool { return result.has_value(); }
};

/// What a poll asks for, with the trial's defaults.
struct Ask {
  Ask() = default;

  TaskKind lane = TaskKind::regular;
  std::size_t max_items = 1000;
  std::size_t per_group_max = SIZE_MAX;
  std::size_t per_job_max = SIZE_MAX;
  Duration wait{};
  std::vector<std::string> queues = {"default"};
  std::shared_ptr<const SlotFilter> slots;
};

class StorageTrial {
 public:
  StorageTrial(std::string rule, const OpenStorage& open)
      : rule_{std::move(rule)}, open_{open}, clock_{context_} {}

  /// Opens the storage that the check works on, and registers "first" as `me`.
  auto open(StorageLimits limits = {}) -> bool;
  [[nodiscard]] auto storage() -> Storage& { return *storage_; }
  [[nodiscard]] auto clock() -> VirtualClock& { return clock_; }
  Registration me;

  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }
  /// Starts `work` and runs what is ready; time stands still.
  template <class T>
  auto begin(Async<T> work) -> std::shared_ptr<CallUnderWay<T>> {
    auto call = std::make_shared<CallUnderWay<T>>();
    auto finish = [call](std::exception_ptr thrown, Result<T> result) {
      if (thrown) result = Error{Errc::internal, "an exception left the call"};
      call->result.emplace(std::move(result));
    };
    asio::co_spawn(context_, rooted(std::move(work)),
                   asio::bind_cancellation_slot(call->signal.slot(), std::move(finish)));
    clock_.drain();
    return call;
  }
  /// Lets time pass, then sweeps everything that is due.
  auto pass(Duration duration) -> void;

  auto register_as(const std::string& member) -> Registration;
  auto submit(const JobSpec& spec) -> Result<Submitted>;
  /// The id of a job that must be accepted.
  auto job(const JobSpec& spec) -> JobId;
  auto try_poll(const Registration& who, const Ask& ask) -> Result<InboundBatch>;
  auto poll(const Ask& ask = {}) -> std::vector<InboundEntry>;
  auto poll_as(const Registration& who, const Ask& ask = {}) -> std::vector<InboundEntry>;
  [[nodiscard]] static auto request(const Registration& who, const Ask& ask) -> PollRequest;
  auto begin_poll(const Registration& who, const Ask& ask) -> std::shared_ptr<CallUnderWay<InboundBatch>>;

  [[nodiscard]] auto assignment(TaskRef task) -> TaskAssignment;
  auto start(TaskRef task, ManagerId manager = ManagerId{1}) -> Result<StartedTask>;
  auto start(const TaskAssignment& assignment, ManagerId manager = ManagerId{1}) -> Result<StartedTask>;
  auto finish(const FinishRequest& request) -> Result<void>;
  auto finish(const TaskInstance& instance, FinishRequest::Kind kind) -> Result<void> {
    return finish(FinishRequest{instance, kind});
  }
  /// Whether the storage accepted it.
  auto end(const FinishRequest& request) -> bool { return finish(request).has_value(); }
  auto end(const TaskInstance& instance, FinishRequest::Kind kind) -> bool {
    return finish(instance, kind).has_value();
  }
  auto cancel(JobId id) -> bool { return run(storage_->cancel(id)).has_value(); }
  auto succeed(TaskRef task, Bytes output = {}) -> bool;
  auto state(JobId id) -> JobState;
  auto task(TaskRef ref) -> TaskView;

  auto expect(bool holds, const std::string& promise) -> void {
    if (!holds) broken_.push_back(rule_ + ": " + promise);
  }
  [[nodiscard]] auto broken() const -> const std::vector<std::string>& { return broken_; }

 private:
  std::string rule_;
  OpenStorage open_;
  std::vector<std::string> broken_;
  asio::io_context context_;
  VirtualClock clock_;
  std::unique_ptr<Storage> storage_;
  std::uint64_t assignments_ = 0;
};

[[nodiscard]] auto fails(const auto& result, Errc errc) -> bool {
  return result.has_error() && result.error() == errc;
}

/// A task with handler "work".
[[nodiscard]] auto work(std::vector<std::uint32_t> parents = {}, std::uint32_t count = 1) -> TaskSpec;
/// A job of `count` independent tasks.
[[nodiscard]] auto flat_job(std::uint32_t count = 1, std::string group = "default") -> JobSpec;
[[nodiscard]] auto first_of(JobId job) -> TaskRef;
/// A task with the coalesce key ("reindex", `table`), and one attempt; a job of one such task.
[[nodiscard]] auto keyed_task(const std::string& table = "orders", std::vector<std::uint32_t> parents = {})
    -> TaskSpec;
[[nodiscard]] auto keyed_job(const std::string& table = "orders", std::string group = "default") -> JobSpec;
/// Polls once and starts what is offered; the accepted starts in the order of the offers.
[[nodiscard]] auto start_all(StorageTrial& trial, const Ask& ask = {}) -> std::vector<StartedTask>;
/// `JobClient::has_pending` of that key.
[[nodiscard]] auto has_pending(StorageTrial& trial, const std::string& table,
                               const std::string& group = "default") -> bool;

[[nodiscard]] auto storage_job_checks() -> std::span<const StorageCheck>;
[[nodiscard]] auto storage_state_checks() -> std::span<const StorageCheck>;
[[nodiscard]] auto storage_fence_checks() -> std::span<const StorageCheck>;
[[nodiscard]] auto storage_lane_checks() -> std::span<const StorageCheck>;
[[nodiscard]] auto storage_order_checks() -> std::span<const StorageCheck>;
[[nodiscard]] auto storage_explain_checks() -> std::span<const StorageCheck>;
[[nodiscard]] auto storage_slot_checks() -> std::span<const StorageCheck>;
[[nodiscard]] auto storage_coalescing_checks() -> std::span<const StorageCheck>;
[[nodiscard]] auto storage_fold_checks() -> std::span<const StorageCheck>;

}  // namespace testing
}  // namespace v1
}  // namespace spider
