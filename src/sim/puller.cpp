#include "sim/puller.hpp"

#include "sim/faulty_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

using std::chrono::seconds;

/// Tells the monitors what is asked for. Where there is one scheduler, `member` is null.
class WatchedPull final : public StorageClient {
 public:
  WatchedPull(FaultyStorageClient& behind, std::shared_ptr<AskMonitor> asks,
              std::shared_ptr<MemberMonitor> member)
      : behind_{behind}, asks_{std::move(asks)}, member_{std::move(member)} {}

  auto register_scheduler(SchedulerInfo info) -> Async<Registration> override {
    return behind_.register_scheduler(std::move(info));
  }
  auto unregister_scheduler(Registration registration) -> Async<void> override {
    return behind_.unregister_scheduler(registration);
  }
  auto poll_ready(PollRequest request) -> Async<InboundBatch> override {
    if (is_renewal(request)) return behind_.poll_ready(std::move(request));
    begins(TaskKind::regular, request);
    return ends(TaskKind::regular, asks_, behind_.poll_ready(std::move(request)));
  }
  auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override {
    begins(TaskKind::commit, request);
    return ends(TaskKind::commit, asks_, behind_.poll_commit_ready(std::move(request)));
  }
  auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override {
    begins(TaskKind::cleanup, request);
    return ends(TaskKind::cleanup, asks_, behind_.poll_cleanup_ready(std::move(request)));
  }
  auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override {
    return behind_.poll_ended(cursor, wait);
  }
  auto job_state(JobId job) -> Async<JobState> override { return behind_.job_state(job); }

 private:
  /// Of the session of a member that leaves: it comes between the polls of the core, and asks for nothing.
  static auto is_renewal(const PollRequest& request) -> bool {
    return request.wait == Duration::zero() && request.slots && request.slots->first.none() &&
           request.slots->later.none();
  }
  auto begins(TaskKind lane, const PollRequest& request) -> void {
    asks_->poll_begins(lane, request);
    if (member_) member_->polls(request);
  }
  static auto ends(TaskKind lane, std::shared_ptr<AskMonitor> asks, Async<InboundBatch> polling)
      -> Async<InboundBatch> {
    auto answer = co_await std::move(polling);
    asks->poll_ends(lane, answer.has_value());
    co_return answer;
  }

  FaultyStorageClient& behind_;
  std::shared_ptr<AskMonitor> asks_;
  std::shared_ptr<MemberMonitor> member_;
};

auto simulated_sharding() -> ShardedStorageOptions {
  ShardedStorageOptions options;
  options.ping_interval = seconds{2};
  options.poll_interval = seconds{1};
  options.takeover_delay = seconds{1};
  return options;
}

}  // namespace

auto member_limits() -> MemberLimits {
  MemberLimits limits;
  limits.active_for = 2 * simulated_sharding().ping_interval;
  limits.lost_after = 3 * simulated_sharding().ping_interval;
  return limits;
}

auto membership_settles_in() -> Duration {
  return member_limits().lost_after + 3 * simulated_sharding().ping_interval + seconds{8};
}

auto Puller::wait_max(Duration poll_wait) const -> Duration {
  return parts_.directory ? std::min(poll_wait, simulated_sharding().poll_interval) : poll_wait;
}

auto Puller::open(std::shared_ptr<AskMonitor> asks) -> std::shared_ptr<StorageClient> {
  if (!parts_.directory) return std::make_shared<WatchedPull>(parts_.storage, std::move(asks), nullptr);
  const auto monitor = std::make_shared<MemberMonitor>(context_, parts_.member);
  FaultyDirectory::Parts directory{parts_.directory, monitor, parts_.link};
  ShardedStorageParts sharded;
  sharded.storage = std::make_shared<WatchedPull>(parts_.storage, std::move(asks), monitor);
  sharded.directory = std::make_shared<FaultyDirectory>(context_, std::move(directory));
  auto made = make_sharded_storage_client(std::move(sharded), simulated_sharding(), context_.scheduler_clock);
  if (!made) {
    context_.complain("setup", made.error().message());
    return nullptr;
  }
  client_ = std::move(made).value();
  pings_ = std::make_shared<asio::cancellation_signal>();
  ++context_.running;
  asio::co_spawn(
      context_.io, rooted(client_->run()),
      asio::bind_cancellation_slot(
          pings_->slot(), [context = &context_, signal = pings_](
                              const std::exception_ptr&, const Result<void>&) { --context->running; }));
  return client_;
}

auto Puller::close() -> void {
  if (!client_) return;
  client_.reset();
  pings_->emit(asio::cancellation_type::terminal);
}

auto Puller::leave() -> Async<void> {
  if (!client_) co_return success();
  const auto client = client_;
  co_return co_await client->leave();
}

auto Puller::stats() const -> std::optional<PullStats> {
  if (!client_) return std::nullopt;
  return client_->stats();
}

}  // namespace spider::inline v1::sim
