// Sessions, and the offering and leasing of ready work.

#include "storage/memory_state.hpp"

#include <algorithm>
#include <ranges>

namespace spider::inline v1::detail {

namespace {

constexpr std::size_t kPromotedMax = 65'536;  // delayed entries made ready in one critical section
constexpr std::uint16_t kDeliveriesMax = UINT16_MAX;
constexpr std::size_t kLooksMax = 65'536;  // tasks that one filtered poll looks at in one critical section
constexpr std::uint32_t kSlotsNoted = 64;  // of one arrival; a larger one wakes everybody

}  // namespace

auto MemoryState::find_scheduler(SchedulerId id) -> SchedulerRecord* {
  return id.value == 0 || id.value > schedulers_.size() ? nullptr : &schedulers_[id.value - 1];
}

auto MemoryState::draw_session(SchedulerRecord& scheduler) -> void {
  scheduler.session = SessionId{++last_session_};
}

auto MemoryState::register_scheduler(const std::string& member) -> Result<Registration> {
  if (!is_valid_name(member)) return Error{Errc::invalid_name, "member '" + member.substr(0, 128) + '\''};
  auto& id = members_[member];
  if (!id) {
    id = SchedulerId{schedulers_.size() + 1};
    auto& added = schedulers_.emplace_back();
    added.id = id;
  }
  auto& scheduler = schedulers_[id.value - 1];
  supersede(scheduler);
  draw_session(scheduler);
  scheduler.registered = scheduler.session;
  scheduler.left = false;
  ++scheduler.incarnation;
  renew_session(scheduler);
  return Registration{id, scheduler.session, scheduler.incarnation};
}

auto MemoryState::unregister_scheduler(const Registration& registration) -> Result<void> {
  auto* scheduler = find_scheduler(registration.scheduler);
  if (scheduler == nullptr) return Errc::unknown_scheduler;
  if (scheduler->left && scheduler->registered <= registration.session) return success();
  if (scheduler->session != registration.session) return Errc::stale_session;
  supersede(*scheduler);
  scheduler->left = true;
  return success();
}

// What it holds is offered again, before what waits; its own polls wake up and see.
auto MemoryState::supersede(SchedulerRecord& scheduler) -> void {
  if (!scheduler.session) return;
  const auto session = static_cast<std::uint32_t>(scheduler.session.value);
  scheduler.session = {};
  scheduler.compact_at = 1024;
  requeue(std::exchange(scheduler.leased, {}), session);
  all_arrived();
}

auto MemoryState::requeue(const std::vector<TaskRef>& leased, std::uint32_t session) -> void {
  std::vector<TaskRef> again;  // newest first
  for (const auto& ref : std::views::reverse(leased)) {
    auto* job = jobs_.find(ref.job);
    auto* record = job == nullptr ? nullptr : job->find(ref.task);
    if (record == nullptr || record->session != session) continue;
    record->session = TaskRecord::kNone;
    job->ready.push_front(ref.task.bits());
    again.push_back(ref);
  }
  for (const auto& ref : std::views::reverse(again)) {
    auto& job = *jobs_.find(ref.job);
    lanes_[static_cast<std::size_t>(ref.task.kind())].join(job, groups_[job.group.value - 1]);
  }
}

auto MemoryState::has_lapsed(const SchedulerRecord& scheduler) const -> bool {
  return scheduler.session && scheduler.polls == 0 && now_ >= scheduler.lease_until;
}

auto MemoryState::renew_session(SchedulerRecord& scheduler) -> void {
  scheduler.lease_until = saturating_add(now_, limits.session_lease);
  if (std::exchange(scheduler.watched, true)) return;
  set_timer({.at = scheduler.lease_until, .kind = Timer::Kind::session, .id = scheduler.id.value});
}

auto MemoryState::poll_begins(SchedulerId id) -> void { ++find_scheduler(id)->polls; }

auto MemoryState::poll_ends(SchedulerId id) -> void {
  auto& scheduler = *find_scheduler(id);
  --scheduler.polls;
  renew_session(scheduler);
}

auto MemoryState::abandon_poll(SchedulerId id) -> void {
  const std::scoped_lock lock{mutex_};
  --find_scheduler(id)->polls;
}

// A session that lapsed is replaced without asking; one that was superseded by a registration is not.
auto MemoryState::session_of_poll(SchedulerRecord& scheduler, SessionId asked) -> Result<void> {
  if (scheduler.left || asked < scheduler.registered || asked.value > last_session_)
    return Errc::stale_session;
  if (has_lapsed(scheduler)) supersede(scheduler);
  if (!scheduler.session) draw_session(scheduler);
  if (asked > scheduler.session) return Errc::stale_session;
  renew_session(scheduler);
  return success();
}

auto MemoryState::poll(TaskKind kind, const PollRequest& request) -> Result<Polled> {
  SPIDER_TRY(life_cycle::check_poll(request));
  auto* scheduler = find_scheduler(request.scheduler);
  if (scheduler == nullptr) return Errc::unknown_scheduler;
  SPIDER_TRY(session_of_poll(*scheduler, request.session));

  offer_due(kind);
  std::vector<QueueId> queues;
  for (const auto& name : request.queues) {
    if (const auto queue = queue_names_.find(name)) queues.push_back(*queue);
  }
  OfferLimits most{.poll_number = ++polls_,
                   .items_max = std::min(request.max_items, limits.poll_items_max),
                   .per_group_max = request.per_group_max,
                   .per_job_max = request.per_job_max,
                   .lower_class_share = limits.lower_class_share};
  const auto lane = static_cast<std::size_t>(kind);
  std::optional<SlotScan> scan;
  if (request.slots) {
    scan.emplace(SlotScan{.slots = *request.slots, .now = now_, .poll_number = polls_});
    scan->looks_left = kLooksMax - mix64(polls_) % (kLooksMax / 4);
    most.scan = &*scan;
  }
  offers_.clear();
  lanes_[lane].take(queues, most, offers_);

  Polled polled;
  polled.batch.session = scheduler->session;
  polled.batch.entries.reserve(offers_.size());
  for (const auto& offer : offers_) polled.batch.entries.push_back(lease(*scheduler, offer));
  if (scheduler->leased.size() >= scheduler->compact_at) compact_leases(*scheduler);
  if (!delayed_[lane].empty()) polled.next_due = delayed_[lane].begin()->at;
  if (scan) {
    polled.next_due = std::min(polled.next_due, scan->next_due);
    polled.cut = scan->looks_left == 0;
    scheduler->watches[lane].next_look = polled.cut ? kForever : polled.next_due;
  }
  return polled;
}

auto MemoryState::lease(SchedulerRecord& scheduler, const Offer& offer) -> InboundEntry {
  auto& job = *offer.job;
  auto& record = job.record(offer.task);
  record.session = static_cast<std::uint32_t>(scheduler.session.value);
  scheduler.leased.push_back({job.id, offer.task});
  InboundEntry entry;
  entry.job = job.id;
  entry.group = job.group;
  entry.created_at = job.created_at;
  entry.ready_at = record.ready_at;
  entry.deadline = job.deadline;
  entry.estimate = job.task_spec(offer.task).estimate;
  entry.task = offer.task;
  entry.weight = static_cast<float>(job.spec->weight);
  entry.queue = job.queue;
  entry.deferrals = record.deferrals;
  entry.deliveries = record.deliveries;
  entry.priority = job.priority;
  if (const auto* keyed = job.find_key(offer.task)) entry.coalesce_key = keyed->number;
  if (record.deliveries < kDeliveriesMax) ++record.deliveries;
  return entry;
}

// Started tasks leave the list here and not at their start, which would cost a link per task. The list
// is at most twice as long as what is leased.
auto MemoryState::compact_leases(SchedulerRecord& scheduler) -> void {
  const auto session = static_cast<std::uint32_t>(scheduler.session.value);
  std::vector<TaskRef> kept;
  for (const auto& ref : scheduler.leased) {
    auto* job = jobs_.find(ref.job);
    auto* record = job == nullptr ? nullptr : job->find(ref.task);
    if (record == nullptr || record->session != session || record->marked) continue;
    record->marked = true;
    kept.push_back(ref);
  }
  for (const auto& ref : kept) jobs_.find(ref.job)->record(ref.task).marked = false;
  scheduler.leased = std::move(kept);
  scheduler.compact_at = std::max<std::size_t>(1024, 2 * scheduler.leased.size());
}

auto MemoryState::all_arrived() -> void {
  for (auto& arrived : arrived_) arrived.any = arrived.all = true;
}

auto MemoryState::note_arrival(JobId job, std::uint32_t first_bits, std::uint32_t count) -> void {
  const auto lane = static_cast<std::size_t>(id_of(first_bits).kind());
  auto& arrived = arrived_[lane];
  arrived.any = true;
  if (arrived.all || slot_watches_[lane] == 0) return;
  arrived.all = count > kSlotsNoted;
  for (std::uint32_t step = 0; step < count && !arrived.all; ++step) {
    arrived.slots.set(slot_of({job, id_of(first_bits + step)}));
  }
}

auto MemoryState::watch_slots(TaskKind kind, SchedulerId id, std::shared_ptr<const SlotFilter> slots)
    -> std::shared_ptr<WaitingLine> {
  auto* scheduler = find_scheduler(id);
  if (scheduler == nullptr) return nullptr;
  auto& watch = scheduler->watches[static_cast<std::size_t>(kind)];
  if (!watch.line) watch.line = WaitingLine::make(clock);
  watch.slots = std::move(slots);
  ++watch.polls;
  ++slot_watches_[static_cast<std::size_t>(kind)];
  return watch.line;
}

auto MemoryState::unwatch_slots(TaskKind kind, SchedulerId id) -> void {
  const std::scoped_lock lock{mutex_};
  --find_scheduler(id)->watches[static_cast<std::size_t>(kind)].polls;
  --slot_watches_[static_cast<std::size_t>(kind)];
}

/// Which lanes something has arrived in; and the lines of polls that ask for a slot in which it has.
auto MemoryState::find_woken(std::vector<std::shared_ptr<WaitingLine>>& lines)
    -> std::array<bool, kTaskKinds> {
  std::array<bool, kTaskKinds> lanes{};
  for (std::size_t lane = 0; lane < kTaskKinds; ++lane) {
    auto& arrived = arrived_[lane];
    lanes[lane] = arrived.any;
    if (!arrived.any) continue;
    if (slot_watches_[lane] > 0) {
      for (auto& scheduler : schedulers_) {
        const auto& watch = scheduler.watches[lane];
        if (watch.polls > 0 && watch.is_woken_by(arrived, now_)) lines.push_back(watch.line);
      }
      arrived.slots.reset();
    }
    arrived.any = arrived.all = false;
  }
  return lanes;
}

// What arrives in `later` wakes a poll only where it would not look in time: once, and then it knows when.
auto SchedulerRecord::SlotWatch::is_woken_by(const Arrivals& arrived, TimePoint now) const -> bool {
  const bool several = polls > 1;  // which need not ask for the same
  if (arrived.all || several || (slots->first & arrived.slots).any()) return true;
  return next_look > saturating_add(now, slots->takeover_delay) && (slots->later & arrived.slots).any();
}

auto MemoryState::offer_now(Job& job, std::uint32_t first_bits, std::uint32_t count) -> void {
  const auto lane = static_cast<std::size_t>(id_of(first_bits).kind());
  job.ready.push_back({first_bits, count});
  lanes_[lane].join(job, groups_[job.group.value - 1]);
  note_arrival(job.id, first_bits, count);
}

auto MemoryState::offer(Job& job, TaskId first, std::uint32_t count, TimePoint at) -> void {
  if (auto* work = find_work(job, first)) {
    life_cycle::EquivalentWork::Steps steps;
    work->ready({job.id, first}, at, now_, steps);
    return carry_out(steps, {}, {});
  }
  if (at <= now_) return offer_now(job, first.bits(), count);
  delay(job, first, count, at);
}

auto MemoryState::delay(Job& job, TaskId first, std::uint32_t count, TimePoint at) -> void {
  for (std::uint32_t step = 0; step < count; ++step) {
    job.record(first.kind() == TaskKind::regular ? TaskId{first.index() + step} : first).delayed = true;
  }
  const auto lane = static_cast<std::size_t>(first.kind());
  const auto added = delayed_[lane].insert({at, job.id, first.bits(), count});
  // Who waits must look up earlier.
  if (added.first == delayed_[lane].begin()) arrived_[lane].any = arrived_[lane].all = true;
}

auto MemoryState::drop_delay(Job& job, TaskId task, TaskRecord& record) -> void {
  if (!record.delayed) return;
  record.delayed = false;
  // The first of a range finds it; a range of which the first has left is dropped when it is due.
  auto& delayed = delayed_[static_cast<std::size_t>(task.kind())];
  const auto found = delayed.lower_bound({record.ready_at, job.id, task.bits(), 0});
  if (found != delayed.end() && found->job == job.id && found->first == task.bits()) delayed.erase(found);
}

auto MemoryState::offer_due(TaskKind kind) -> void {
  auto& delayed = delayed_[static_cast<std::size_t>(kind)];
  for (std::size_t done = 0; done < kPromotedMax && !delayed.empty(); ++done) {
    const auto due = *delayed.begin();
    if (due.at > now_) return;
    delayed.erase(delayed.begin());
    auto* job = jobs_.find(due.job);
    if (job == nullptr) continue;
    for (std::uint32_t step = 0; step < due.count; ++step) {
      const auto task = id_of(due.first + step);
      auto& record = job->record(task);
      if (!record.delayed || record.ready_at != due.at) continue;
      record.delayed = false;
      if (auto* work = find_work(*job, task)) {
        record.kept_back = true;
        life_cycle::EquivalentWork::Steps steps;
        work->due({job->id, task}, steps);
        carry_out(steps, {}, {});
      } else {
        offer_now(*job, task.bits(), 1);
      }
    }
  }
}

auto MemoryState::ready_node(Job& job, std::uint32_t node, TimePoint at) -> void {
  const auto end = job.graph.first_task(node) + job.graph.task_count(node);
  for (auto first = job.graph.first_task(node); first < end;) {
    auto next = first;
    for (; next < end && job.tasks[next].state == TaskState::pending; ++next) {
      job.move_task(TaskId{next}, job.tasks[next], TaskState::ready);
      job.tasks[next].ready_at = at;
    }
    if (next > first) offer(job, TaskId{first}, next - first, at);
    first = std::max(next, first + 1);
  }
}

}  // namespace spider::inline v1::detail
