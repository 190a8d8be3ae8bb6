#include "sqlite/writer.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace spider::inline v1::detail {

namespace {

constexpr std::size_t kGroupMax = 1024;  // requests in one transaction

auto unavailable(const SqlFailure& failure) -> Error {
  return {Errc::storage_unavailable, "sqlite: " + failure.text};
}

}  // namespace

auto Writer::run(std::shared_ptr<Request> request) -> asio::awaitable<void> {
  const auto self = shared_from_this();
  auto initiate = [](auto handler, Writer* writer, std::shared_ptr<Request> asked) {
    auto executor = asio::get_associated_executor(handler);
    writer->enqueue(std::move(asked), WakeHandler{std::move(handler)}, std::move(executor));
  };
  auto suspended = asio::async_initiate<const asio::deferred_t, void(Wake)>(initiate, asio::deferred,
                                                                            self.get(), std::move(request));
  co_await std::move(suspended);
}

auto Writer::enqueue(std::shared_ptr<Request> request, WakeHandler handler, asio::any_io_executor executor)
    -> void {
  Suspension suspension{std::move(handler), std::move(executor), {}};
  const auto& hold = state_->options.hold;
  if (hold) request->hold_ = hold();
  const std::scoped_lock lock{mutex_};
  if (stopped_) {
    request->refuse(Errc::closed);
    return suspension.resume(Wake::closed);
  }
  auto& context = suspension.context();
  if (std::ranges::find(watched_, &context) == watched_.end()) {
    watch_context(context, weak_from_this());
    watched_.push_back(&context);
  }
  request->suspension_.emplace(std::move(suspension));
  queue_.push_back(std::move(request));
  changed_.notify_one();
}

auto Writer::add_sleeper(int change) -> void {
  const std::scoped_lock lock{mutex_};
  sleepers_ += change;
  if (change > 0 && sleepers_ == 1) changed_.notify_one();
}

auto Writer::stop() -> void {
  {
    const std::scoped_lock lock{mutex_};
    stopped_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

auto Writer::wait_for_work(std::unique_lock<std::mutex>& lock) -> void {
  const auto has_work = [this] { return stopped_ || !queue_.empty(); };
  const auto interval = state_->options.peek_interval;
  while (!has_work()) {
    if (sleepers_ == 0 || interval.count() <= 0) {
      changed_.wait(lock);
    } else if (changed_.wait_for(lock, interval) == std::cv_status::timeout) {
      return;
    }
  }
}

auto Writer::work() -> void {
  Requests ended;
  std::unique_lock lock{mutex_};
  while (true) {
    wait_for_work(lock);
    if (stopped_ && queue_.empty()) return;
    const auto count = std::min(queue_.size(), kGroupMax);
    group_.assign(std::make_move_iterator(queue_.begin()),
                  std::make_move_iterator(queue_.begin() + static_cast<std::ptrdiff_t>(count)));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
    const bool look = sleepers_ > 0 && state_->options.peek_interval.count() > 0;
    lock.unlock();
    perform(group_);  // only this thread changes which requests it holds
    if (look) look_around();
    lock.lock();
    answer();
    ended.swap(group_);  // `drop_suspensions` looks at the group
    lock.unlock();
    ended.clear();  // outside the lock: what requests own may do anything when it dies
    lock.lock();
  }
}

auto Writer::perform(const Requests& group) -> void {
  if (group.empty()) return;
  Error failed;
  try {
    state_->begin();
    for (const auto& request : group) {
      state_->tick();
      request->act(*state_);
    }
    state_->commit();
    return state_->notify();
  } catch (const SqlFailure& failure) {
    failed = unavailable(failure);
  } catch (const std::exception& thrown) {
    failed = {Errc::internal, thrown.what()};
  }
  state_->rollback();
  for (const auto& request : group) request->refuse(failed);
}

auto Writer::look_around() -> void {
  try {
    state_->peek();
  } catch (const SqlFailure&) {  // the next request will find out
  }
}

auto Writer::answer() -> void {
  for (const auto& request : group_) {
    if (request->suspension_) request->suspension_->resume(Wake::notified);
    request->suspension_.reset();
    request->hold_.reset();
  }
}

auto Writer::drop_suspensions(const asio::execution_context& context) noexcept -> void {
  std::vector<Suspension> dropped;  // destroyed after the lock is released
  const auto drop = [&](Request& request) {
    if (!request.suspension_ || &request.suspension_->context() != &context) return;
    dropped.push_back(std::move(*request.suspension_));
    request.suspension_.reset();
    request.hold_.reset();
  };
  const std::scoped_lock lock{mutex_};
  std::erase(watched_, &context);
  for (const auto& request : queue_) drop(*request);
  for (const auto& request : group_) drop(*request);
}

}  // namespace spider::inline v1::detail
