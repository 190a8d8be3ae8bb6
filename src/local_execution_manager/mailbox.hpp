#pragma once

/// How other threads reach a manager: tasks that came back, and the wish that it stop. Outlives the
/// manager as long as anybody may still write; what arrives after `close` is dropped.

#include "local_execution_manager/running_task.hpp"
#include "posting.hpp"

#include <mutex>
#include <vector>

namespace spider::inline v1::detail {

class ManagerState;

class Mailbox final : public std::enable_shared_from_this<Mailbox> {
 public:
  Mailbox(asio::any_io_executor strand, ManagerState* owner) : strand_{std::move(strand)}, owner_{owner} {}

  // Callable from any thread.

  /// Many that come close together are delivered at once.
  auto returned(RunningTaskPtr task) -> void;
  /// The same in two steps, for who has many: `send` delivers what was kept. Before anything that may take
  /// long begins, either it has been called, or another thread is on its way that will.
  auto keep(RunningTaskPtr task) -> void;
  auto send(Next next) -> void;
  auto please_stop() -> void;

  /// On the strand.
  auto close() noexcept -> void { owner_ = nullptr; }

 private:
  auto deliver() -> void;

  asio::any_io_executor strand_;
  ManagerState* owner_;  // of the strand
  std::mutex mutex_;
  std::vector<RunningTaskPtr> returned_;
  bool on_its_way_ = false;  // a delivery, which will take all that is there by then
};

}  // namespace spider::inline v1::detail
