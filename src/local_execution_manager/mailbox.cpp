#include "local_execution_manager/mailbox.hpp"

#include "local_execution_manager/manager_state.hpp"
#include "posting.hpp"

#include <utility>

namespace spider::inline v1::detail {

auto Mailbox::returned(RunningTaskPtr task) -> void {
  keep(std::move(task));
  send(Next::may_take_long);
}

auto Mailbox::keep(RunningTaskPtr task) -> void {
  const std::scoped_lock lock{mutex_};
  returned_.push_back(std::move(task));
}

auto Mailbox::send(Next next) -> void {
  {
    const std::scoped_lock lock{mutex_};
    if (returned_.empty() || std::exchange(on_its_way_, true)) return;
  }
  post_to(strand_, next, [self = shared_from_this()] { self->deliver(); });
}

auto Mailbox::deliver() -> void {
  std::vector<RunningTaskPtr> tasks;
  {
    const std::scoped_lock lock{mutex_};
    tasks.swap(returned_);
    returned_.reserve(tasks.size());  // as many may come the next time
    on_its_way_ = false;
  }
  if (owner_ != nullptr) owner_->take_returned(std::move(tasks));
}

auto Mailbox::please_stop() -> void {
  post_to(strand_, [self = shared_from_this()] {
    if (self->owner_ != nullptr) self->owner_->request_stop(StopMode::cancel, kForever);
  });
}

}  // namespace spider::inline v1::detail
