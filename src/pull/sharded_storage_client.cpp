#include "spider/pull/sharded_storage_client.hpp"

#include "pull/sharded_storage_state.hpp"

#include <algorithm>
#include <utility>

namespace spider {
inline namespace v1 {

class ShardedStorageClient::State final : public detail::ShardedState {
 public:
  using ShardedState::ShardedState;
};

namespace {

using ShardedPtr = std::shared_ptr<detail::ShardedState>;

auto join(ShardedPtr state, std::string name) -> Async<void> {
  while (true) {
    const auto ticket = state->changed->ticket();
    const auto ours = state->begin_join();
    if (!ours) co_return ours.error();
    if (ours.value()) break;
    const auto woken = co_await state->changed->wait(ticket, kForever);
    if (!woken) co_return woken.error();
  }
  MemberInfo info{name};
  auto call = state->parts.directory->join(std::move(info));
  const auto member = co_await std::move(call);
  state->end_join(name, member);
  if (!member) co_return member.error();
  co_return success();
}

/// Who is not on record any more joins anew, unless it is leaving.
auto ping(ShardedPtr state) -> Async<void> {
  auto call = state->parts.directory->ping(state->member());
  const auto pinged = co_await std::move(call);
  if (pinged) co_return success();
  if (pinged.error() != Errc::unknown_member) {
    state->ping_failed();
    co_return pinged.error();
  }
  auto again = join(state, state->name());
  const auto joined = co_await std::move(again);
  if (joined) state->count_rejoin();
  co_return joined;
}

auto refresh(ShardedPtr state) -> Async<void> {
  auto call = state->parts.directory->active();
  auto seen = co_await std::move(call);
  if (seen && !seen.value().empty() && !state->is_among(seen.value())) {
    auto beat = ping(state);
    const auto pinged = co_await std::move(beat);
    if (pinged) {
      auto second = state->parts.directory->active();
      seen = co_await std::move(second);
    }
  }
  if (seen) {
    state->adopt(std::move(seen).value());
  } else {
    state->reading_failed();
  }
  co_return success();
}

auto enrol(ShardedPtr state, SchedulerInfo info) -> Async<Registration> {
  auto joining = join(state, info.member);
  SPIDER_CO_TRY(co_await std::move(joining));
  auto reading = refresh(state);
  SPIDER_CO_TRY(co_await std::move(reading));
  auto call = state->parts.storage->register_scheduler(std::move(info));
  auto registration = co_await std::move(call);
  if (registration) state->registered(registration.value());
  co_return registration;
}

auto leave_directory(ShardedPtr state) -> Async<void> {
  state->begin_leave();
  while (true) {
    const auto ticket = state->changed->ticket();
    if (!state->is_joining()) break;
    const auto woken = co_await state->changed->wait(ticket, kForever);
    if (!woken) co_return woken.error();
  }
  const auto member = state->member();
  if (!member) co_return success();
  auto call = state->parts.directory->leave(member);
  const auto left = co_await std::move(call);
  if (left) state->end_leave();
  co_return left;
}

auto unregister(ShardedPtr state, Registration registration) -> Async<void> {
  auto leaving = leave_directory(state);
  static_cast<void>(co_await std::move(leaving));
  auto call = state->parts.storage->unregister_scheduler(registration);
  const auto gone = co_await std::move(call);
  if (gone) state->unregistered();
  co_return gone;
}

auto poll_storage(detail::ShardedState& state, TaskKind kind, PollRequest request) -> Async<InboundBatch> {
  auto& storage = *state.parts.storage;
  switch (kind) {
    case TaskKind::commit: return storage.poll_commit_ready(std::move(request));
    case TaskKind::cleanup: return storage.poll_cleanup_ready(std::move(request));
    case TaskKind::regular: break;
  }
  return storage.poll_ready(std::move(request));
}

auto poll_share(ShardedPtr state, TaskKind kind, PollRequest request) -> Async<InboundBatch> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  const auto until = saturating_add(state->clock.now(), std::max(request.wait, Duration::zero()));
  request.max_items = std::min(request.max_items, state->options.batch_max);
  while (true) {
    const auto now = state->clock.now();
    const auto slice = std::min(until, state->share_until(now));
    request.slots = state->share(now);
    request.wait = slice - now;
    auto call = poll_storage(*state, kind, request);
    auto batch = co_await std::move(call);
    if (!batch) co_return batch;
    state->count(batch.value());
    const bool done = !batch.value().entries.empty() || batch.value().session != request.session;
    const auto ended = state->clock.now();
    if (done || ended >= until || ended < slice) co_return batch;
  }
}

/// A poll that asks for nothing.
auto renew_session(ShardedPtr state) -> Async<void> {
  const auto registration = state->registration();
  if (!registration) co_return success();
  PollRequest request;
  request.scheduler = registration->scheduler;
  request.session = registration->session;
  request.slots = std::make_shared<const SlotFilter>();
  auto call = state->parts.storage->poll_ready(std::move(request));
  const auto renewed = co_await std::move(call);
  if (!renewed) co_return renewed.error();
  co_return success();
}

/// Rows of the dead that go with one ping.
constexpr std::size_t kCollectedMax = 16;

auto beat(ShardedPtr state) -> Async<void> {
  if (state->is_leaving()) {
    auto renewal = renew_session(state);
    static_cast<void>(co_await std::move(renewal));
  } else {
    auto first = ping(state);
    const auto pinged = co_await std::move(first);
    if (pinged) {
      auto second = refresh(state);
      static_cast<void>(co_await std::move(second));
    }
    auto third = state->parts.directory->collect(kCollectedMax);
    static_cast<void>(co_await std::move(third));
  }
  state->beat_ended(state->clock.now());
  co_return success();
}

auto sample(detail::ShardedState& state, TimePoint now) -> void {
  const auto percent = state.parts.load->percent(now);
  state.set_ratio(percent ? state.options.curve.at(percent.value()) : kPullAll);
}

auto keep_member(ShardedPtr state) -> Async<void> {
  auto next_sample = state->parts.load ? state->clock.now() : kForever;
  while (true) {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    const auto ticket = state->changed->ticket();
    const auto now = state->clock.now();
    if (now >= next_sample) {
      sample(*state, now);
      next_sample = saturating_add(now, state->options.shed_window);
    }
    if (now >= state->next_beat()) {
      auto call = beat(state);
      static_cast<void>(co_await std::move(call));
      continue;
    }
    const auto woken = co_await state->changed->wait(ticket, std::min(next_sample, state->next_beat()));
    if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
  }
}

auto find_fault(const ShardedStorageParts& parts, const ShardedStorageOptions& options) -> const char* {
  const auto positive = [](Duration duration) { return duration > Duration::zero(); };
  if (!parts.storage) return "no storage";
  if (!parts.directory) return "no directory";
  if (!positive(options.ping_interval)) return "ping_interval is not positive";
  if (parts.directory->limits().active_for / 2 < options.ping_interval)
    return "ping_interval is more than half of the directory's active_for";
  if (!positive(options.poll_interval)) return "poll_interval is not positive";
  if (options.takeover_delay < Duration::zero()) return "takeover_delay is negative";
  if (options.redundancy == 0) return "redundancy is 0";
  if (options.batch_max == 0) return "batch_max is 0";
  if (options.shed_step == 0 || options.shed_step > options.curve.floor())
    return "shed_step is not within 1 and the curve's floor";
  if (!positive(options.shed_window)) return "shed_window is not positive";
  return nullptr;
}

}  // namespace

ShardedStorageClient::ShardedStorageClient(std::shared_ptr<State> state) : state_{std::move(state)} {}

ShardedStorageClient::~ShardedStorageClient() = default;

auto ShardedStorageClient::register_scheduler(SchedulerInfo info) -> Async<Registration> {
  return enrol(state_, std::move(info));
}

auto ShardedStorageClient::unregister_scheduler(Registration registration) -> Async<void> {
  return unregister(state_, registration);
}

auto ShardedStorageClient::poll_ready(PollRequest request) -> Async<InboundBatch> {
  return poll_share(state_, TaskKind::regular, std::move(request));
}

auto ShardedStorageClient::poll_commit_ready(PollRequest request) -> Async<InboundBatch> {
  return poll_share(state_, TaskKind::commit, std::move(request));
}

auto ShardedStorageClient::poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> {
  return poll_share(state_, TaskKind::cleanup, std::move(request));
}

auto ShardedStorageClient::poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> {
  return state_->parts.storage->poll_ended(cursor, wait);
}

auto ShardedStorageClient::job_state(JobId job) -> Async<JobState> {
  return state_->parts.storage->job_state(job);
}

auto ShardedStorageClient::run() -> Async<void> { return keep_member(state_); }

auto ShardedStorageClient::leave() -> Async<void> { return leave_directory(state_); }

auto ShardedStorageClient::stats() const -> PullStats { return state_->stats(); }

auto make_sharded_storage_client(ShardedStorageParts parts, ShardedStorageOptions options, Clock& clock)
    -> Result<std::unique_ptr<ShardedStorageClient>> {
  if (const auto* fault = find_fault(parts, options)) return Error{Errc::invalid_argument, fault};
  auto state = std::make_shared<ShardedStorageClient::State>(std::move(parts), std::move(options), clock);
  return std::unique_ptr<ShardedStorageClient>{new ShardedStorageClient{std::move(state)}};
}

}  // namespace v1
}  // namespace spider
