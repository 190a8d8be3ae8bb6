#include "cli/run/member.hpp"

#include "cli/run/member_link.hpp"
#include "cli/run/replayed_job.hpp"
#include "cli/storage_option.hpp"
#include "spider/pull/cpu_load.hpp"

#include <algorithm>
#include <utility>

namespace spider::cli {

namespace {

/// Waits that only keep leases alive are long: inside a process nobody crashes, and in virtual time every
/// wake-up of an idle log costs.
constexpr Duration kHousekeeping = std::chrono::hours{1};

/// What ran when a run in virtual time was killed is run again that much later, by its clock.
constexpr Duration kVirtualLease = std::chrono::minutes{20};

constexpr std::size_t kSchedulersMax = 64;

auto name_of(const RunOptions& options, std::size_t index) -> std::string {
  const auto number = std::to_string(index + 1);
  if (options.member.empty()) return options.schedulers == 1 ? "scheduler" : "scheduler-" + number;
  return options.schedulers == 1 ? options.member : options.member + '-' + number;
}

/// What it buffers no other can take, and is lost for a lease when it is killed.
auto buffered_max(std::size_t slots) -> std::size_t { return std::max<std::size_t>(256, 16 * slots); }

auto slots_of(const RunOptions& options, std::size_t index) -> std::size_t {
  return options.workers / options.schedulers + (index < options.workers % options.schedulers ? 1 : 0);
}

auto make_pull(const std::shared_ptr<MonitoredStorage>& storage,
               const std::shared_ptr<MemberDirectory>& directory, const RunOptions& options, Clock& clock)
    -> Result<std::shared_ptr<ShardedStorageClient>> {
  ShardedStorageParts parts{storage, std::make_shared<MemberLink>(directory, storage)};
  if (options.shed) {
    SPIDER_TRY(parts.load, make_cpu_load({}));
  }
  const auto times = member_times(options);
  ShardedStorageOptions sharded;
  sharded.ping_interval = times.ping_interval;
  sharded.poll_interval = times.ping_interval;
  SPIDER_TRY(auto pull, make_sharded_storage_client(std::move(parts), sharded, clock));
  return std::shared_ptr<ShardedStorageClient>{std::move(pull)};
}

}  // namespace

auto member_times(const RunOptions& options) -> MemberTimes {
  const bool simulated = options.time == TimeMode::virtual_time;
  const bool in_memory = options.storage == "memory:";
  auto lease = simulated ? kVirtualLease : options.manager_lease;
  if (in_memory && !has_members(options)) lease = 4 * kHousekeeping;
  return {lease, lease / 4};
}

auto has_members(const RunOptions& options) -> bool {
  return options.schedulers > 1 || !options.member.empty();
}

auto member_limits(const RunOptions& options) -> MemberLimits {
  const auto times = member_times(options);
  MemberLimits limits;
  limits.active_for = 2 * times.ping_interval;
  limits.lost_after = 3 * times.ping_interval;
  return limits;
}

auto check_members(const RunOptions& options) -> Result<void> {
  if (options.schedulers == 0 || options.schedulers > kSchedulersMax)
    return Error{Errc::invalid_argument, "schedulers: 1 to " + std::to_string(kSchedulersMax)};
  if (options.schedulers > options.workers)
    return Error{Errc::invalid_argument, "schedulers: each needs a worker of its own"};
  if (options.kill_member && options.schedulers < 2)
    return Error{Errc::invalid_argument, "--kill-member needs a second scheduler to go on"};
  if (options.kill_member && *options.kill_member < Duration::zero())
    return Error{Errc::invalid_argument, "--kill-member: seconds, not negative"};
  if (!options.member.empty() && !is_valid_name(options.member))
    return Error{Errc::invalid_name, "--member " + options.member};
  if (!options.member.empty() && (options.storage == "memory:" || options.time == TimeMode::virtual_time))
    return Error{Errc::invalid_argument, "--member needs --storage sqlite:PATH and --time real"};
  if (options.shed && options.time == TimeMode::virtual_time)
    return Error{Errc::invalid_argument, "--shed needs --time real"};
  return success();
}

auto Member::make(const asio::any_io_executor& executor, const MemberParts& parts, const RunOptions& options,
                  std::size_t index, ManagerId manager) -> Result<std::unique_ptr<Member>> {
  const bool alone = parts.directory == nullptr;
  std::unique_ptr<Member> member{new Member{name_of(options, index)}};
  member->storage_ = std::make_shared<MonitoredStorage>(parts.storage, *parts.monitor, *parts.clock,
                                                        alone ? nullptr : parts.takeovers);
  SchedulerOptions settings;
  add_replay_handlers(settings.handlers, parts.clock, *parts.monitor);
  settings.storage = member->storage_;
  if (!alone) {
    SPIDER_TRY(member->pull_, make_pull(member->storage_, parts.directory, options, *parts.clock));
    settings.pull = member->pull_;
  }
  SPIDER_TRY(const auto policy, options.registry.make(options.policy));
  PolicyCoreOptions core;
  core.member = member->name_;
  core.poll_wait = parts.storage->limits().session_lease / 4;
  core.seed = options.seed + index;
  if (!alone) core.buffered_max = buffered_max(slots_of(options, index));
  SPIDER_TRY(settings.core, make_policy_core(with_lag_meter(policy(), parts.lag), core));
  settings.service.cutoff = settings.service.assignment_lease = 4 * kHousekeeping;
  settings.manager.slots = slots_of(options, index);
  settings.manager.threads = 0;  // its handlers are coroutines
  settings.manager.heartbeat_interval = member_times(options).lease / 4;
  settings.manager.poll_wait = kHousekeeping;
  settings.manager.id = manager;
  settings.dispatch_capacity = settings.manager.slots;  // decisions are made as late as may be
  settings.clock = parts.clock;
  settings.observer = parts.observer;
  member->scheduler_.emplace(executor, std::move(settings));
  return member;
}

auto Member::kill() -> void {
  if (std::exchange(killed_, true)) return;
  storage_->cut_off();
}

auto Member::figures() const -> MemberFigures {
  MemberFigures figures{.id = name_, .tasks = storage_->tasks_ended(), .killed = killed_};
  if (!pull_) return figures;
  const auto stats = pull_->stats();
  figures.conflicts = stats.conflicts;
  figures.shed = stats.shed;
  figures.moved = stats.moved;
  return figures;
}

}  // namespace spider::cli
