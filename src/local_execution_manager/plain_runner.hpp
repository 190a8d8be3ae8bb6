#pragma once

/// Runs plain functions on an executor, a bounded number at a time, first come, first served. A loop is
/// posted only while there is work for it, so that many short functions cost few wake-ups. Thread-safe.

#include "local_execution_manager/mailbox.hpp"

#include <deque>
#include <mutex>
#include <vector>

namespace spider::inline v1::detail {

class PlainRunner final : public std::enable_shared_from_this<PlainRunner> {
 public:
  PlainRunner(asio::any_io_executor where, std::size_t loops_max, std::shared_ptr<Mailbox> mailbox)
      : where_{std::move(where)}, loops_max_{loops_max}, mailbox_{std::move(mailbox)} {}

  /// Each task comes back through the mailbox: run, or not begun if it was asked to stop before.
  auto push(const std::vector<RunningTaskPtr>& tasks) -> void;

  /// The tasks that nobody has begun; they will not be.
  [[nodiscard]] auto take_back() -> std::vector<RunningTaskPtr>;

 private:
  auto post_loop() -> void;
  auto loop() -> void;
  auto run(RunningTaskPtr task) -> void;

  asio::any_io_executor where_;
  std::size_t loops_max_;
  std::shared_ptr<Mailbox> mailbox_;
  std::mutex mutex_;
  std::deque<RunningTaskPtr> queue_;
  std::size_t loops_ = 0;
};

}  // namespace spider::inline v1::detail
