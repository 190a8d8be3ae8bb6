#include "spider/testing/storage_trial.hpp"

// Sessions, the fence kit, repeated calls, leases and deadlines of managers.

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;
using Kind = FinishRequest::Kind;

auto sessions(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto first = trial.me;
  const auto other = trial.register_as("other");
  trial.expect(other.session > first.session && other.scheduler != first.scheduler,
               "sessions increase, and each member has its own");
  trial.expect(trial.try_poll(first, {}).has_value(), "another member's registration supersedes nothing");
  const auto again = trial.register_as("first");
  trial.expect(again.session > other.session && again.scheduler == first.scheduler,
               "the same member keeps its id and gets a newer session");
  trial.expect(again.incarnation == first.incarnation + 1, "and the next incarnation");
  trial.expect(fails(trial.try_poll(first, {}), Errc::stale_session), "the one before is superseded");
  trial.expect(trial.try_poll(other, {}).has_value(), "others are not");
  Ask ask;
  ask.wait = 10s;
  const auto waiting = trial.begin_poll(again, ask);
  trial.register_as("first");
  trial.clock().drain();
  trial.expect(waiting->done() && fails(*waiting->result, Errc::stale_session),
               "a waiting poll learns of it");
  const auto bad = trial.run(trial.storage().register_scheduler(SchedulerInfo{"no spaces"}));
  trial.expect(fails(bad, Errc::invalid_name), "a member name is checked");
  Registration unknown = other;
  unknown.scheduler = SchedulerId{4711};
  trial.expect(fails(trial.try_poll(unknown, {}), Errc::unknown_scheduler), "unknown_scheduler");
}

auto leaves(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  trial.job(flat_job(2));
  trial.expect(trial.poll().size() == 2, "ready work is offered");
  trial.expect(trial.run(trial.storage().unregister_scheduler(trial.me)).has_value(),
               "a scheduler can leave");
  trial.expect(trial.run(trial.storage().unregister_scheduler(trial.me)).has_value(), "twice");
  trial.expect(fails(trial.try_poll(trial.me, {}), Errc::stale_session), "its session is over");
  const auto other = trial.register_as("other");
  trial.expect(trial.poll_as(other).size() == 2, "what it held is offered again at once");
}

auto lapses(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job(2));
  trial.expect(trial.poll().size() == 2, "ready work is offered");
  auto assignment = trial.assignment(first_of(id));
  trial.pass(40s);
  trial.poll();
  trial.pass(40s);
  trial.expect(trial.start(assignment).has_value(), "a poll renews the session's lease");
  trial.pass(61s);
  assignment = trial.assignment({id, TaskId{1}});
  trial.expect(fails(trial.start(assignment), Errc::stale_session),
               "a session that nobody polls under lapses");
  const auto batch = trial.try_poll(trial.me, {});
  trial.expect(batch && batch.value().session > trial.me.session, "the next poll gets a new session");
  trial.expect(batch && batch.value().entries.size() == 2, "what the old one held is offered again");
  if (!batch) return;
  trial.me.session = batch.value().session;
  trial.expect(trial.start(TaskRef{id, TaskId{1}}).has_value(), "and can be started under the new one");
}

auto waiting_keeps_the_session(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  Ask ask;
  ask.wait = 600s;
  const auto waiting = trial.begin_poll(trial.me, ask);
  trial.pass(300s);
  const auto id = trial.job(flat_job());
  trial.clock().drain();
  trial.expect(waiting->done() && *waiting->result && waiting->result->value().entries.size() == 1,
               "a waiting poll is answered");
  trial.expect(trial.start(first_of(id)).has_value(), "a session does not lapse under a waiting poll");
}

