#include "storage/memory_job.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace spider::inline v1::detail {

namespace {

constexpr std::uint32_t kSingleBits = TaskId::commit().bits();  // from here on: no regular task

auto id_of(std::uint32_t bits) -> TaskId {
  if (bits < kSingleBits) return TaskId{bits};
  return bits == kSingleBits ? TaskId::commit() : TaskId::cleanup();
}

}  // namespace

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
  return spec->tasks[graph.node_of(task.index())];
}

auto Job::find_key(TaskId task) const -> const Keyed* {
  if (keys.empty() || task.kind() != TaskKind::regular) return nullptr;
  const auto& key = keys[graph.node_of(task.index())];
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
    if (held.state != TaskState::ready || held.session != TaskRecord::kNone) continue;
    if (held.delayed || held.kept_back) continue;
    held.session = TaskRecord::kTaken;
    return task;
  }
  return std::nullopt;
}

auto Job::store_output(TaskId task, Bytes output) -> void {
  if (task.kind() != TaskKind::regular || output.empty()) return;
  const auto node = graph.node_of(task.index());
  if (outputs.empty()) outputs.resize(graph.nodes());
  if (outputs[node].empty()) outputs[node].resize(graph.task_count(node));
  outputs[node][task.index() - graph.first_task(node)] = std::move(output);
}

auto Job::output(TaskId task) const -> Bytes {
  const auto node = graph.node_of(task.index());
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
