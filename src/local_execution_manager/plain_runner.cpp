#include "local_execution_manager/plain_runner.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace spider::inline v1::detail {

namespace {

constexpr int kPlainTasksPerTurn = 64;  // then others on the executor get theirs

}  // namespace

auto PlainRunner::push(const std::vector<RunningTaskPtr>& tasks) -> void {
  std::size_t more = 0;
  {
    const std::scoped_lock lock{mutex_};
    queue_.insert(queue_.end(), tasks.begin(), tasks.end());
    more = std::min(tasks.size(), loops_max_ - loops_);
    loops_ += more;
  }
  for (std::size_t i = 0; i < more; ++i) post_loop();
}

auto PlainRunner::take_back() -> std::vector<RunningTaskPtr> {
  const std::scoped_lock lock{mutex_};
  std::vector<RunningTaskPtr> tasks{std::make_move_iterator(queue_.begin()),
                                    std::make_move_iterator(queue_.end())};
  queue_.clear();
  return tasks;
}

auto PlainRunner::post_loop() -> void {
  asio::post(where_, [self = shared_from_this()] { self->loop(); });
}

auto PlainRunner::loop() -> void {
  for (int i = 0; i < kPlainTasksPerTurn; ++i) {
    RunningTaskPtr task;
    {
      const std::scoped_lock lock{mutex_};
      if (queue_.empty()) {
        --loops_;
        return;
      }
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    run(std::move(task));
  }
  post_loop();
}

auto PlainRunner::run(RunningTaskPtr task) -> void {
  if (!task->stop.stop_requested()) {
    task->begun = true;
    task->answer = task->handler->call(*task->context, task->started.spec->input);
  }
  mailbox_->returned(std::move(task));
}

}  // namespace spider::inline v1::detail
