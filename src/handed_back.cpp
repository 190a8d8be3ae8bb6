#include "spider/handed_back.hpp"

#include "waiting.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstringop-overflow"  // false, in the bulk path at -O3
#endif
#include <concurrentqueue/concurrentqueue.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <mutex>

namespace spider {
inline namespace v1 {

/// The bound is kept by two counters of its own: `put_`, counted after the items went in, and `taken_`,
/// counted after they went out. So `put_ - taken_`, as read by a producer, is never too low.
class HandedBackQueue::Impl {
 public:
  Impl(Clock& clock, std::size_t capacity)
      : capacity_{capacity}, line_{detail::WaitingLine::make(clock)}, producer_{items_} {}

  auto put(std::span<const TaskAssignment> assignments) -> std::size_t {
    const auto count = put_quietly(assignments);
    if (count != 0) line_->notify_all();
    return count;
  }

  auto take(std::size_t max) -> std::vector<TaskAssignment> {
    std::vector<TaskAssignment> taken(std::min(max, size()));
    taken.resize(items_.try_dequeue_bulk_from_producer(producer_, taken.begin(), taken.size()));
    taken_.fetch_add(static_cast<std::int64_t>(taken.size()), std::memory_order_release);
    return taken;
  }

  auto close() -> void {
    {
      const std::scoped_lock lock{intake_};
      closed_ = true;
    }
    line_->close();
  }

  /// A take may be counted before the put that it took from.
  [[nodiscard]] auto size() const -> std::size_t {
    const auto taken = taken_.load(std::memory_order_acquire);
    const auto held = put_.load(std::memory_order_acquire) - taken;
    return static_cast<std::size_t>(std::clamp<std::int64_t>(held, 0, static_cast<std::int64_t>(capacity_)));
  }

  [[nodiscard]] auto line() -> detail::WaitingLine& { return *line_; }

 private:
  auto put_quietly(std::span<const TaskAssignment> assignments) -> std::size_t {
    const std::scoped_lock lock{intake_};
    if (closed_) return 0;
    const auto count = std::min(assignments.size(), capacity_ - size());
    if (count == 0 || !items_.enqueue_bulk(producer_, assignments.data(), count)) return 0;
    put_.fetch_add(static_cast<std::int64_t>(count), std::memory_order_release);
    return count;
  }

  const std::size_t capacity_;
  const std::shared_ptr<detail::WaitingLine> line_;
  std::mutex intake_;  // the producer token serves one thread at a time
  bool closed_ = false;
  moodycamel::ConcurrentQueue<TaskAssignment> items_;
  moodycamel::ProducerToken producer_;
  std::atomic<std::int64_t> put_{0};
  std::atomic<std::int64_t> taken_{0};
};

HandedBackQueue::HandedBackQueue(Clock& clock, std::size_t capacity)
    : impl_{std::make_shared<Impl>(clock, capacity)} {
  assert(capacity >= 1 && capacity <= kCapacityMax);
}

HandedBackQueue::~HandedBackQueue() { impl_->close(); }

auto HandedBackQueue::put(std::span<const TaskAssignment> assignments) -> std::size_t {
  return impl_->put(assignments);
}

auto HandedBackQueue::close() -> void { impl_->close(); }

auto HandedBackQueue::wait() -> Async<void> {
  const auto impl = impl_;
  while (true) {
    const auto ticket = impl->line().ticket();
    if (impl->size() != 0) co_return success();
    const auto woken = co_await impl->line().wait(ticket, kForever);
    const auto missed = !woken && woken.error() == Errc::closed && impl->size() != 0;  // put, then closed
    if (!woken && !missed) co_return woken.error();
  }
}

auto HandedBackQueue::take(std::size_t max) -> std::vector<TaskAssignment> { return impl_->take(max); }

auto HandedBackQueue::size() const -> std::size_t { return impl_->size(); }

}  // namespace v1
}  // namespace spider
