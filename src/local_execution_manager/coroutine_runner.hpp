#pragma once

/// Runs coroutine handlers, each from first to last on the strand of one home. Thread-safe.
///
/// One queue; a home that is awake takes from it until it is empty, and stays with a handler that suspends
/// until that returns. So many short handlers cost one wake-up and not one each. A handler may also block
/// its thread, or never yield: whoever takes a task while more wait has another home on its way before the
/// handler begins, and that one holds up no other as long as the executor has a thread to spare.
/// Results are handed in together: by who becomes idle, by who begins a handler while nobody is on the way,
/// and by who comes. So none waits for a handler that takes long.

#include "local_execution_manager/mailbox.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace spider::inline v1::detail {

class CoroutineHome;

class CoroutineRunner final : public std::enable_shared_from_this<CoroutineRunner> {
 public:
  CoroutineRunner(asio::any_io_executor executor, std::shared_ptr<Mailbox> mailbox)
      : executor_{std::move(executor)}, mailbox_{std::move(mailbox)} {}

  /// Each task comes back through the mailbox: run, or not begun if it was cancelled before.
  auto push(std::vector<RunningTaskPtr>&& tasks, Next next = Next::may_take_long) -> void;
  /// The tasks that nobody has begun; they will not be.
  [[nodiscard]] auto take_back() -> std::vector<RunningTaskPtr>;
  /// Of a task that was pushed. Its handler is cancelled, or not begun at all.
  auto cancel(const RunningTaskPtr& task) -> void;
  /// Ends the idle homes, and each other one when its handler has returned.
  auto close() -> void;

  /// What a home knows between its tasks.
  struct Turn {
    bool awake = false;       ///< has taken, or looked for, a task since it was woken
    std::uint32_t taken = 0;  ///< since then
    bool over = false;        ///< there will be no more: the home ends
  };
  /// The next task, which from now on belongs to `home`; null makes it idle.
  [[nodiscard]] static auto next(const std::weak_ptr<CoroutineRunner>& runner,
                                 const std::shared_ptr<CoroutineHome>& home, Turn& turn) -> RunningTaskPtr;

 private:
  [[nodiscard]] auto next(const std::shared_ptr<CoroutineHome>& home, Turn& turn) -> RunningTaskPtr;
  [[nodiscard]] auto choose_home() -> std::shared_ptr<CoroutineHome>;

  const asio::any_io_executor executor_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::mutex mutex_;
  std::deque<RunningTaskPtr> queue_;  // not empty: a home is on its way
  std::vector<std::shared_ptr<CoroutineHome>> idle_;
  bool on_its_way_ = false;  // a home was woken and has not come yet
  bool closed_ = false;
};

}  // namespace spider::inline v1::detail
