// One simulated world, from its begin to its end.

#include "sim/application.hpp"
#include "sim/gremlin.hpp"
#include "sim/idle_workers.hpp"
#include "sim/members.hpp"
#include "sim/watched_storage.hpp"
#include "spider/policies/registry.hpp"
#include "spider/pull/memory_directory.hpp"
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

auto storage_limits() -> StorageLimits {
  StorageLimits limits;
  limits.session_lease = seconds{8};
  limits.manager_lease = seconds{6};
  limits.deferral_max = seconds{2};
  return limits;
}

class World {
 public:
  World(const SimCase& what, bool keep_log) : context_{what, keep_log}, limits_{storage_limits()} {}

  auto run(const SimParts& parts) -> void {
    const auto made = make(parts);
    if (!made) return context_.complain("setup", made.error().message());
    live();
  }

  auto outcome() -> SimOutcome {
    SimOutcome outcome;
    outcome.violations = context_.violations();
    outcome.dispatches = members_ ? members_->dispatches() : 0;
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
  auto live() -> void;
  auto look() -> void;
  auto converge(Application& application) -> void;
  [[nodiscard]] auto open_jobs() -> std::size_t;
  [[nodiscard]] auto work_left() const -> Duration;
  auto drain() -> void;
  auto end() -> void;
  auto close() -> void;

  SimContext context_;  // outlives the rest; its frames go last
  StorageLimits limits_;
  std::unique_ptr<Storage> storage_;
  std::optional<StorageMonitor> storage_monitor_;
  std::optional<WatchedStorage> watched_;
  std::shared_ptr<MemberDirectory> directory_;
  PolicyFactory policy_;
  std::optional<Members> members_;
  IdleWorkers workers_{context_};
  asio::cancellation_signal storage_stop_;
};

auto World::make(const SimParts& parts) -> Result<void> {
  if (parts.storage) {
    SPIDER_TRY(storage_, parts.storage(limits_, context_.storage_clock));
  } else {
    SPIDER_TRY(storage_, make_memory_storage({limits_}, context_.storage_clock));
  }
  if (!storage_) return Error{Errc::invalid_argument, "the storage's factory gave nothing"};
  storage_monitor_.emplace(context_, limits_);
  watched_.emplace(*storage_, *storage_monitor_);
  if (context_.plan.members == 0 || context_.plan.members > Members::kLivingMax)
    return Error{Errc::invalid_argument, "members: 1 to " + std::to_string(Members::kLivingMax)};
  if (context_.plan.members > 1) {
    SPIDER_TRY(directory_, make_memory_directory(member_limits(), context_.storage_clock));
  }
  policy_ = parts.policy;
  if (!policy_) {
    SPIDER_TRY(policy_, PolicyRegistry{}.make(context_.plan.policy));
  }
  members_.emplace(context_, MemberParts{*watched_, directory_, policy_, limits_});
  return success();
}

auto World::live() -> void {
  FaultyJobClient jobs{*watched_, context_};
  Application application{context_, jobs, *storage_monitor_};
  Gremlin gremlin{context_, {*watched_, application, *members_}};

  ++context_.running;
  asio::co_spawn(
      context_.io, rooted(storage_->run()),
      asio::bind_cancellation_slot(storage_stop_.slot(),
                                   [this](const std::exception_ptr&, Result<void>) { --context_.running; }));
  members_->begin();
  context_.spawn(application.run());
  context_.spawn(gremlin.run());
  workers_.begin();

  const auto step = seconds{1};
  for (Duration at{}; at < context_.plan.safety && !context_.hopeless(); at += step) {
    context_.base.run_until(TimePoint{at + step});
    look();
  }
  context_.faults().heal();
  gremlin.heal();
  context_.note(Note::phase, 1);
  converge(application);
  context_.note(Note::phase, 2);
  drain();
  end();
}

/// Whether anything is overdue.
auto World::look() -> void {
  members_->look();
  storage_monitor_->polls().look();
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
    look();
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

/// Everything has ended: what is still under way is stale, and goes. Members have settled by then.
auto World::drain() -> void {
  if (context_.plan.members > 1 && !context_.hopeless()) {
    context_.base.run_for(membership_settles_in());
    members_->look_at_shares();
  }
  const auto until = saturating_add(context_.base.now(), minutes{1});
  while (context_.base.now() < until) {
    if (members_->is_drained()) return;
    context_.base.run_for(milliseconds{500});
    look();
  }
}

auto World::end() -> void {
  context_.stopping = true;
  members_->stop();
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
  members_->close();
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
