#pragma once

/// What a DispatchService shares with its calls under way: the ledger behind one lock, the alarm, and
/// the calls that wait in the source.

#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"

#include "manager_ledger.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>
#include <boost/intrusive/list.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace spider {
inline namespace v1 {

/// One `next_tasks` under way: the places set aside for it, and, once it waits, the strand on which it
/// does so. Only there is it cancelled, whatever the caller's executor.
class DispatchService::Call final : public boost::intrusive::list_base_hook<>,
                                    public std::enable_shared_from_this<Call> {
 public:
  explicit Call(std::shared_ptr<State> state) : state_{std::move(state)} {}
  Call(const Call&) = delete;
  auto operator=(const Call&) -> Call& = delete;
  ~Call();

  /// Takes and records as one step, suspending for at most `wait`.
  [[nodiscard]] static auto take(std::shared_ptr<Call> call, Duration wait)
      -> Async<std::vector<TaskAssignment>>;
  /// The same on a strand of its own, where `cancel` reaches it.
  [[nodiscard]] static auto take_in_line(std::shared_ptr<Call> call, Duration wait)
      -> Async<std::vector<TaskAssignment>>;
  /// Callable from any thread once it waits.
  auto cancel() -> void;

  detail::Manager* manager = nullptr;  ///< alive or gone, but there while `places` is not 0
  std::size_t places = 0;

 private:
  [[nodiscard]] static auto run_in_line(std::shared_ptr<Call> call, Duration wait)
      -> Async<std::vector<TaskAssignment>>;

  const std::shared_ptr<State> state_;
  std::optional<asio::strand<asio::any_io_executor>> strand_;
  asio::cancellation_signal signal_;  // this and the next two: on the strand
  bool started_ = false;
  bool stopped_ = false;
};

class DispatchService::State final : public std::enable_shared_from_this<State> {
 public:
  [[nodiscard]] static auto make(const DispatchServiceOptions& options, DispatchQueueSource& source,
                                 HandedBackQueue& handed_back, Clock& clock, Observer& observer)
      -> std::shared_ptr<State>;
  State(const DispatchServiceOptions& options, DispatchQueueSource& source, HandedBackQueue& handed_back,
        Clock& clock, Observer& observer);

  /// Registers or refreshes the manager, and sets places aside for what the call may take.
  [[nodiscard]] auto begin(ManagerId manager, std::size_t max) -> Result<std::shared_ptr<Call>>;
  auto record(Call& call, std::span<const TaskAssignment> taken) -> void;
  /// Lets `close` cancel the call; false when that has happened already.
  [[nodiscard]] auto watch(Call& call) -> bool;
  auto end(Call& call) noexcept -> void;

  [[nodiscard]] auto heartbeat(ManagerId manager) -> Result<void>;
  [[nodiscard]] auto acknowledge(ManagerId manager, std::span<const TaskAssignment> assignments)
      -> Result<void>;
  [[nodiscard]] auto leave(ManagerId manager, std::span<const TaskAssignment> acknowledged) -> Result<void>;

  auto serve(SchedulerId scheduler) -> void;
  auto close() -> void;
  /// Touches nothing outside any more; waits for observers that are being told something.
  auto detach() -> void;
  [[nodiscard]] auto closed() const -> bool;
  [[nodiscard]] auto snapshot() const -> DispatchServiceCounters;
  [[nodiscard]] auto holder(TaskRef task) const -> std::optional<ManagerId>;
  [[nodiscard]] auto source() -> DispatchQueueSource& { return source_; }

 private:
  class Turn;

  auto on_alarm() -> void;

  DispatchQueueSource& source_;
  HandedBackQueue& handed_back_;
  Clock& clock_;
  Observer& observer_;
  std::unique_ptr<Alarm> alarm_;

  mutable std::mutex mutex_;
  detail::ManagerLedger ledger_;
  DispatchServiceCounters counters_;
  SchedulerId served_{};
  TimePoint armed_ = kForever;
  bool closed_ = false;
  bool detached_ = false;
  boost::intrusive::list<Call> waiting_;
  std::atomic<std::size_t> speaking_{0};  // raised under the lock, lowered without
};

}  // namespace v1
}  // namespace spider
