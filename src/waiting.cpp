#include "waiting.hpp"

#include "posting.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace spider::inline v1::detail {

Suspension::Suspension(WakeHandler handler, asio::any_io_executor executor, asio::cancellation_slot slot)
    : executor_{std::move(executor)}, slot_{slot} {
  handler_.swap(handler);
}

// any_completion_handler's own move assignment recurses without end in Boost 1.81: swap instead.
Suspension::Suspension(Suspension&& other) noexcept
    : executor_{std::move(other.executor_)}, slot_{other.slot_} {
  handler_.swap(other.handler_);
}

auto Suspension::operator=(Suspension&& other) noexcept -> Suspension& {
  handler_.swap(other.handler_);
  executor_.swap(other.executor_);
  std::swap(slot_, other.slot_);
  return *this;
}

// The slot is cleared on the coroutine's own executor, where alone a cancellation may be emitted.
auto Suspension::continuation(Wake why) {
  assert(handler_);
  return [handler = std::move(handler_), slot = slot_, why]() mutable {
    slot.clear();
    std::move(handler)(why);
  };
}

auto Suspension::resume(Wake why) -> void { post_to(executor_, continuation(why)); }

auto Suspension::resume_from_outside(Wake why) -> void { executor_.execute(continuation(why)); }

auto Suspension::context() const -> asio::execution_context& {
  return asio::query(executor_, asio::execution::context);
}

namespace {

/// Lives in an execution context; its shutdown runs before the context's executors die.
class ContextWatch final : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;

  explicit ContextWatch(asio::execution_context& owner) : service{owner} {}

  auto add(std::weak_ptr<HoldsSuspensions> holder) -> void {
    const std::scoped_lock lock{mutex_};
    if (holders_.size() >= prune_at_) {
      std::erase_if(holders_, [](const auto& held) { return held.expired(); });
      prune_at_ = std::max<std::size_t>(16, 2 * holders_.size());
    }
    holders_.push_back(std::move(holder));
  }

  auto shutdown() -> void override {
    std::vector<std::weak_ptr<HoldsSuspensions>> holders;
    {
      const std::scoped_lock lock{mutex_};
      holders.swap(holders_);
    }
    for (const auto& weak : holders) {
      if (const auto holder = weak.lock()) holder->drop_suspensions(context());
    }
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<HoldsSuspensions>> holders_;
  std::size_t prune_at_ = 16;
};

}  // namespace

auto watch_context(asio::execution_context& context, std::weak_ptr<HoldsSuspensions> holder) -> void {
  asio::use_service<ContextWatch>(context).add(std::move(holder));
}

auto WaitingLine::make(Clock& clock) -> std::shared_ptr<WaitingLine> {
  auto line = std::make_shared<WaitingLine>(clock);
  line->alarm_ = clock.make_alarm([weak = std::weak_ptr{line}] {
    if (const auto self = weak.lock()) self->expire();
  });
  return line;
}

WaitingLine::WaitingLine(Clock& clock) : clock_{clock} {}

auto WaitingLine::ticket() const -> std::uint64_t {
  const std::scoped_lock lock{mutex_};
  return ticket_;
}

auto WaitingLine::wait(std::uint64_t ticket, TimePoint deadline) -> Async<void> {
  const auto self = shared_from_this();
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  auto initiate = [](auto handler, WaitingLine* line, std::uint64_t drawn, TimePoint until) {
    auto executor = asio::get_associated_executor(handler);
    auto slot = asio::get_associated_cancellation_slot(handler);
    line->suspend(WakeHandler{std::move(handler)}, std::move(executor), slot, drawn, until);
  };
  auto suspended = asio::async_initiate<const asio::deferred_t, void(Wake)>(initiate, asio::deferred,
                                                                            self.get(), ticket, deadline);
  const auto why = co_await std::move(suspended);
  switch (why) {
    case Wake::notified: break;
    case Wake::timed_out: co_return Errc::timed_out;
    case Wake::cancelled: co_return Errc::cancelled;
    case Wake::closed: co_return Errc::closed;
  }
  co_return success();
}

auto WaitingLine::suspend(WakeHandler handler, asio::any_io_executor executor, asio::cancellation_slot slot,
                          std::uint64_t ticket, TimePoint deadline) -> void {
  Suspension suspension{std::move(handler), std::move(executor), slot};
  const std::scoped_lock lock{mutex_};
  if (closed_) return suspension.resume(Wake::closed);
  if (ticket != ticket_) return suspension.resume(Wake::notified);
  if (deadline <= clock_.now()) return suspension.resume(Wake::timed_out);

  auto& context = suspension.context();
  if (std::ranges::find(watched_, &context) == watched_.end()) {
    watch_context(context, weak_from_this());
    watched_.push_back(&context);
  }
  const auto number = next_number_++;
  if (slot.is_connected()) {
    slot.assign([weak = weak_from_this(), number](asio::cancellation_type) {
      if (const auto self = weak.lock()) self->cancel(number);
    });
  }
  waiters_.emplace(number, Waiter{std::move(suspension), deadline});
  if (deadline != kForever) {
    deadlines_.emplace(deadline, number);
    rearm();
  }
}

auto WaitingLine::notify_all() -> void {
  const std::scoped_lock lock{mutex_};
  ++ticket_;
  if (waiters_.empty()) return;
  for (auto& [number, waiter] : waiters_) waiter.suspension.resume(Wake::notified);
  waiters_.clear();
  deadlines_.clear();
  rearm();
}

auto WaitingLine::close() -> void {
  const std::scoped_lock lock{mutex_};
  closed_ = true;
  for (auto& [number, waiter] : waiters_) waiter.suspension.resume(Wake::closed);
  waiters_.clear();
  deadlines_.clear();
  rearm();
}

auto WaitingLine::waiters() const -> std::size_t {
  const std::scoped_lock lock{mutex_};
  return waiters_.size();
}

auto WaitingLine::cancel(std::uint64_t number) -> void {
  const std::scoped_lock lock{mutex_};
  const auto found = waiters_.find(number);
  if (found == waiters_.end()) return;
  const auto [first, last] = deadlines_.equal_range(found->second.deadline);
  const auto entry = std::find_if(first, last, [&](const auto& held) { return held.second == number; });
  if (entry != last) deadlines_.erase(entry);
  found->second.suspension.resume(Wake::cancelled);
  waiters_.erase(found);
  rearm();
}

auto WaitingLine::expire() -> void {
  const std::scoped_lock lock{mutex_};
  const auto now = clock_.now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto found = waiters_.find(deadlines_.begin()->second);
    found->second.suspension.resume(Wake::timed_out);
    waiters_.erase(found);
    deadlines_.erase(deadlines_.begin());
  }
  rearm();
}

auto WaitingLine::rearm() -> void {
  if (!alarm_) return;
  alarm_->arm(deadlines_.empty() ? kForever : deadlines_.begin()->first);
}

auto WaitingLine::drop_suspensions(const asio::execution_context& context) noexcept -> void {
  std::vector<Waiter> dropped;
  {
    const std::scoped_lock lock{mutex_};
    std::erase(watched_, &context);
    for (auto it = waiters_.begin(); it != waiters_.end();) {
      if (&it->second.suspension.context() != &context) {
        ++it;
        continue;
      }
      const auto number = it->first;
      std::erase_if(deadlines_, [number](const auto& held) { return held.second == number; });
      dropped.push_back(std::move(it->second));
      it = waiters_.erase(it);
    }
  }
}

}  // namespace spider::inline v1::detail
