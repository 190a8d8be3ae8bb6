// The order of offers: queues as asked, class by class with a share for the lower ones, round-robin over
// resource groups, then over their jobs. Whoever was served gets a new turn, and so goes to the back; who
// has reached the poll's maximum is set aside, and gets its new turn at the end of the poll.

#include "sqlite/offer_poll.hpp"
#include "sqlite/state.hpp"

#include <algorithm>

namespace spider::inline v1::detail {

namespace {
constexpr std::size_t kFrontMax = 64;  // jobs of one group that are read at once
constexpr std::size_t kTasksPerLease = 32;
}  // namespace

auto SqliteState::is_paused(ResourceGroupId group) -> bool {
  Rows rows{*file_, "SELECT paused FROM resource_group WHERE id = ?", group};
  return rows.next() && rows.get<bool>(0);
}

auto SqliteState::has_jobs(const BacklogKey& key) -> bool {
  Rows rows{*file_,
            "SELECT 1 FROM job_turn WHERE lane = ? AND queue = ? AND priority = ? AND resource_group = ? "
            "LIMIT 1",
            key.lane,
            key.queue,
            key.priority,
            key.group};
  return rows.next();
}

auto SqliteState::set_turn(const BacklogKey& key, bool in_rotation) -> void {
  constexpr const char* kUpdate =
      "UPDATE backlog SET turn = nullif(?, 0) WHERE lane = ? AND queue = ? AND priority = ? AND "
      "resource_group = ?";
  const auto turn = in_rotation ? ++counters_.turn : 0;
  file_->run(kUpdate, turn, key.lane, key.queue, key.priority, key.group);
}

auto SqliteState::drop_backlog(const BacklogKey& key) -> void {
  file_->run("DELETE FROM backlog WHERE lane = ? AND queue = ? AND priority = ? AND resource_group = ?",
             key.lane, key.queue, key.priority, key.group);
  backlogs_.erase(key);
}

auto SqliteState::enter_rotation(JobRow& job) -> void {
  touch(job);
  job.turn = ++counters_.turn;
  file_->run("INSERT INTO job_turn VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", job.lane, job.queue, job.priority,
             job.group, job.turn, job.id, job.head.position, job.head.first, job.head.count);
}

/// The stored row keeps the turn: whoever loads it sees that it is not in `job_turn`.
auto SqliteState::leave_rotation(JobRow& job) -> void {
  file_->run(
      "DELETE FROM job_turn WHERE lane = ? AND queue = ? AND priority = ? AND resource_group = ? AND turn = "
      "?",
      job.lane, job.queue, job.priority, job.group, job.turn);
  job.turn = 0;
}

/// The job has ready tasks: it takes part from now on.
auto SqliteState::join(JobRow& job, int lane) -> void {
  if (job.turn != 0) return;
  job.lane = lane;
  enter_rotation(job);
  if (!backlogs_.insert(job.backlog()).second) return;
  Rows rows{*file_,
            "SELECT 1 FROM backlog WHERE lane = ? AND queue = ? AND priority = ? AND resource_group = ?",
            lane,
            job.queue,
            job.priority,
            job.group};
  if (rows.next()) return;
  file_->run("INSERT INTO backlog VALUES (?, ?, ?, ?, nullif(?, 0))", lane, job.queue, job.priority,
             job.group, is_paused(job.group) ? 0 : ++counters_.turn);
}

/// The job has none any more.
auto SqliteState::withdraw(JobRow& job) -> void {
  if (job.turn == 0) return;
  leave_rotation(job);
  if (has_jobs(job.backlog())) return;
  drop_backlog(job.backlog());
}

auto SqliteState::next_class(int lane, QueueId queue, int from) -> std::optional<int> {
  Rows rows{*file_,
            "SELECT priority FROM backlog INDEXED BY backlog_turn WHERE lane = ? AND queue = ? AND priority "
            ">= ? AND "
            "turn IS NOT NULL ORDER BY priority LIMIT 1",
            lane, queue, from};
  if (!rows.next()) return std::nullopt;
  return rows.get<int>(0);
}

// The most urgent class, but after `share` − 1 offers in a row a lower one if any has backlog: the one
// after that which was served last, so that all lower classes take turns. Of the class, the first group;
// `alone`: it is known to be the only one.
auto SqliteState::choose_group(int lane, QueueId queue, bool& alone) -> std::optional<BacklogKey> {
  BacklogKey front{lane, queue, 0, {}};
  {
    Rows rows{*file_,
              "SELECT priority, resource_group FROM backlog INDEXED BY backlog_turn WHERE lane = ? AND "
              "queue = ? AND turn IS NOT NULL ORDER BY priority, turn LIMIT 2",
              lane, queue};
    if (!rows.next()) return std::nullopt;
    front.priority = rows.get<PriorityClass>(0);
    front.group = rows.get<ResourceGroupId>(1);
    alone = !rows.next();
  }
  if (alone) return front;
  const auto lower =
      limits.lower_class_share > 0 ? next_class(lane, queue, front.priority + 1) : std::nullopt;
  if (!lower) return front;
  std::uint32_t offers = 0;
  int served = 0;
  {
    Rows rows{*file_, "SELECT urgent_offers, lower_served FROM class_share WHERE lane = ? AND queue = ?",
              lane, queue};
    if (rows.next()) offers = rows.get<std::uint32_t>(0), served = rows.get<int>(1);
  }
  if (++offers >= limits.lower_class_share) {
    offers = 0;
    served = next_class(lane, queue, std::max<int>(served, front.priority) + 1).value_or(*lower);
    front.priority = static_cast<PriorityClass>(served);
    front.group = front_group(lane, queue, front.priority);
  }
  file_->run("INSERT OR REPLACE INTO class_share VALUES (?, ?, ?, ?)", lane, queue, offers, served);
  return front;
}

auto SqliteState::front_group(int lane, QueueId queue, PriorityClass priority) -> ResourceGroupId {
  Rows rows{*file_,
            "SELECT resource_group FROM backlog INDEXED BY backlog_turn WHERE lane = ? AND queue = ? AND "
            "priority = ? AND "
            "turn IS NOT NULL ORDER BY turn LIMIT 1",
            lane, queue, priority};
  return rows.next() ? rows.get<ResourceGroupId>(0) : ResourceGroupId{};
}

auto SqliteState::take(int lane, const std::vector<std::string>& queues, OfferPoll& poll) -> void {
  for (const auto& name : queues) {
    QueueId queue = 0;
    {
      Rows rows{*file_, "SELECT id, paused FROM queue WHERE name = ?", name};
      if (!rows.next() || rows.get<bool>(1)) continue;
      queue = rows.get<QueueId>(0);
    }
    if (poll.slots != nullptr) {
      take_slots(lane, queue, poll);
      continue;
    }
    std::optional<BacklogKey> front;
    bool alone = false;
    bool stays = false;  // the group that was served last, in its queue's rotation
    while (poll.entries.size() < poll.items_max) {
      if (!alone || !stays) front = choose_group(lane, queue, alone);
      if (!front) break;
      stays = offer_one(*front, alone, poll);
    }
  }
  delete_passed_turns(poll);
  restore(poll);
}

/// Jobs leave a rotation at its front: their turns are deleted together, before anybody looks.
auto SqliteState::delete_passed_turns(OfferPoll& poll) -> void {
  for (const auto& [key, turn] : poll.turns_passed) {
    file_->run(
        "DELETE FROM job_turn WHERE lane = ? AND queue = ? AND priority = ? AND resource_group = ? AND turn "
        "<= ?",
        key.lane, key.queue, key.priority, key.group, turn);
  }
  poll.turns_passed.clear();
}

/// The first jobs of the group's rotation: two at least, if it has as many. Whoever is served leaves it at
/// the front and comes back behind all others, so that what was read stays true until it is used up.
auto SqliteState::front_jobs(const BacklogKey& key, OfferPoll& poll) -> std::deque<JobTurn>& {
  auto& jobs = poll.fronts[key];
  if (jobs.size() >= 2) return jobs;
  jobs.clear();
  delete_passed_turns(poll);
  Rows rows{*file_,
            "SELECT job, turn FROM job_turn WHERE lane = ? AND queue = ? AND priority = ? AND "
            "resource_group = ? ORDER BY turn LIMIT ?",
            key.lane,
            key.queue,
            key.priority,
            key.group,
            std::clamp<std::size_t>(poll.items_max - poll.entries.size() + 1, 2, kFrontMax)};
  while (rows.next()) jobs.push_back({rows.get<JobId>(0), rows.get<std::uint64_t>(1)});
  return jobs;
}

/// Serves the group once, or finds that it has nothing to offer in this poll. Whether it stays in the
/// rotation.
auto SqliteState::offer_one(const BacklogKey& key, bool alone, OfferPoll& poll) -> bool {
  auto& taken = poll.group_taken[key.group];
  bool served = false;
  bool others = true;  // jobs in the group's rotation
  while (!served && others && taken < poll.per_group_max) {
    auto& front = front_jobs(key, poll);
    auto* job = front.empty() ? nullptr : find_job(front.front().id);
    others = job != nullptr && front.size() > 1;
    if (job == nullptr) break;
    poll.turns_passed[key] = front.front().turn;
    job->turn = 0;
    front.pop_front();
    served = offer_from(*job, key, others, poll);
  }
  if (served) ++taken;
  if (others && taken < poll.per_group_max) {
    if (!alone) set_turn(key, true);  // there is nobody to let go first
    return true;
  }
  const bool has_aside = std::ranges::any_of(poll.jobs_aside, [&](const auto& aside) {
    return aside.key.group == key.group && aside.key.queue == key.queue && aside.key.priority == key.priority;
  });
  if (others || has_aside) {
    set_turn(key, false);
    poll.groups_aside.push_back(key);
  } else {
    drop_backlog(key);
  }
  return false;
}

/// Whether the job had a task to offer; it leaves the rotation when it has no more, and else is one of the
/// `others` again.
auto SqliteState::offer_from(JobRow& job, const BacklogKey& key, bool& others, OfferPoll& poll) -> bool {
  bool more = false;
  auto task = take_ready(job, more);
  if (task) poll.entries.push_back(lease(poll, job, *std::move(task)));
  if (!task || !more) return task.has_value();
  if (++poll.job_taken[job.id] < poll.per_job_max) {
    enter_rotation(job);
    others = true;
    return true;
  }
  const auto same = [&](const auto& aside) {
    return aside.key.group == key.group && aside.key.queue == key.queue && aside.key.priority == key.priority;
  };
  auto aside = std::ranges::find_if(poll.jobs_aside, same);
  if (aside == poll.jobs_aside.end()) aside = poll.jobs_aside.insert(aside, OfferPoll::Aside{key, {}});
  aside->jobs.push_back(job.id);
  return true;
}

auto SqliteState::restore(OfferPoll& poll) -> void {
  for (const auto& aside : poll.jobs_aside) {
    for (const auto id : aside.jobs) enter_rotation(*find_job(id));
  }
  for (const auto& key : poll.groups_aside) set_turn(key, true);
}

auto SqliteState::lease(OfferPoll& poll, JobRow& job, TaskRow task) -> InboundEntry {
  InboundEntry entry;
  entry.job = job.id;
  entry.group = job.group;
  entry.created_at = job.created_at;
  entry.ready_at = task.ready_at;
  entry.deadline = job.deadline;
  const auto body = body_of(job.id);
  entry.estimate = body->task(task.id).estimate;
  if (const auto& key = body->task(task.id).coalesce) entry.coalesce_key = key_number(canonical(*key));
  entry.task = task.id;
  entry.weight = static_cast<float>(body->spec->weight);
  entry.queue = job.queue;
  entry.deferrals = static_cast<std::uint16_t>(task.deferrals);
  entry.deliveries = static_cast<std::uint16_t>(task.deliveries);
  entry.priority = job.priority;
  if (task.deliveries < UINT16_MAX) ++task.deliveries;
  if (poll.leased.empty()) poll.lease = ++counters_.turn;
  task.session = poll.scheduler.session;
  task.lease = poll.lease;
  store_task(job.id, task);
  poll.leased.push_back({job.id, task.id});
  if (poll.leased.size() == kTasksPerLease) insert_lease(poll);
  return entry;
}

auto SqliteState::poll(TaskKind kind, const PollRequest& request) -> Result<Polled> {
  SPIDER_TRY(life_cycle::check_poll(request));
  auto* scheduler = find_scheduler(request.scheduler);
  if (scheduler == nullptr) return Errc::unknown_scheduler;
  SPIDER_TRY(session_of_poll(*scheduler, request.session));
  offer_due(kind);

  OfferPoll poll{.scheduler = *scheduler,
                 .items_max = std::min(request.max_items, limits.poll_items_max),
                 .per_group_max = request.per_group_max,
                 .per_job_max = request.per_job_max};
  const auto lane = static_cast<int>(kind);
  if (request.slots) begin_search(*request.slots, lane, poll);
  take(lane, request.queues, poll);
  Polled polled;
  polled.next_due = poll.cursors.next_due;
  if (!poll.leased.empty()) insert_lease(poll);
  if (request.slots) polled.cut = end_search(lane, poll);
  polled.batch.session = scheduler->session;
  polled.batch.entries = std::move(poll.entries);
  Rows rows{*file_, "SELECT at FROM delayed WHERE lane = ? ORDER BY at LIMIT 1", lane};
  if (rows.next()) polled.next_due = std::min(polled.next_due, rows.get<TimePoint>(0));
  return polled;
}

}  // namespace spider::inline v1::detail
