// Polls that ask for some slots. They only read, until they find something: what is none of theirs keeps its
// place in the rotations, and is passed over by cursors. A poll looks at a bounded number of tasks; the
// scheduler's next one goes on where it ended.

#include "sqlite/state.hpp"

#include <algorithm>
#include <limits>

namespace spider::inline v1::detail {

namespace {

constexpr std::size_t kLooksMax = 16'384;  // of one poll
constexpr auto kStart = std::numeric_limits<std::int64_t>::min();

}  // namespace

/// The next group of a class.
struct SqliteState::Front {
  BacklogKey key;
  std::uint64_t turn = 0;
  bool is_contested = false;  ///< a lower class has backlog, too: an offer counts in the share
  bool is_lower = false;      ///< in the share of the lower classes
};

auto SqliteState::begin_search(const SlotFilter& slots, int lane, OfferPoll& poll) -> void {
  poll.slots = &slots;
  poll.looks_left = kLooksMax;
  const auto cut = searches_.find({poll.scheduler.id, lane});
  if (cut == searches_.end()) return;
  poll.cursors = std::move(cut->second);
  searches_.erase(cut);
}

/// Whether it was cut short.
auto SqliteState::end_search(int lane, OfferPoll& poll) -> bool {
  for (const auto& [queue, share] : poll.shares) {
    if (poll.entries.empty()) break;
    file_->run("INSERT OR REPLACE INTO class_share VALUES (?, ?, ?, ?)", lane, queue, share.urgent_offers,
               share.lower_served);
  }
  if (poll.looks_left > 0) return false;
  searches_[{poll.scheduler.id, lane}] = std::move(poll.cursors);
  return true;
}

auto SqliteState::take_slots(int lane, QueueId queue, OfferPoll& poll) -> void {
  while (poll.entries.size() < poll.items_max && poll.looks_left > 0) {
    const auto front = choose_front(lane, queue, poll);
    if (!front) return;
    const bool served = offer_slots(*front, poll);
    if (served && front->is_contested) count_offer(*front, poll.shares[queue]);
  }
}

auto SqliteState::count_offer(const Front& front, ClassShare& share) -> void {
  if (!front.is_lower) {
    ++share.urgent_offers;
  } else {
    share = {0, front.key.priority};
  }
}

/// The first group that the poll has not passed over, of the most urgent class from `from` on.
auto SqliteState::front_from(int lane, QueueId queue, int from, const OfferPoll& poll)
    -> std::optional<Front> {
  for (auto next = next_class(lane, queue, from); next; next = next_class(lane, queue, *next + 1)) {
    const auto priority = static_cast<PriorityClass>(*next);
    const auto passed = poll.cursors.groups.find({queue, priority});
    Rows rows{*file_,
              "SELECT resource_group, turn FROM backlog INDEXED BY backlog_turn WHERE lane = ? AND queue = ? "
              "AND priority = ? AND turn > ? ORDER BY turn LIMIT 1",
              lane,
              queue,
              priority,
              passed == poll.cursors.groups.end() ? 0 : passed->second};
    if (rows.next()) {
      return Front{{lane, queue, priority, rows.get<ResourceGroupId>(0)}, rows.get<std::uint64_t>(1)};
    }
  }
  return std::nullopt;
}

// As choose_group; but only what is served counts, which is stored at the end of the poll.
auto SqliteState::choose_front(int lane, QueueId queue, OfferPoll& poll) -> std::optional<Front> {
  auto urgent = front_from(lane, queue, 0, poll);
  if (!urgent || limits.lower_class_share == 0) return urgent;
  auto lower = front_from(lane, queue, urgent->key.priority + 1, poll);
  if (!lower) return urgent;
  urgent->is_contested = true;
  auto known = poll.shares.find(queue);
  if (known == poll.shares.end()) {
    known = poll.shares.emplace(queue, ClassShare{}).first;
    Rows rows{*file_, "SELECT urgent_offers, lower_served FROM class_share WHERE lane = ? AND queue = ?",
              lane, queue};
    if (rows.next()) known->second = {rows.get<std::uint32_t>(0), rows.get<int>(1)};
  }
  const auto& share = known->second;
  if (share.urgent_offers + 1 < limits.lower_class_share) return urgent;
  const auto after = std::max<int>(share.lower_served, urgent->key.priority) + 1;
  if (auto next = front_from(lane, queue, after, poll)) lower = next;
  lower->is_contested = lower->is_lower = true;
  return lower;
}

/// Whether it served the group, once; else it passed over it.
auto SqliteState::offer_slots(const Front& front, OfferPoll& poll) -> bool {
  const auto& key = front.key;
  auto& taken = poll.group_taken[key.group];
  auto& passed = poll.cursors.jobs[key];
  bool served = false;
  while (!served && taken < poll.per_group_max && poll.looks_left > 0) {
    JobRow* job = nullptr;
    std::uint64_t turn = 0;
    {
      Rows rows{*file_,
                "SELECT job, turn FROM job_turn WHERE lane = ? AND queue = ? AND priority = ? AND "
                "resource_group = ? AND turn > ? ORDER BY turn LIMIT 1",
                key.lane,
                key.queue,
                key.priority,
                key.group,
                passed};
      if (!rows.next()) break;
      turn = rows.get<std::uint64_t>(1);
      job = find_job(rows.get<JobId>(0));
    }
    if (job == nullptr) break;
    --poll.looks_left;
    auto& of_job = poll.job_taken[job->id];
    auto task = of_job < poll.per_job_max ? find_in_slots(*job, poll) : std::nullopt;
    served = task.has_value();
    if (served) {
      poll.entries.push_back(lease(poll, *job, *std::move(task)));
      ++of_job;
      ++taken;
    }
    const bool more = has_ready(*job);
    if (served || !more) leave_rotation(*job);
    if (served && more) enter_rotation(*job);
    if (!served && poll.looks_left > 0) passed = turn;
  }
  if (!has_jobs(key)) {
    drop_backlog(key);
  } else if (served) {
    set_turn(key, true);
  } else if (poll.looks_left > 0) {
    poll.cursors.groups[{key.queue, key.priority}] = front.turn;
  }
  return served;
}

/// The job's next task that the poll asks for, taken out; the others keep their order.
auto SqliteState::find_in_slots(JobRow& job, OfferPoll& poll) -> std::optional<TaskRow> {
  const auto body = body_of(job.id);
  store_head_row(job);
  auto& from = poll.cursors.tasks.try_emplace(job.id, kStart).first->second;
  while (const auto row = ready_row(job.id, from)) {
    from = row->position + row->count;
    for (std::uint32_t offset = 0; offset < row->count; ++offset) {
      if (poll.looks_left == 0) {
        from = row->position + offset;
        if (offset > 0) split(job.id, *row, offset, 0);
        return std::nullopt;
      }
      --poll.looks_left;
      auto [take, task] = look_at(job, *body, row->first + offset, poll);
      if (!take) continue;
      from = row->position + offset + 1;
      split(job.id, *row, offset, 1);
      if (task) return std::move(task);
      break;  // it was none; the rest is a row of its own
    }
  }
  return std::nullopt;
}

/// Whether to take it out: because the poll gets it, or because it is not on offer any more.
auto SqliteState::look_at(JobRow& job, const JobBody& body, std::uint32_t bits, OfferPoll& poll)
    -> std::pair<bool, std::optional<TaskRow>> {
  const TaskRef ref{job.id, task_of(bits)};
  if (poll.slots->offered_from(ref, TimePoint{}) == kForever) return {false, std::nullopt};
  auto task = load_task(job, body, ref.task);
  if (task.state != TaskState::ready || task.delayed || task.session || is_kept_back(job, body, ref.task))
    return {true, std::nullopt};
  const auto due = poll.slots->offered_from(ref, task.ready_at);
  if (due <= now_) return {true, std::move(task)};
  poll.cursors.next_due = std::min(poll.cursors.next_due, due);
  return {false, std::nullopt};
}

auto SqliteState::ready_row(JobId job, std::int64_t from) -> std::optional<ReadyRange> {
  Rows rows{
      *file_,
      "SELECT position, first, count FROM ready WHERE job = ? AND position >= ? ORDER BY position LIMIT 1",
      job, from};
  if (!rows.next()) return std::nullopt;
  return ReadyRange{rows.get<std::int64_t>(0), rows.get<std::uint32_t>(1), rows.get<std::uint32_t>(2)};
}

/// Takes out `taken` tasks at `offset`; what follows them becomes a row of its own.
auto SqliteState::split(JobId job, const ReadyRange& row, std::uint32_t offset, std::uint32_t taken) -> void {
  const auto next = offset + taken;
  if (offset > 0) {
    file_->run("UPDATE ready SET count = ? WHERE job = ? AND position = ?", offset, job, row.position);
  } else {
    file_->run("DELETE FROM ready WHERE job = ? AND position = ?", job, row.position);
  }
  if (next < row.count) {
    file_->run("INSERT INTO ready VALUES (?, ?, ?, ?)", job, row.position + next, row.first + next,
               row.count - next);
  }
}

auto SqliteState::has_ready(const JobRow& job) -> bool {
  if (job.head.count > 0) return true;
  Rows rows{*file_, "SELECT 1 FROM ready WHERE job = ? LIMIT 1", job.id};
  return rows.next();
}

}  // namespace spider::inline v1::detail
