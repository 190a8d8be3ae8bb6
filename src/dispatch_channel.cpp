#include "spider/dispatch_channel.hpp"

#include "dispatch_state.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>

#include <algorithm>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

using detail::DispatchState;
using detail::DispatchWaiter;
using detail::WaiterKind;
using detail::Wake;

/// The waiter of one call, and what keeps the channel alive meanwhile. Leaves the line when the call
/// ends in whatever way, the destruction of its frame included.
class Place {
 public:
  Place(std::shared_ptr<DispatchState> state, WaiterKind kind) : state_{std::move(state)}, waiter_{kind} {}
  Place(const Place&) = delete;
  auto operator=(const Place&) -> Place& = delete;
  ~Place() { state_->leave(waiter_); }

  [[nodiscard]] auto state() -> DispatchState& { return *state_; }
  [[nodiscard]] auto waiter() -> DispatchWaiter& { return waiter_; }

  /// Suspends in the channel's line. The initiation is the last to touch the frame: whoever wakes the
  /// waiter may resume it on another thread before the initiation has returned.
  [[nodiscard]] auto wait() {
    auto initiate = [](auto handler, DispatchState* state, DispatchWaiter* waiter) {
      auto executor = asio::get_associated_executor(handler);
      auto slot = asio::get_associated_cancellation_slot(handler);
      detail::WakeHandler erased{std::move(handler)};  // claims the slot for itself: assign it afterwards
      if (slot.is_connected()) {
        slot.assign([state, waiter](asio::cancellation_type) { state->cancel(*waiter); });
      }
      state->suspend(*waiter, detail::Suspension{std::move(erased), std::move(executor), slot});
    };
    return asio::async_initiate<const asio::deferred_t, void(Wake)>(initiate, asio::deferred, state_.get(),
                                                                    &waiter_);
  }

 private:
  std::shared_ptr<DispatchState> state_;
  DispatchWaiter waiter_;
};

auto is_set(const asio::cancellation_state& state) -> bool {
  return state.cancelled() != asio::cancellation_type::none;
}

auto context_of(const asio::any_io_executor& executor) -> asio::execution_context& {
  return asio::query(executor, asio::execution::context);
}

/// Puts some of `items` in, or, where there are none, waits for free slots. `items` outlive the call.
auto put_waiting(std::shared_ptr<DispatchState> shared, std::span<const TaskAssignment> items)
    -> Async<std::size_t> {
  Place place{std::move(shared), items.empty() ? WaiterKind::slot_seeker : WaiterKind::producer};
  if (!items.empty()) place.waiter().session = items.front().session;
  const auto executor = co_await asio::this_coro::executor;
  place.state().watch(context_of(executor));
  while (true) {
    const auto before = co_await asio::this_coro::cancellation_state;
    if (is_set(before)) co_return Errc::cancelled;
    auto suspended = place.wait();
    const auto why = co_await std::move(suspended);
    const auto after = co_await asio::this_coro::cancellation_state;
    if (why == Wake::cancelled || is_set(after)) co_return Errc::cancelled;
    const auto put = items.empty() ? place.state().slots_in_line(place.waiter())
                                   : place.state().put_in_line(place.waiter(), items);
    if (put.count != 0) co_return put.count;
    if (put.error != Errc::would_block) co_return put.error;
  }
}

/// Takes one assignment, suspending until `wait` has passed. `yield`: lets the executor run others first.
auto take_waiting(std::shared_ptr<DispatchState> shared, Duration wait, bool yield)
    -> Async<std::optional<TaskAssignment>> {
  Place place{std::move(shared), WaiterKind::consumer};
  auto& state = place.state();
  auto& waiter = place.waiter();
  waiter.deadline = state.deadline_after(wait);
  const auto executor = co_await asio::this_coro::executor;
  state.watch(context_of(executor));
  TaskAssignment item;
  while (true) {
    const auto before = co_await asio::this_coro::cancellation_state;
    if (is_set(before)) co_return Errc::cancelled;
    auto why = Wake::timed_out;
    if (yield) {
      auto yielded = asio::post(executor, asio::deferred);
      co_await std::move(yielded);
    } else {
      auto suspended = place.wait();
      why = co_await std::move(suspended);
    }
    const auto after = co_await asio::this_coro::cancellation_state;
    if (why == Wake::cancelled || is_set(after)) co_return Errc::cancelled;
    const auto taken =
        why == Wake::timed_out ? state.take_one(item, false) : state.take_in_line(waiter, item);
    if (taken.count != 0) co_return item;
    if (taken.drained) co_return Errc::dispatch_queue_closed;
    if (state.is_due(waiter.deadline)) co_return std::optional<TaskAssignment>{};
    yield = false;
  }
}

// `enqueue` and `dequeue` are flattened because Asio's allocation of a frame, when it is not inlined, divides
// by the alignment.

class ChannelSink final : public DispatchQueueSink {
 public:
  explicit ChannelSink(std::shared_ptr<DispatchState> state) : state_{std::move(state)} {}
  ~ChannelSink() override { state_->close(); }

