#pragma once

/// The thread that owns the connection, and the line in front of it. Requests that queue up while a
/// commit runs are committed together by the next one, and answered after it. Whoever asks is suspended,
/// and resumed on its own executor; when its context shuts down first, its frame is destroyed and the
/// request, which owns all its data, still runs.

#include "sqlite/state.hpp"
#include "waiting.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace spider::inline v1::detail {

class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  auto operator=(const Request&) -> Request& = delete;
  virtual ~Request() = default;

  /// In a transaction, on the writer's thread. Throws `SqlFailure`.
  virtual auto act(SqliteState& state) -> void = 0;
  /// Instead, or when the transaction could not be committed.
  virtual auto refuse(Error error) -> void = 0;

 private:
  friend class Writer;
  std::optional<Suspension> suspension_;
  std::shared_ptr<void> hold_;
};

class Writer final : public HoldsSuspensions, public std::enable_shared_from_this<Writer> {
 public:
  explicit Writer(std::unique_ptr<SqliteState> state) : state_{std::move(state)} {}

  auto start() -> void {
    thread_ = std::thread{[this] { work(); }};
  }
  /// Answers what is queued, then joins. Later requests are refused.
  auto stop() -> void;
  [[nodiscard]] auto state() -> SqliteState& { return *state_; }

  /// Suspends until the request is answered, whatever is cancelled meanwhile.
  [[nodiscard]] auto run(std::shared_ptr<Request> request) -> asio::awaitable<void>;

  /// While anybody waits for commits of others, the thread looks for those of other processes.
  class Sleeper {
   public:
    explicit Sleeper(std::shared_ptr<Writer> writer) : writer_{std::move(writer)} { writer_->add_sleeper(1); }
    Sleeper(const Sleeper&) = delete;
    auto operator=(const Sleeper&) -> Sleeper& = delete;
    ~Sleeper() { writer_->add_sleeper(-1); }

   private:
    std::shared_ptr<Writer> writer_;
  };

  auto drop_suspensions(const asio::execution_context& context) noexcept -> void override;

 private:
  using Requests = std::vector<std::shared_ptr<Request>>;

  auto enqueue(std::shared_ptr<Request> request, WakeHandler handler, asio::any_io_executor executor) -> void;
  auto add_sleeper(int change) -> void;
  auto work() -> void;
  auto wait_for_work(std::unique_lock<std::mutex>& lock) -> void;
  auto perform(const Requests& group) -> void;
  auto look_around() -> void;
  auto answer() -> void;

  std::unique_ptr<SqliteState> state_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Request>> queue_;
  Requests group_;  // being committed
  std::vector<const asio::execution_context*> watched_;
  int sleepers_ = 0;
  bool stopped_ = false;
  std::thread thread_;
};

template <class T, class F>
class RequestOf final : public Request {
 public:
  explicit RequestOf(F work) : work_{std::move(work)} {}

  auto act(SqliteState& state) -> void override { answer = work_(state); }
  auto refuse(Error error) -> void override { answer = std::move(error); }

  Result<T> answer;

 private:
  F work_;
};

/// `work(SqliteState&) -> Result<T>` owns all that it refers to.
template <class T, class F>
[[nodiscard]] auto ask(std::shared_ptr<Writer> writer, F work) -> Async<T> {
  const auto request = std::make_shared<RequestOf<T, F>>(std::move(work));
  co_await writer->run(request);
  co_return std::move(request->answer);
}

}  // namespace spider::inline v1::detail
