#include "storage/memory_job.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace spider::inline v1::detail {

namespace {

constexpr std::uint32_t kSingleBits = TaskId::commit().bits();  // from here on: no regular task

/// Whether it may be offered; if not, somebody else sees to it.
auto is_on_offer(const TaskRecord& held) -> bool {
  return held.state == TaskState::ready && held.session == TaskRecord::kNone && !held.delayed &&
         !held.kept_back;
}

}  // namespace

auto id_of(std::uint32_t bits) -> TaskId {
  if (bits < kSingleBits) return TaskId{bits};
  return bits == kSingleBits ? TaskId::commit() : TaskId::cleanup();
}

auto ReadyFifo::push_back(ReadyRange range) -> void {
  if (!empty()) {
    auto& last = ranges_.back();
    if (last.first + last.count == range.first && range.first < kSingleBits) {
      last.count += range.count;
      return;
    }
  }
  if (head_ > 32 && head_ > ranges_.size() / 2) {
    ranges_.erase(ranges_.begin(), ranges_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  ranges_.push_back(range);
}

auto ReadyFifo::push_front(std::uint32_t task_bits) -> void {
  if (!empty() && ranges_[head_].first == task_bits + 1 && task_bits + 1 < kSingleBits) {
    ranges_[head_].first = task_bits;
    ++ranges_[head_].count;
    return;
  }
  if (head_ == 0) {
    const auto room = std::max<std::size_t>(4, ranges_.size());
    ranges_.insert(ranges_.begin(), room, ReadyRange{});
    head_ = room;
  }
  ranges_[--head_] = {task_bits, 1};
}

auto ReadyFifo::pop() -> std::uint32_t {
  auto& range = ranges_[head_];
  const auto task = range.first++;
  if (--range.count == 0 && ++head_ == ranges_.size()) clear();
  return task;
}

auto ReadyFifo::at(const Cursor& cursor) const -> std::optional<std::uint32_t> {
  const auto place = head_ + cursor.range;
  if (place >= ranges_.size()) return std::nullopt;
  return ranges_[place].first + cursor.offset;
}

auto ReadyFifo::skip(Cursor& cursor) const -> void {
  if (++cursor.offset < ranges_[head_ + cursor.range].count) return;
  ++cursor.range;
  cursor.offset = 0;
}

// Makes and closes gaps on the side of the head: what a poll passes over is short, what follows may be long.
auto ReadyFifo::take(Cursor& cursor) -> void {
  const auto place = ranges_.begin() + static_cast<std::ptrdiff_t>(head_ + cursor.range);
  const auto before = cursor.offset;
  const auto after = place->count - before - 1;
  if (before == 0 && after == 0) {
    std::move_backward(ranges_.begin() + static_cast<std::ptrdiff_t>(head_), place, place + 1);
    if (++head_ == ranges_.size()) clear();
  } else if (before == 0) {
    *place = {place->first + 1, after};
  } else if (after == 0) {
    --place->count;
    cursor = {cursor.range + 1, 0};
  } else {
    const ReadyRange front{place->first, before};
    *place = {place->first + before + 1, after};
    if (head_ == 0) {
      const auto room = std::max<std::size_t>(4, ranges_.size());
      ranges_.insert(ranges_.begin(), room, ReadyRange{});
      head_ = room;
    }
    const auto first = ranges_.begin() + static_cast<std::ptrdiff_t>(head_);
    const auto gap = first + static_cast<std::ptrdiff_t>(cursor.range);
    std::move(first, gap, first - 1);
    --head_;
    *(gap - 1) = front;
    cursor = {cursor.range + 1, 0};
  }
}

auto ReadyFifo::rotate(const Cursor& cursor) -> void {
  std::vector<ReadyRange> moved;
  for (std::size_t range = 0; range < cursor.range; ++range) moved.push_back(ranges_[head_ + range]);
  head_ += cursor.range;
  if (cursor.offset > 0) {
    auto& split = ranges_[head_];
    moved.push_back({split.first, cursor.offset});
    split = {split.first + cursor.offset, split.count - cursor.offset};
  }
  for (const auto& range : moved) push_back(range);
}

auto ReadyFifo::size() const -> std::uint64_t {
  std::uint64_t size = 0;
  for (auto at = head_; at < ranges_.size(); ++at) size += ranges_[at].count;
  return size;
}

auto ReadyFifo::rank_of(std::uint32_t task_bits) const -> std::optional<std::uint64_t> {
  std::uint64_t before = 0;
  for (auto at = head_; at < ranges_.size(); ++at) {
    const auto offset = task_bits - ranges_[at].first;  // wraps around below the range
    if (offset < ranges_[at].count) return before + offset + 1;
    before += ranges_[at].count;
  }
  return std::nullopt;
}

auto ReadyFifo::clear() -> void {
  ranges_.clear();
  head_ = 0;
}

auto Job::find(TaskId task) -> TaskRecord* {
  switch (task.kind()) {
    case TaskKind::regular: return task.index() < tasks.size() ? &tasks[task.index()] : nullptr;
    case TaskKind::commit: return commit.get();
    case TaskKind::cleanup: return cleanup.get();
  }
  return nullptr;
}

auto Job::record(TaskId task) -> TaskRecord& {
  auto* found = find(task);
  assert(found != nullptr);
  return *found;
}

auto Job::task_spec(TaskId task) const -> const TaskSpec& {
  switch (task.kind()) {
    case TaskKind::commit: return *spec->commit;
    case TaskKind::cleanup: return *spec->cleanup;
    case TaskKind::regular: break;
  }
  return spec->tasks[node_of(task.index())];
}

auto Job::node_of(std::uint32_t task_index) const -> std::uint32_t {
  const auto offset = task_index - graph.first_task(node_seen);  // wraps around below the node
  if (offset >= graph.task_count(node_seen)) node_seen = graph.node_of(task_index);
  return node_seen;
}

auto Job::find_key(TaskId task) const -> const Keyed* {
  if (keys.empty() || task.kind() != TaskKind::regular) return nullptr;
  const auto& key = keys[node_of(task.index())];
  return key ? &*key : nullptr;
}

auto Job::shape() const -> life_cycle::JobShape {
  return {spec->commit.has_value(), spec->cleanup.has_value()};
}

auto Job::move_task(TaskId task, TaskRecord& record, TaskState to) -> void {
  assert(can_move(record.state, to));
  if (task.kind() == TaskKind::regular) {
    --counts[static_cast<std::size_t>(record.state)];
    ++counts[static_cast<std::size_t>(to)];
  }
  record.state = to;
}

auto Job::take_ready() -> std::optional<TaskId> {
  while (!ready.empty()) {
    const auto task = id_of(ready.pop());
    auto& held = record(task);
    if (!is_on_offer(held)) continue;
    held.session = TaskRecord::kTaken;
    return task;
  }
  return std::nullopt;
}

auto Job::take_ready(SlotScan& scan) -> std::optional<TaskId> {
  if (scan_number != scan.poll_number) {
    scan_number = scan.poll_number;
    scanned = {};
  }
  while (const auto bits = ready.at(scanned)) {
    if (scan.looks_left == 0) {
      ready.rotate(std::exchange(scanned, {}));
      break;
    }
    --scan.looks_left;
    const auto task = id_of(*bits);
    auto& held = record(task);
    const bool stale = !is_on_offer(held);
    const auto due = stale ? scan.now : scan.slots.offered_from({id, task}, held.ready_at);
    if (due > scan.now) {
      scan.next_due = std::min(scan.next_due, due);
      ready.skip(scanned);
      continue;
    }
    ready.take(scanned);
    if (stale) continue;
    held.session = TaskRecord::kTaken;
    return task;
  }
  return std::nullopt;
}

auto Job::store_output(TaskId task, Bytes output) -> void {
  if (task.kind() != TaskKind::regular || output.empty()) return;
  const auto node = node_of(task.index());
  if (outputs.empty()) outputs.resize(graph.nodes());
  if (outputs[node].empty()) outputs[node].resize(graph.task_count(node));
  outputs[node][task.index() - graph.first_task(node)] = std::move(output);
}

auto Job::output(TaskId task) const -> Bytes {
  const auto node = node_of(task.index());
  if (outputs.empty() || outputs[node].empty()) return {};
  return outputs[node][task.index() - graph.first_task(node)];
}

auto JobTable::find(JobId id) const -> Job* {
  const auto chunk = chunks_.find(id.value / kChunk);
  return chunk == chunks_.end() ? nullptr : chunk->second->jobs[id.value % kChunk].get();
}

auto JobTable::insert(std::unique_ptr<Job> job) -> Job& {
  auto& chunk = chunks_[job->id.value / kChunk];
  if (!chunk) chunk = std::make_unique<Chunk>();
  ++chunk->used;
  auto& place = chunk->jobs[job->id.value % kChunk];
  place = std::move(job);
  return *place;
}

auto JobTable::erase(JobId id) -> void {
  const auto chunk = chunks_.find(id.value / kChunk);
  chunk->second->jobs[id.value % kChunk].reset();
  if (--chunk->second->used == 0) chunks_.erase(chunk);
}

auto JobTable::after(JobId id) const -> Job* {
  if (id.value == UINT64_MAX) return nullptr;
  auto position = (id.value + 1) % kChunk;
  for (auto chunk = chunks_.lower_bound((id.value + 1) / kChunk); chunk != chunks_.end(); ++chunk) {
    const auto& jobs = chunk->second->jobs;
    if (chunk->first != (id.value + 1) / kChunk) position = 0;
    for (; position < kChunk; ++position) {
      if (jobs[position]) return jobs[position].get();
    }
  }
  return nullptr;
}

}  // namespace spider::inline v1::detail