  [[gnu::flatten]] auto enqueue(TaskAssignment assignment) -> Async<void> override {
    const auto error = state_->put_one(assignment, true);
    if (error == Errc{}) co_return success();
    if (error != Errc::would_block) co_return error;
    auto waiting = put_waiting(state_, {&assignment, 1});
    const auto result = co_await std::move(waiting);
    if (!result) co_return result.error();
    co_return success();
  }

  auto enqueue_batch(std::vector<TaskAssignment> assignments) -> Async<std::size_t> override {
    if (assignments.empty()) co_return std::size_t{0};
    const auto put = state_->put(assignments, true);
    if (put.count != 0) co_return put.count;
    if (put.error != Errc::would_block) co_return put.error;
    auto waiting = put_waiting(state_, assignments);
    co_return co_await std::move(waiting);
  }

  auto try_enqueue(const TaskAssignment& assignment) -> Result<void> override {
    const auto error = state_->put_one(assignment, false);
    if (error != Errc{}) return error;
    return success();
  }

  auto bump_session(SessionId session) -> Result<void> override { return state_->bump(session); }

  auto free_slots() const -> std::size_t override { return state_->free_slots(); }

  auto wait_for_slots() -> Async<std::size_t> override {
    const auto slots = state_->slots();
    if (slots.count != 0) co_return slots.count;
    if (slots.error != Errc::would_block) co_return slots.error;
    auto waiting = put_waiting(state_, std::span<const TaskAssignment>{});
    co_return co_await std::move(waiting);
  }

  auto close() -> void override { state_->close(); }

 private:
  std::shared_ptr<DispatchState> state_;
};

class ChannelSource final : public DispatchQueueSource {
 public:
  explicit ChannelSource(std::shared_ptr<DispatchState> state) : state_{std::move(state)} {}
  ~ChannelSource() override { state_->close(); }

  [[gnu::flatten]] auto dequeue(Duration wait) -> Async<std::optional<TaskAssignment>> override {
    TaskAssignment item;
    const auto taken = state_->take_one(item, wait > Duration::zero());
    if (taken.count != 0) co_return item;
    if (taken.drained) co_return Errc::dispatch_queue_closed;
    if (wait <= Duration::zero()) co_return std::optional<TaskAssignment>{};
    auto waiting = take_waiting(state_, wait, taken.yield);
    co_return co_await std::move(waiting);
  }

  auto dequeue_batch(std::size_t max, Duration wait) -> Async<std::vector<TaskAssignment>> override {
    if (max == 0) co_return Error{Errc::invalid_argument, "dequeue_batch: max is 0"};
    std::vector<TaskAssignment> batch;
    if (!make_room(batch, *state_, max))
      co_return Error{Errc::limit_exceeded, "dequeue_batch: out of memory"};
    const auto taken = state_->take_batch(batch, std::min(max, batch.capacity()), wait > Duration::zero());
    if (taken.drained) co_return Errc::dispatch_queue_closed;
    if (taken.count != 0 || wait <= Duration::zero()) co_return batch;
    const auto state = state_;
    auto waiting = take_waiting(state, wait, taken.yield);
    const auto first = co_await std::move(waiting);
    if (!first) co_return first.error();
    if (!first.value()) co_return batch;
    batch.push_back(*first.value());
    if (max > 1 && make_room(batch, *state, max - 1)) {
      (void)state->take_batch(batch, std::min(max, batch.capacity()) - 1, false);
    }
    co_return batch;
  }

  auto try_dequeue() -> Result<std::optional<TaskAssignment>> override {
    TaskAssignment item;
    const auto taken = state_->take_one(item, false);
    if (taken.drained) return Errc::dispatch_queue_closed;
    return taken.count != 0 ? std::optional{item} : std::nullopt;
  }

 private:
  /// Room for what there is, 1 to `max` more: it must be there before anything is taken.
  static auto make_room(std::vector<TaskAssignment>& batch, const DispatchState& state, std::size_t max)
      -> bool {
    try {
      batch.reserve(batch.size() + std::clamp<std::size_t>(state.queued(), 1, max));
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  std::shared_ptr<DispatchState> state_;
};

auto find_fault(const DispatchChannelOptions& options) -> const char* {
  if (options.capacity == 0) return "capacity is 0";
  if (options.capacity > DispatchChannelOptions::kCapacityMax) return "capacity is over 2^24";
  if (options.resume_slots == 0) return "resume_slots is 0";
  if (options.wake_fanout == 0) return "wake_fanout is 0";
  if (options.overtake_max == 0) return "overtake_max is 0";
  if (options.wait_max < Duration::zero()) return "wait_max is negative";
  return nullptr;
}

}  // namespace

auto make_dispatch_channel(DispatchChannelOptions options, Clock& clock) -> Result<DispatchChannel> {
  if (const auto* fault = find_fault(options)) {
    return Error{Errc::invalid_argument, std::string{"dispatch channel: "} + fault};
  }
  auto state = DispatchState::make(options, clock);
  return DispatchChannel{std::make_unique<ChannelSink>(state), std::make_unique<ChannelSource>(state),
                         [state] { return state->counters(); }};
}

}  // namespace v1
}  // namespace spider
