// One random script, driven against the memory storage and the SQLite storage: every answer is the same,
// and so is the order of offers. Leases, deadlines, arrays, classes, pauses and retries included.

#include "spider/rng.hpp"
#include "spider/storage/memory.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/virtual_clock.hpp"
#include "support/seed.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace spider {
namespace {

using namespace std::chrono_literals;

auto small_limits() -> StorageLimits {
  StorageLimits limits;
  limits.ended_jobs_max = 40;
  limits.lower_class_share = 3;
  limits.session_lease = 20s;
  limits.manager_lease = 7s;
  limits.page_items_max = 50;
  return limits;
}

/// Text of everything that a call answers.
class Printed {
 public:
  template <class T>
  auto operator<<(const T& value) -> Printed& {
    if constexpr (requires { value.value; }) {
      out_ << value.value << ' ';
    } else if constexpr (std::is_enum_v<T>) {
      out_ << static_cast<int>(value) << ' ';
    } else if constexpr (std::same_as<T, TimePoint>) {
      out_ << value.time_since_epoch().count() << ' ';
    } else {
      out_ << value << ' ';
    }
    return *this;
  }
  auto operator<<(const InboundEntry& entry) -> Printed& {
    return *this << "entry" << entry.job << entry.task.bits() << entry.group << entry.created_at
                 << entry.ready_at << entry.deadline << entry.queue << entry.deferrals << entry.deliveries
                 << int{entry.priority} << entry.weight << entry.estimate.count() << entry.coalesce_key;
  }
  auto operator<<(const TaskInstance& instance) -> Printed& {
    return *this << "instance" << instance.id << instance.epoch << instance.task.job
                 << instance.task.task.bits();
  }
  auto operator<<(const JobView& view) -> Printed& {
    *this << "job" << view.id << view.state << view.resource_group << view.queue << int{view.priority}
          << view.unique_key << view.submitters << view.created_at << view.ended_at << view.reason;
    for (const auto count : view.tasks) *this << count;
    return *this;
  }
  auto operator<<(const TaskExplanation& why) -> Printed& {
    *this << "why" << to_string(why.standing) << why.since << why.until << why.scheduler << why.manager
          << why.group_paused << why.queue_paused << why.waits_for_more << why.deliveries;
    for (const auto task : why.waits_for) *this << task.bits();
    return *this << (why.place ? why.place->in_group : 0);
  }
  auto operator<<(const TaskView& view) -> Printed& {
    return *this << "task" << view.id.bits() << view.state << view.handler << view.name << view.attempts
                 << view.deferrals << view.ready_at << view.started_at << view.ended_at << view.manager
                 << view.dead_lettered << view.error << view.folded_into.job << view.folded_into.task.bits();
  }
  auto operator<<(const Error& error) -> Printed& { return *this << "error" << error.message(); }
  [[nodiscard]] auto text() const -> std::string { return out_.str(); }

 private:
  std::ostringstream out_;
};

/// The script over one storage. The same seed makes the same calls as long as the answers are the same.
class Script {
 public:
  Script(std::uint64_t seed, const std::string& file) : rng_{seed} {
    if (file.empty()) {
      storage_ = make_memory_storage({.limits = small_limits()}, clock_).value();
    } else {
      SqliteStorageOptions options{file};
      options.synchronous = SqliteStorageOptions::Synchronous::normal;
      options.limits = small_limits();
      options.hold = [this] { return std::make_shared<VirtualClock::Hold>(clock_.hold()); };
      storage_ = open_sqlite_storage(std::move(options), clock_).value();
    }
    for (const auto* member : {"first", "second"}) join(member);
  }

  auto step() -> std::string {
    Printed out;
    switch (const auto what = rng_.below(20); what) {
      case 0:
      case 1: submit(out); break;
      case 2: tick(out); break;
      case 3: sweep(out); break;
      case 4: rare(out); break;
      case 5: renew(out); break;
      case 6: look(out); break;
      default: what < 10 ? poll(out) : what < 15 ? start(out) : finish(out);
    }
    return out.text();
  }

 private:
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }
  template <class T>
  auto pick(const std::vector<T>& from) -> const T& {
    return from[rng_.below(from.size())];
  }
  auto join(const std::string& member) -> void {
    const auto who = run(storage_->register_scheduler(SchedulerInfo{member})).value();
    members_.push_back(who);
  }

