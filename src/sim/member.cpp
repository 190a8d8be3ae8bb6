#include "sim/member.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kDrain = seconds{12};  // how long one that leaves waits for what it has dispatched

enum MemberBecame : std::uint64_t { kMemberBegan, kMemberLeaves, kMemberGone, kMemberKilled };

auto member_core_options(const SimCase& what, std::uint64_t number, const std::string& name)
    -> PolicyCoreOptions {
  PolicyCoreOptions options;
  options.member = name;
  options.buffered_max = what.buffered_max;
  options.poll_wait = seconds{3};
  options.backoff_max = seconds{4};
  options.leave_timeout = seconds{2};
  options.seed = what.seed + number;
  return options;
}

auto member_service_options() -> DispatchServiceOptions {
  DispatchServiceOptions options;
  options.cutoff = seconds{5};
  options.assignment_lease = seconds{6};
  return options;
}

}  // namespace

auto Member::LogObserver::observe(const Event& event) noexcept -> void {
  if (event.kind == EventKind::registered && service != nullptr) service->serve(event.scheduler);
  context_.note(Note::observed, static_cast<std::uint64_t>(event.kind), event.task.job.value,
                event.task.task.bits(), event.session.value + event.manager.value, event.count);
}

Member::Member(SimContext& context, const MemberParts& parts, std::uint64_t number, std::string name,
               DispatchChannel channel, std::size_t capacity)
    : context_{context},
      number_{number},
      name_{std::move(name)},
      storage_{parts.storage, link_, context},
      execution_{parts.storage, link_, context},
      puller_{context, {storage_, link_, parts.directory, name_}},
      channel_{std::move(channel)},
      monitor_{context, capacity,
               std::max(member_service_options().cutoff, member_service_options().assignment_lease)},
      handed_back_{context.scheduler_clock},
      source_{*channel_.source, monitor_, context},
      sink_{*channel_.sink, monitor_},
      watched_handed_back_{handed_back_, monitor_},
      core_parts_{storage_, sink_, watched_handed_back_, context.scheduler_clock, observer_},
      core_{context,  puller_,      core_parts_,
            monitor_, parts.policy, member_core_options(context.plan, number, name_)} {}

auto Member::make(SimContext& context, const MemberParts& parts, std::uint64_t number, std::string name)
    -> Result<std::unique_ptr<Member>> {
  DispatchChannelOptions options;
  options.capacity = context.plan.capacity;
  if (const auto tiny = context.fires(FaultKind::channel_tiny)) options.capacity = 1 + tiny->below(3);
  SPIDER_TRY(auto channel, make_dispatch_channel(options, context.scheduler_clock));
  std::unique_ptr<Member> member{
      new Member{context, parts, number, std::move(name), std::move(channel), options.capacity}};
  SPIDER_TRY(member->make_service(parts));
  return member;
}

auto Member::make_service(const MemberParts& parts) -> Result<void> {
  const auto options = member_service_options();
  SPIDER_TRY(service_,
             make_dispatch_service(options, source_, handed_back_, context_.scheduler_clock, observer_));
  observer_.service = service_.get();
  watched_dispatch_.emplace(*service_, monitor_);
  dispatch_.emplace(*watched_dispatch_, context_);
  const Fleet::Parts fleet{*dispatch_, execution_, monitor_, options.heartbeat_interval(),
                           parts.limits.manager_lease};
  fleet_.emplace(context_, fleet, number_);
  return success();
}

auto Member::begin() -> void {
  if (context_.plan.members > 1) context_.note(Note::member, number_, kMemberBegan);
  context_.spawn(core_.run());
  fleet_->begin();
}

auto Member::leave() -> Async<void> {
  if (std::exchange(leaving_, true)) co_return success();
  context_.note(Note::member, number_, kMemberLeaves);
  (void)co_await puller_.leave();
  const auto until = saturating_add(context_.base.now(), kDrain);
  while (!gone_ && context_.base.now() < until && !(is_drained() && fleet_->is_idle())) {
    (void)co_await context_.sleep(milliseconds{250});
  }
  if (!gone_) context_.note(Note::member, number_, kMemberGone);
  end();
  co_return success();
}

auto Member::kill() -> void {
  if (gone_) return;
  context_.note(Note::member, number_, kMemberKilled);
  link_.cut(kForever);
  end();
}

auto Member::end() -> void {
  leaving_ = gone_ = true;
  monitor_.abandon();
  core_.close();
  fleet_->close();
  service_->close();
}

auto Member::stop() -> void {
  core_.stop();
  service_->close();
}

auto Member::is_drained() const -> bool {
  return monitor_.queued() == 0 && service_->snapshot().outstanding == 0;
}

auto Member::close() -> void {
  const auto channel = channel_.counters();
  const auto service = service_->snapshot();
  monitor_.close(channel.enqueued, channel.dequeued, channel.queued, service.outstanding);
  if (channel.enqueued != channel.dequeued + channel.stale_dropped + channel.queued) {
    context_.complain("D15", "the queue's counters do not add up");
  }
  if (service.recorded !=
      service.outstanding + service.acknowledged + service.handed_back + service.refused) {
    context_.complain("S4", "the service's counters do not add up");
  }
}

}  // namespace spider::inline v1::sim
