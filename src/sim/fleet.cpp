#include "sim/fleet.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace spider::inline v1::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kPollWait = seconds{2};
constexpr auto kRest = milliseconds{50};  // between two tries

enum Became : std::uint64_t { kJoined, kDied, kLeft, kPaused };

}  // namespace

ScriptedManager::ScriptedManager(Fleet& fleet, ManagerId id, ManagerEvent script, bool again)
    : fleet_{fleet}, id_{id}, script_{script} {
  // Renewing earlier would keep alive what the former life has started and nobody runs any more.
  if (again) renews_from_ = saturating_add(fleet.context.base.now(), 3 * fleet.manager_lease);
}

auto ScriptedManager::working() const -> bool { return alive_ && !fleet_.context.stopping; }

auto ScriptedManager::begin() -> void {
  fleet_.context.note(Note::manager, id_.value, kJoined);
  for (std::size_t lane = 0; lane < script_.lanes; ++lane) fleet_.context.spawn(pull(shared_from_this()));
  fleet_.context.spawn(beat(shared_from_this()));
}

auto ScriptedManager::die() -> void {
  if (!std::exchange(alive_, false)) return;
  fleet_.context.note(Note::manager, id_.value, kDied);
  fleet_.monitor.manager_gone(id_);
  fleet_.replace(*this);
}

auto ScriptedManager::pull(std::shared_ptr<ScriptedManager> self) -> Async<void> {
  auto& context = self->fleet_.context;
  while (self->working()) {
    auto next = co_await self->fleet_.dispatch.next_tasks(self->id_, self->script_.batch, kPollWait);
    if (!self->working()) break;
    if (!next && next.error() == Errc::dispatch_queue_closed) break;
    if (!next) (void)co_await context.sleep(kRest);
    if (!next || next.value().empty()) continue;
    if (context.fires(FaultKind::manager_dies_before_start)) {
      self->die();
      break;
    }
    (void)co_await self->execute(std::move(next).value());
    if (self->working() && context.fires(FaultKind::manager_leaves)) (void)co_await self->leave();
  }
  co_return success();
}

auto ScriptedManager::start(std::vector<TaskAssignment>& tasks) -> Async<std::vector<Result<StartedTask>>> {
  while (true) {
    auto started = co_await fleet_.execution.start(tasks, id_);
    if (started || !working()) co_return started;
    (void)co_await fleet_.context.sleep(kRest);
  }
}

auto ScriptedManager::execute(std::vector<TaskAssignment> tasks) -> Async<void> {
  auto& context = fleet_.context;
  auto started = co_await start(tasks);
  if (!started || !working()) co_return success();
  if (context.fires(FaultKind::manager_dies_after_start)) {
    die();
    co_return success();
  }
  const auto batch = std::make_shared<std::vector<Run>>();
  Duration time{};
  for (const auto& task : started.value()) {
    if (!task) continue;
    batch->push_back(make_run(task.value()));
    time = std::max(time, batch->back().time);
  }
  batches_.push_back(batch);
  (void)co_await acknowledge(std::move(tasks));
  if (batch->empty()) {
    std::erase(batches_, batch);
    co_return success();
  }
  if (const auto pause = context.fires(FaultKind::manager_pauses_past_lease)) {
    context.note(Note::manager, id_.value, kPaused);
    const auto length = fleet_.manager_lease + pause->between(milliseconds{1}, seconds{6});
    paused_until_ = saturating_add(context.base.now(), length);
    time = std::max(time, length);
  }
  (void)co_await fleet_.context.fleet_clock.sleep(time);
  if (working() && context.fires(FaultKind::manager_dies_before_report)) die();
  if (working()) (void)co_await report(batch);
  std::erase(batches_, batch);
  co_return success();
}

auto ScriptedManager::make_run(const StartedTask& started) -> Run {
  auto& context = fleet_.context;
  const auto ref = started.instance.task;
  const auto lot = context.draw(2, mix64(mix64(ref.job.value) ^ ref.task.bits()) + started.instance.epoch);
  Run run;
  run.report = FinishRequest{started.instance, FinishRequest::Kind::succeeded};
  run.time = lot.between(Duration{0}, context.plan.task_seconds_max);
  if (const auto fault = context.fires(FaultKind::handler_fails)) {
    run.report.kind = FinishRequest::Kind::failed;
    run.report.reason = "simulated failure";
    run.report.retry = fault->below(4) != 0;
  } else if (context.fires(FaultKind::handler_throws)) {
    run.report.kind = FinishRequest::Kind::failed;
    run.report.reason = "threw an exception";
  } else if (const auto defers = context.fires(FaultKind::handler_defers)) {
    run.report.kind = defers->below(4) == 0 ? FinishRequest::Kind::released : FinishRequest::Kind::deferred;
    run.report.delay = defers->below(3) == 0 ? Duration::zero() : defers->between(Duration{1}, seconds{2});
  } else {
    run.report.output = "out";
  }
  if (const auto slow = context.fires(FaultKind::handler_slow)) {
    run.time += slow->between(seconds{1}, seconds{15});
  }
  run.ignores_stop = context.fires(FaultKind::handler_ignores_stop).has_value();
  return run;
}