  auto task(std::uint32_t node, bool array) -> TaskSpec {
    TaskSpec spec;
    spec.handler = "work" + std::to_string(rng_.below(3));
    spec.input = std::string(rng_.below(4), 'x');
    if (array && rng_.below(4) == 0) spec.count = 1 + static_cast<std::uint32_t>(rng_.below(9));
    for (std::uint32_t parent = 0; array && parent < node; ++parent) {
      if (rng_.below(3) == 0) spec.parents.push_back(parent);
    }
    spec.retry.attempts_max = 1 + static_cast<std::uint32_t>(rng_.below(3));
    if (rng_.below(4) == 0) spec.timeout = std::chrono::milliseconds{1 + rng_.below(6000)};
    if (rng_.below(4) == 0) spec.instances_max = 2;
    spec.estimate = Duration{static_cast<std::int64_t>(rng_.below(100))};
    if (array && rng_.below(2) == 0) {
      spec.coalesce = CoalesceKey{"work", {"table" + std::to_string(rng_.below(3))}};
      if (rng_.below(20) > 0) spec.count = spec.instances_max = 1;
    }
    return spec;
  }
  auto submit(Printed& out) -> void {
    JobSpec spec;
    spec.resource_group = "group" + std::to_string(rng_.below(4));
    spec.queue = "queue" + std::to_string(rng_.below(2));
    spec.priority = static_cast<PriorityClass>(rng_.below(3));
    spec.weight = 1.0 + static_cast<double>(rng_.below(4)) / 4;
    if (rng_.below(5) == 0) spec.unique_key = "key" + std::to_string(rng_.below(9));
    if (rng_.below(5) == 0) spec.not_before = clock_.now() + std::chrono::milliseconds{rng_.below(5000)};
    if (rng_.below(5) == 0)
      spec.deadline =
          std::max(clock_.now(), spec.not_before) + std::chrono::milliseconds{1 + rng_.below(9000)};
    const auto nodes = rng_.below(6);
    for (std::uint32_t node = 0; node < nodes; ++node) spec.tasks.push_back(task(node, true));
    if (rng_.below(3) == 0) spec.commit = task(0, false);
    if (rng_.below(3) == 0) spec.cleanup = task(0, false);
    const auto answer = run(storage_->submit(std::span{&spec, 1})).value().at(0);
    if (!answer) return void(out << "submit" << answer.error());
    out << "submit" << answer.value().job << answer.value().existing << answer.value().fold;
    jobs_.push_back(answer.value().job);
  }
  auto tick(Printed& out) -> void {
    clock_.run_for(std::chrono::milliseconds{rng_.below(3000)});
    out << "time" << clock_.now();
  }
  auto sweep(Printed& out) -> void {
    const auto report = run(storage_->sweep(1 + rng_.below(5)));
    out << "sweep" << report.value().swept;
  }
  auto poll(Printed& out) -> void {
    auto& who = members_[rng_.below(2)];
    PollRequest request;
    request.scheduler = who.scheduler;
    request.session = who.session;
    request.queues = {"queue0", "queue1"};
    if (rng_.below(2) == 0) std::swap(request.queues[0], request.queues[1]);
    request.max_items = 1 + rng_.below(12);
    if (rng_.below(3) == 0) request.per_group_max = 1 + rng_.below(4);
    if (rng_.below(3) == 0) request.per_job_max = 1 + rng_.below(3);
    if (rng_.below(8) == 0) request.wait = std::chrono::milliseconds{rng_.below(2000)};
    const auto lane = rng_.below(4);
    auto batch = run(lane == 0   ? storage_->poll_commit_ready(request)
                     : lane == 1 ? storage_->poll_cleanup_ready(request)
                                 : storage_->poll_ready(request));
    if (!batch) return void(out << "poll" << batch.error());
    who.session = batch.value().session;
    out << "poll" << batch.value().session;
    for (const auto& entry : batch.value().entries) {
      out << entry;
      polled_.push_back(entry.ref());
    }
  }
  auto start(Printed& out) -> void {
    if (polled_.empty()) return;
    const auto& who = members_[rng_.below(2)];
    std::vector<TaskAssignment> assignments(1 + rng_.below(3));
    for (auto& assignment : assignments) {
      const auto ref = rng_.below(10) == 0 ? pick(polled_) : polled_.back();
      if (polled_.size() > 1) polled_.pop_back();
      assignment.id = AssignmentId{rng_.below(200)};
      assignment.job = ref.job;
      assignment.task = ref.task;
      assignment.scheduler = who.scheduler;
      assignment.session = who.session;
    }
    const auto answers = run(storage_->start(assignments, ManagerId{1 + rng_.below(3)}));
    for (const auto& answer : answers.value()) {
      if (!answer) {
        out << "start" << answer.error();
        continue;
      }
      const auto& started = answer.value();
      out << "start" << started.instance << started.spec->handler << started.spec->input << started.element
          << started.attempt << started.deferrals << started.deadline << started.folded << started.fold;
      instances_.push_back(started.instance);
    }
  }
  auto finish(Printed& out) -> void {
    if (instances_.empty()) return;
    std::vector<FinishRequest> requests(1 + rng_.below(3));
    for (auto& request : requests) {
      request.instance = rng_.below(4) == 0 ? pick(instances_) : instances_.back();
      if (instances_.size() > 1 && rng_.below(3) > 0) instances_.pop_back();
      request.kind = static_cast<FinishRequest::Kind>(rng_.below(10) < 6 ? 0 : rng_.below(4));
      request.output = std::string(rng_.below(3), 'o');
      request.reason = "reason" + std::to_string(rng_.below(3));
      request.retry = rng_.below(5) > 0;
      if (rng_.below(2) == 0) request.delay = std::chrono::milliseconds{rng_.below(900)};
    }
    if (const auto parents = run(storage_->parent_outputs(requests[0].instance))) {
      for (const auto& parent : parents.value()) {
        for (const auto& output : parent) out << '<' + output + '>';
      }
    }
    const auto answers = run(storage_->finish(requests));
    for (const auto& answer : answers.value()) {
      out << "finish";
      if (!answer) out << answer.error();
    }
  }
  auto renew(Printed& out) -> void {
    const auto renewal = run(storage_->renew(ManagerId{1 + rng_.below(3)}));
    if (!renewal) return void(out << "renew" << renewal.error());
    for (const auto& instance : renewal.value().lost) out << "lost" << instance;
  }
  auto rare(Printed& out) -> void {
    if (jobs_.empty()) return;
    const auto kind = rng_.below(2) == 0 ? PauseTarget::Kind::queue : PauseTarget::Kind::resource_group;
    PauseTarget target{
        kind, (kind == PauseTarget::Kind::queue ? "queue" : "group") + std::to_string(rng_.below(2))};
    switch (rng_.below(8)) {
      case 0: return print(out, run(storage_->pause(target)));
      case 1:
      case 2: return print(out, run(storage_->resume(target)));
      case 3: members_[0] = run(storage_->register_scheduler(SchedulerInfo{"first"})).value(); return;
      case 4: return print(out, run(storage_->cancel(pick(jobs_))));
      case 5: return print(out, run(storage_->unregister_scheduler(members_[1]))), reregister();
      case 6: {
        const CoalesceKey key{"work", {"table" + std::to_string(rng_.below(3))}};
        const auto pending = run(storage_->has_pending("group" + std::to_string(rng_.below(4)), key));
        out << "pending" << pending.value();
        return;
      }
      default: return print(out, run(storage_->retry(pick(jobs_))));
    }
  }
  auto reregister() -> void {
    members_[1] = run(storage_->register_scheduler(SchedulerInfo{"second"})).value();
  }
  template <class T>
  auto print(Printed& out, const Result<T>& result) -> void {
    out << "rare" << result.has_value();
    if (!result) out << result.error();
  }
  auto look(Printed& out) -> void {
    if (jobs_.empty()) return;
    const auto ended = run(storage_->poll_ended(cursor_, {})).value();
    cursor_ = ended.cursor;
    out << "ended" << cursor_.position << ended.gap;
    for (const auto job : ended.jobs) out << job;
    const auto job = pick(jobs_);
    if (const auto views = run(storage_->view_tasks(job, {}))) {
      for (const auto& view : views.value()) {
        out << view << run(storage_->explain({job, view.id})).value();
      }
    }
    if (const auto outputs = run(storage_->outputs(job, {}))) {
      for (const auto& output : outputs.value()) out << output.task.bits() << output.output;
    }
    JobFilter filter;
    filter.after = pick(jobs_);
    if (rng_.below(2) == 0) filter.resource_group = "group1";
    if (rng_.below(2) == 0) filter.state = static_cast<JobState>(rng_.below(kJobStates));
    const auto views = run(storage_->list(filter)).value();
    for (const auto& view : views) out << view;
  }

  asio::io_context context_;
  VirtualClock clock_{context_};
  std::unique_ptr<Storage> storage_;
  Rng rng_;
  std::vector<Registration> members_;
  std::vector<JobId> jobs_;
  std::vector<TaskRef> polled_;
  std::vector<TaskInstance> instances_;
  EndedCursor cursor_;
};

TEST(SqliteDifferential, AnswersAsTheMemoryStorageDoes) {
  const TemporaryFolder folder;
  const auto chosen = testing::chosen_seed();
  const auto first = chosen.value_or(1);
  const auto last = chosen.value_or(12);
  for (auto seed = first; seed <= last; ++seed) {
    Script memory{seed, ""};
    Script sqlite{seed, folder / std::to_string(seed)};
    for (int step = 0; step < 2000; ++step) {
      const auto expected = memory.step();
      ASSERT_EQ(sqlite.step(), expected) << "SPIDER_SEED=" << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace spider