auto start_refusals(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job());
  const auto good = trial.assignment(first_of(id));
  auto bad = good;
  bad.scheduler = SchedulerId{4711};
  trial.expect(fails(trial.start(bad), Errc::unknown_scheduler), "unknown_scheduler");
  bad = good;
  bad.session = SessionId{good.session.value + 1};
  trial.expect(fails(trial.start(bad), Errc::stale_session), "a session that is not live: stale_session");
  const auto other = trial.register_as("other");
  bad.session = other.session;
  trial.expect(fails(trial.start(bad), Errc::stale_session), "another scheduler's session: stale_session");
  trial.me = trial.register_as("first");
  trial.expect(fails(trial.start(good), Errc::stale_session), "a superseded session: stale_session");
  trial.expect(fails(trial.start(TaskRef{JobId{999'999}, TaskId{0}}), Errc::unknown_job), "unknown_job");
  trial.expect(fails(trial.start(TaskRef{id, TaskId{9}}), Errc::unknown_task), "unknown_task");
  trial.expect(fails(trial.start(TaskRef{id, TaskId::commit()}), Errc::unknown_task),
               "no commit: unknown_task");
  trial.expect(fails(trial.start(first_of(id), ManagerId{}), Errc::invalid_argument), "manager 0");
  trial.expect(trial.task(first_of(id)).attempts == 0, "a refused start changes nothing");
}

auto instances(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job();
  spec.tasks[0].instances_max = 2;
  const auto id = trial.job(spec);
  const auto first = trial.start(first_of(id));
  const auto second = trial.start(first_of(id), ManagerId{2});
  if (!first || !second) return trial.expect(false, "as many instances may run as the task says");
  trial.expect(first.value().instance.id != second.value().instance.id &&
                   first.value().instance.epoch < second.value().instance.epoch,
               "each instance has its own id and a greater epoch");
  trial.expect(fails(trial.start(first_of(id), ManagerId{3}), Errc::instance_limit), "and no more");
  trial.expect(trial.finish(second.value().instance, Kind::succeeded).has_value(), "the first to end wins");
  trial.expect(fails(trial.finish(first.value().instance, Kind::succeeded), Errc::stale_instance),
               "the others are fenced");
}

/// A way in which an instance stops being the running one.
struct Displacement {
  const char* what;
  void (*act)(StorageTrial&, const TaskInstance&);
  bool runs_again;
};

auto pass_lease(StorageTrial& trial, const TaskInstance&) -> void {
  trial.pass(61s);
  trial.me = trial.register_as("first");
}

constexpr Displacement kDisplacements[] = {
    {"its manager's lease lapsed", pass_lease, true},
    {"its deadline passed",
     [](StorageTrial& trial, const TaskInstance&) {
       trial.pass(31s);
       trial.clock().run_for(10s);
     },
     true},
    {"it failed",
     [](StorageTrial& trial, const TaskInstance& instance) {
       trial.end(instance, Kind::failed);
       trial.clock().run_for(10s);
     },
     true},
    {"it was deferred",
     [](StorageTrial& trial, const TaskInstance& instance) {
       trial.end(instance, Kind::deferred);
       trial.clock().run_for(10s);
     },
     true},
    {"it was released",
     [](StorageTrial& trial, const TaskInstance& instance) { trial.end(instance, Kind::released); }, true},
    {"it succeeded",
     [](StorageTrial& trial, const TaskInstance& instance) { trial.end(instance, Kind::succeeded); }, false},
    {"its job was cancelled",
     [](StorageTrial& trial, const TaskInstance& instance) { trial.cancel(instance.task.job); }, false},
};

auto same(const TaskView& left, const TaskView& right) -> bool {
  return left.state == right.state && left.attempts == right.attempts && left.deferrals == right.deferrals &&
         left.manager == right.manager && left.error == right.error && left.ended_at == right.ended_at;
}

/// Every write a manager can make with an instance that has been displaced; none may have an effect.
auto write_stale(StorageTrial& trial, const TaskInstance& stale, const std::string& label) -> void {
  const auto before = trial.task(stale.task);
  for (const auto kind : {Kind::succeeded, Kind::failed, Kind::deferred, Kind::released}) {
    FinishRequest request{stale, kind};
    request.output = "stale";
    request.reason = "stale";
    // A repetition of the accepted call is answered with success, and is as powerless.
    trial.end(request);
    trial.expect(
        same(trial.task(stale.task), before),
        label + "a stale finish of kind " + std::to_string(static_cast<int>(kind)) + " changes nothing");
  }
  FinishRequest never{stale, Kind::failed};
  never.retry = false;
  trial.end(never);
  trial.expect(same(trial.task(stale.task), before), label + "a stale \"never\" changes nothing");
  trial.expect(fails(trial.run(trial.storage().parent_outputs(stale)), Errc::stale_instance),
               label + "parents' outputs are refused");
}

auto displace(StorageTrial& trial, const Displacement& displacement) -> void {
  const std::string label = std::string{displacement.what} + ": ";
  JobSpec spec;
  spec.tasks = {work(), work()};
  spec.tasks[0].timeout = 30s;
  spec.tasks[0].retry.attempts_max = 10;
  if (displacement.act == pass_lease) spec.tasks[0].timeout = {};
  const auto id = trial.job(spec);
  trial.poll();
  const auto old = trial.start(first_of(id));
  if (!old) return trial.expect(false, label + "a ready task starts");
  displacement.act(trial, old.value().instance);
  write_stale(trial, old.value().instance, label);
  if (!displacement.runs_again) return;

  trial.me = trial.register_as("first");
  trial.poll();
  const auto anew = trial.start(first_of(id), ManagerId{2});
  if (!anew) return trial.expect(false, label + "the task can be started again");
  trial.expect(anew.value().instance.epoch > old.value().instance.epoch, label + "epochs grow");
  write_stale(trial, old.value().instance, label + "runs again: ");
  auto forged = anew.value().instance;
  forged.epoch = old.value().instance.epoch;
  trial.expect(fails(trial.finish(forged, Kind::succeeded), Errc::stale_instance),
               label + "id without epoch");
  forged = old.value().instance;
  forged.epoch = anew.value().instance.epoch;
  trial.expect(fails(trial.finish(forged, Kind::succeeded), Errc::stale_instance),
               label + "epoch without id");
  trial.expect(trial.finish(anew.value().instance, Kind::succeeded).has_value(),
               label + "the new one is heard");
}

auto fence_kit(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  for (const auto& displacement : kDisplacements) displace(trial, displacement);
}

auto stale_is_refused(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job());
  const auto old = trial.start(first_of(id));
  if (!old) return trial.expect(false, "a ready task starts");
  pass_lease(trial, {});
  for (const auto kind : {Kind::succeeded, Kind::failed, Kind::deferred, Kind::released}) {
    trial.expect(fails(trial.finish(old.value().instance, kind), Errc::stale_instance), "reclaimed: refused");
  }
  TaskInstance invented = old.value().instance;
  invented.id = InstanceId{old.value().instance.id.value + 100};
  trial.expect(fails(trial.finish(invented, Kind::succeeded), Errc::stale_instance), "invented: refused");
  invented.task.job = JobId{999'999};
  trial.expect(fails(trial.finish(invented, Kind::succeeded), Errc::stale_instance), "of no job: refused");
}

auto repeats(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto id = trial.job(flat_job(2));
  trial.poll();
  const auto assignment = trial.assignment(first_of(id));
  const auto first = trial.start(assignment);
  const auto again = trial.start(assignment);
  if (!first || !again) return trial.expect(false, "a repeated start is answered");
  trial.expect(first.value().instance == again.value().instance, "a repeated start: the same instance");
  trial.expect(trial.task(first_of(id)).attempts == 1, "it spends one attempt");
  trial.expect(fails(trial.start(assignment, ManagerId{2}), Errc::instance_limit),
               "only of the same manager");
  const auto& instance = first.value().instance;
  trial.expect(trial.finish(instance, Kind::succeeded).has_value(), "a finish is accepted");
  trial.expect(trial.finish(instance, Kind::succeeded).has_value(), "its repetition, too");
  trial.expect(fails(trial.finish(instance, Kind::failed), Errc::stale_instance), "another end is refused");
  const TaskRef second{id, TaskId{1}};
  const auto failed = trial.start(second);
  if (!failed) return trial.expect(false, "a ready task starts");
  trial.end(failed.value().instance, Kind::failed);
  trial.end(failed.value().instance, Kind::failed);
  trial.expect(trial.task(second).attempts == 1, "a repeated failure spends one attempt");
  const PauseTarget group{PauseTarget::Kind::resource_group, "default"};
  for (int i = 0; i < 2; ++i)
    trial.expect(trial.run(trial.storage().pause(group)).has_value(), "pause twice");
  for (int i = 0; i < 2; ++i)
    trial.expect(trial.run(trial.storage().resume(group)).has_value(), "resume twice");
}

auto manager_leases(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job(3);
  spec.tasks[0].retry.attempts_max = 2;
  const auto id = trial.job(spec);
  const TaskRef first = first_of(id);
  const auto started = trial.start(first);
  trial.start(TaskRef{id, TaskId{1}}).has_value();
  trial.start(TaskRef{id, TaskId{2}}, ManagerId{2}).has_value();
  trial.pass(40s);
  trial.expect(trial.run(trial.storage().renew(ManagerId{1})).has_value(), "a manager renews");
  trial.pass(40s);
  trial.expect(trial.task(first).state == TaskState::running &&
                   trial.task({id, TaskId{1}}).state == TaskState::running,
               "one renewal covers all instances of a manager");
  const auto lost = trial.task({id, TaskId{2}});
  trial.expect(lost.state == TaskState::ready && lost.attempts == 1,
               "a lapsed lease: ready, an attempt spent");
  trial.me = trial.register_as("first");
  trial.expect(trial.poll().size() == 1, "it is offered again at once");
  trial.expect(fails(trial.run(trial.storage().renew(ManagerId{2})), Errc::unknown_manager),
               "it is unknown now");
  trial.pass(61s);
  trial.me = trial.register_as("first");
  trial.poll();
  trial.expect(trial.start(first, ManagerId{3}).has_value(), "another manager takes over");
  trial.pass(61s);
  const auto dead = trial.task(first);
  trial.expect(dead.state == TaskState::failed && dead.dead_lettered && !dead.error.empty(),
               "no attempt left: failed, dead-lettered, with the reason");
  trial.expect(trial.state(id) == JobState::failed, "and so is its job");
  trial.expect(fails(trial.run(trial.storage().renew(ManagerId{99})), Errc::unknown_manager),
               "unknown_manager");
}

auto attempt_deadline(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  auto spec = flat_job();
  spec.tasks[0].timeout = 5s;
  const auto id = trial.job(spec);
  const auto started = trial.start(first_of(id));
  if (!started) return trial.expect(false, "a ready task starts");
  trial.expect(started.value().deadline == saturating_add(trial.clock().now(), 5s),
               "the start says until when");
  trial.pass(4s);
  trial.expect(trial.task(first_of(id)).state == TaskState::running, "not before its time");
  trial.pass(1s);
  const auto view = trial.task(first_of(id));
  trial.expect(view.state == TaskState::ready && view.attempts == 1, "then the attempt is over, and spent");
  const auto renewal = trial.run(trial.storage().renew(ManagerId{1}));
  trial.expect(renewal && renewal.value().lost.size() == 1, "its manager learns of it");
}

auto run_loop(StorageTrial& trial) -> void {
  if (!trial.open()) return;
  const auto loop = trial.begin(trial.storage().run());
  const auto id = trial.job(flat_job());
  trial.start(first_of(id)).has_value();
  trial.clock().run_for(61s);
  trial.expect(trial.task(first_of(id)).state == TaskState::ready, "run() acts when something lapses");
  auto spec = flat_job();
  spec.deadline = saturating_add(trial.clock().now(), 1s);
  const auto hurried = trial.job(spec);
  trial.clock().run_for(1s);
  trial.expect(trial.state(hurried) == JobState::failed, "also when an earlier time appears while it sleeps");
  loop->signal.emit(asio::cancellation_type::terminal);
  trial.clock().drain();
  trial.expect(loop->done() && fails(*loop->result, Errc::cancelled), "until it is cancelled");
}

constexpr StorageCheck kFenceChecks[] = {
    {"T7", "SessionsBelongToMembers", sessions},
    {"T7", "LeavingEndsTheSession", leaves},
    {"T7", "SessionsLapse", lapses},
    {"T7", "AWaitingPollKeepsItsSession", waiting_keeps_the_session},
    {"T8", "StartsAreRefusedDistinctly", start_refusals},
    {"T8", "NoMoreInstancesThanAllowed", instances},
    {"T9", "FenceKit", fence_kit},
    {"T9", "StaleFinishesAreRefused", stale_is_refused},
    {"T10", "CallsMayBeRepeated", repeats},
    {"T11", "ManagersLeaseTheirInstances", manager_leases},
    {"T11", "AttemptsHaveDeadlines", attempt_deadline},
    {"T11", "TheLoopActsWhenDue", run_loop},
};

}  // namespace

auto storage_fence_checks() -> std::span<const StorageCheck> { return kFenceChecks; }

}  // namespace testing
}  // namespace v1
}  // namespace spider
