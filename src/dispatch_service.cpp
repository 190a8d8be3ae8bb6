#include "spider/dispatch_service.hpp"

#include "dispatch_service_state.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

auto find_fault(const DispatchServiceOptions& options) -> const char* {
  if (options.cutoff <= Duration::zero()) return "cutoff is not positive";
  if (options.assignment_lease <= Duration::zero()) return "assignment_lease is not positive";
  if (options.assignment_lease < options.heartbeat_interval()) {
    return "assignment_lease is shorter than heartbeat_interval()";
  }
  if (options.outstanding_max == 0) return "outstanding_max is 0";
  if (options.outstanding_max > DispatchServiceOptions::kOutstandingMax)
    return "outstanding_max is over 2^20";
  if (options.managers_max == 0) return "managers_max is 0";
  if (options.managers_max > DispatchServiceOptions::kManagersMax) return "managers_max is over 2^20";
  return nullptr;
}

}  // namespace

DispatchService::Call::~Call() { state_->end(*this); }

auto DispatchService::Call::take(std::shared_ptr<Call> call, Duration wait)
    -> Async<std::vector<TaskAssignment>> {
  auto dequeued = call->state_->source().dequeue_batch(call->places, wait);
  auto taken = co_await std::move(dequeued);
  if (taken) call->state_->record(*call, taken.value());
  co_return taken;
}

auto DispatchService::Call::take_in_line(std::shared_ptr<Call> call, Duration wait)
    -> Async<std::vector<TaskAssignment>> {
  const auto executor = co_await asio::this_coro::executor;
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) co_return Errc::cancelled;
  call->strand_.emplace(asio::make_strand(executor));
  if (!call->state_->watch(*call)) co_return Errc::dispatch_queue_closed;
  auto slot = cancellation.slot();
  if (slot.is_connected()) {
    slot.assign([weak = call->weak_from_this()](asio::cancellation_type) {
      if (const auto self = weak.lock()) self->cancel();
    });
  }
  auto waiting = asio::co_spawn(*call->strand_, rooted(run_in_line(call, wait)),
                                asio::bind_cancellation_slot(call->signal_.slot(), asio::use_awaitable));
  auto taken = co_await std::move(waiting);
  slot.clear();
  co_return taken;
}

auto DispatchService::Call::run_in_line(std::shared_ptr<Call> call, Duration wait)
    -> Async<std::vector<TaskAssignment>> {
  call->started_ = true;
  auto taking = take(call, wait);
  Result<std::vector<TaskAssignment>> taken = Errc::cancelled;
  if (!call->stopped_) taken = co_await std::move(taking);
  if (!taken && taken.error() == Errc::cancelled && call->state_->closed()) {
    co_return Errc::dispatch_queue_closed;
  }
  co_return taken;
}

// A signal that is emitted before its coroutine runs would end it with an exception.
auto DispatchService::Call::cancel() -> void {
  asio::post(*strand_, [self = shared_from_this()] {
    self->stopped_ = true;
    if (self->started_) self->signal_.emit(asio::cancellation_type::terminal);
  });
}

DispatchService::DispatchService(std::shared_ptr<State> state) : state_{std::move(state)} {}

DispatchService::~DispatchService() {
  state_->close();
  state_->detach();
}

auto DispatchService::next_tasks(ManagerId manager, std::size_t max, Duration wait)
    -> Async<std::vector<TaskAssignment>> {
  if (!manager) co_return Error{Errc::invalid_argument, "next_tasks: manager 0"};
  if (max == 0) co_return Error{Errc::invalid_argument, "next_tasks: max is 0"};
  const auto begun = state_->begin(manager, max);
  if (!begun) co_return begun.error();
  const auto& call = begun.value();
  auto at_once = Call::take(call, Duration::zero());
  auto taken = co_await std::move(at_once);
  if (!taken || !taken.value().empty() || wait <= Duration::zero()) co_return taken;
  auto in_line = Call::take_in_line(call, wait);
  co_return co_await std::move(in_line);
}

auto DispatchService::acknowledge(ManagerId manager, std::vector<TaskAssignment> assignments) -> Async<void> {
  co_return state_->acknowledge(manager, assignments);
}

auto DispatchService::heartbeat(ManagerId manager) -> Async<void> {
  if (!manager) co_return Error{Errc::invalid_argument, "heartbeat: manager 0"};
  co_return state_->heartbeat(manager);
}

auto DispatchService::leave(ManagerId manager, std::vector<TaskAssignment> acknowledged) -> Async<void> {
  co_return state_->leave(manager, acknowledged);
}

auto DispatchService::serve(SchedulerId scheduler) -> void { state_->serve(scheduler); }

auto DispatchService::close() -> void { state_->close(); }

auto DispatchService::holder(TaskRef task) const -> std::optional<ManagerId> { return state_->holder(task); }

auto DispatchService::snapshot() const -> DispatchServiceCounters { return state_->snapshot(); }

auto make_dispatch_service(DispatchServiceOptions options, DispatchQueueSource& source,
                           HandedBackQueue& handed_back, Clock& clock, Observer& observer)
    -> Result<std::unique_ptr<DispatchService>> {
  if (const auto* fault = find_fault(options)) {
    return Error{Errc::invalid_argument, std::string{"dispatch service: "} + fault};
  }
  auto state = DispatchService::State::make(options, source, handed_back, clock, observer);
  return std::unique_ptr<DispatchService>{new DispatchService{std::move(state)}};
}

}  // namespace v1
}  // namespace spider
