#include "local_execution_manager/coroutine_runner.hpp"

#include "local_execution_manager/coroutine_home.hpp"

#include <iterator>
#include <utility>

namespace spider::inline v1::detail {

namespace {

constexpr std::uint32_t kTasksPerTurn = 64;  // then others on the executor get theirs

}  // namespace

auto CoroutineRunner::push(std::vector<RunningTaskPtr>&& tasks, Next next) -> void {
  std::shared_ptr<CoroutineHome> woken;
  {
    const std::scoped_lock lock{mutex_};
    queue_.insert(queue_.end(), std::make_move_iterator(tasks.begin()), std::make_move_iterator(tasks.end()));
    woken = choose_home();
  }
  if (woken) woken->wake(next);
}

auto CoroutineRunner::take_back() -> std::vector<RunningTaskPtr> {
  const std::scoped_lock lock{mutex_};
  std::vector<RunningTaskPtr> tasks{std::make_move_iterator(queue_.begin()),
                                    std::make_move_iterator(queue_.end())};
  queue_.clear();
  return tasks;
}

auto CoroutineRunner::cancel(const RunningTaskPtr& task) -> void {
  std::shared_ptr<CoroutineHome> home;
  {
    const std::scoped_lock lock{mutex_};
    home = task->home;
    if (!home) task->unwanted = true;
  }
  if (home) home->cancel(task);
}

auto CoroutineRunner::close() -> void {
  std::vector<std::shared_ptr<CoroutineHome>> idle;
  {
    const std::scoped_lock lock{mutex_};
    closed_ = true;
    idle.swap(idle_);
  }
  for (const auto& home : idle) home->wake(Next::may_take_long);
}

auto CoroutineRunner::next(const std::weak_ptr<CoroutineRunner>& runner,
                           const std::shared_ptr<CoroutineHome>& home, Turn& turn) -> RunningTaskPtr {
  if (const auto self = runner.lock()) return self->next(home, turn);
  turn.over = true;
  return nullptr;
}

auto CoroutineRunner::next(const std::shared_ptr<CoroutineHome>& home, Turn& turn) -> RunningTaskPtr {
  RunningTaskPtr task;
  std::shared_ptr<CoroutineHome> woken;
  bool nobody_else_sends = false;
  {
    const std::scoped_lock lock{mutex_};
    const bool came = !std::exchange(turn.awake, true);
    if (came) on_its_way_ = false;
    turn.over = closed_;
    if (closed_) {
      // The last results: nothing follows.
    } else if (!queue_.empty() && turn.taken < kTasksPerTurn) {
      ++turn.taken;
      task = std::move(queue_.front());
      queue_.pop_front();
      task->home = home;
    } else {
      turn = {};
      idle_.push_back(home);
    }
    if (!queue_.empty()) woken = choose_home();
    nobody_else_sends = came || !on_its_way_;
  }
  if (woken) woken->wake(Next::may_take_long);
  if (!task || nobody_else_sends) mailbox_->send(task ? Next::may_take_long : Next::suspends);
  return task;
}

/// Null when one is on its way already.
auto CoroutineRunner::choose_home() -> std::shared_ptr<CoroutineHome> {
  if (closed_ || std::exchange(on_its_way_, true)) return nullptr;
  if (idle_.empty()) return std::make_shared<CoroutineHome>(executor_, weak_from_this(), mailbox_);
  auto home = std::move(idle_.back());
  idle_.pop_back();
  return home;
}

}  // namespace spider::inline v1::detail
