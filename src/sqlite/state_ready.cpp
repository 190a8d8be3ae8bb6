// A job's ready tasks: ranges in the order in which they are offered, so that an array of n takes one row.
// A range of n has n positions to itself: so it can be cut into several that keep their order. The first one,
// of most jobs the only one, is the head: it is stored with the job's turn.
// They may hold tasks that have been started in the meantime; whoever takes one looks at its row.

#include "sqlite/state.hpp"

#include <algorithm>
#include <utility>

namespace spider::inline v1::detail {

namespace {

constexpr std::size_t kPromotedMax = 65'536;  // delayed entries made ready in one transaction

auto lane_of(std::uint32_t bits) -> int { return static_cast<int>(task_of(bits).kind()); }

}  // namespace

auto SqliteState::insert_ready(JobRow& job, const ReadyRange& range) -> void {
  file_->run("INSERT INTO ready VALUES (?, ?, ?, ?)", job.id, range.position, range.first, range.count);
  job.may_have_ready_rows = true;
}

auto SqliteState::store_head(const JobRow& job) -> void {
  if (job.turn == 0) return;  // it will be stored with the turn
  file_->run(
      "UPDATE job_turn SET position = ?, first = ?, count = ? WHERE lane = ? AND queue = ? AND priority = ? "
      "AND resource_group = ? AND turn = ?",
      job.head.position, job.head.first, job.head.count, job.lane, job.queue, job.priority, job.group,
      job.turn);
}

/// The head becomes a row as all others.
auto SqliteState::store_head_row(JobRow& job) -> void {
  if (job.head.count == 0) return;
  insert_ready(job, std::exchange(job.head, {}));
  store_head(job);
}

/// Without a head the first row becomes it, if there is any. Its turn is the caller's to store.
auto SqliteState::fill_head(JobRow& job) -> void {
  if (job.head.count > 0 || !job.may_have_ready_rows) return;
  {
    Rows rows{*file_, "SELECT position, first, count FROM ready WHERE job = ? ORDER BY position LIMIT 1",
              job.id};
    job.may_have_ready_rows = rows.next();
    if (!job.may_have_ready_rows) return;
    job.head = {rows.get<std::int64_t>(0), rows.get<std::uint32_t>(1), rows.get<std::uint32_t>(2)};
  }
  file_->run("DELETE FROM ready WHERE job = ? AND position = ?", job.id, job.head.position);
}

auto SqliteState::drop_ready(JobRow& job) -> void {
  if (job.turn != 0 && job.may_have_ready_rows) file_->run("DELETE FROM ready WHERE job = ?", job.id);
  job.head = {};
}

/// A job that takes no part in the rotation has nothing ready: then there is nothing to look at.
auto SqliteState::push_back(JobRow& job, std::uint32_t first, std::uint32_t count) -> void {
  if (job.turn == 0) {
    job.head = {1, first, count};
    return;
  }
  auto last = job.head;
  if (job.may_have_ready_rows) {
    Rows rows{*file_, "SELECT position, first, count FROM ready WHERE job = ? ORDER BY position DESC LIMIT 1",
              job.id};
    job.may_have_ready_rows = rows.next();
    if (job.may_have_ready_rows) {
      last = {rows.get<std::int64_t>(0), rows.get<std::uint32_t>(1), rows.get<std::uint32_t>(2)};
    }
  }
  if (last.count == 0 || last.first + last.count != first || first >= kSingleBits) {
    return insert_ready(job, {last.position + last.count, first, count});
  }
  if (job.may_have_ready_rows) {
    file_->run("UPDATE ready SET count = count + ? WHERE job = ? AND position = ?", count, job.id,
               last.position);
  } else {
    job.head.count += count;
    store_head(job);
  }
}

auto SqliteState::push_front(JobRow& job, std::uint32_t bits) -> void {
  if (job.turn != 0) fill_head(job);
  auto& head = job.head;
  const auto position = head.position - 1;
  if (head.count == 0) {
    head = {1, bits, 1};
  } else if (head.first == bits + 1 && bits + 1 < kSingleBits) {
    head = {position, bits, head.count + 1};
  } else {
    insert_ready(job, head);
    head = {position, bits, 1};
  }
  store_head(job);
}

auto SqliteState::pop_ready(JobRow& job) -> std::optional<PoppedTask> {
  fill_head(job);
  auto& head = job.head;
  if (head.count == 0) return std::nullopt;
  PoppedTask popped;
  popped.bits = head.first;
  head = {head.position + 1, head.first + 1, head.count - 1};
  fill_head(job);
  popped.more = head.count > 0;
  return popped;
}

/// The next task to offer: ready, due and not leased. Drops what is none of that. `more`: whether anything
/// is left behind it.
auto SqliteState::take_ready(JobRow& job, bool& more) -> std::optional<TaskRow> {
  const auto body = body_of(job.id);
  more = false;
  while (const auto popped = pop_ready(job)) {
    more = popped->more;
    auto task = load_task(job, *body, task_of(popped->bits));
    if (task.state != TaskState::ready || task.delayed || task.session) continue;
    if (!is_kept_back(job, *body, task.id)) return task;
  }
  return std::nullopt;
}

auto SqliteState::offer_now(JobRow& job, std::uint32_t first_bits, std::uint32_t count) -> void {
  const auto lane = lane_of(first_bits);
  push_back(job, first_bits, count);
  join(job, lane);
  arrived_[static_cast<std::size_t>(lane)] = true;
}

/// Rows of the tasks, where there are any, have been stored.
auto SqliteState::offer(JobRow& job, TaskId first, std::uint32_t count, TimePoint at) -> void {
  if (const auto work = work_name_of(job.id, *body_of(job.id), first); !work.empty()) {
    return ready_work(work, {job.id, first}, at);
  }
  if (at <= now_) return offer_now(job, first.bits(), count);
  delay(job, first, count, at);
}

auto SqliteState::delay(JobRow& job, TaskId first, std::uint32_t count, TimePoint at) -> void {
  const auto bits = first.bits();
  job.may_be_delayed = true;
  forget_tasks(job.id);
  file_->run("UPDATE task SET delayed = 1 WHERE job = ? AND bits BETWEEN ? AND ?", job.id, bits,
             bits + count - 1);
  const auto lane = lane_of(bits);
  file_->run("INSERT OR REPLACE INTO delayed VALUES (?, ?, ?, ?, ?)", lane, at, job.id, bits, count);
  Rows rows{*file_, "SELECT at, job, first FROM delayed WHERE lane = ? ORDER BY at, job, first LIMIT 1",
            lane};
  if (rows.next() && rows.get<JobId>(1) == job.id && rows.get<std::uint32_t>(2) == bits) {
    arrived_[static_cast<std::size_t>(lane)] = true;  // who waits must look up earlier
  }
}

auto SqliteState::offer_due(TaskKind kind) -> void {
  const auto lane = static_cast<int>(kind);
  for (std::size_t done = 0; done < kPromotedMax; ++done) {
    TimePoint at;
    JobId id;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    {
      Rows rows{*file_,
                "SELECT at, job, first, count FROM delayed WHERE lane = ? ORDER BY at, job, first, count "
                "LIMIT 1",
                lane};
      if (!rows.next() || rows.get<TimePoint>(0) > now_) return;
      at = rows.get<TimePoint>(0);
      id = rows.get<JobId>(1);
      first = rows.get<std::uint32_t>(2);
      count = rows.get<std::uint32_t>(3);
    }
    file_->run("DELETE FROM delayed WHERE lane = ? AND at = ? AND job = ? AND first = ? AND count = ?", lane,
               at, id, first, count);
    if (auto* job = find_job(id)) offer_due_range(*job, at, first, count);
  }
}

auto SqliteState::offer_due_range(JobRow& job, TimePoint at, std::uint32_t first, std::uint32_t count)
    -> void {
  const auto last = first + count - 1;
  std::vector<std::uint32_t> left;  // started or put off again in the meantime
  {
    Rows rows{*file_,
              "SELECT bits FROM task WHERE job = ? AND bits BETWEEN ? AND ? AND "
              "NOT (delayed = 1 AND ready_at = ?) ORDER BY bits",
              job.id,
              first,
              last,
              at};
    while (rows.next()) left.push_back(rows.get<std::uint32_t>(0));
  }
  forget_tasks(job.id);
  file_->run(
      "UPDATE task SET delayed = 0 WHERE job = ? AND bits BETWEEN ? AND ? AND delayed = 1 AND "
      "ready_at = ?",
      job.id, first, last, at);
  left.push_back(last + 1);
  for (auto from = first; const auto end : left) {
    if (end > from) offer_due_tasks(job, from, end - from);
    from = end + 1;
  }
}

auto SqliteState::offer_due_tasks(JobRow& job, std::uint32_t first, std::uint32_t count) -> void {
  const auto task = task_of(first);
  const auto work = work_name_of(job.id, *body_of(job.id), task);
  if (work.empty()) return offer_now(job, first, count);
  due_work(work, {job.id, task});
}

/// All parents of the node have succeeded: its pending tasks are ready.
auto SqliteState::ready_node(JobRow& job, const JobBody& body, std::uint32_t node, TimePoint at,
                             bool may_have_rows) -> void {
  const auto first = body.graph.first_task(node);
  const auto end = first + body.graph.task_count(node);
  std::vector<std::uint32_t> done;
  if (may_have_rows) {
    constexpr const char* kDone =
        "SELECT bits FROM task WHERE job = ? AND bits BETWEEN ? AND ? AND state <> 0 ORDER BY bits";
    Rows rows{*file_, kDone, job.id, first, end - 1};
    while (rows.next()) done.push_back(rows.get<std::uint32_t>(0));
  }
  if (may_have_rows) {
    forget_tasks(job.id);
    file_->run("UPDATE task SET state = 1, ready_at = ? WHERE job = ? AND bits BETWEEN ? AND ? AND state = 0",
               at, job.id, first, end - 1);
  }
  done.push_back(end);
  touch(job);
  for (auto from = first; const auto stop : done) {
    if (stop > from) {
      job.counts[static_cast<std::size_t>(TaskState::pending)] -= stop - from;
      job.counts[static_cast<std::size_t>(TaskState::ready)] += stop - from;
      offer(job, TaskId{from}, stop - from, at);
    }
    from = stop + 1;
  }
}

}  // namespace spider::inline v1::detail