auto ScriptedManager::report(Batch batch) -> Async<void> {
  std::vector<FinishRequest> requests;
  for (auto& run : *batch) {
    if (!run.lost || run.ignores_stop) requests.push_back(std::move(run.report));
  }
  while (working() && !requests.empty()) {
    const auto answers = co_await fleet_.execution.finish(requests);
    if (answers) break;
    (void)co_await fleet_.context.sleep(kRest);
  }
  co_return success();
}

auto ScriptedManager::acknowledge(std::vector<TaskAssignment> tasks) -> Async<void> {
  auto answer = co_await fleet_.dispatch.acknowledge(id_, tasks);
  if (answer || answer.error() == Errc::unknown_manager) co_return success();
  unacknowledged_.insert(unacknowledged_.end(), tasks.begin(), tasks.end());
  co_return success();
}

auto ScriptedManager::beat(std::shared_ptr<ScriptedManager> self) -> Async<void> {
  auto& context = self->fleet_.context;
  while (self->working()) {
    (void)co_await context.fleet_clock.sleep(self->fleet_.heartbeat);
    if (!self->working()) break;
    if (context.base.now() < self->paused_until_) continue;
    (void)co_await self->fleet_.dispatch.heartbeat(self->id_);
    std::vector<TaskAssignment> late;
    late.swap(self->unacknowledged_);
    if (!late.empty()) (void)co_await self->acknowledge(std::move(late));
    if (self->working() && !self->batches_.empty()) (void)co_await self->renew();
  }
  co_return success();
}

auto ScriptedManager::renew() -> Async<void> {
  if (fleet_.context.base.now() < renews_from_) co_return success();
  const auto renewal = co_await fleet_.execution.renew(id_);
  if (!renewal) co_return success();
  for (const auto& lost : renewal.value().lost) {
    for (const auto& batch : batches_) {
      for (auto& run : *batch) run.lost = run.lost || run.report.instance == lost;
    }
  }
  co_return success();
}

auto ScriptedManager::leave() -> Async<void> {
  alive_ = false;
  fleet_.context.note(Note::manager, id_.value, kLeft);
  std::vector<TaskAssignment> late;
  late.swap(unacknowledged_);
  auto left = co_await fleet_.dispatch.leave(id_, std::move(late));
  fleet_.monitor.manager_gone(id_);
  fleet_.replace(*this);
  co_return left;
}

auto Fleet::begin() -> void {
  for (const auto& script : context.plan.managers) {
    context.spawn(join(ManagerId{++last_id_}, script, script.at, false));
  }
}

auto Fleet::join(ManagerId id, ManagerEvent script, Duration after, bool again) -> Async<void> {
  (void)co_await context.sleep(after);
  if (context.stopping || closed_) co_return success();
  std::erase_if(managers_, [](const auto& manager) { return !manager->alive(); });
  managers_.push_back(std::make_shared<ScriptedManager>(*this, id, script, again));
  managers_.back()->begin();
  co_return success();
}

auto Fleet::replace(const ScriptedManager& gone) -> void {
  if (closed_) return;
  const auto same = context.fires(FaultKind::manager_restarts_same_name);
  const auto id = same ? gone.id() : ManagerId{++last_id_};
  const auto wait = context.draw(3, last_id_).between(milliseconds{10}, seconds{4});
  context.spawn(join(id, gone.script(), wait, same.has_value()));
}

auto Fleet::kill_all() -> void {
  const auto all = managers_;
  for (const auto& manager : all) manager->die();
}

auto Fleet::close() -> void {
  closed_ = true;
  kill_all();
}

auto Fleet::is_idle() const -> bool {
  return std::ranges::none_of(managers_, [](const auto& manager) { return manager->busy(); });
}

}  // namespace spider::inline v1::sim
