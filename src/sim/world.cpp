// One simulated world, from its begin to its end.

#include "sim/application.hpp"
#include "sim/core_keeper.hpp"
#include "sim/faulty_dispatch.hpp"
#include "sim/faulty_storage.hpp"
#include "sim/fleet.hpp"
#include "sim/gremlin.hpp"
#include "sim/idle_workers.hpp"
#include "sim/watched_storage.hpp"
#include "spider/dispatch_channel.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"
#include "spider/policies/registry.hpp"
#include "spider/sim/case.hpp"
#include "spider/storage/memory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>

#include <chrono>
#include <utility>

namespace spider {
inline namespace v1 {
namespace sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kHealing = minutes{4};  // of virtual time, besides the work itself
constexpr auto kMember = "scheduler";

auto storage_limits() -> StorageLimits {
  StorageLimits limits;
  limits.session_lease = seconds{8};
  limits.manager_lease = seconds{6};
  limits.deferral_max = seconds{2};
  return limits;
}

auto core_options(const SimCase& what) -> PolicyCoreOptions {
  PolicyCoreOptions options;
  options.member = kMember;
  options.buffered_max = what.buffered_max;
  options.poll_wait = seconds{3};
  options.backoff_max = seconds{4};
  options.leave_timeout = seconds{2};
  options.seed = what.seed;
  return options;
}

auto service_options() -> DispatchServiceOptions {
  DispatchServiceOptions options;
  options.cutoff = seconds{5};
  options.assignment_lease = seconds{6};
  return options;
}

/// Tells the service whom it serves, and the log what is said.
class LogObserver final : public Observer {
 public:
  explicit LogObserver(SimContext& context) : context_{context} {}

  auto observe(const Event& event) noexcept -> void override {
    if (event.kind == EventKind::registered && service != nullptr) service->serve(event.scheduler);
    context_.note(Note::observed, static_cast<std::uint64_t>(event.kind), event.task.job.value,
                  event.task.task.bits(), event.session.value + event.manager.value, event.count);
  }

  DispatchService* service = nullptr;

 private:
  SimContext& context_;
};

class World {
 public:
  World(const SimCase& what, bool keep_log) : context_{what, keep_log}, limits_{storage_limits()} {}

  auto run(const SimParts& parts) -> void {
    const auto made = make(parts);
    if (!made) return context_.complain("setup", made.error().message());
    const auto policy = policy_of(parts);
    if (!policy) return context_.complain("setup", policy.error().message());
    live(policy.value());
  }

  auto outcome() -> SimOutcome {
    SimOutcome outcome;
    outcome.violations = context_.violations();
    outcome.dispatches = dispatch_monitor_ ? dispatch_monitor_->dispatches() : 0;
    outcome.folded = storage_monitor_ ? storage_monitor_->folded() : 0;
    outcome.events = context_.log.events();
    outcome.log_hash = context_.log.hash();
    outcome.log = context_.log.take_text();
    outcome.virtual_time = context_.base.now().time_since_epoch();
    outcome.fired = context_.faults().fired();
    outcome.faults = context_.faults().faults();
    return outcome;
  }

 private:
  auto make(const SimParts& parts) -> Result<void>;
  [[nodiscard]] auto policy_of(const SimParts& parts) const -> Result<PolicyFactory>;
  auto live(const PolicyFactory& policy) -> void;
  auto converge(Application& application) -> void;
  [[nodiscard]] auto open_jobs() -> std::size_t;
  [[nodiscard]] auto work_left() const -> Duration;
  auto drain() -> void;
  auto end(CoreKeeper& core) -> void;
  auto close() -> void;

  SimContext context_;  // outlives the rest; its frames go last
  StorageLimits limits_;
  LogObserver observer_{context_};
  std::unique_ptr<Storage> storage_;
  std::optional<StorageMonitor> storage_monitor_;
  std::optional<DispatchMonitor> dispatch_monitor_;
  IdleWorkers workers_{context_};
  DispatchChannel channel_;
  std::optional<HandedBackQueue> handed_back_;
  std::optional<WatchedSource> source_;
  std::unique_ptr<DispatchService> service_;
  asio::cancellation_signal storage_stop_;
};

auto World::make(const SimParts& parts) -> Result<void> {
  if (parts.storage) {
    SPIDER_TRY(storage_, parts.storage(limits_, context_.storage_clock));
  } else {
    SPIDER_TRY(storage_, make_memory_storage({limits_}, context_.storage_clock));
  }
  if (!storage_) return Error{Errc::invalid_argument, "the storage's factory gave nothing"};
  DispatchChannelOptions channel;
  channel.capacity = context_.plan.capacity;
  if (const auto tiny = context_.fires(FaultKind::channel_tiny)) channel.capacity = 1 + tiny->below(3);
  SPIDER_TRY(channel_, make_dispatch_channel(channel, context_.scheduler_clock));
  const auto options = service_options();
  storage_monitor_.emplace(context_, limits_);
  dispatch_monitor_.emplace(context_, channel.capacity, std::max(options.cutoff, options.assignment_lease));
  handed_back_.emplace(context_.scheduler_clock);
  source_.emplace(*channel_.source, *dispatch_monitor_, context_);
  SPIDER_TRY(service_,
             make_dispatch_service(options, *source_, *handed_back_, context_.scheduler_clock, observer_));
  observer_.service = service_.get();
  return success();
}

auto World::policy_of(const SimParts& parts) const -> Result<PolicyFactory> {
  if (parts.policy) return parts.policy;
  return PolicyRegistry{}.make(context_.plan.policy);
}

auto World::live(const PolicyFactory& policy) -> void {
  WatchedStorage storage{*storage_, *storage_monitor_};
  FaultyStorageClient core_storage{storage, context_};
  FaultyExecutionClient execution{storage, context_};
  FaultyJobClient jobs{storage, context_};
  WatchedSink sink{*channel_.sink, *dispatch_monitor_};
  WatchedHandedBack handed_back{*handed_back_, *dispatch_monitor_};
  WatchedDispatch watched_dispatch{*service_, *dispatch_monitor_};
  FaultyDispatch dispatch{watched_dispatch, context_};
  CoreContext parts{core_storage, sink, handed_back, context_.scheduler_clock, observer_};
  CoreKeeper core{context_, parts, *dispatch_monitor_, policy, core_options(context_.plan)};
  Application application{context_, jobs, *storage_monitor_};
  const auto heartbeat = service_options().heartbeat_interval();
  Fleet fleet{context_, dispatch, execution, *dispatch_monitor_, heartbeat, limits_.manager_lease};
  Gremlin gremlin{context_,
                  {storage, core_storage, sink, application, core, fleet, *dispatch_monitor_, kMember}};

  ++context_.running;
  asio::co_spawn(
      context_.io, rooted(storage_->run()),
      asio::bind_cancellation_slot(storage_stop_.slot(),
                                   [this](const std::exception_ptr&, Result<void>) { --context_.running; }));
  context_.spawn(core.run());
  context_.spawn(application.run());
  context_.spawn(gremlin.run());
  workers_.begin();
  fleet.begin();

  const auto step = seconds{1};
  for (Duration at{}; at < context_.plan.safety && !context_.hopeless(); at += step) {
    context_.base.run_until(TimePoint{at + step});
    dispatch_monitor_->look();
  }
  context_.faults().heal();
  gremlin.heal();
  context_.note(Note::phase, 1);
  converge(application);
  context_.note(Note::phase, 2);
  drain();
  end(core);
}

auto World::open_jobs() -> std::size_t {
  std::size_t open = 0;
  for (const auto job : storage_monitor_->jobs()) {
    const auto state = block_on(context_.base, storage_->job_state(job));
    if (!state || !has_ended(state.value())) ++open;
  }
  return open;
}

/// Each task once more, one after the other.
auto World::work_left() const -> Duration {
  std::int64_t tasks = 0;
  for (const auto& submit : context_.plan.submits) {
    for (const auto& task : submit.job.tasks) tasks += submit.refused ? 0 : task.count;
  }
  return context_.plan.task_seconds_max * tasks;
}

auto World::converge(Application& application) -> void {
  const auto until = saturating_add(context_.base.now(), kHealing + work_left());
  std::size_t open = 0;
  while (context_.base.now() < until) {
    if (context_.hopeless()) return;
    context_.base.run_for(milliseconds{500});
    dispatch_monitor_->look();
    open = application.done() ? open_jobs() : 1;
    if (open == 0) return;
  }
  if (!application.done()) return context_.complain("healing", "a submit is still not answered");
  for (const auto job : storage_monitor_->jobs()) {
    const auto view = block_on(context_.base, storage_->view(job));
    if (!view || has_ended(view.value().state)) continue;
    context_.complain("healing", "job " + std::to_string(job.value) + " is still " +
                                     std::string{to_string(view.value().state)} +
                                     " when everything has healed");
  }
}

/// Everything has ended: what is still under way is stale, and goes.
auto World::drain() -> void {
  const auto until = saturating_add(context_.base.now(), minutes{1});
  while (context_.base.now() < until) {
    if (dispatch_monitor_->queued() == 0 && service_->snapshot().outstanding == 0) return;
    context_.base.run_for(milliseconds{500});
    dispatch_monitor_->look();
  }
}

auto World::end(CoreKeeper& core) -> void {
  context_.stopping = true;
  core.stop();
  service_->close();
  storage_stop_.emit(asio::cancellation_type::terminal);
  const auto until = saturating_add(context_.base.now(), minutes{2});
  while (context_.running > 0 && context_.base.now() < until) context_.base.run_for(milliseconds{500});
  if (context_.running > 0) {
    context_.complain("I12", std::to_string(context_.running) + " coroutines have not ended");
  }
  close();
  workers_.close();
}

auto World::close() -> void {
  for (const auto job : storage_monitor_->jobs()) {
    storage_monitor_->close(job, block_on(context_.base, storage_->view(job)));
  }
  for (const auto& [key, job] : storage_monitor_->acknowledged_jobs()) {
    const auto state = block_on(context_.base, storage_->job_state(job));
    if (!state) context_.complain("I1", "job " + std::to_string(job.value) + " was acknowledged and is gone");
  }
  const auto channel = channel_.counters();
  const auto service = service_->snapshot();
  dispatch_monitor_->close(channel.enqueued, channel.dequeued, channel.queued, service.outstanding);
  if (channel.enqueued != channel.dequeued + channel.stale_dropped + channel.queued) {
    context_.complain("D15", "the queue's counters do not add up");
  }
  if (service.recorded !=
      service.outstanding + service.acknowledged + service.handed_back + service.refused) {
    context_.complain("S4", "the service's counters do not add up");
  }
}

}  // namespace

auto replay(const SimCase& what, const SimParts& parts, bool keep_log) -> SimOutcome {
  World world{what, keep_log};
  world.run(parts);
  return world.outcome();
}

}  // namespace sim
}  // namespace v1
}  // namespace spider
