#include "spider/push_dispatcher.hpp"

#include "spider/handed_back.hpp"
#include "waiting.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace spider {
inline namespace v1 {

class PushDispatcher::State {
 public:
  State(PushDispatcherOptions chosen, DispatchQueueSource& queue, WorkerPool& workers,
        HandedBackQueue& returns, Clock& time, Deliver hand_over)
      : options{std::move(chosen)},
        source{queue},
        pool{workers},
        handed_back{returns},
        clock{time},
        deliver{std::move(hand_over)},
        ended{detail::WaitingLine::make(time)},
        next_sweep{saturating_add(time.now(), options.sweep_interval)} {}

  [[nodiscard]] auto is_full() const -> bool { return counters.in_flight == options.in_flight_max; }
  [[nodiscard]] auto until_sweep() const -> Duration {
    return std::max(next_sweep - clock.now(), Duration::zero());
  }

  auto request() const -> ClaimRequest {
    ClaimRequest claim{options.claimant};
    claim.pool = options.pool;
    claim.lease = options.lease;
    claim.wait = until_sweep();
    if (options.actor) claim.actor = options.actor(*held);
    return claim;
  }

  auto hand_back(const TaskAssignment& assignment) -> void {
    const auto accepted = handed_back.put({&assignment, 1});
    ++(accepted == 1 ? counters.handed_back : counters.refused);
  }

  const PushDispatcherOptions options;
  DispatchQueueSource& source;
  WorkerPool& pool;
  HandedBackQueue& handed_back;
  Clock& clock;
  const Deliver deliver;
  const std::shared_ptr<detail::WaitingLine> ended;  ///< a delivery has
  TimePoint next_sweep;
  std::optional<TaskAssignment> held;  ///< taken, and waiting for a worker
  PushDispatcherCounters counters;
};

namespace {

/// Whether the pool may answer otherwise later.
auto may_recover(const Error& error) -> bool {
  return error == WorkerPoolErrc::unknown_pool || error == Errc::storage_unavailable ||
         error == Errc::limit_exceeded || error == WorkerPoolErrc::claim_conflict;
}

template <class State>
auto deliver_one(std::shared_ptr<State> state, Claim claim, TaskAssignment assignment)
    -> asio::awaitable<void> {
  Result<void> delivered = Errc::internal;
  try {
    auto delivering = state->deliver(claim, assignment);
    delivered = co_await std::move(delivering);
  } catch (...) {
    delivered = Error{Errc::internal, "deliver threw"};
  }
  --state->counters.in_flight;
  if (delivered) {
    ++state->counters.delivered;
  } else {
    ++state->counters.failed;
    state->hand_back(assignment);
  }
  state->ended->notify_all();
}

template <class State>
auto sweep_when_due(std::shared_ptr<State> state) -> asio::awaitable<void> {
  const auto now = state->clock.now();
  if (now < state->next_sweep) co_return;
  state->next_sweep = saturating_add(now, state->options.sweep_interval);
  auto sweeping = state->pool.sweep(now, state->options.sweep_limit);
  (void)co_await std::move(sweeping);  // a pool that cannot answer is asked again
}

/// One assignment more is in `held`, unless none came in time.
template <class State>
auto take_one(std::shared_ptr<State> state) -> Async<void> {
  auto dequeuing = state->source.dequeue(state->until_sweep());
  const auto taken = co_await std::move(dequeuing);
  if (!taken) co_return taken.error();
  if (!taken.value()) co_return success();
  state->held = *taken.value();
  ++state->counters.taken;
  ++state->counters.waiting;
  co_return success();
}

/// Sends `held` on its way, unless no worker was idle in time.
template <class State>
auto send_one(std::shared_ptr<State> state) -> Async<void> {
  auto claiming = state->pool.claim(state->request());
  const auto claim = co_await std::move(claiming);
  if (!claim && !may_recover(claim.error())) co_return claim.error();
  if (!claim) {
    const auto slept = co_await state->clock.sleep_until(state->next_sweep);
    co_return slept;
  }
  if (!claim.value()) co_return success();
  const auto assignment = *std::exchange(state->held, std::nullopt);
  --state->counters.waiting;
  ++state->counters.in_flight;
  const auto executor = co_await asio::this_coro::executor;
  auto delivery = deliver_one(state, *claim.value(), assignment);
  asio::co_spawn(executor, rooted(std::move(delivery)), asio::detached);
  co_return success();
}

template <class State>
auto step(std::shared_ptr<State> state) -> Async<void> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  co_await sweep_when_due(state);
  if (state->is_full()) {
    const auto ticket = state->ended->ticket();
    const auto woken = co_await state->ended->wait(ticket, state->next_sweep);
    if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
    co_return success();
  }
  if (state->held) co_return co_await send_one(state);
  co_return co_await take_one(state);
}

}  // namespace

PushDispatcher::PushDispatcher(std::shared_ptr<State> state) : state_{std::move(state)} {}

PushDispatcher::~PushDispatcher() = default;

auto PushDispatcher::run() -> Async<void> {
  const auto state = state_;
  auto went = co_await step(state);
  while (went) went = co_await step(state);
  if (state->held) {
    state->hand_back(*std::exchange(state->held, std::nullopt));
    --state->counters.waiting;
  }
  // What is under way ends by itself: no longer to be interrupted.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (state->counters.in_flight > 0) {
    const auto ticket = state->ended->ticket();
    (void)co_await state->ended->wait(ticket, kForever);
  }
  co_return went.error();
}

auto PushDispatcher::counters() const -> PushDispatcherCounters { return state_->counters; }

auto make_push_dispatcher(PushDispatcherOptions options, DispatchQueueSource& source, WorkerPool& pool,
                          HandedBackQueue& handed_back, Clock& clock, Deliver deliver)
    -> Result<std::unique_ptr<PushDispatcher>> {
  const auto refuse = [](const char* what) {
    return Error{Errc::invalid_argument, std::string{"push dispatcher: "} + what};
  };
  if (!options.claimant) return refuse("claimant 0");
  if (!is_valid_name(options.pool)) return refuse("no valid name of a pool");
  if (options.lease <= Duration::zero()) return refuse("lease is not positive");
  if (options.in_flight_max == 0) return refuse("in_flight_max is 0");
  if (options.sweep_interval <= Duration::zero()) return refuse("sweep_interval is not positive");
  if (options.sweep_limit == 0) return refuse("sweep_limit is 0");
  if (!deliver) return refuse("no deliver");
  auto state = std::make_shared<PushDispatcher::State>(std::move(options), source, pool, handed_back, clock,
                                                       std::move(deliver));
  return std::unique_ptr<PushDispatcher>{new PushDispatcher{std::move(state)}};
}

}  // namespace v1
}  // namespace spider
